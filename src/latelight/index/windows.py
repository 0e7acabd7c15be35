"""The stretch of a unit that answers a query best: MaxSim within windows of consecutive rows."""

from dataclasses import dataclass

import numpy as np

from latelight.index.stretches import stretch_maxima
from latelight.kernels.maxsim import Rows
from latelight.types import Float32Array, Int32Array, Int64Array


@dataclass(frozen=True, eq=False)
class BestWindows:
    """The window with the highest MaxSim of each of several units.

    Attributes:
        spans: (n_units, 2) int64, the rows `[start, end)` of the unit.
        winners: (n_units, n_query_tokens) int32, row numbers within the unit.
        similarities: (n_units, n_query_tokens) float32; their sums are the windows' MaxSim.
    """

    spans: Int64Array  # (n_units, 2)
    winners: Int32Array  # (n_units, n_query_tokens)
    similarities: Float32Array  # (n_units, n_query_tokens)


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Consecutive rows of units, the blocks of one unit after those of the other.

    Attributes:
        starts: (n_blocks,) int64, the first row, counted over all units.
        ends: (n_blocks,) int64.
        within: (n_blocks,) int64, the first row, counted within the unit.
        offsets: (n_units + 1,) int64, unit `u` has the blocks `offsets[u]` to `offsets[u + 1]`.
    """

    starts: Int64Array
    ends: Int64Array
    within: Int64Array
    offsets: Int64Array


def best_windows(
    query: Float32Array,
    rows: Rows,
    units: Int64Array,
    window_rows: int,
    floor: Float32Array | None = None,
    n_threads: int = 1,
) -> BestWindows:
    """Return the best window of each unit, of equally good ones the first.

    Windows have `window_rows` rows (the last of a unit may have fewer) and begin every half of
    that, so that what lies across the end of one is inside the next. Every row is scored once,
    where it lies.

    Args:
        query: (n_query_tokens, dim) float32, normalised or not.
        rows: the rows of all units.
        units: (n_units,) int64, units that have rows.
        window_rows: an even number.
        floor: (n_units, n_query_tokens) float32, what a query row has of a unit in any case; the
            best window is the one that adds most. None for nothing.
        n_threads: how many threads share the rows.
    """
    blocks = _cut(rows.offsets, units, window_rows // 2)
    winners, similarities = stretch_maxima(query, rows, blocks.starts, blocks.ends, n_threads)
    winners = winners + blocks.within[:, None].astype(np.int32)
    at_least = None if floor is None else np.repeat(floor, np.diff(blocks.offsets), axis=0)
    first = _best_first_blocks(similarities, blocks.offsets, at_least)
    last = np.minimum(first + 1, blocks.offsets[1:] - 1)
    later = similarities[last] > similarities[first]
    spans = np.stack([blocks.within[first], blocks.within[last]], axis=1)
    spans[:, 1] += blocks.ends[last] - blocks.starts[last]
    return BestWindows(
        spans=spans,
        winners=np.where(later, winners[last], winners[first]),
        similarities=np.maximum(similarities[first], similarities[last]),
    )


def _cut(offsets: Int64Array, units: Int64Array, block_rows: int) -> _Blocks:
    """Return the units' blocks of `block_rows` rows; the last of a unit may have fewer."""
    lengths = offsets[units + 1] - offsets[units]
    counts = -(-lengths // block_rows)
    of_unit: Int64Array = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
    number = np.arange(int(of_unit[-1])) - np.repeat(of_unit[:-1], counts)
    within = number * block_rows
    starts = np.repeat(offsets[units], counts) + within
    ends = np.minimum(starts + block_rows, np.repeat(offsets[units + 1], counts))
    return _Blocks(starts, ends, within, of_unit)


def _best_first_blocks(
    similarities: Float32Array, offsets: Int64Array, floor: Float32Array | None
) -> Int64Array:
    """Return the block (n_units,) that the best pair of neighbouring blocks begins with."""
    if floor is not None:
        similarities = np.maximum(similarities, floor)
    totals = np.full(len(similarities), -np.inf, np.float32)
    totals[:-1] = np.maximum(similarities[:-1], similarities[1:]).sum(axis=1)
    counts = np.diff(offsets)
    lone = offsets[:-1][counts == 1]
    totals[offsets[1:] - 1] = -np.inf  # a unit's last block begins no pair
    totals[lone] = similarities[lone].sum(axis=1)
    best = np.repeat(np.maximum.reduceat(totals, offsets[:-1]), counts)
    candidates = np.flatnonzero(totals == best)
    first: Int64Array = candidates[np.searchsorted(candidates, offsets[:-1])]
    return first
