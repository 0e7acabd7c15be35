"""Files of a form, read as they are sent: one is open at a time, none is in memory whole."""

import io
import os
from pathlib import Path
from typing import IO

from latelight.client.steps import FilePart
from latelight.errors import FileChangedError, UnreadableFileError
from latelight.pipelines.reading import kind_of


def sent_file(part: FilePart) -> "bytes | SentFile":
    """Return what a form takes for a file."""
    return part.content if isinstance(part.content, bytes) else SentFile(part)


class SentFile:
    """As much of a file as a form needs: opened when its turn comes, closed at its end."""

    def __init__(self, part: FilePart) -> None:
        """Open nothing yet."""
        self._part = part
        self._at = 0
        self._file: IO[bytes] | None = None

    def tell(self) -> int:
        """Return the place to read from."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move the place to read from."""
        self._close()
        self._at = offset + {io.SEEK_SET: 0, io.SEEK_END: self._part.n_bytes}[whence]
        return self._at

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            UnreadableFileError: the file is gone, or is no regular file.
            FileChangedError: it is not as long as it was.
        """
        left = self._part.n_bytes - self._at
        if left <= 0:
            self._close()
            return b""
        if self._file is None:
            self._file = opened(self._part.content, follow_links=self._part.follow_links)
            self._file.seek(self._at)
        data = self._file.read(left if size < 0 else min(size, left))
        if not data:
            self._close()
            raise FileChangedError(
                f"{self._part.name} became shorter while it was sent: {self._at:,} bytes of "
                f"{self._part.n_bytes:,} were there. Add it again when nobody writes to it."
            )
        self._at += len(data)
        return data

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def opened(path: Path | bytes, *, follow_links: bool) -> IO[bytes]:
    """Return a regular file, opened.

    Raises:
        UnreadableFileError: it is gone, may not be read, or is no regular file.
    """
    assert isinstance(path, Path)
    # Without O_NONBLOCK opening a named pipe would wait for somebody to write into it.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    link = 0 if follow_links else getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags | link | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise UnreadableFileError(
            f"{path.name}: cannot be read ({why}), expected a file that this user may read; "
            "correct its permissions or its path, or leave it out."
        ) from error
    if kind := kind_of(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableFileError(
            f"{path.name}: is {kind}, expected a regular file; leave it out, or copy what it gives "
            "into a file."
        )
    return os.fdopen(descriptor, "rb")
