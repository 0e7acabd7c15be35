"""One writer at a time: an advisory lock that the system drops when its process ends."""

import os
import sys
import time
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Self
from weakref import WeakSet

from latelight.errors import WriterLockedError
from latelight.index.system_lock import system_lock

LOCK_NAME = "LOCK"
_PAUSE_SECONDS = 0.002


class WriterLock:
    """Held from construction until `release`, or as a context manager."""

    name = LOCK_NAME
    work = "written"

    def __init__(self, directory: Path, seconds: float = 0.0) -> None:
        """Take the lock, after waiting for it at most so long.

        Raises:
            WriterLockedError: somebody else has it; the message names the process.
        """
        self._file = (directory / self.name).open("a+b", buffering=0)
        self._system = system_lock()
        deadline = time.monotonic() + seconds
        while not self._taken():
            if time.monotonic() >= deadline:
                holder = self._holder()
                self._file.close()
                raise WriterLockedError(
                    f"{directory} is being {self.work} by process {holder}; one at a time. "
                    "Wait for it to finish, or stop it."
                )
            time.sleep(_PAUSE_SECONDS)
        self._sign()
        _held().add(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def _taken(self) -> bool:
        try:
            return self._system.take(self._file.fileno())
        except BaseException:
            self._file.close()
            raise

    def _sign(self) -> None:
        own = str(os.getpid())
        if self._holder() != own:  # a process that commits often need not write it each time
            self._file.truncate(0)
            self._file.write(own.encode())

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read(32).decode("ascii", "replace") or "unknown"

    def release(self) -> None:
        """Let the next writer in; the file stays, since removing it would race."""
        _held().discard(self)
        if not self._file.closed:
            self._system.let_go(self._file.fileno())
        self._file.close()


class MergeLock(WriterLock):
    """Held by who rewrites segments, from choosing them to publishing."""

    name = "MERGE"
    work = "compacted"


class FlushLock(WriterLock):
    """Held by who turns a sealed log into a segment, from reading it to publishing."""

    name = "FLUSH"
    work = "flushed"


@cache
def _held() -> WeakSet[WriterLock]:
    """Return this process's locks, which a forked child lets go of.

    The child would keep the lock beyond the death of its parent: a pool of workers that outlives
    a killed writer must not keep the next one out.
    """
    held: WeakSet[WriterLock] = WeakSet()
    if sys.platform != "win32":  # which has no fork
        os.register_at_fork(after_in_child=lambda: _let_go(held))
    return held


def _let_go(held: WeakSet[WriterLock]) -> None:
    for lock in list(held):
        lock.release()
