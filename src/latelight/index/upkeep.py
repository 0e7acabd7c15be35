"""The threads that work behind the writers' backs: one that flushes, one that merges."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace

from latelight.errors import WriterLockedError
from latelight.index.flushing import flush_sealed
from latelight.index.live import Live, State
from latelight.index.manifest import SegmentEntry
from latelight.index.merge_policy import plan_upkeep
from latelight.index.merging import entries_now, merge
from latelight.index.options import WriterOptions
from latelight.kernels.pacing import in_background


class Upkeep:
    """Makes segments of sealed logs, and merges crowds of small ones, once writers have left."""

    def __init__(self, live: Live, options: WriterOptions) -> None:
        self._live = live
        self._options = replace(options, n_threads=1)  # the cores are for searches
        self._flushes = _Job("latelight-flush", self._flush, self._is_late)
        self._merges = _Job("latelight-upkeep", self._merge)
        self._given_up = ""  # a sealed log that could not be flushed: left to the next writer

    @property
    def error(self) -> Exception | None:
        """What ended the last round of flushes or merges, None when they went well."""
        return self._flushes.error or self._merges.error

    def look(self, state: State) -> None:
        """Start what there is to do, unless it is being done."""
        if not self._options.background:
            return
        if state.sealed is not None and state.sealed.mark.name != self._given_up:
            self._flushes.start()
        if self.plan(entries_now(state)):
            self._merges.start()

    def join(self) -> None:
        """Return once nothing is being done."""
        self._flushes.join()  # a flush may be followed by a merge
        self._merges.join()

    def plan(self, segments: Sequence[SegmentEntry]) -> tuple[str, ...]:
        """Return which segments a round would merge."""
        return plan_upkeep(segments, self._options.flush_bytes, self._options.merge_factor)

    def _is_late(self) -> bool:
        """Return whether the log that is written to will soon be full again."""
        state = self._live.known
        mark = None if state is None else state.mark
        return mark is not None and 2 * mark.n_records > self._options.log_documents

    def _flush(self) -> None:
        state = self._live.state()
        try:
            while flush_sealed(self._live, self._options) is not None:
                state = self._live.state()
        except WriterLockedError:
            pass  # who writes for so long flushes it, or leaves it to us at the end
        except Exception:
            self._given_up = "" if state.sealed is None else state.sealed.mark.name
            raise
        self.look(self._live.state())

    def _merge(self) -> None:
        while merge(self._live, self._options, self.plan) is not None:
            pass


class _Job:
    """Work that one thread at a time does.

    Attributes:
        error: what ended the last round, None when it went well.
    """

    def __init__(
        self, name: str, work: Callable[[], None], is_urgent: Callable[[], bool] = lambda: False
    ) -> None:
        self.error: Exception | None = None
        self._name = name
        self._work = work
        self._is_urgent = is_urgent
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self._is_asked = False

    def start(self) -> None:
        """Begin a round, or another one after that which is going on and may not see what is new.

        A round that asks itself is not begun again: it has seen what there is.
        """
        with self._mutex:
            if self._thread is threading.current_thread():
                return
            self._is_asked = True
            if self._thread is None:
                # Not a daemon: a program that ends waits for the work instead of wasting it.
                self._thread = threading.Thread(target=self._rounds, name=self._name)
                self._thread.start()

    def join(self) -> None:
        """Return once no round is going on."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def _rounds(self) -> None:
        while self._goes_on():
            try:
                with in_background(self._is_urgent):
                    self._work()
                self.error = None
            except Exception as error:  # kept for whoever asks: nobody waits for this thread
                self.error = error

    def _goes_on(self) -> bool:
        """Take what was asked for; where nothing was, the thread ends."""
        with self._mutex:
            asked, self._is_asked = self._is_asked, False
            if not asked:
                self._thread = None
            return asked
