import os
import socket
import sys
import threading
from pathlib import Path

import pytest

from latelight.errors import FileChangedError, FileTooLargeError, UnreadableFileError
from latelight.pipelines import reading
from latelight.pipelines.reading import read_file

posix = pytest.mark.skipif(sys.platform == "win32", reason="made for POSIX")


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"words" * 1000)
    assert read_file(tmp_path / "a", 5000) == b"words" * 1000
    (tmp_path / "empty").write_bytes(b"")
    assert read_file(tmp_path / "empty", 5000) == b""


def test_a_long_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "sparse").open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(FileTooLargeError, match=r"sparse.*1,099,511,627,776 bytes.*max_bytes"):
        read_file(tmp_path / "sparse", 1 << 20)


def test_a_file_that_is_gone_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="No such file"):
        read_file(tmp_path / "gone", 10)
    with pytest.raises(UnreadableFileError, match="null"):
        read_file(Path("a\0b"), 10)


@posix
def test_what_is_no_file_is_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("socket")
        with pytest.raises(UnreadableFileError, match="a named pipe"):
            read_file(tmp_path / "pipe", 10)
        with pytest.raises(UnreadableFileError, match="socket"):
            read_file(tmp_path / "socket", 10)
    with pytest.raises(UnreadableFileError, match="a device"):
        read_file(Path("/dev/zero"), 10)
    with pytest.raises(UnreadableFileError, match="a folder"):
        read_file(tmp_path, 10)


@posix
def test_a_link_is_followed_only_where_that_was_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"words")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_file(tmp_path / "link", 10) == b"words"
    with pytest.raises(UnreadableFileError, match="link"):
        read_file(tmp_path / "link", 10, follow_links=False)


def test_a_file_that_is_written_to_all_the_time_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"begin")
    real, reads = os.fstat, []

    def growing(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        reads.append(found.st_size)
        with path.open("ab") as file:
            file.write(b"more")
        return found

    monkeypatch.setattr(os, "fstat", growing)
    monkeypatch.setattr(reading, "PAUSE_SECONDS", 0)
    with pytest.raises(FileChangedError, match=r"log: changed while it was read, 3 times"):
        read_file(path, 1000)
    assert len(reads) >= 2 * reading.ATTEMPTS


def test_a_file_that_changes_once_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"begin")
    real, done = os.fstat, threading.Event()

    def once(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        if not done.is_set():
            done.set()
            path.write_bytes(b"another text")
        return found

    monkeypatch.setattr(os, "fstat", once)
    assert read_file(path, 1000) == b"another text"


def test_a_file_that_another_takes_the_place_of_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = tmp_path / "a", tmp_path / "b"
    path.write_bytes(b"one")
    other.write_bytes(b"two")
    real, done = os.fstat, threading.Event()

    def once(descriptor: int) -> os.stat_result:
        found = real(descriptor)
        if not done.is_set():
            done.set()
            other.replace(path)
        return found

    monkeypatch.setattr(os, "fstat", once)
    assert read_file(path, 1000) == b"two"
