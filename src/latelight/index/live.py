"""The newest state of a generation, followed as commits come, also those of other processes."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from weakref import WeakValueDictionary

from latelight.errors import CorruptFileError
from latelight.index.buffer import Logged
from latelight.index.documents import HashedIds
from latelight.index.log import LogMark, Record
from latelight.index.log_file import LogReader
from latelight.index.manifest import Manifest, SegmentEntry, is_newest, read_newest
from latelight.index.rows import SpaceSpec
from latelight.index.segment import Segment, segment_directory
from latelight.index.segment_view import SegmentView
from latelight.index.snapshot import Snapshot
from latelight.index.tombstones import read_tombstones

_ATTEMPTS = 50  # each further one means that a commit and its clean-up came in between


@dataclass(frozen=True, eq=False)
class State:
    """What was committed at one moment: a manifest and so much of its logs.

    Attributes:
        manifest: the newest one.
        views: its segments in its order, without what the logs deleted.
        logs: what its logs say, in their order; the last one is being written to.
    """

    manifest: Manifest
    views: tuple[SegmentView, ...]
    logs: tuple[Logged, ...] = ()

    @property
    def mark(self) -> LogMark | None:
        """How far the log that is being written to was read, None when there is none."""
        return self.logs[-1].mark if self.logs else None

    @property
    def sealed(self) -> Logged | None:
        """What the log says that gets no more commits, None when there is none."""
        return self.logs[0] if len(self.logs) > 1 else None

    @property
    def n_logged(self) -> int:
        """How many commits came from the logs."""
        return sum(log.mark.n_records for log in self.logs)

    @property
    def buffer(self) -> Iterator[SegmentView]:
        """What the logs added, in memory."""
        return (buffered.view for log in self.logs for buffered in log.buffer)

    @cached_property
    def snapshot(self) -> Snapshot:
        """The reader's view."""
        views = [*self.views, *self.buffer]
        runs = [(len(log.buffer), log.blocks) for log in self.logs]
        return Snapshot(self.manifest, views, self.n_logged, runs)

    def after(self, records: Sequence[Record]) -> "State":
        """Return the state after more commits of the log that is being written to."""
        if not records:
            return self
        last, gone = self.logs[-1].after(records, self.manifest.spaces)
        return replace(self, logs=self.logs[:-1])._on_top(last, gone)

    def with_log(self, log: Logged) -> "State":
        """Return the state with another log on top."""
        return self._on_top(log, HashedIds.of(log.gone))

    def _on_top(self, log: Logged, gone: HashedIds) -> "State":
        views = tuple(view.buried(gone)[0] for view in self.views)
        before = tuple(other.without(gone) for other in self.logs)
        return State(self.manifest, views, (*before, log))


class Live:
    """A generation's newest state; safe to share between threads."""

    def __init__(self, root: Path, spaces: Mapping[str, SpaceSpec]) -> None:
        self.root = root
        self.spaces = spaces
        self._mutex = threading.RLock()
        self._segments: WeakValueDictionary[str, Segment] = WeakValueDictionary()
        self._views: dict[str, tuple[str | None, SegmentView]] = {}  # as the manifest has them
        self._state: State | None = None

    def state(self) -> State:
        """Return the newest committed state.

        Raises:
            CorruptFileError, FormatVersionError: a file that it names is damaged or too new.
        """
        with self._mutex:
            known = self._state  # keeps its segments open until the next state took them over
            state = known
            for _ in range(_ATTEMPTS):
                manifest = read_newest(self.root) if state is None else state.manifest
                try:
                    state = self._followed(state) if state else self._opened(manifest, known)
                except FileNotFoundError as error:
                    self._check_still_newest(manifest, error)
                    state = None
                    continue
                # Looked at last: the log that was read belonged to the newest manifest then.
                if is_newest(self.root, manifest.number):
                    self.put(state)
                    return state
                state = None
            raise CorruptFileError(
                f"{self.root} changed {_ATTEMPTS} times while it was opened. Try again."
            )

    @property
    def known(self) -> State | None:
        """The state that was committed when somebody looked last; None before anybody did."""
        return self._state

    def opened(self, entry: SegmentEntry) -> SegmentView:
        """Return a segment before a manifest names it, with what every search needs of it.

        Whoever keeps it until it is published spares the next search the opening.
        """
        view = self.view(entry)
        for rows in view.segment.spaces.values():
            _ = (rows.filled, rows.coded)
        _ = (view.segment.units, view.segment.metadata, view.segment.postings)
        return view

    def put(self, state: State) -> None:
        """Take over a committed state, such as our own writer's."""
        with self._mutex:
            if self._state is None or self._state.manifest is not state.manifest:
                kept = {entry.segment_id for entry in state.manifest.segments}
                self._views = {key: v for key, v in self._views.items() if key in kept}
            self._state = state

    def release(self) -> None:
        """Let go of all files; snapshots that others hold stay open."""
        with self._mutex:
            self._state = None
            self._segments.clear()
            self._views.clear()

    def view(self, entry: SegmentEntry) -> SegmentView:
        """Return a segment as its manifest describes it."""
        with self._mutex:
            known = self._views.get(entry.segment_id)
            if known is None or known[0] != entry.tombstones:
                view = self._opened_view(entry, None if known is None else known[1])
                known = self._views[entry.segment_id] = (entry.tombstones, view)
            return known[1]

    def _opened_view(self, entry: SegmentEntry, known: SegmentView | None) -> SegmentView:
        if known is None:
            segment = self._segments.get(entry.segment_id)
            if segment is None:
                segment = Segment.open(self.root, entry.segment_id, self.spaces)
                self._segments[entry.segment_id] = segment
            known = SegmentView(segment, None)
        if entry.tombstones is None:
            return replace(known, dead=None)
        directory = segment_directory(self.root, entry.segment_id)
        return replace(known, dead=read_tombstones(directory / entry.tombstones))

    def _check_still_newest(self, manifest: Manifest, error: FileNotFoundError) -> None:
        """Raise CorruptFileError, unless the file went because a newer manifest came."""
        if is_newest(self.root, manifest.number):
            raise CorruptFileError(
                f"{error.filename}, which MANIFEST-{manifest.number:012d} names, is missing. "
                "Restore it from a copy, or add the documents again."
            ) from error

    def _opened(self, manifest: Manifest, known: State | None) -> State:
        """Return a manifest's state; logs that are known already are only read on."""
        state = State(manifest, tuple(self.view(entry) for entry in manifest.segments))
        carried = self._carried(manifest, known)
        for name in manifest.logs:
            with LogReader(self.root, name) as reader:
                log = carried.get(name) or Logged(reader.start())
                state = state.with_log(log).after(reader.read(log.mark))
        return state

    def _carried(self, manifest: Manifest, known: State | None) -> dict[str, Logged]:
        """Return what is known of a manifest's logs, nothing once a commit was taken back.

        What one log says takes into account what came after it.
        """
        found = {log.mark.name: log for log in known.logs} if known is not None else {}
        carried = {name: found[name] for name in manifest.logs if name in found}
        for name, log in carried.items():
            with LogReader(self.root, name) as reader:
                if not reader.continues(log.mark):
                    return {}
        return carried

    def _followed(self, state: State) -> State:
        mark = state.mark
        if mark is None:
            return state
        with LogReader(self.root, mark.name) as reader:
            if reader.is_at(mark):
                return state
            if reader.continues(mark):
                return state.after(reader.read(mark))
        return self._opened(state.manifest, None)
