"""Disk operations that fail, kill the process or run out of space at a chosen step."""

import errno
import io
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

from latelight.index.files import Files


class InjectedError(Exception):
    """The fault."""


class CountedFiles(Files):
    """Calls `fault` instead of the operation of this number; `log` names all that were begun."""

    def __init__(self, fail_at: int = -1) -> None:
        self.log: list[str] = []
        self._fail_at = fail_at

    def fault(self) -> None:
        raise InjectedError(self.log[-1])

    def _step(self, name: str, path: Path | None = None) -> None:
        self.log.append(name if path is None else f"{name} {path.name.split('-')[0]}")
        if len(self.log) - 1 == self._fail_at:
            self.fault()

    def create(self, path: Path) -> BinaryIO:
        self._step("create", path)
        return super().create(path)

    def make_directory(self, path: Path) -> None:
        self._step("make_directory", path)
        super().make_directory(path)

    def fsync(self, file: BinaryIO) -> None:
        self._step("fsync")
        super().fsync(file)

    def open_log(self, path: Path) -> BinaryIO:
        self._step("open_log")
        return super().open_log(path)

    def append(self, file: BinaryIO, data: bytes) -> None:
        """Write the half, a step of its own, and then the rest."""
        self._step("append")
        super().append(file, data[: len(data) // 2])
        self._step("append the rest")
        super().append(file, data[len(data) // 2 :])

    def fsync_data(self, file: BinaryIO) -> None:
        self._step("fsync_data")
        super().fsync_data(file)

    def truncate(self, file: BinaryIO, length: int) -> None:
        self._step("truncate")
        super().truncate(file, length)

    def copy(self, source: Path, target: Path) -> None:
        self._step("copy", target)
        super().copy(source, target)

    def fsync_directory(self, path: Path) -> None:
        self._step("fsync_directory")
        super().fsync_directory(path)

    def publish(self, temporary: Path, final: Path) -> None:
        self._step("publish", final)
        super().publish(temporary, final)

    def remove(self, path: Path) -> None:
        self._step("remove", path)
        super().remove(path)


class KillingFiles(CountedFiles):
    """Kills the process at the step: nothing gets a chance to clean up."""

    def fault(self) -> None:
        os.kill(os.getpid(), signal.SIGKILL)


class PowerCut(CountedFiles):
    """At the step the power goes: what was not flushed is lost, and nothing works any more.

    Bytes are lost behind those that the last flush of their file found, names that came after the
    last flush of their directory.
    """

    def __init__(self, fail_at: int = -1) -> None:
        super().__init__(fail_at)
        self._is_off = False
        self._n_flushed: dict[Path, int] = {}
        self._new_names: set[Path] = set()

    def fault(self) -> None:
        self.cut()
        super().fault()

    def cut(self) -> None:
        self._is_off = True
        for path in sorted(self._new_names, reverse=True):
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        for path, n_bytes in self._n_flushed.items():
            if path.exists() and path.stat().st_size > n_bytes:
                os.truncate(path, n_bytes)

    def _step(self, name: str, path: Path | None = None) -> None:
        if self._is_off:
            raise InjectedError("the power is off")
        super()._step(name, path)

    def create(self, path: Path) -> BinaryIO:
        file = super().create(path)
        self._new_names.add(path)
        self._n_flushed[path] = 0
        return file

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)
        self._new_names.add(path)

    def fsync(self, file: BinaryIO) -> None:
        super().fsync(file)
        self._flushed(file)

    def open_log(self, path: Path) -> BinaryIO:
        file = super().open_log(path)
        self._n_flushed.setdefault(path, path.stat().st_size)
        return file

    def fsync_data(self, file: BinaryIO) -> None:
        super().fsync_data(file)
        self._flushed(file)

    def truncate(self, file: BinaryIO, length: int) -> None:
        super().truncate(file, length)
        self._flushed(file)

    def fsync_directory(self, path: Path) -> None:
        super().fsync_directory(path)
        self._new_names = {name for name in self._new_names if name.parent != path}

    def publish(self, temporary: Path, final: Path) -> None:
        super().publish(temporary, final)
        self._new_names.add(final)
        self._n_flushed[final] = self._n_flushed[temporary]

    def _flushed(self, file: BinaryIO) -> None:
        self._n_flushed[Path(file.name)] = os.fstat(file.fileno()).st_size


_KILLED_CHILDREN = """
import importlib, os, signal, sys
from pathlib import Path
from tests.index.faults import KillingFiles
module, name, way, *copies = sys.argv[1:]
action = getattr(importlib.import_module(module), name)
for step, copy in enumerate(copies):
    child = os.fork()
    if not child:
        action(Path(copy), KillingFiles(step), *([way] if way else []))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, step
"""


def kill_at_each_step(module: str, action: str, way: str, copies: Sequence[Path]) -> None:
    """Run `action(copy, files, way)` for each copy, killed at the step of the copy's number."""
    command = [sys.executable, "-c", _KILLED_CHILDREN, module, action, way, *map(str, copies)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True)


class FullDisk(Files):
    """A disk with room for so many bytes more."""

    def __init__(self, n_bytes: int) -> None:
        self.n_bytes = n_bytes

    def create(self, path: Path) -> BinaryIO:
        return _Limited(path, self)

    def append(self, file: BinaryIO, data: bytes) -> None:
        room = max(self.n_bytes, 0)
        self.n_bytes -= len(data)
        super().append(file, data[:room])
        if self.n_bytes < 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    def truncate(self, file: BinaryIO, length: int) -> None:
        file.truncate(length)


class BrokenDisk(FullDisk):
    """A full disk that does not even let go of what is there."""

    def truncate(self, file: BinaryIO, length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")


class _Limited(io.FileIO):
    def __init__(self, path: Path, disk: FullDisk) -> None:
        super().__init__(path, "xb")
        self._disk = disk

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self._disk.n_bytes -= len(data)
        if self._disk.n_bytes < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(data)


class QuickFiles(Files):
    """Does not wait for the disk; `meanwhile` is called once when a merge begins to write."""

    meanwhile: Callable[[], object] | None = None

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)
        if path.name.endswith("-merge") and self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            meanwhile()

    def fsync(self, file: BinaryIO) -> None:
        file.flush()

    def fsync_data(self, file: BinaryIO) -> None:
        pass

    def fsync_directory(self, path: Path) -> None:
        pass
