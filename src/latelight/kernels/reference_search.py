"""Approximate search of coded segments in numpy: what the native stages compute, step by step."""

from collections.abc import Sequence
from dataclasses import dataclass

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
RESIDUAL_MARGIN = 51  # bytes: .15 of similarity
MEAN_MARGIN = 4  # times the candidates get their mean's part


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
    options: tuple[int, int, int, int],
) -> list[tuple[float, int, int]]:
    """Return (score, segment, unit), best first: the body is the stages in order."""
    n_probe, n_candidates, n_scored, n_exact = options
    found: list[tuple[float, int, int]] = []
    tables = [make_table(segment.book, rotated, n_probe) for segment in segments]
    for number, segment in enumerate(segments):
        probed = _probe(
            segment, allowed[number], tables[number], rotated, MEAN_MARGIN * n_candidates
        )
        found += [(score, number, unit) for score, unit in probed]
        found = _best(found, n_candidates)
    if len(found) > n_scored:
        found = [(_approximate(segments[s], tables[s], rotated, u), s, u) for _, s, u in found]
        found = _best(found, n_scored)
    found = [(_residual(segments[s], tables[s], rotated, u), s, u) for _, s, u in found]
    if n_exact > 0:
        found = [
            (_exact(segments[s], query, u, score), s, u) for score, s, u in _best(found, n_exact)
        ]
    return _best(found, len(found))


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
    segment: CodedSegment,
    allowed: BoolArray | None,
    table: Table,
    rotated: Float32Array,
    n_wanted: int,
) -> list[tuple[float, int]]:
    """Return (score, unit) of the units with the best sums; the mean's part is added to those."""
    n_units = len(segment.offsets) - 1
    best = np.zeros((n_units, table.bytes.shape[1]), np.uint8)
    for centroid in np.flatnonzero(table.probed):
        span = slice(segment.list_offsets[centroid], segment.list_offsets[centroid + 1])
        units = segment.lists[span]
        best[units] = np.maximum(best[units], table.bytes[centroid])
    totals = np.maximum(best, table.floor).sum(axis=1, dtype=np.int64)
    open_units = np.diff(segment.offsets) > 0
    if allowed is not None:
        open_units &= allowed
    sums = np.sort(totals[open_units])
    least = sums[-n_wanted] if len(sums) > n_wanted else 0
    return [
        (float(table.similarity(int(totals[u])) + _mean_part(segment, rotated, u)), u)
        for u in np.flatnonzero(open_units & (totals >= least)).tolist()
    ]


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


def _near_best(rows: npt.NDArray[np.uint8]) -> Int64Array:
    """Return the rows whose centroid comes near the best of any query row; others cannot win."""
    bound = np.maximum(rows.max(axis=0).astype(np.int64) - RESIDUAL_MARGIN, 0)
    near = np.flatnonzero((rows > bound).any(axis=1))
    return near if len(near) else np.arange(len(rows))


def _residual(segment: CodedSegment, table: Table, rotated: Float32Array, unit: int) -> float:
    book, span = segment.book, _rows_of(segment, unit)
    chosen = span.start + _near_best(table.bytes[segment.coded.centroid_of[span]])
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


def _best(found: list[tuple[float, int, int]], k: int) -> list[tuple[float, int, int]]:
    return sorted(found, key=lambda one: (-one[0], one[1], one[2]))[:k]
