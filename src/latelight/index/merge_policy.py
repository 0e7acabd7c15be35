"""Which segments are rewritten together: pure decisions over a manifest's entries.

Documents keep their order: of what a plan chooses, only neighbours become one, in their own place
(`runs_of`). So chosen, they are rewritten about as often as if the place did not matter.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from itertools import groupby, pairwise

from latelight.index.codes import MAX_UNITS
from latelight.index.manifest import SegmentEntry

_FULL = math.inf  # the size of segments that are left alone


def runs_of(segment_ids: Sequence[str], chosen: Collection[str]) -> list[tuple[str, ...]]:
    """Return the chosen segments in their order, neighbours together.

    Args:
        segment_ids: all segments, in their order.
        chosen: those that a plan rewrites.
    """
    names = frozenset(chosen)
    kinds = groupby(segment_ids, lambda segment_id: segment_id in names)
    return [tuple(ids) for is_chosen, ids in kinds if is_chosen]


def plan_compaction(segments: Sequence[SegmentEntry], full_bytes: int) -> tuple[str, ...]:
    """Return the ids of the segments that a compaction rewrites, none when nothing is won.

    Those are the segments with deleted documents, and neighbours that are less than a full
    segment together. Afterwards there are about twice as many as full ones would be, at most.

    Args:
        segments: the live ones, in their order.
        full_bytes: about how long a full segment is.
    """
    chosen = {entry.segment_id for entry in segments if entry.n_dead}
    for left, right in pairwise(segments):
        if _fit(left, right, full_bytes):
            chosen |= {left.segment_id, right.segment_id}
    return tuple(entry.segment_id for entry in segments if entry.segment_id in chosen)


def _fit(left: SegmentEntry, right: SegmentEntry, full_bytes: int) -> bool:
    shares = [1 - entry.n_dead / entry.n_documents for entry in (left, right)]
    n_bytes = left.n_bytes * shares[0] + right.n_bytes * shares[1]
    return n_bytes < full_bytes and left.n_units + right.n_units <= MAX_UNITS


def plan_upkeep(segments: Sequence[SegmentEntry], full_bytes: int, n_alike: int) -> tuple[str, ...]:
    """Return the ids of the neighbours that a commit merges, usually none.

    Segments are of like size when their weights, documents and rows together, have the same whole
    logarithm to the base `n_alike`. Seen from one size, larger segments part the others into runs.
    The last run grows: it is merged once it has `n_alike` of the size, and with them everything
    smaller. A run with a larger segment behind it will never grow: made one, it saves as many
    segments as it has but one. Once merging would save `n_alike` - 1 segments, in all runs, the
    run that saves most is merged.

    So a document is rewritten about once for each factor of `n_alike` that the index grows, and
    twice at most; and there are never many segments. Those that are at least half full are left
    alone.

    Args:
        segments: the live ones, in their order.
        full_bytes: about how long a full segment is.
        n_alike: how many of a size are a crowd.
    """
    sizes = [_size(entry, n_alike) if _is_small(entry, full_bytes) else _FULL for entry in segments]
    for size in sorted(set(sizes) - {_FULL}):
        crowd = _crowd(sizes, size, n_alike)
        if crowd:
            return tuple(segments[number].segment_id for number in crowd)
    return ()


def _is_small(entry: SegmentEntry, full_bytes: int) -> bool:
    """Return whether two like this are less than a full one, so that a merge makes them fewer."""
    return entry.n_bytes < full_bytes / 2 and entry.n_units < MAX_UNITS / 2


def _size(entry: SegmentEntry, n_alike: int) -> int:
    weight, size = entry.n_documents + sum(entry.n_rows.values()), 0
    while weight >= n_alike:
        weight, size = weight // n_alike, size + 1
    return size


def _crowd(sizes: Sequence[float], size: float, n_alike: int) -> range | None:
    """Return the run of neighbours to merge, None as long as too little would be won."""
    runs = list(_runs(sizes, size))
    n_saved = [_n_saved(sizes, run, size) for run in runs]
    if sum(n_saved) < n_alike - 1:
        return None
    if runs[-1].stop == len(sizes) and n_saved[-1] < n_alike - 1:
        runs.pop()  # it grows still
    return max(zip(n_saved, runs, strict=False), key=lambda pair: pair[0])[1]


def _runs(sizes: Sequence[float], size: float) -> Iterator[range]:
    """Yield the runs of neighbours that are of this size or smaller."""
    first = 0
    for is_run, group in groupby(sizes, lambda other: other <= size):
        stop = first + len(list(group))
        if is_run:
            yield range(first, stop)
        first = stop


def _n_saved(sizes: Sequence[float], run: range, size: float) -> int:
    """Return how many segments fewer there would be, of the growing run of this size alone."""
    if run.stop < len(sizes):
        return len(run) - 1
    return max(0, sum(sizes[number] == size for number in run) - 1)
