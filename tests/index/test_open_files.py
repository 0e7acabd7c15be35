"""Files that are open or mapped cannot be removed on Windows: clean-up leaves them for later."""

import os
from pathlib import Path

import pytest

from latelight.index import Store, WriterOptions
from latelight.index import files as files_module
from latelight.index.files import Files
from latelight.index.manifest import manifest_numbers
from latelight.pipelines.originals import Originals
from tests.index.making import ids_of, make_store, put


class OpenFiles(Files):
    """Refuses to remove the files whose name begins in one of some ways."""

    def __init__(self) -> None:
        self.kept: tuple[str, ...] = ()

    def remove(self, path: Path) -> None:
        if self.kept and path.name.startswith(self.kept):
            raise PermissionError(13, "Access is denied", str(path))
        super().remove(path)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files_module, "WINDOWS", True)


def busy_store(path: Path, files: Files) -> Store:
    """Each commit writes a segment; four become one in the commit that finds them."""
    options = WriterOptions(files=files, log_documents=0, merge_factor=2, background=False)
    make_store(path, {"a": [[0]]})
    store = Store.open(path, options=options)
    for i in range(6):
        with store.writer() as writer:
            put(writer, f"n{i}", [[1]])
            writer.commit()
    return store


def test_segments_that_readers_have_open_stay_until_they_are_let_go(
    windows: None, tmp_path: Path
) -> None:
    files = OpenFiles()
    files.kept = ("segment.ll",)
    store = busy_store(tmp_path / "g", files)
    store.compact()
    assert ids_of(store.snapshot()) == ["a", *(f"n{i}" for i in range(6))]
    assert store.verify() == []
    segments = tmp_path / "g" / "segments"
    assert len(list(segments.iterdir())) > len(store.snapshot().manifest.segments) == 1
    files.kept = ()
    assert store.collect_garbage() > 0
    assert len(list(segments.iterdir())) == 1


def test_no_manifest_goes_before_one_below_it(windows: None, tmp_path: Path) -> None:
    """A reader of number n takes it for the newest while n + 1 is not there."""
    files = OpenFiles()
    files.kept = ("MANIFEST-000000000003",)
    store = busy_store(tmp_path / "g", files)
    store.collect_garbage()
    numbers = manifest_numbers(store.path)
    assert numbers == list(range(3, numbers[-1] + 1)) and numbers[-1] > 4
    files.kept = ()
    store.collect_garbage()
    assert manifest_numbers(store.path) == [numbers[-1]]


def test_originals_that_are_being_read_stay(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    originals = Originals(tmp_path)
    for name in ("one", "two", "three"):
        originals.keep(name, b"x")
    real = Path.unlink

    def unlink(self: Path, missing_ok: bool = False) -> None:
        if self.name == "two":
            raise PermissionError(13, "Access is denied")
        real(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", unlink)
    assert originals.keep_only(frozenset({"one"})) == 1
    assert {path.name for path in tmp_path.iterdir()} == {"one", "two"}


def test_elsewhere_a_refusal_is_an_error(tmp_path: Path) -> None:
    files = OpenFiles()
    store = busy_store(tmp_path / "g", files)
    with store.writer() as writer:
        writer.delete(["a"])
        writer.commit()
    files.kept = ("MANIFEST", "segment.ll", "tombstones")
    with pytest.raises(PermissionError):
        store.compact()


def test_windows_has_no_directories_to_flush(
    windows: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    Files().fsync_directory(tmp_path)
