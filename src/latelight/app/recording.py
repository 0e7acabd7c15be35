"""What people saw, on its way into the log: kept in memory and written in batches."""

import threading
import time
import weakref
from contextlib import suppress

from latelight.app.counting import FORGET_SECONDS, WRITE_SECONDS, Keeping
from latelight.errors import LatelightError
from latelight.releases.interactions import InteractionStore, ShownSearch

MOST_WAITING = 500
"""Searches that wait to be written at most; beyond, they are written at once."""


class Recording:
    """Writes searches every second, when somebody asks, and as the process ends."""

    def __init__(self, store: InteractionStore, keeping: Keeping) -> None:
        """Write into `store`, which keeps as much as `keeping` says."""
        self._store = store
        self._keeping = keeping
        self._buffer = _Buffer(store)
        self._n_new = 0
        self._last_look = float("-inf")
        weakref.finalize(self, self._buffer.write_quietly)

    def add(self, shown: ShownSearch) -> None:
        """Log a search; it is written soon."""
        if self._buffer.add(shown):
            timer = threading.Timer(WRITE_SECONDS, self._write)
            timer.name, timer.daemon = "latelight-log", True
            timer.start()
        if len(self._buffer) >= MOST_WAITING:
            self._write()

    def write(self) -> None:
        """Write what was logged so far.

        Raises:
            StorageError: the catalog cannot be written; everything is kept for the next time.
        """
        self._n_new += self._buffer.write()
        is_time = time.monotonic() - self._last_look >= FORGET_SECONDS
        if self._n_new and (is_time or self._n_new > self._keeping.most // 10):
            self._n_new, self._last_look = 0, time.monotonic()
            self._store.forget(self._keeping.days, self._keeping.most)

    def _write(self) -> None:
        with suppress(LatelightError):  # logging must not disturb anybody
            self.write()


class _Buffer:
    """Searches in memory; outlives whoever fills it, so that nothing is lost at the end."""

    def __init__(self, store: InteractionStore) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._writing = threading.Lock()
        self._waiting: list[ShownSearch] = []
        self._is_due = False

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, shown: ShownSearch) -> bool:
        """Keep a search; return whether nobody has promised to write yet."""
        with self._mutex:
            self._waiting.append(shown)
            promised, self._is_due = self._is_due, True
            return not promised

    def write(self) -> int:
        """Write everything; return how many searches it was."""
        with self._writing:
            with self._mutex:
                taken, self._waiting = self._waiting, []
                self._is_due = False
            if not taken:
                return 0
            try:
                self._store.write(taken)
            except LatelightError:
                with self._mutex:
                    self._waiting = [*taken, *self._waiting]
                raise
            return len(taken)

    def write_quietly(self) -> None:
        with suppress(LatelightError):
            self.write()
