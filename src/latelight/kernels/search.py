"""Approximate MaxSim over coded segments: the one dispatcher.

Five stages: a table of the query's similarities with every centroid; a probe of the best
centroids' lists, which scores every unit roughly; an approximate score from the centroids of all
rows of the best; residual scores of the best of those; exact MaxSim of the last few, where the
rows themselves are stored. The first stages follow PLAID (Santhanam et al., "PLAID: An Efficient
Engine for Late Interaction Retrieval", 2022) with byte-wide scores and a mean for each unit.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.kernels import reference_search
from latelight.kernels.coded_segment import CodedSegment
from latelight.kernels.maxsim import MAX_QUERY_ROWS, available_isas, native_or_none

Float32Array = npt.NDArray[np.float32]
UInt64Array = npt.NDArray[np.uint64]

__all__ = [
    "STAGES",
    "CodedHits",
    "CodedSegment",
    "SearchOptions",
    "pack_mask",
    "search_coded",
]

STAGES = ("table", "probe", "approximate", "residual", "exact")
_NUMPY = "numpy"


@dataclass(frozen=True)
class SearchOptions:
    """How hard an approximate search tries.

    Attributes:
        n_probe: centroids per query row whose lists are read, at least.
        n_candidates: units that the probe hands on.
        n_scored: units whose residuals are scored, at most.
        n_exact: units scored with the stored rows, at most; 0 ranks by residual scores.
        deviations: the last two stages score the best few of what they are given, see by how much
            their scores rise or fall, and pass over units that would have to rise by so many
            standard deviations more than those to come among the k best. Infinite: they score as
            many as they may.
        k: how many places count; 0 for all.
    """

    n_probe: int = 32
    n_candidates: int = 300
    n_scored: int = 100
    n_exact: int = 32
    deviations: float = math.inf
    k: int = 0

    def __post_init__(self) -> None:
        given = (self.n_probe, self.n_candidates, self.n_scored)
        if min(given) < 1 or min(self.n_exact, self.k) < 0 or not self.deviations >= 0:
            raise ShapeError(
                f"Search options are {self}; expected n_exact, deviations and k of at least 0 and "
                "the others of at least 1. Take one of the presets."
            )

    def at_least(self, k: int) -> "SearchOptions":
        """Return options that can fill k places, and let those count."""
        n_exact = max(self.n_exact, k) if self.n_exact else 0
        n_scored = max(self.n_scored, n_exact, k)
        n_candidates = max(self.n_candidates, n_scored)
        return replace(self, n_candidates=n_candidates, n_scored=n_scored, n_exact=n_exact, k=k)

    @property
    def numbers(self) -> tuple[int, int, int, int, int]:
        """The counts, as the kernels take them: k is 0 when nothing is passed over."""
        k = self.k if math.isfinite(self.deviations) else 0
        return self.n_probe, self.n_candidates, self.n_scored, self.n_exact, k


@dataclass(frozen=True, eq=False)
class CodedHits:
    """What a search found, a row for each query.

    Attributes:
        segments, units: (n_queries, k) int32, -1 where less was found.
        scores: (n_queries, k) float32, best first, -inf where less was found.
        micros: (n_queries, 5) float32, the time of each of `STAGES`; zeros by the numpy path.
    """

    segments: npt.NDArray[np.int32]
    units: npt.NDArray[np.int32]
    scores: Float32Array
    micros: Float32Array


def search_coded(
    segments: Sequence[CodedSegment],
    queries: Sequence[Float32Array],
    options: SearchOptions,
    *,
    allowed: Sequence[npt.NDArray[np.bool_] | None] | None = None,
    n_threads: int = 1,
    isa: str | None = None,
) -> CodedHits:
    """Return the best units of each query.

    As many as the last stage scores, at most as `options` say. With stored rows a score is the
    exact MaxSim over them, equal to `maxsim`'s; without, the residual score. An answer depends
    neither on the number of threads nor on the other queries.

    Args:
        segments: their codebooks share one rotation.
        queries: (n_query, dim) float32 and finite each, 1 to 1,024 rows.
        options: how hard to try.
        allowed: for each segment (n_units,) bool, the units that may be found; None for all.
        n_threads: how many threads share the queries, or the work on a single one.
        isa: one of `available_isas()`; None for the best.

    Raises:
        ShapeError: an array has the wrong shape, dtype or values.
    """
    masks = list(allowed) if allowed is not None else [None] * len(segments)
    k = options.n_exact or options.n_scored
    out = _nothing(len(queries), k)
    if not segments or not queries:
        return out
    checked = [_checked(query, segments[0].book.dim) for query in queries]
    path = available_isas()[0] if isa is None else isa
    if path == _NUMPY:
        _search_numpy(segments, masks, checked, options, out)
    else:
        _search_native(path, segments, masks, checked, options, n_threads, out)
    return out


def _nothing(n_queries: int, k: int) -> CodedHits:
    return CodedHits(
        np.full((n_queries, k), -1, np.int32),
        np.full((n_queries, k), -1, np.int32),
        np.full((n_queries, k), -np.inf, np.float32),
        np.zeros((n_queries, len(STAGES)), np.float32),
    )


def _search_native(  # noqa: PLR0913, PLR0917  one call's arrays
    path: str,
    segments: Sequence[CodedSegment],
    masks: Sequence[npt.NDArray[np.bool_] | None],
    queries: Sequence[Float32Array],
    options: SearchOptions,
    n_threads: int,
    out: CodedHits,
) -> None:
    native = native_or_none()
    assert native is not None
    flat = queries[0] if len(queries) == 1 else np.concatenate(queries)
    offsets = np.concatenate([[0], np.cumsum([len(query) for query in queries])]).astype(np.int64)
    native.search(
        path,
        [segment.handle for segment in segments],
        [None if mask is None else pack_mask(mask) for mask in masks],
        flat,
        segments[0].book.rotation,
        offsets,
        options.numbers,
        options.deviations,
        max(1, n_threads),
        out.segments,
        out.units,
        out.scores,
        np.zeros(len(queries), np.int64),
        out.micros,
    )


def _search_numpy(
    segments: Sequence[CodedSegment],
    masks: Sequence[npt.NDArray[np.bool_] | None],
    queries: Sequence[Float32Array],
    options: SearchOptions,
    out: CodedHits,
) -> None:
    wanted = reference_search.Wanted(*options.numbers, options.deviations)
    for i, query in enumerate(queries):
        turned = np.ascontiguousarray(query @ segments[0].book.rotation)
        found = reference_search.search(segments, masks, query, turned, wanted)
        for j, (score, segment, unit) in enumerate(found):
            out.scores[i, j], out.segments[i, j], out.units[i, j] = score, segment, unit


def pack_mask(mask: npt.NDArray[np.bool_]) -> UInt64Array:
    """Return a bit per unit, (n / 64 rounded up,) uint64, the lowest bit first."""
    padded = np.zeros(-(-len(mask) // 64) * 64, np.bool_)
    padded[: len(mask)] = mask
    return np.packbits(padded, bitorder="little").view("<u8")


def _checked(query: Float32Array, dim: int) -> Float32Array:
    shaped = query.ndim == 2 and query.shape[1] == dim and 1 <= len(query) <= MAX_QUERY_ROWS
    if query.dtype != np.float32 or not shaped or not np.isfinite(query).all():
        raise ShapeError(
            f"A query is {query.dtype} {query.shape}; expected finite float32 (n_query, {dim}) of "
            f"1 to {MAX_QUERY_ROWS} rows. Encode it with the encoder of these rows."
        )
    return np.ascontiguousarray(query)
