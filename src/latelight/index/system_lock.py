"""The operating system's lock of an open file: taken without waiting, gone when its process ends.

POSIX systems lock the whole file, Windows ranges of bytes. Which one is at hand is decided here
and nowhere else; both are handed their system calls, so that each can be tested anywhere.
"""

import errno
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


class SystemLock(Protocol):
    """One way to lock a file, given its descriptor."""

    def take(self, descriptor: int) -> bool:
        """Return whether the file is locked by this descriptor now; False when another has it."""
        ...

    def let_go(self, descriptor: int) -> None:
        """Unlock what was taken; the caller closes the file next."""
        ...


@dataclass(frozen=True)
class FileLock:
    """`flock`: belongs to the open file, also where several descriptors stand for it.

    Attributes:
        flock: the system call.
        exclusive: its flags for taking a lock without waiting.
    """

    flock: Callable[[int, int], object]
    exclusive: int

    def take(self, descriptor: int) -> bool:
        """Lock the file."""
        try:
            self.flock(descriptor, self.exclusive)
        except BlockingIOError:
            return False
        return True

    def let_go(self, descriptor: int) -> None:
        """Leave it to closing: a forked child that unlocked would unlock its parent's file too."""


_PLACE = 1 << 30
_TAKEN = (errno.EACCES, errno.EDEADLK)


@dataclass(frozen=True)
class ByteLock:
    """A byte far behind the file's end: what is locked on Windows nobody else can read.

    Attributes:
        locking: `msvcrt.locking`, which locks from the descriptor's position on.
        exclusive, unlock: its modes for taking a lock without waiting, and for giving it back.
    """

    locking: Callable[[int, int, int], object]
    exclusive: int
    unlock: int

    def take(self, descriptor: int) -> bool:
        """Lock the byte."""
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        try:
            self.locking(descriptor, self.exclusive, 1)
        except OSError as error:
            if error.errno in _TAKEN:
                return False
            raise
        return True

    def let_go(self, descriptor: int) -> None:
        """Unlock the byte: closing alone lets Windows take its time."""
        os.lseek(descriptor, _PLACE, os.SEEK_SET)
        self.locking(descriptor, self.unlock, 1)


def system_lock() -> SystemLock:
    """Return the way that this system has."""
    if sys.platform == "win32":
        import msvcrt

        return ByteLock(msvcrt.locking, msvcrt.LK_NBLCK, msvcrt.LK_UNLCK)
    import fcntl

    return FileLock(fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB)
