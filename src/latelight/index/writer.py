"""The one writer of a generation: collects changes, publishes them in one manifest."""

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from types import TracebackType

import numpy as np

from latelight.errors import CommitConflictError, InputError, ShapeError, StorageError
from latelight.index.buffer import Logged
from latelight.index.checks import check_document
from latelight.index.codes import MAX_UNITS
from latelight.index.coding import choose_coding
from latelight.index.documents import HashedIds
from latelight.index.garbage import collect_garbage
from latelight.index.live import Live, State
from latelight.index.lock import WriterLock
from latelight.index.log import BLOCK, LogMark, start_of
from latelight.index.log_file import LogAppender, create_log, sync_logs
from latelight.index.manifest import SegmentEntry, is_newest, publish_manifest
from latelight.index.merge_policy import plan_upkeep, runs_of
from latelight.index.merging import batches
from latelight.index.options import DEFAULT_OPTIONS, WriterOptions
from latelight.index.rows import SpaceSpec, StoredRows, store_rows
from latelight.index.segment import Segment, StoredDocument, encode_segment, write_segment
from latelight.index.segment_view import SegmentView
from latelight.index.tombstones import mark_dead
from latelight.types import Document, MultiVector, OffsetMap, Unit

_RECORD_BYTES = 2 * BLOCK  # about what a record takes beside the rows and texts of its documents
_PATIENCE = 2  # so many times the caps of a log, while the one before waits to become a segment


class _Held:
    """A segment as the writer sees it: what is dead in it by now.

    Attributes:
        entry: what the manifest says of it, None for one in the log's buffer.
        view: the segment and its dead.
    """

    def __init__(self, entry: SegmentEntry | None, view: SegmentView) -> None:
        self.entry = entry
        self.view = view

    def bury(self, ids: HashedIds) -> set[str]:
        """Mark documents as deleted; return those that were alive here."""
        self.view, gone = self.view.buried(ids)
        return set(gone)


class Writer:
    """Adds and deletes documents; nothing is seen by readers before `commit`.

    A context manager: leaving it releases the lock and drops what was not committed.
    """

    def __init__(
        self,
        live: Live,
        options: WriterOptions = DEFAULT_OPTIONS,
        leave: Callable[[State], None] = lambda state: None,
    ) -> None:
        """Take the lock and bring `live` up to date; it is told of every commit.

        `leave` is called with the newest state once the lock is free, when there may be something
        to do for the background.

        Raises:
            WriterLockedError: another process, or another writer of this one, is writing.
        """
        self._root = live.root
        self._live = live
        self._options = options
        self._leave = leave
        self._log: LogAppender | None = None
        self._failed = False
        self._has_published = False
        self._lock = WriterLock(live.root, options.lock_seconds)
        try:
            self._start_from(live.state())
        except BaseException:
            self._lock.release()
            raise

    def _start_from(self, state: State) -> None:
        self._state = state
        entries = state.manifest.segments
        self._held = [_Held(entry, view) for entry, view in zip(entries, state.views, strict=True)]
        self._buffer = [_Held(None, view) for view in state.buffer]
        self._pending: dict[str, StoredDocument] = {}
        self._pending_bytes = 0
        self._pending_rows = 0
        self._n_unflushed_units = sum(view.segment.n_units for view in state.buffer)
        self._touched: set[str] = set()
        self._has_new_segments = False

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock; what was not committed is dropped."""
        self._pending.clear()
        self._failed = True
        if self._log is not None:
            self._log.close()
        self._lock.release()
        if self._has_published or self._state.sealed is not None:
            self._leave(self._state)

    @property
    def n_pending_documents(self) -> int:
        """How many documents were added, replaced or deleted since the last commit."""
        return len(self._touched)

    @property
    def n_pending_rows(self) -> int:
        """How many rows wait in memory for the next flush or commit, all spaces."""
        return self._pending_rows

    def add(
        self,
        document: Document,
        units: Sequence[Unit],
        vectors: Mapping[str, Sequence[MultiVector]],
        terms: Sequence[Sequence[str]] = (),
        offset_map: OffsetMap | None = None,
        text: str = "",
    ) -> None:
        """Add a document; one with the same `doc_id` is replaced by it at the commit.

        Args:
            document: its record.
            units: in reading order, `unit_id`s unique; may be empty.
            vectors: by space, one multi-vector per unit. A space that is left out, or a
                multi-vector of no rows, gives the units no rows there.
            terms: analysed terms of each unit for lexical search, or nothing.
            offset_map: how `text` maps to the file's own text.
            text: the readable text that `locator.span`s count in.

        Raises:
            InputError: an id, a metadata value or a text cannot be stored.
            ShapeError: vectors or terms do not fit the units or the spaces.
        """
        self._check_open()
        check_document(document, units, text)
        per_unit = terms or [()] * len(units)
        if len(per_unit) != len(units):
            raise ShapeError(
                f"{document.doc_id!r}: {len(terms)} lists of terms, {len(units)} units"
            )
        rows = self._rows(document.doc_id, units, vectors)
        bare = tuple(replace(unit, words=None, image=None) for unit in units)
        self._put(StoredDocument(document, bare, rows, per_unit, offset_map, text))

    def delete(self, doc_ids: Iterable[str]) -> int:
        """Delete documents at the commit; return how many of them there were."""
        self._check_open()
        if isinstance(doc_ids, str):
            raise InputError(
                f"doc_ids is a list of ids; got the text {doc_ids!r}. Write [{doc_ids!r}]."
            )
        wanted = HashedIds.of(doc_ids)
        gone = {doc_id for doc_id in wanted.ids if self._drop_pending(doc_id)}
        for held in (*self._held, *self._buffer):
            gone |= held.bury(wanted)
        self._touched |= gone
        return len(gone)

    def commit(self) -> int:
        """Publish everything since the last commit at once; return the new state's version.

        When this returns, the changes are on the disk. A few documents are appended to the log;
        many, or those that find it full and the background behind, become a segment. Without
        changes nothing is written.

        Raises:
            CommitConflictError: another writer published in between; nothing of ours was.
        """
        self._check_open()
        if self._touched:
            with self._failing_for_good():
                self._commit()
        return self._state.snapshot.version

    def flush(self) -> int:
        """Commit, with everything that the log holds turned into a segment; return the version."""
        self._check_open()
        if self._touched or self._state.n_logged:
            with self._failing_for_good():
                self._publish()
        return self._state.snapshot.version

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        # After a failed write nobody knows what reached the disk: only a new writer, which
        # reads the newest manifest again, may go on.
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def _check_open(self) -> None:
        if self._failed:
            raise StorageError(
                "This writer is closed, or its last commit failed half way. Open a new one with "
                "store.writer(); the index is as the last successful commit left it."
            )

    def _rows(
        self, doc_id: str, units: Sequence[Unit], vectors: Mapping[str, Sequence[MultiVector]]
    ) -> dict[str, StoredRows]:
        unknown = sorted(set(vectors) - set(self._state.manifest.spaces))
        if unknown:
            raise InputError(
                f"{doc_id!r} has vectors for the spaces {unknown}; the index has "
                f"{sorted(self._state.manifest.spaces)}."
            )
        wrong = {name: len(v) for name, v in vectors.items() if len(v) != len(units)}
        if wrong:
            raise ShapeError(f"{doc_id!r} has {len(units)} units but multi-vectors {wrong}.")
        return {
            name: store_rows(spec, vectors.get(name, [_no_rows(spec)] * len(units)))
            for name, spec in self._state.manifest.spaces.items()
        }

    def _put(self, stored: StoredDocument) -> None:
        self._drop_pending(stored.document.doc_id)
        if self._n_unflushed_units + len(stored.units) > MAX_UNITS:  # more of them get no codes
            self._flush_early()
        self._pending[stored.document.doc_id] = stored
        self._pending_bytes += stored.n_bytes
        self._pending_rows += stored.n_rows
        self._touched.add(stored.document.doc_id)
        self._n_unflushed_units += len(stored.units)
        if self._pending_bytes >= self._options.flush_bytes:
            self._flush_early()

    def _flush_early(self) -> None:
        with self._failing_for_good():
            self._flush()

    def _drop_pending(self, doc_id: str) -> bool:
        stored = self._pending.pop(doc_id, None)
        if stored is not None:
            self._pending_bytes -= stored.n_bytes
            self._pending_rows -= stored.n_rows
            self._n_unflushed_units -= len(stored.units)
        return stored is not None

    # Logging

    def _commit(self) -> None:
        if self._fits_the_log():
            self._append()
        elif self._may_rotate():
            self._rotate()
            self._append()
        else:
            self._publish()

    def _fits_the_log(self) -> bool:
        """Return whether the log takes what is pending, or may until the sealed one is flushed."""
        state = self._state
        if state.mark is None or self._has_new_segments:
            return False
        times = _PATIENCE if state.sealed is not None and self._options.background else 1
        buffer = [buffered.view.segment for buffered in state.logs[-1].buffer]
        return self._fits(times, state.mark, buffer)

    def _may_rotate(self) -> bool:
        """Return whether the log may be left to the background, and the next one do."""
        state = self._state
        if not self._options.background or self._has_new_segments or state.sealed is not None:
            return False
        return state.mark is not None and self._fits(1, start_of(state.mark.name), ())

    def _fits(self, times: int, mark: LogMark, buffer: Sequence[Segment]) -> bool:
        """Return whether a log of so many times the usual caps takes what is pending."""
        options = self._options
        n_documents = len(self._touched) + sum(s.n_documents for s in buffer)
        n_rows = self._pending_rows + sum(s.n_rows for s in buffer)
        return (
            max(n_documents, mark.n_records + 1) <= times * options.log_documents
            and n_rows <= times * options.log_rows
            and mark.end + self._pending_bytes + _RECORD_BYTES <= times * options.log_bytes
        )

    def _rotate(self) -> None:
        """Seal the log, which the background makes a segment of, and begin another."""
        state = self._state
        sync_logs(self._root, [log.mark for log in state.logs], self._options.files)
        mark = create_log(self._root, state.manifest.number + 1, self._options.files)
        manifest = replace(state.manifest, number=state.manifest.number + 1)
        manifest = manifest.with_logs(mark.name, sealed=state.manifest.log)
        publish_manifest(self._root, manifest, self._options.files)
        self._take_over(State(manifest, state.views, (*state.logs, Logged(mark))))

    def _append(self) -> None:
        """Append the pending changes to the log; the writer goes on from there."""
        if self._log is None:
            assert self._state.mark is not None
            self._log = LogAppender(self._root, self._state.mark, self._options.files)
        documents = list(self._pending.values())
        spaces = self._state.manifest.spaces
        segment = encode_segment("logged", spaces, documents) if documents else b""
        deleted = sorted(self._touched - set(self._pending))
        records = self._log.append(deleted, segment)
        if not is_newest(self._root, self._state.manifest.number):
            raise CommitConflictError(
                f"MANIFEST-{self._state.manifest.number + 1:012d} exists already: another writer "
                "published first, without what was logged now. Open the index again and repeat "
                "the change."
            )
        self._settle(self._state.after(records))

    # Publishing

    def _publish(self) -> None:
        """Write pending and logged documents to a segment, and the manifest that names it."""
        self._flush()
        files = self._options.files
        crowd = self._crowd()
        self._merge(crowd)
        held = [h for h in self._held if h.view.n_dead < h.view.segment.n_documents]
        entries = tuple(self._published_entry(h) for h in held)
        mark = self._next_log()
        base = self._state.manifest
        number, n_commits = base.number + 1, self._state.snapshot.version + 1
        manifest = replace(base, number=number, segments=entries, n_commits=n_commits)
        manifest = manifest.with_logs(None if mark is None else mark.name)
        publish_manifest(self._root, manifest, files)
        logged = self._state.n_logged
        logs = () if mark is None else (Logged(mark),)
        self._settle(State(manifest, tuple(h.view for h in held), logs))
        if crowd or logged:
            with suppress(OSError):  # the commit stands; what is left over goes next time
                collect_garbage(self._root, manifest, files)

    def _crowd(self) -> tuple[str, ...]:
        """Return the segments to merge at once: with a background, those that it cannot reach.

        It publishes between writers; one that stays for long must not leave a thousand segments.
        """
        options = self._options
        patience = 2 if options.background else 1
        return plan_upkeep(self._entries(), options.flush_bytes, patience * options.merge_factor)

    def _next_log(self) -> LogMark | None:
        """Return the log of the next manifest: a new one, unless the present one is empty."""
        if not self._options.log_documents:
            return None
        mark = self._state.mark
        if mark is not None and not mark.n_records:
            return mark
        return create_log(self._root, self._state.manifest.number + 1, self._options.files)

    def _flush(self) -> None:
        """Write logged and pending documents to segments, burying the versions that they replace.

        What is logged came first, and goes first.
        """
        replaced = HashedIds.of(self._pending)
        for held in (*self._held, *self._buffer):
            held.bury(replaced)
        logged = [stored for held in self._buffer for stored in held.view.documents()]
        documents = [*logged, *self._pending.values()]
        self._pending, self._buffer = {}, []
        self._pending_bytes = self._pending_rows = self._n_unflushed_units = 0
        if documents:
            self._held.append(self._written(documents))
            self._has_new_segments = True

    def _written(self, documents: Sequence[StoredDocument]) -> _Held:
        """Return a new segment, which nothing names yet."""
        segment_id = f"{self._state.manifest.number + 1:08d}-{secrets.token_hex(4)}"
        spaces, files = self._state.manifest.spaces, self._options.files
        segments = [held.view.segment for held in self._held]
        coding = choose_coding(spaces, documents, segments, self._options)
        entry = write_segment(self._root, segment_id, spaces, documents, files, coding)
        return _Held(entry, self._live.view(entry))

    def _entries(self) -> list[SegmentEntry]:
        return [held.entry for held in self._held if held.entry is not None]

    def _merge(self, segment_ids: Sequence[str]) -> None:
        """Rewrite the live documents of some neighbours into new segments in their place."""
        names = [held.view.segment.segment_id for held in self._held]
        for run in runs_of(names, segment_ids):
            first = next(n for n, h in enumerate(self._held) if h.view.segment.segment_id == run[0])
            own = slice(first, first + len(run))
            views = [held.view for held in self._held[own]]
            new = batches(views, self._options.flush_bytes)
            self._held[own] = [self._written(batch.documents) for batch in new]

    def _published_entry(self, held: _Held) -> SegmentEntry:
        """Return the segment's entry, with its tombstones on the disk."""
        assert held.entry is not None
        if held.view.dead is None:
            return held.entry
        number = self._state.manifest.number + 1
        return mark_dead(self._root, held.entry, held.view.dead, number, self._options.files)

    # Going on

    def _settle(self, state: State) -> None:
        """Go on from a state that holds all that was pending."""
        self._take_over(state)
        self._start_from(state)

    def _take_over(self, state: State) -> None:
        self._has_published |= state.manifest is not self._state.manifest
        self._state = state
        self._live.put(state)
        if self._log is not None and self._log.mark.name != (state.mark and state.mark.name):
            self._log.close()
            self._log = None


def _no_rows(spec: SpaceSpec) -> MultiVector:
    return MultiVector(np.zeros((0, spec.dim), np.float32))
