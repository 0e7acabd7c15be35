"""The disk operations whose order decides what survives a crash.

Everything that the index writes goes through one `Files` object. Tests pass one that fails or
kills the process at a chosen step; production uses `LOCAL_FILES`.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import BinaryIO

TEMPORARY_SUFFIX = ".tmp"
WINDOWS = sys.platform == "win32"


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

    def open_log(self, path: Path) -> BinaryIO:
        """Return a log that is there, open for appending; nothing is buffered."""
        return path.open("r+b", buffering=0)

    def append(self, file: BinaryIO, data: bytes) -> None:
        """Write at the end of a log; OSError may leave a part of it there."""
        file.seek(0, os.SEEK_END)
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]

    def fsync_data(self, file: BinaryIO) -> None:
        """Return once the file's bytes and length are on the disk; its times may not be."""
        _fdatasync(file.fileno())

    def truncate(self, file: BinaryIO, length: int) -> None:
        """Cut a log to a length; it is on the disk when this returns."""
        file.truncate(length)
        os.fsync(file.fileno())

    def copy(self, source: Path, target: Path) -> None:
        """Give a file that never changes a second name, or copy it where that cannot be."""
        try:
            os.link(source, target)
        except FileNotFoundError:
            raise
        except OSError:  # another file system, or one without hard links
            with source.open("rb") as from_file, self.create(target) as to_file:
                shutil.copyfileobj(from_file, to_file, 1 << 20)
                self.fsync(to_file)

    def fsync_directory(self, path: Path) -> None:
        """Return once the directory's entries are on the disk.

        Windows opens no directories for this; NTFS writes their entries in order by itself.
        """
        if WINDOWS:
            return
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

    def discard(self, path: Path) -> bool:
        """Remove a file that nobody needs; return whether it is gone.

        Windows keeps files that somebody has open or mapped: they stay for the next clean-up.
        """
        try:
            self.remove(path)
        except PermissionError:
            if not WINDOWS:
                raise
            return False
        return True

    def remove_directory(self, path: Path) -> None:
        """Remove an empty directory; OSError when something is left in it."""
        path.rmdir()


LOCAL_FILES = Files()

_fdatasync = getattr(os, "fdatasync", os.fsync)  # macOS has only the latter


def write_file(path: Path, data: bytes, files: Files = LOCAL_FILES) -> None:
    """Write a new file whose bytes are on the disk when this returns."""
    with files.create(path) as file:
        file.write(data)
        files.fsync(file)
