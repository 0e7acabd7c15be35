import os
import sys
from pathlib import Path

import pytest

from latelight.errors import UnreadableFileError
from latelight.pipelines.inputs import Inputs
from latelight.pipelines.items import BadItem, FileItem, LeftOut
from latelight.pipelines.walk import Found, NotWalked, walk

posix = pytest.mark.skipif(sys.platform == "win32", reason="made for POSIX")


def inputs(*paths: Path) -> Inputs:
    return Inputs(tuple(map(str, paths)))


@posix
def test_links_are_left_out_and_told(tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "secret.txt").write_text("x")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").write_text("x")
    (folder / "link.txt").symlink_to(tmp_path / "outside" / "secret.txt")
    (folder / "sub").symlink_to(tmp_path / "outside")
    (folder / "loop").symlink_to(folder)
    (folder / "broken").symlink_to(folder / "nowhere")
    found = list(inputs(folder).items())
    assert [Path(one.source).name for one in found if isinstance(one, FileItem)] == ["a.txt"]
    left_out = {Path(one.source).name: one.reason for one in found if isinstance(one, LeftOut)}
    assert set(left_out) == {"link.txt", "sub", "loop", "broken"}
    assert all("symbolic link" in reason for reason in left_out.values())


@posix
def test_a_pattern_leaves_links_out_and_a_name_takes_them(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / "link.txt").symlink_to(tmp_path / "a.txt")
    kinds = [type(one) for one in inputs(tmp_path / "*.txt").items()]
    assert kinds == [FileItem, LeftOut]
    (named,) = inputs(tmp_path / "link.txt").items()
    assert isinstance(named, FileItem) and named.follow_links


@posix
def test_pipes_sockets_and_devices_are_told_and_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "a.txt").write_text("x")
    found = list(walk(tmp_path))
    assert [type(one) for one in found] == [Found, NotWalked]
    assert found[1] == NotWalked(tmp_path / "pipe.txt", "a named pipe, not a file.")


def test_a_deep_folder_is_walked(tmp_path: Path) -> None:
    deep = tmp_path
    for _ in range(300):
        deep = deep / "d"
        deep.mkdir()
    (deep / "a.txt").write_text("x")
    (found,) = inputs(tmp_path).items()
    assert isinstance(found, FileItem)


@posix
def test_a_folder_that_may_not_be_listed_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "closed").mkdir()
    (tmp_path / "open.txt").write_text("x")
    real = os.scandir

    def scandir(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    bad, good = inputs(tmp_path).items()
    assert isinstance(bad, BadItem) and isinstance(bad.error, UnreadableFileError)
    assert "Permission denied" in str(bad.error)
    assert isinstance(good, FileItem)


@posix
def test_names_that_are_no_text_are_written_as_escapes(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("x")
    (tmp_path / "bell\a\x1b[31m.txt").write_text("x")
    sources = sorted(one.source for one in inputs(tmp_path).items())
    assert [Path(source).name for source in sources] == ["bell\\x07\\x1b[31m.txt", "caf\\udce9.txt"]
    "".join(sources).encode()


def test_what_went_since_is_a_failure(tmp_path: Path) -> None:
    (one,) = inputs(tmp_path / "gone.txt").items()
    assert isinstance(one, BadItem)


def test_the_survey_counts_what_the_items_are(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("twelve bytes")
    (tmp_path / "r.jsonl").write_text('{"text": "a"}\n\n{"text": "b"}\nbroken\n')
    asked = inputs(tmp_path)
    entries = list(asked.survey())
    assert [(e.n_items, e.is_records) for e in entries] == [(1, False), (3, True)]
    assert entries[0].n_bytes == 12
    assert sum(e.n_items for e in entries) == len(list(asked.items()))
