"""Approximate search of coded segments in numpy: what the native stages compute, step by step."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from latelight.kernels import reference
from latelight.kernels.codec import Codebook
from latelight.kernels.coded_segment import CodedSegment
from latelight.kernels.residuals import numbers_of, scale_of_code

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

WANTED_BLOCKS = 256
BYTE_RANGE = np.float32(0.75)
NEVER = 32767
NEAR_MARGIN, LAST_MARGIN = 20, 51  # bytes: .06 and .15 of similarity
MEAN_MARGIN = 8  # times the candidates get their mean's part
FIRST_SCORED, FIRST_EXACT = 22, 4  # beyond k, scored before others are passed over

Found = tuple[float, int, int]  # score, segment, unit


class Wanted(NamedTuple):
    """How hard to try, as `SearchOptions` says."""

    n_probe: int
    n_candidates: int
    n_scored: int
    n_exact: int
    k: int
    deviations: float


@dataclass(frozen=True, eq=False)
class Table:
    """A query's similarities with every centroid.

    Attributes:
        steps: (n_centroids, n_query) int16, in steps of `step` before the query row's scale.
        bytes: (n_centroids, n_query) uint8, `(steps - low)` in steps of `per_byte`.
        floor: (n_query,) uint8, the byte that stands for a row nobody probed.
        probed: (n_centroids,) bool.
    """

    steps: npt.NDArray[np.int16]
    bytes: npt.NDArray[np.uint8]
    floor: npt.NDArray[np.uint8]
    probed: BoolArray
    step: np.float32
    per_byte: np.float32
    low_sum: np.float32

    def similarity(self, total: int) -> np.float32:
        """Return a sum of bytes as a sum of similarities."""
        return np.float32(total) * self.per_byte + self.low_sum


def search(
    segments: Sequence[CodedSegment],
    allowed: Sequence[BoolArray | None],
    query: Float32Array,
    rotated: Float32Array,
    wanted: Wanted,
) -> list[Found]:
    """Return (score, segment, unit), best first: the body is the stages in order."""
    tables = [make_table(segment.book, rotated, wanted.n_probe) for segment in segments]
    found = _probe(segments, allowed, tables, rotated, wanted.n_candidates)
    if len(found) > wanted.n_scored:
        found = [(_approximate(segments[s], tables[s], rotated, u), s, u) for _, s, u in found]
    margin = NEAR_MARGIN if wanted.n_exact > 0 else LAST_MARGIN
    found = _refine(
        _best(found, wanted.n_scored),
        FIRST_SCORED,
        wanted.k,
        wanted.deviations,
        lambda one: _residual(segments[one[1]], tables[one[1]], rotated, one[2], margin),
    )
    if wanted.n_exact > 0:
        found = _refine(
            _best(found, wanted.n_exact),
            FIRST_EXACT,
            wanted.k if any(segment.exact is not None for segment in segments) else 0,
            wanted.deviations,
            lambda one: _exact(segments[one[1]], query, one[2], one[0]),
        )
    return _best(found, len(found))


def _refine(
    found: list[Found], n_more: int, k: int, deviations: float, score: Callable[[Found], float]
) -> list[Found]:
    """Return units with new scores, those that may still come among the k best."""
    n_first = min(len(found), k + n_more) if k else len(found)
    scores = [score(one) for one in found[:n_first]]
    if n_first < len(found):
        rise = np.array(scores) - [one[0] for one in found[:n_first]]
        last = sorted(scores, reverse=True)[k - 1]
        bound = last - rise.mean() - deviations * rise.std()
        scores += [score(one) for one in found[n_first:] if one[0] >= bound]
    return [(new, s, u) for new, (_, s, u) in zip(scores, found, strict=False)]


def make_table(book: Codebook, rotated: Float32Array, n_probe: int) -> Table:
    """Return the similarities of a query with a codebook, and the bounds of its probe."""
    codes, scales = reference.quantize_int8(rotated)
    norms = book.scales * np.linalg.norm(book.centroids.astype(np.float32), axis=1)
    step = np.float32(127 * np.sqrt(book.dim) * max(float(norms.max()), 1e-30) / 32000)
    products = book.centroids.astype(np.int32) @ codes.astype(np.int32).T
    lanes = products.astype(np.float32) * book.scales[:, None]
    steps = np.trunc(lanes * (np.float32(1) / step)).astype(np.int16)
    unit = step * scales  # a step of each query row, as a similarity
    largest = np.float32(np.linalg.norm(rotated, axis=1).max())
    per_byte = BYTE_RANGE * largest / np.float32(255)
    threshold, peak = _thresholds(steps, n_probe)
    zero = unit <= 0
    safe = np.where(zero, np.float32(1), unit)
    low = np.maximum(np.trunc(peak - BYTE_RANGE * largest / safe), -32000).astype(np.int64)
    low[zero] = 0
    per_step = safe / np.maximum(per_byte, np.float32(1e-30))
    factor = np.where(zero, 0, np.minimum(per_step * 65536, 65535)).astype(np.int64)
    threshold[zero] = NEVER
    return Table(
        steps,
        _bytes(steps.astype(np.int64), low, factor),
        _bytes(threshold, low, factor),
        (steps >= threshold).any(axis=1),
        step,
        per_byte,
        np.float32((low * unit).sum()),
    )


def _thresholds(steps: npt.NDArray[np.int16], n_probe: int) -> tuple[Int64Array, Int64Array]:
    """Return the `n_probe`-th best and the best of the peaks of blocks of centroids."""
    block = max(1, -(-len(steps) // WANTED_BLOCKS))
    peaks = np.maximum.reduceat(steps, np.arange(0, len(steps), block), axis=0).astype(np.int64)
    ordered = -np.sort(-peaks, axis=0)
    return ordered[min(n_probe, len(ordered)) - 1], ordered[0]


def _bytes(steps: Int64Array, low: Int64Array, factor: Int64Array) -> npt.NDArray[np.uint8]:
    above = np.maximum(steps - low, 0)
    scaled: npt.NDArray[np.uint8] = np.minimum((above * factor) >> 16, 255).astype(np.uint8)
    return scaled


def _probe(
    segments: Sequence[CodedSegment],
    allowed: Sequence[BoolArray | None],
    tables: Sequence[Table],
    rotated: Float32Array,
    n_candidates: int,
) -> list[Found]:
    """Return the candidates: of the units with the best sums, those with the best mean added."""
    zero = min(float(table.similarity(0)) for table in tables)
    places = []
    for number, (segment, mask, table) in enumerate(zip(segments, allowed, tables, strict=True)):
        totals = _totals(segment, table) + _offset(table, zero)
        is_open = np.diff(segment.offsets) > 0
        if mask is not None:
            is_open &= mask
        places += [(int(totals[u]), number, int(u)) for u in np.flatnonzero(is_open)]
    sums = sorted((total for total, _, _ in places), reverse=True)
    n_wanted = MEAN_MARGIN * n_candidates
    least = sums[n_wanted - 1] if len(sums) > n_wanted else 0
    found = [
        (_probed_score(segments[s], tables[s], rotated, total - _offset(tables[s], zero), u), s, u)
        for total, s, u in places
        if total >= least
    ]
    return _best(found, n_candidates)


def _totals(segment: CodedSegment, table: Table) -> Int64Array:
    """Return each unit's sum of bytes over the query's rows, by the probed centroids' lists."""
    best = np.zeros((len(segment.offsets) - 1, table.bytes.shape[1]), np.uint8)
    for centroid in np.flatnonzero(table.probed):
        span = slice(segment.list_offsets[centroid], segment.list_offsets[centroid + 1])
        units = segment.lists[span]
        best[units] = np.maximum(best[units], table.bytes[centroid])
    totals: Int64Array = np.maximum(best, table.floor).sum(axis=1, dtype=np.int64)
    return totals


def _offset(table: Table, zero: float) -> int:
    """Return the bytes between what codebooks put at byte 0 and the lowest of those, `zero`."""
    if table.per_byte <= 0:
        return 0
    n_lanes = -(-table.bytes.shape[1] // 32) * 32
    return int(min((float(table.similarity(0)) - zero) / float(table.per_byte), 255 * n_lanes))


def _probed_score(
    segment: CodedSegment, table: Table, rotated: Float32Array, total: int, unit: int
) -> float:
    return float(table.similarity(total) + _mean_part(segment, rotated, unit))


def _mean_part(segment: CodedSegment, rotated: Float32Array, unit: int) -> np.float32:
    codes, scales = reference.quantize_int8(rotated.sum(axis=0, dtype=np.float32)[None])
    product = codes[0].astype(np.int64) @ segment.coded.means[unit].astype(np.int64)
    return np.float32(np.float32(product) * scales[0] * segment.coded.mean_scales[unit])


def _rows_of(segment: CodedSegment, unit: int) -> slice:
    return slice(int(segment.offsets[unit]), int(segment.offsets[unit + 1]))


def _approximate(segment: CodedSegment, table: Table, rotated: Float32Array, unit: int) -> float:
    centroids = segment.coded.centroid_of[_rows_of(segment, unit)]
    total = int(table.bytes[centroids].max(axis=0).sum(dtype=np.int64))
    return float(table.similarity(total) + _mean_part(segment, rotated, unit))


def _near_best(rows: npt.NDArray[np.uint8], margin: int) -> Int64Array:
    """Return the rows whose centroid comes near the best of any query row; others seldom win."""
    bound = np.maximum(rows.max(axis=0).astype(np.int64) - margin, 0)
    near = np.flatnonzero((rows > bound).any(axis=1))
    return near if len(near) else np.arange(len(rows))


def _residual(
    segment: CodedSegment, table: Table, rotated: Float32Array, unit: int, margin: int
) -> float:
    book, span = segment.book, _rows_of(segment, unit)
    chosen = span.start + _near_best(table.bytes[segment.coded.centroid_of[span]], margin)
    packed = segment.coded.codes[chosen]
    levels = numbers_of(packed, book.bits, book.dim, book.levels).astype(np.int32)
    codes, scales = reference.quantize_int8(rotated)
    products = (levels @ codes.astype(np.int32).T).astype(np.float32)
    row_scales = scale_of_code()[segment.coded.code_scales[chosen]]
    base = table.steps[segment.coded.centroid_of[chosen]].astype(np.float32) * table.step
    best = (products * row_scales[:, None] + base).max(axis=0)
    return float(np.float32((best * scales).sum(dtype=np.float64))) + float(
        _mean_part(segment, rotated, unit)
    )


def _exact(segment: CodedSegment, query: Float32Array, unit: int, score: float) -> float:
    if segment.exact is None:
        return score
    return float(reference.maxsim(query, segment.exact, np.array([unit], np.int64))[0])


def _best(found: list[Found], k: int) -> list[Found]:
    return sorted(found, key=lambda one: (-one[0], one[1], one[2]))[:k]
