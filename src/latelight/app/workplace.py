"""A directory that is filled with a library's files, and is nothing before all of them are there.

```
mark it unfinished  →  write every file  →  take the mark away
```

Taking the mark away is one operation of the file system. Whatever stops the work before it leaves
a directory that nobody takes for a library or a backup, and that the same command clears and fills
again.
"""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from latelight.app.checksums import LIST_NAME
from latelight.errors import AlreadyExistsError
from latelight.index.files import LOCAL_FILES, Files, write_file
from latelight.index.lock import LOCK_NAME, WriterLock
from latelight.pipelines.items import LIBRARY_MARK, UNFINISHED_MARK
from latelight.releases.catalog import CATALOG

_OURS = frozenset(
    {
        UNFINISHED_MARK,
        LIBRARY_MARK,
        LIST_NAME,
        "ns",
        *(f"{CATALOG}{suffix}" for suffix in ("", "-journal", "-wal", "-shm")),
    }
)


class Workplace:
    """A context manager: leaving it finishes the directory, an exception empties it again."""

    def __init__(self, path: Path, files: Files = LOCAL_FILES) -> None:
        """Make the directory, or take one that is empty or was left unfinished.

        Raises:
            AlreadyExistsError: there is something else in it.
            WriterLockedError: another process is filling it.
        """
        self.path = path
        self._files = files
        _check_free(path)
        path.mkdir(parents=True, exist_ok=True)
        self._lock = WriterLock(path)
        try:
            _check_free(path)  # again: another process may just have finished it
            self._begin()
        except BaseException:
            self._lock.release()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
            else:
                self.clear()
                self._files.remove(self._mark)
        finally:
            self._lock.release()

    def clear(self) -> None:
        """Remove all that was written so far."""
        for path in _contents(self.path):
            if path != self._mark:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    @property
    def _mark(self) -> Path:
        return self.path / UNFINISHED_MARK

    def _begin(self) -> None:
        if not self._mark.exists():
            write_file(self._mark, b"", self._files)
        self._files.fsync_directory(self.path)
        self.clear()

    def _finish(self) -> None:
        for directory, _, _ in os.walk(self.path, topdown=False):
            self._files.fsync_directory(Path(directory))
        self._files.fsync_directory(self.path.parent)
        self._files.remove(self._mark)
        self._files.fsync_directory(self.path)


def is_unfinished(path: Path) -> bool:
    """Return whether somebody began to fill a directory and did not come to the end."""
    return (path / UNFINISHED_MARK).exists()


def _check_free(path: Path) -> None:
    if path.exists() and (not path.is_dir() or not _is_free(path)):
        raise AlreadyExistsError(
            f"{path} is not an empty directory. Choose another one, or empty it yourself."
        )


def _is_free(path: Path) -> bool:
    """Return whether a directory is empty, or holds only what a stopped run wrote."""
    names = {child.name for child in _contents(path)}
    return not names or (UNFINISHED_MARK in names and names <= _OURS)


def _contents(path: Path) -> list[Path]:
    return [child for child in path.iterdir() if child.name != LOCK_NAME]
