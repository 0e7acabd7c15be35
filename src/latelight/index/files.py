"""The disk operations whose order decides what survives a crash.

Everything that the index writes goes through one `Files` object. Tests pass one that fails or
kills the process at a chosen step; production uses `LOCAL_FILES`.
"""

import os
from pathlib import Path
from typing import BinaryIO

TEMPORARY_SUFFIX = ".tmp"


class Files:
    """Create, flush, publish and remove files on a local disk."""

    def create(self, path: Path) -> BinaryIO:
        """Return a new file open for writing; FileExistsError when the name is taken."""
        return path.open("xb")

    def make_directory(self, path: Path) -> None:
        """Make one directory below an existing one."""
        path.mkdir()

    def fsync(self, file: BinaryIO) -> None:
        """Return once the file's bytes are on the disk."""
        file.flush()
        os.fsync(file.fileno())

    def fsync_directory(self, path: Path) -> None:
        """Return once the directory's entries are on the disk."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def publish(self, temporary: Path, final: Path) -> None:
        """Give a finished file its name; FileExistsError when another writer was first.

        A hard link refuses an existing name, which a rename would replace.
        """
        try:
            os.link(temporary, final)
        except FileExistsError:
            raise
        except OSError:  # a file system without hard links: the writer's lock is the only guard
            if final.exists():
                raise FileExistsError(str(final)) from None
            temporary.rename(final)

    def remove(self, path: Path) -> None:
        """Remove a file; one that is gone already is fine."""
        path.unlink(missing_ok=True)

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; OSError when something is left in it."""
        path.rmdir()


LOCAL_FILES = Files()


def write_file(path: Path, data: bytes, files: Files = LOCAL_FILES) -> None:
    """Write a new file whose bytes are on the disk when this returns."""
    with files.create(path) as file:
        file.write(data)
        files.fsync(file)
