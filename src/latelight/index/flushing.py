"""A sealed log turned into a segment while others read and write.

Only publishing takes the writer's lock. What dies meanwhile is in the log that came after. As
merges do, a flush holds a lock of its own and writes under a mark, see `merging.py`.
"""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from latelight.errors import WriterLockedError
from latelight.index.coding import choose_coding
from latelight.index.garbage import MERGED_SUFFIX, collect_garbage
from latelight.index.live import Live, State
from latelight.index.lock import FlushLock, WriterLock
from latelight.index.log_file import sync_logs
from latelight.index.manifest import Manifest, SegmentEntry, publish_manifest
from latelight.index.options import WriterOptions
from latelight.index.segment import FILE_NAME, segment_directory, write_segment
from latelight.index.segment_view import SegmentView
from latelight.index.tombstones import mark_dead
from latelight.kernels.pacing import rest

PUBLISH_SECONDS = 30.0  # a writer that commits often leaves gaps; one at a long run does not


def flush_sealed(live: Live, options: WriterOptions) -> Manifest | None:
    """Write a sealed log's documents to a segment and return the manifest that names it.

    None when there is no sealed log, or when somebody else made a segment of it meanwhile.

    Raises:
        WriterLockedError: somebody else is flushing, or held the writer's lock for too long.
    """
    with FlushLock(live.root, options.lock_seconds):
        state = live.state()
        if state.sealed is None:
            return None
        new = _written(live, state, options)
        try:
            lock = WriterLock(live.root, PUBLISH_SECONDS)
        except WriterLockedError:
            _remove(live, new, options)
            raise
        with lock:
            manifest = _publish(live, state.sealed.mark.name, new, options)
        if manifest is None:  # not after an error: it may have come when all was published
            _remove(live, new, options)
        live.state()  # so that no search has to open it
        return manifest


@dataclass(frozen=True)
class _New:
    """The segment, None when there was nothing to write, and the ids of its documents."""

    entry: SegmentEntry | None = None
    doc_ids: Sequence[str] = ()
    opened: SegmentView | None = None


def _written(live: Live, state: State, options: WriterOptions) -> _New:
    documents = []
    for view in _views(state):
        for stored in view.documents():
            documents.append(stored)
            rest()
    if not documents:
        return _New()
    random = secrets.token_hex(4)
    segment_id = f"{state.manifest.number + 1:08d}-{random}{MERGED_SUFFIX}"
    segments = [view.segment for view in state.views]
    coding = choose_coding(live.spaces, documents, segments, options, options.min_shared_rows)
    entry = write_segment(live.root, segment_id, live.spaces, documents, options.files, coding)
    return _New(entry, [stored.document.doc_id for stored in documents], live.opened(entry))


def _views(state: State) -> list[SegmentView]:
    return [] if state.sealed is None else [buffered.view for buffered in state.sealed.buffer]


def _publish(live: Live, name: str, new: _New, options: WriterOptions) -> Manifest | None:
    """Publish the segment; None when the sealed log went, or more of it lives than was written."""
    state = live.state()
    if state.sealed is None or state.sealed.mark.name != name:
        return None
    if not _alive(state).issubset(new.doc_ids):  # the commit that deleted one was taken back
        return None
    sync_logs(live.root, [log.mark for log in state.logs], options.files)
    base, number = state.manifest, state.manifest.number + 1
    # What the sealed log deleted must be marked now. What died in the new segment meanwhile is in
    # the log that stays.
    entries = [
        mark_dead(live.root, entry, view.marks, number, options.files)
        for entry, view in zip(base.segments, state.views, strict=True)
    ]
    segments = [entry for entry in entries if entry.n_dead < entry.n_documents]
    if new.entry is not None:
        segments.append(new.entry)
    manifest = replace(
        base,
        number=number,
        segments=tuple(segments),
        n_commits=base.n_commits + state.sealed.mark.n_records + 1,
    ).with_logs(base.log)
    publish_manifest(live.root, manifest, options.files)
    with suppress(OSError):  # the flush stands; what is left over goes next time
        collect_garbage(live.root, manifest, options.files, FlushLock)
    return manifest


def _alive(state: State) -> set[str]:
    """Return the ids of the sealed log's documents that are not deleted."""
    return {
        view.segment.documents.ids[number]
        for view in _views(state)
        for number in range(view.segment.n_documents)
        if view.is_live(number)
    }


def _remove(live: Live, new: _New, options: WriterOptions) -> None:
    """Remove what was written for nothing; what remains of it goes with the next clean-up."""
    if new.entry is None:
        return
    directory = segment_directory(live.root, new.entry.segment_id)
    with suppress(OSError):
        options.files.remove(directory / FILE_NAME)
        options.files.remove_directory(directory)
