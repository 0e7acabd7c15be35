"""A file's bytes, read once and whole, or a reason why not.

What is hashed, extracted and kept is one and the same read. A file that somebody writes to
meanwhile is read again, and then refused: half of one version and half of another is neither.
"""

import os
import stat
import time
from pathlib import Path

from latelight.errors import FileChangedError, FileTooLargeError, UnreadableFileError

ATTEMPTS = 3
PAUSE_SECONDS = 0.05

_KINDS = (
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISLNK, "a symbolic link"),
)


def kind_of(mode: int) -> str:
    """Return what a file that is no regular file is, in words; empty for a regular one."""
    if stat.S_ISREG(mode):
        return ""
    return next((name for test, name in _KINDS if test(mode)), "no regular file")


def read_file(path: Path, max_bytes: int, *, follow_links: bool = True) -> bytes:
    """Return a regular file's bytes, all of one moment.

    Args:
        path: the file.
        max_bytes: longer files are refused before they are read.
        follow_links: whether `path` itself may be a symbolic link.

    Raises:
        UnreadableFileError: it is gone, may not be read, or is no regular file.
        FileTooLargeError: it is longer than allowed.
        FileChangedError: it was written to while it was read, several times over.
    """
    for attempt in range(ATTEMPTS):
        if attempt:
            time.sleep(PAUSE_SECONDS)
        data = _read_once(path, max_bytes, follow_links)
        if data is not None:
            return data
    raise FileChangedError(
        f"{path.name}: changed while it was read, {ATTEMPTS} times; add it again when nobody "
        "writes to it."
    )


def _read_once(path: Path, max_bytes: int, follow_links: bool) -> bytes | None:
    """Return the bytes, None when they changed while they were read."""
    try:
        # Without O_NONBLOCK opening a named pipe would wait for somebody to write into it.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        link = 0 if follow_links else getattr(os, "O_NOFOLLOW", 0)
        descriptor = os.open(path, flags | link | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise UnreadableFileError(_cannot(path, error)) from error
    try:
        before = os.fstat(descriptor)
        _check_regular(path, before)
        _check_length(path, before.st_size, max_bytes)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            data = file.read(max_bytes + 1)
        return data if _is_same(path, before, os.fstat(descriptor), len(data)) else None
    except OSError as error:
        raise UnreadableFileError(_cannot(path, error)) from error
    finally:
        os.close(descriptor)


def _is_same(path: Path, before: os.stat_result, after: os.stat_result, n_read: int) -> bool:
    try:
        now = path.stat()
    except OSError:  # replaced or removed: what was read was whole all the same
        now = after
    states = {(s.st_dev, s.st_ino, s.st_size, s.st_mtime_ns) for s in (before, after, now)}
    return len(states) == 1 and n_read == before.st_size


def _check_regular(path: Path, found: os.stat_result) -> None:
    kind = kind_of(found.st_mode)
    if kind:
        raise UnreadableFileError(
            f"{path.name}: is {kind}, expected a regular file; leave it out, or copy what it "
            "gives into a file."
        )


def _check_length(path: Path, n_bytes: int, max_bytes: int) -> None:
    if n_bytes > max_bytes:
        raise FileTooLargeError(
            f"{path.name}: {n_bytes:,} bytes, at most {max_bytes:,} are read; split the file or "
            "raise max_bytes."
        )


def _cannot(path: Path, error: Exception) -> str:
    why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return (
        f"{path.name}: cannot be read ({why}), expected a file that this user may read; correct "
        "its permissions or its path, or leave it out."
    )
