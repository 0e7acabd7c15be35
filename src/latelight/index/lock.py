"""One writer at a time: an advisory lock that the system drops when its process ends."""

import fcntl
import os
from pathlib import Path
from typing import BinaryIO

from latelight.errors import WriterLockedError

LOCK_NAME = "LOCK"


class WriterLock:
    """Held from construction until `release`."""

    def __init__(self, directory: Path) -> None:
        self._file: BinaryIO = (directory / LOCK_NAME).open("a+b")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = self._holder()
            self._file.close()
            raise WriterLockedError(
                f"{directory} is being written by process {holder}; one process writes at a "
                "time. Wait for it to finish, or stop it."
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()).encode())
        self._file.flush()

    def _holder(self) -> str:
        self._file.seek(0)
        return self._file.read(32).decode("ascii", "replace") or "unknown"

    def release(self) -> None:
        """Let the next writer in; the file stays, since removing it would race."""
        self._file.close()
