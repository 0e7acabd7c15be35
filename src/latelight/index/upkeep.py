"""The thread that merges segments behind the writers' backs: at most one for each store."""

import threading
from collections.abc import Sequence

from latelight.index.live import Live
from latelight.index.manifest import SegmentEntry
from latelight.index.merge_policy import plan_upkeep
from latelight.index.merging import merge
from latelight.index.options import WriterOptions


class Upkeep:
    """Merges crowds of small segments once writers have left them.

    Attributes:
        error: what ended the last round, None when it went well.
    """

    def __init__(self, live: Live, options: WriterOptions) -> None:
        self._live = live
        self._options = options
        self._mutex = threading.Lock()
        self._thread: threading.Thread | None = None
        self.error: Exception | None = None

    def look(self, segments: Sequence[SegmentEntry]) -> None:
        """Start a round when there is something to do and none is going on."""
        if not self._options.background or not self.plan(segments):
            return
        with self._mutex:
            if self._thread is None or not self._thread.is_alive():
                # Not a daemon: a program that ends waits for the merge instead of wasting it.
                self._thread = threading.Thread(target=self._round, name="latelight-upkeep")
                self._thread.start()

    def join(self) -> None:
        """Return once no round is going on."""
        thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def plan(self, segments: Sequence[SegmentEntry]) -> tuple[str, ...]:
        """Return which segments a round would merge."""
        return plan_upkeep(segments, self._options.flush_bytes, self._options.merge_factor)

    def _round(self) -> None:
        try:
            while merge(self._live, self._options, self.plan) is not None:
                pass
            self.error = None
        except Exception as error:  # kept for whoever asks: nobody waits for this thread
            self.error = error
