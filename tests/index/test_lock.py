"""The writer's lock over both systems' calls; Windows' are played by a table in memory."""

import errno
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from latelight.errors import WriterLockedError
from latelight.index import lock as lock_module
from latelight.index.lock import MergeLock, WriterLock
from latelight.index.system_lock import ByteLock, FileLock, system_lock
from tests.index.making import ids_of, make_store, put


class PlayedWindows:
    """`msvcrt.locking` as its documentation says: bytes from the descriptor's position on."""

    LK_UNLCK, LK_NBLCK = 0, 2

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], int] = {}

    def locking(self, descriptor: int, mode: int, n_bytes: int) -> None:
        assert n_bytes == 1
        place = (os.fstat(descriptor).st_ino, os.lseek(descriptor, 0, os.SEEK_CUR))
        if mode == self.LK_NBLCK:
            if place in self.held:
                raise PermissionError(errno.EACCES, "Permission denied")
            self.held[place] = descriptor
        else:
            assert self.held.pop(place) == descriptor

    def check_readable(self, path: Path) -> None:
        """No byte that the file has is locked: others may read them all."""
        size = path.stat().st_size
        assert all(place >= size for inode, place in self.held if inode == path.stat().st_ino)


@pytest.fixture(params=["own", "windows"])
def played(request, monkeypatch: pytest.MonkeyPatch) -> PlayedWindows | None:
    if request.param == "own":
        return None
    windows = PlayedWindows()
    byte_lock = ByteLock(windows.locking, windows.LK_NBLCK, windows.LK_UNLCK)
    monkeypatch.setattr(lock_module, "system_lock", lambda: byte_lock)
    return windows


def test_the_second_is_refused_and_told_who_has_it(played, tmp_path: Path) -> None:
    with WriterLock(tmp_path):
        if played is not None:
            played.check_readable(tmp_path / "LOCK")
        assert (tmp_path / "LOCK").read_text() == str(os.getpid())
        for _ in range(2):
            with pytest.raises(WriterLockedError, match=f"process {os.getpid()};"):
                WriterLock(tmp_path)
        with MergeLock(tmp_path):  # another file
            pass
    with WriterLock(tmp_path):
        pass
    assert played is None or not played.held


def test_the_lock_is_waited_for(played, tmp_path: Path) -> None:
    first = WriterLock(tmp_path)
    threading.Timer(0.05, first.release).start()
    began = time.monotonic()
    with WriterLock(tmp_path, 10.0):
        assert 0.02 < time.monotonic() - began < 5
    with WriterLock(tmp_path), pytest.raises(WriterLockedError):
        WriterLock(tmp_path, 0.02)


def test_letting_go_twice_is_fine(played, tmp_path: Path) -> None:
    lock = WriterLock(tmp_path)
    lock.release()
    with WriterLock(tmp_path):
        lock.release()
        with pytest.raises(WriterLockedError):
            WriterLock(tmp_path)


def test_a_longer_id_of_another_process_is_written_over(played, tmp_path: Path) -> None:
    (tmp_path / "LOCK").write_text("1234567890123")
    with WriterLock(tmp_path):
        assert (tmp_path / "LOCK").read_text() == str(os.getpid())


def test_a_store_works_under_it(played, tmp_path: Path) -> None:
    store = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]]})
    with store.writer() as writer:
        put(writer, "c", [[2]])
        writer.delete(["a"])
        writer.commit()
    store.compact()
    assert ids_of(store.snapshot()) == ["b", "c"]
    assert store.verify() == []


@pytest.mark.parametrize("number", [errno.EACCES, errno.EDEADLK])
def test_windows_says_in_two_ways_that_somebody_else_has_it(tmp_path: Path, number: int) -> None:
    def locking(descriptor: int, mode: int, n_bytes: int) -> None:
        raise OSError(number, "no")

    with (tmp_path / "f").open("wb") as file:
        assert not ByteLock(locking, 2, 0).take(file.fileno())


def test_other_errors_are_passed_on_and_leave_no_file_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(descriptor: int, *flags: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    for broken in (FileLock(fail, 0), ByteLock(fail, 2, 0)):
        monkeypatch.setattr(lock_module, "system_lock", lambda way=broken: way)
        with pytest.raises(OSError, match="No locks"):  # warnings are errors: an open file is one
            WriterLock(tmp_path)


def test_the_way_is_chosen_by_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    msvcrt = SimpleNamespace(locking=PlayedWindows().locking, LK_NBLCK=2, LK_UNLCK=0)
    monkeypatch.setitem(sys.modules, "msvcrt", msvcrt)
    assert isinstance(system_lock(), FileLock if sys.platform != "win32" else ByteLock)
    monkeypatch.setattr(sys, "platform", "win32")
    assert system_lock() == ByteLock(msvcrt.locking, 2, 0)


WITHOUT_POSIX = """
import os, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios"):
    sys.modules[name] = None
for name in ("pread", "fdatasync", "fork", "register_at_fork", "sched_getaffinity"):
    if hasattr(os, name):
        delattr(os, name)
import pkgutil, importlib, latelight
for module in pkgutil.walk_packages(latelight.__path__, "latelight."):
    # The integrations need packages of extras.
    if not module.name.endswith("._native") and ".integrations." not in module.name:
        importlib.import_module(module.name)
from latelight.settings import read_settings
assert read_settings({}).n_threads >= 1
"""


def test_no_module_needs_a_posix_system_to_be_imported() -> None:
    subprocess.run([sys.executable, "-c", WITHOUT_POSIX], check=True)
