"""Which segments a compaction rewrites: a pure decision over a manifest's entries."""

from collections.abc import Sequence

from latelight.index.manifest import SegmentEntry


def plan_merge(segments: Sequence[SegmentEntry], full_bytes: int) -> tuple[str, ...]:
    """Return the ids of the segments to rewrite into as few as fit, none when nothing is won.

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
