"""The newest state of a generation, followed as commits come, also those of other processes."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from weakref import WeakValueDictionary

from latelight.errors import CorruptFileError
from latelight.index.buffer import Buffered, buried, replayed
from latelight.index.log import LogMark, Record
from latelight.index.log_file import LogReader
from latelight.index.manifest import Manifest, SegmentEntry, is_newest, read_newest
from latelight.index.rows import SpaceSpec
from latelight.index.segment import Segment, segment_directory
from latelight.index.snapshot import SegmentView, Snapshot
from latelight.index.tombstones import read_tombstones

_ATTEMPTS = 50  # each further one means that a commit and its clean-up came in between


@dataclass(frozen=True, eq=False)
class State:
    """What was committed at one moment: a manifest and so much of its log.

    Attributes:
        manifest: the newest one.
        views: its segments in its order, without what the log deleted.
        buffer: what the log added, in memory.
        mark: how far the log was read, None when there is none.
    """

    manifest: Manifest
    views: tuple[SegmentView, ...]
    buffer: tuple[Buffered, ...] = ()
    mark: LogMark | None = None

    @property
    def n_logged(self) -> int:
        """How many commits came from the log."""
        return 0 if self.mark is None else self.mark.n_records

    @cached_property
    def snapshot(self) -> Snapshot:
        """The reader's view."""
        views = [*self.views, *(b.view for b in self.buffer)]
        return Snapshot(self.manifest, views, self.n_logged)

    def after(self, records: list[Record]) -> "State":
        """Return the state after more commits of the log."""
        if not records or self.mark is None:
            return self
        buffer, gone = replayed(self.buffer, records, self.manifest.spaces)
        views = tuple(buried(view, gone)[0] for view in self.views)
        return replace(self, views=views, buffer=buffer, mark=self.mark.after(records))


class Live:
    """A generation's newest state; safe to share between threads."""

    def __init__(self, root: Path, spaces: Mapping[str, SpaceSpec]) -> None:
        self.root = root
        self.spaces = spaces
        self._mutex = threading.RLock()
        self._segments: WeakValueDictionary[str, Segment] = WeakValueDictionary()
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
                    state = self._opened(manifest) if state is None else self._followed(state)
                except FileNotFoundError as error:
                    self._check_still_newest(manifest, error)
                    state = None
                    continue
                # Looked at last: the log that was read belonged to the newest manifest then.
                if is_newest(self.root, manifest.number):
                    self._state = state
                    return state
                state = None
            raise CorruptFileError(
                f"{self.root} changed {_ATTEMPTS} times while it was opened. Try again."
            )

    def put(self, state: State) -> None:
        """Take over the state that our own writer committed."""
        with self._mutex:
            self._state = state

    def release(self) -> None:
        """Let go of all files; snapshots that others hold stay open."""
        with self._mutex:
            self._state = None
            self._segments.clear()

    def view(self, entry: SegmentEntry) -> SegmentView:
        """Return a segment as its manifest describes it."""
        with self._mutex:
            segment = self._segments.get(entry.segment_id)
            if segment is None:
                segment = Segment.open(self.root, entry.segment_id, self.spaces)
                self._segments[entry.segment_id] = segment
        if entry.tombstones is None:
            return SegmentView(segment, None)
        directory = segment_directory(self.root, entry.segment_id)
        return SegmentView(segment, read_tombstones(directory / entry.tombstones))

    def _check_still_newest(self, manifest: Manifest, error: FileNotFoundError) -> None:
        """Raise CorruptFileError, unless the file went because a newer manifest came."""
        if is_newest(self.root, manifest.number):
            raise CorruptFileError(
                f"{error.filename}, which MANIFEST-{manifest.number:012d} names, is missing. "
                "Restore it from a copy, or add the documents again."
            ) from error

    def _opened(self, manifest: Manifest) -> State:
        state = State(manifest, tuple(self.view(entry) for entry in manifest.segments))
        if manifest.log is None:
            return state
        with LogReader(self.root, manifest.log) as reader:
            mark = reader.start()
            return replace(state, mark=mark).after(reader.read(mark))

    def _followed(self, state: State) -> State:
        mark = state.mark
        if mark is None:
            return state
        with LogReader(self.root, mark.name) as reader:
            if reader.is_at(mark):
                return state
            if reader.continues(mark):
                return state.after(reader.read(mark))
        return self._opened(state.manifest)
