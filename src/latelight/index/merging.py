"""Segments rewritten while others read and write: only publishing takes the writer's lock.

Neighbours become one, or a few, in their own place: documents keep their order. What dies meanwhile
is marked in the new segments. Their directories carry a mark of their own and a lock is held from
choosing to publishing, so that nobody's clean-up takes them for left-overs.
"""

import secrets
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from latelight.index.codes import MAX_UNITS
from latelight.index.coding import choose_coding
from latelight.index.garbage import MERGED_SUFFIX, collect_garbage
from latelight.index.live import Live, State
from latelight.index.lock import MergeLock, WriterLock
from latelight.index.log_file import sync_logs
from latelight.index.manifest import Manifest, SegmentEntry, publish_manifest
from latelight.index.merge_policy import runs_of
from latelight.index.options import WriterOptions
from latelight.index.segment import FILE_NAME, StoredDocument, segment_directory, write_segment
from latelight.index.segment_view import SegmentView
from latelight.index.tombstones import mark_dead
from latelight.kernels.pacing import rest

Plan = Callable[[Sequence[SegmentEntry]], tuple[str, ...]]
"""Which segments to rewrite, neighbours together; none when nothing is won."""

_PUBLISH_SECONDS = 30.0  # a writer that commits often leaves gaps; one at a long run does not


@dataclass
class Batch:
    """Documents of one new segment, and which document of which source each one was.

    Attributes:
        documents: in their order.
        origins: of each, the source's segment id and its number there.
        n_bytes: their share of their sources' files.
        n_units: of all.
    """

    documents: list[StoredDocument] = field(default_factory=list)
    origins: list[tuple[str, int]] = field(default_factory=list)
    n_bytes: float = 0.0
    n_units: int = 0

    def put(self, view: SegmentView, number: int, stored: StoredDocument) -> None:
        """Take one more document."""
        self.documents.append(stored)
        self.origins.append((view.segment.segment_id, number))
        self.n_bytes += view.segment.file.n_bytes / view.segment.n_documents
        self.n_units += len(stored.units)


def batches(views: Sequence[SegmentView], n_bytes: int) -> Iterator[Batch]:
    """Yield the live documents of neighbours, in their order, in portions of a segment each.

    Measured as the policy measures segments: of small ones there are fewer portions than segments.
    """
    batch = Batch()
    for view in views:
        for number in range(view.segment.n_documents):
            if not view.is_live(number):
                continue
            stored = view.segment.stored(number)
            is_full = batch.n_bytes >= n_bytes or batch.n_units + len(stored.units) > MAX_UNITS
            if is_full and batch.documents:
                yield batch
                batch = Batch()
            batch.put(view, number, stored)
            rest()
    if batch.documents:
        yield batch


_Sources = dict[str, SegmentView]  # neighbours, in their order


@dataclass(frozen=True)
class _New:
    """A new segment; what it stands for begins with the source `first`."""

    first: str
    entry: SegmentEntry
    origins: list[tuple[str, int]]
    opened: SegmentView


def merge(live: Live, options: WriterOptions, plan: Plan) -> Manifest | None:
    """Rewrite segments and return the manifest that names the new ones, None without a need.

    Nothing is published either when a source was taken away meanwhile.

    Raises:
        WriterLockedError: somebody else is merging, or held the writer's lock for too long.
    """
    with MergeLock(live.root, options.lock_seconds):
        state = live.state()
        runs = _runs(state, plan)
        if not runs:
            return None
        new = [one for run in runs for one in _rewritten(live, state, run, options)]
        with WriterLock(live.root, _PUBLISH_SECONDS):
            manifest = _publish(live, runs, new, options)
        if manifest is None:
            _remove(live, new, options)
        live.state()  # so that no search has to open them
        return manifest


def entries_now(state: State) -> list[SegmentEntry]:
    """Return the manifest's entries with what the log deleted counted in."""
    pairs = zip(state.manifest.segments, state.views, strict=True)
    return [replace(entry, n_dead=view.n_dead) for entry, view in pairs]


def _runs(state: State, plan: Plan) -> list[_Sources]:
    chosen = plan(entries_now(state))
    views = {view.segment.segment_id: view for view in state.views}
    return [{name: views[name] for name in run} for run in runs_of(list(views), chosen)]


def _rewritten(
    live: Live, state: State, sources: _Sources, options: WriterOptions
) -> Iterator[_New]:
    first = next(iter(sources))
    for batch in batches(list(sources.values()), options.flush_bytes):
        random = secrets.token_hex(4)
        segment_id = f"{state.manifest.number + 1:08d}-{random}{MERGED_SUFFIX}"
        segments = [view.segment for view in state.views]
        coding = choose_coding(
            live.spaces, batch.documents, segments, options, options.min_shared_rows
        )
        entry = write_segment(
            live.root, segment_id, live.spaces, batch.documents, options.files, coding
        )
        yield _New(first, entry, batch.origins, live.opened(entry))


def _publish(
    live: Live, runs: list[_Sources], new: list[_New], options: WriterOptions
) -> Manifest | None:
    state = live.state()
    sources = {segment_id: view for run in runs for segment_id, view in run.items()}
    views = {view.segment.segment_id: view for view in state.views}
    if not all(_is_built_on(views.get(segment_id), view) for segment_id, view in sources.items()):
        return None
    sync_logs(live.root, [log.mark for log in state.logs], options.files)
    base = state.manifest
    lost = {s: views[s] for s, before in sources.items() if views[s].n_dead != before.n_dead}
    marked = [
        replace(n, entry=_with_tombstones(live, n, lost, base.number + 1, options)) for n in new
    ]
    segments = tuple(_exchanged(base.segments, sources, marked))
    manifest = replace(
        base, number=base.number + 1, segments=segments, n_commits=base.n_commits + 1
    )
    publish_manifest(live.root, manifest, options.files)
    with suppress(OSError):  # the merge stands; what is left over goes next time
        collect_garbage(live.root, manifest, options.files, MergeLock)
    return manifest


def _is_built_on(now: SegmentView | None, before: SegmentView) -> bool:
    """Return whether all that was dead when the documents were copied still is.

    It is not when the commit that deleted them could not be finished and was taken back.
    """
    if now is None or before.dead is None:
        return now is not None
    return now.dead is not None and not bool((before.dead & ~now.dead).any())


def _with_tombstones(
    live: Live, new: _New, lost: dict[str, SegmentView], number: int, options: WriterOptions
) -> SegmentEntry:
    """Return a new segment's entry, with what died since it was begun marked on the disk.

    `lost` are the sources that lost documents since.
    """
    dead = np.array([s in lost and not lost[s].is_live(document) for s, document in new.origins])
    return mark_dead(live.root, new.entry, dead, number, options.files)


def _exchanged(
    segments: Sequence[SegmentEntry], sources: Collection[str], new: Sequence[_New]
) -> Iterator[SegmentEntry]:
    """Yield the segments, those that are new and live in the place of their sources.

    The sources of a run are neighbours still: others come behind the last segment, or in the place
    of neighbours that are all gone then.
    """
    for entry in segments:
        here = (one.entry for one in new if one.first == entry.segment_id)
        yield from (one for one in here if one.n_dead < one.n_documents)
        if entry.segment_id not in sources:
            yield entry


def _remove(live: Live, new: list[_New], options: WriterOptions) -> None:
    """Remove what was written for nothing; what remains of it goes with the next clean-up."""
    for unnamed in new:
        directory = segment_directory(live.root, unnamed.entry.segment_id)
        with suppress(OSError):
            options.files.remove(directory / FILE_NAME)
            options.files.remove_directory(directory)
