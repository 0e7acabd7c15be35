"""Which segments are rewritten together: pure decisions over a manifest's entries."""

import math
from collections.abc import Sequence

from latelight.index.manifest import SegmentEntry


def plan_compaction(segments: Sequence[SegmentEntry], full_bytes: int) -> tuple[str, ...]:
    """Return the ids of the segments that a compaction rewrites, none when nothing is won.

    Those are the segments with deleted documents and those that are less than half full. One
    small segment alone, without deleted documents, stays as it is.

    Args:
        segments: the live ones.
        full_bytes: about how long a full segment is.
    """
    with_dead = [entry for entry in segments if entry.n_dead]
    small = [entry for entry in segments if not entry.n_dead and entry.n_bytes < full_bytes / 2]
    if not with_dead and len(small) < 2:
        return ()
    return tuple(entry.segment_id for entry in segments if entry in with_dead or entry in small)


def plan_upkeep(segments: Sequence[SegmentEntry], full_bytes: int, n_alike: int) -> tuple[str, ...]:
    """Return the ids of the segments that a commit merges, usually none.

    Segments are of like size when their weights, documents and rows together, have the same
    whole logarithm to the base `n_alike`. Once `n_alike` of them are there, all of that size are
    merged: a document is rewritten about once for each factor of `n_alike` that the index grows,
    and there are never many segments. Segments that are at least half full are left alone.
    """
    sizes: dict[int, list[str]] = {}
    for entry in segments:
        if entry.n_bytes < full_bytes / 2:
            sizes.setdefault(_size(entry, n_alike), []).append(entry.segment_id)
    crowded = [size for size, ids in sizes.items() if len(ids) >= n_alike]
    return tuple(sizes[min(crowded)]) if crowded else ()


def _size(entry: SegmentEntry, n_alike: int) -> int:
    return int(math.log(entry.n_documents + sum(entry.n_rows.values()), n_alike))
