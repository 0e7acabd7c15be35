"""The best units of a snapshot: approximately where segments have codes, exactly elsewhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np

from latelight.errors import InputError
from latelight.index.codes import share_rotation
from latelight.index.metadata import BoolArray
from latelight.index.snapshot import Snapshot
from latelight.kernels.maxsim import top_k
from latelight.kernels.search import STAGES, CodedHits, CodedSegment, SearchOptions, search_coded
from latelight.types import Float32Array, Int64Array

RecallLevel = Literal["fast", "balanced", "best", "exact"]
RECALL_LEVELS: tuple[RecallLevel, ...] = get_args(RecallLevel)

# Chosen by benchmarks/engines.py; docs/performance.md has the measurements.
PRESETS: Mapping[RecallLevel, SearchOptions | None] = {
    "fast": SearchOptions(16, n_candidates=200, n_scored=120, n_exact=32, deviations=2.0),
    "balanced": SearchOptions(16, n_candidates=400, n_scored=120, n_exact=32, deviations=3.5),
    "best": SearchOptions(64, n_candidates=800, n_scored=400, n_exact=64, deviations=6.0),
    "exact": None,
}

FEW_ROWS = 40_000
"""So many rows are scored one and all in the time that an approximate search takes."""
FEW_DECODED_ROWS = 8_000
"""The same where only codes are stored: rows must be decoded first."""


@dataclass(frozen=True)
class Effort:
    """How hard a search tries.

    Attributes:
        options: of the approximate stages; None scores everything.
        widening: how often everything is doubled, by the self-check.
    """

    options: SearchOptions | None
    widening: int = 0

    @classmethod
    def of(cls, recall: str, widening: int = 0) -> "Effort":
        """Return the effort of a preset's name.

        Raises:
            InputError: there is no such preset.
        """
        for level, options in PRESETS.items():
            if level == recall:
                return cls(options, widening)
        raise InputError(f"recall is {recall!r}; choose from {', '.join(RECALL_LEVELS)}.")

    def for_k(self, k: int) -> SearchOptions | None:
        """Return options that can fill k places, doubled as often as the self-check says."""
        if self.options is None:
            return None
        o, times = self.options, 2**self.widening
        doubled = SearchOptions(
            o.n_probe * times,
            o.n_candidates * times,
            o.n_scored * times,
            o.n_exact * times,
            o.deviations * times,
        )
        return doubled.at_least(k)


@dataclass(frozen=True, eq=False)
class Ranked:
    """The best units of one query.

    Attributes:
        ordinals: (n,) int64 of the snapshot, best first, equal scores by lower ordinal.
        scores: (n,) float32, exact MaxSim over the stored rows.
        micros: microseconds of each stage of the approximate part; empty when all was exact.
    """

    ordinals: Int64Array
    scores: Float32Array
    micros: Mapping[str, float]

    @property
    def is_exact(self) -> bool:
        """Whether every allowed unit was scored."""
        return not self.micros


@dataclass(frozen=True, eq=False)
class Wanted:
    """What a search of a snapshot asks for, whatever the query.

    Attributes:
        space: which vectors.
        allow: (n_units,) bool, as `Snapshot.allow_list` gives.
        k: how many; fewer come back when fewer are allowed.
        effort: how hard to try.
        n_threads: several queries share them, and so do the units of an exact search.
    """

    space: str
    allow: BoolArray
    k: int
    effort: Effort
    n_threads: int = 1


def search_snapshot(
    snapshot: Snapshot, queries: Sequence[Float32Array], wanted: Wanted
) -> list[Ranked]:
    """Return the best allowed units for each query, (n_query_tokens, dim) float32 and normalised.

    Segments without codes are scored exactly, and so is everything when few rows are allowed.

    Raises:
        NotFoundError: there is no such space.
        ShapeError: a query or `allow` do not fit.
    """
    options = wanted.effort.for_k(wanted.k)
    coded = _coded(snapshot, wanted.space)
    few = _n_allowed_rows(coded, wanted.allow) <= _few_rows(snapshot, wanted.space)
    # One writer's segments always share their rotation; others' are scored exactly.
    if options is None or few or not share_rotation([segment for segment, _ in coded]):
        return [_exact(snapshot, query, wanted) for query in queries]
    spans = [span for _, span in coded]
    hits = search_coded(
        [segment for segment, _ in coded],
        queries,
        options,
        allowed=[_mask(wanted.allow[span]) for span in spans],
        n_threads=wanted.n_threads,
    )
    plain = _without(wanted, spans)
    return [
        _joined(
            [
                _with_exact_scores(snapshot, query, wanted, _of_coded(hits, i, spans)),
                _of_plain(snapshot, query, plain),
            ],
            wanted.k,
            _micros(hits, i),
        )
        for i, query in enumerate(queries)
    ]


def is_approximate(snapshot: Snapshot, space: str, allow: BoolArray) -> bool:
    """Return whether a search of the allowed units would go by codes: there are, and many rows."""
    n_rows = _n_allowed_rows(_coded(snapshot, space), allow)
    return n_rows > _few_rows(snapshot, space)


def _few_rows(snapshot: Snapshot, space: str) -> int:
    return FEW_DECODED_ROWS if snapshot.spaces[space].store == "codes" else FEW_ROWS


def _coded(snapshot: Snapshot, space: str) -> list[tuple[CodedSegment, slice]]:
    parts = snapshot.parts(space)
    return [(rows.coded, span) for rows, span in parts if rows.coded is not None]


def _n_allowed_rows(coded: Sequence[tuple[CodedSegment, slice]], allow: BoolArray) -> int:
    """Return about how many rows the allowed units of coded segments have."""
    return sum(
        int(np.count_nonzero(allow[span]) * int(segment.offsets[-1]) / max(segment.n_units, 1))
        for segment, span in coded
    )


def _mask(allowed: BoolArray) -> BoolArray | None:
    return None if allowed.all() else allowed


def _exact(snapshot: Snapshot, query: Float32Array, wanted: Wanted) -> Ranked:
    scores = snapshot.scores(wanted.space, query, wanted.allow, wanted.n_threads)
    best = top_k(scores, wanted.k)
    return Ranked(best, scores[best], {})


def _micros(hits: CodedHits, query: int) -> dict[str, float]:
    return dict(zip(STAGES, hits.micros[query].tolist(), strict=True))


def _without(wanted: Wanted, spans: Sequence[slice]) -> Wanted:
    """Return what is wanted of the segments that have no codes."""
    allow = wanted.allow.copy()
    for span in spans:
        allow[span] = False
    return replace(wanted, allow=allow)


def _of_coded(
    hits: CodedHits, query: int, spans: Sequence[slice]
) -> tuple[Int64Array, Float32Array]:
    found = hits.units[query] >= 0
    firsts = np.array([span.start for span in spans], np.int64)
    ordinals = hits.units[query][found] + firsts[hits.segments[query][found]]
    return ordinals, hits.scores[query][found]


def _with_exact_scores(
    snapshot: Snapshot,
    query: Float32Array,
    wanted: Wanted,
    found: tuple[Int64Array, Float32Array],
) -> tuple[Int64Array, Float32Array]:
    """Return what was found by codes, scored with the rows: decoded ones where only codes are."""
    ordinals, scores = found
    if snapshot.spaces[wanted.space].store == "codes":
        scores = snapshot.scores_of(wanted.space, query, ordinals, wanted.n_threads)
    return ordinals, scores


def _of_plain(
    snapshot: Snapshot, query: Float32Array, plain: Wanted
) -> tuple[Int64Array, Float32Array]:
    """Return the allowed units of segments without codes, scored one and all."""
    if not plain.allow.any():
        return np.zeros(0, np.int64), np.zeros(0, np.float32)
    scores = snapshot.scores(plain.space, query, plain.allow, plain.n_threads)
    scored = np.flatnonzero(np.isfinite(scores))
    return scored, scores[scored]


def _joined(
    parts: Sequence[tuple[Int64Array, Float32Array]], k: int, micros: Mapping[str, float]
) -> Ranked:
    ordinals = np.concatenate([part for part, _ in parts])
    scores = np.concatenate([part for _, part in parts])
    best = np.lexsort((ordinals, -scores))[:k]
    return Ranked(ordinals[best], scores[best], micros)
