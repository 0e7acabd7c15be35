"""A whole library copied and put back: whole, checked, and never half."""

import errno
import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

import latelight
from latelight.app import Library
from latelight.app.backup import back_up, restore
from latelight.app.checksums import LIST_NAME, Listing, digest_of, read_listing
from latelight.errors import (
    AlreadyExistsError,
    CorruptFileError,
    FormatVersionError,
    InputError,
    LatelightError,
    NotFoundError,
    WriterLockedError,
)
from latelight.index import Store
from latelight.index.lock import WriterLock
from latelight.pipelines.extracted import has_original
from latelight.pipelines.originals import Originals
from latelight.releases.catalog import Catalog
from latelight.settings import Settings
from tests.index.faults import CountedFiles, kill_at_each_step

QUERIES = ("the ferry in winter", "burning oil", "2019")


@pytest.fixture
def filled(library: Library, tmp_path: Path) -> Library:
    """Two collections in two namespaces: files, records, a segment, a log and deletions."""
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "ferry.md").write_text("# The ferry\n\nThe ferry was refitted in 2019.\n")
    (folder / "lamp.txt").write_text("The lamp of the lighthouse burns oil.\n")
    notes = library.collection("notes", create=True)
    notes.add(folder, metadata={"year": 2019})
    notes.add([{"id": "gone", "text": "soon gone"}, {"id": "tram", "text": "a winter tram"}])
    with notes._versions.live().store.writer() as writer:
        writer.flush()
    notes.delete(["gone"])
    other = library.collection("other", create=True, namespace="team")
    other.add({"id": "1", "text": "the ferry of another team"})
    return library


def found_in(library: Library, **options: object) -> list[object]:
    """Everything that searches of all collections return, but for their times."""
    return [
        [hit.to_dict() for hit in one.search(query, explain=True, **options)]  # type: ignore[arg-type]
        for _, one in library.every_collection()
        for query in QUERIES
    ]


def check_whole(library: Library) -> None:
    """Every byte is right, and every document that came as a file has that file."""
    for namespace, one in library.every_collection():
        assert one.verify() == []
        originals = library.root / "ns" / namespace / one.name / "originals"
        for document in one.documents():
            if has_original(document):
                assert digest_of(originals / document.sha256) == document.sha256


def test_a_restored_library_finds_what_the_original_finds(filled: Library, tmp_path: Path) -> None:
    contents = filled.backup(tmp_path / "copy")
    assert (contents.n_collections, contents.n_generations, contents.n_documents) == (2, 2, 4)
    before = found_in(filled, filter={"year": 2019}), found_in(filled)
    shutil.rmtree(filled.root)
    restored = latelight.restore(tmp_path / "copy", tmp_path / "deep" / "restored")
    check_whole(restored)
    assert (found_in(restored, filter={"year": 2019}), found_in(restored)) == before
    assert restored.collections(namespace="team") == ["other"]


def test_a_backup_is_not_changed_by_what_comes_later(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "copy")
    before = found_in(filled)
    restored = latelight.restore(tmp_path / "copy", tmp_path / "restored")
    for changed in (filled, restored):
        notes = changed.collection("notes")
        notes.delete([document.doc_id for document in notes.documents()])
        notes.add({"id": "new", "text": "something new"})
        notes.compact()
    again = latelight.restore(tmp_path / "copy", tmp_path / "again")
    assert found_in(again) == before
    check_whole(again)
    check_whole(restored)


def test_only_what_never_changes_is_shared(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "copy")
    latelight.restore(tmp_path / "copy", tmp_path / "restored")
    paths = [p for p in (tmp_path / "restored").rglob("*") if p.is_file()]
    shared = {p.name for p in paths if p.stat().st_nlink == 3}
    assert "segment.ll" in shared
    assert all(name.endswith(".ll") or len(name) == 64 for name in shared)
    assert {p.name for p in paths if p.stat().st_nlink == 1} >= {"catalog.db", "latelight.json"}


def test_without_hard_links_all_is_copied(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*names: object) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    before = found_in(filled)
    filled.backup(tmp_path / "copy")
    restored = latelight.restore(tmp_path / "copy", tmp_path / "restored")
    files = [p for p in tmp_path.rglob("*") if p.is_file()]
    assert {p.stat().st_nlink for p in files} == {1}
    assert found_in(restored) == before


def test_the_list_is_one_that_sha256sum_reads(filled: Library, tmp_path: Path) -> None:
    if shutil.which("sha256sum") is None:
        pytest.skip("no sha256sum here")
    filled.backup(tmp_path / "copy")
    command = ["sha256sum", "--check", "--strict", "--quiet", LIST_NAME]
    subprocess.run(command, cwd=tmp_path / "copy", check=True)


def test_every_generation_is_copied(filled: Library, tmp_path: Path) -> None:
    """A second one, which no alias points at yet."""
    generations = filled.root / "ns" / "default" / "notes" / "generations"
    (first,) = generations.iterdir()
    shutil.copytree(first, generations / "next")
    with sqlite3.connect(filled.root / "catalog.db") as db:
        db.execute(
            "INSERT INTO generation SELECT namespace, collection, 'next', spec, lock, created_at"
            " FROM generation WHERE collection = 'notes'"
        )
    db.close()
    assert filled.backup(tmp_path / "copy").n_generations == 3
    latelight.restore(tmp_path / "copy", tmp_path / "restored")
    copy = tmp_path / "restored" / generations.relative_to(filled.root) / "next"
    assert Store.open(copy).snapshot().n_documents == 3


# Directories


def test_nothing_is_overwritten(filled: Library, tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    filled.backup(tmp_path / "copy")
    for target in (tmp_path / "full", tmp_path / "full/thesis.txt", tmp_path / "copy", filled.root):
        with pytest.raises(AlreadyExistsError, match="not an empty directory"):
            filled.backup(target)
        with pytest.raises(AlreadyExistsError, match="not an empty directory"):
            latelight.restore(tmp_path / "copy", target)
    assert [p.name for p in (tmp_path / "full").iterdir()] == ["thesis.txt"]
    (tmp_path / "full" / "latelight.unfinished").touch()
    with pytest.raises(AlreadyExistsError, match="not an empty directory"):
        filled.backup(tmp_path / "full")


def test_a_backup_is_not_taken_for_a_library(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "copy")
    with pytest.raises(InputError, match="snapshot restore"):
        latelight.open(tmp_path / "copy")
    with pytest.raises(NotFoundError, match=LIST_NAME):
        latelight.restore(filled.root, tmp_path / "restored")


def test_two_processes_do_not_fill_one_directory(filled: Library, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    with WriterLock(tmp_path / "copy"), pytest.raises(WriterLockedError, match=str(os.getpid())):
        filled.backup(tmp_path / "copy")


def test_a_folder_of_backups_is_not_added(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "all" / "copy")
    (tmp_path / "all" / "half" / "originals").mkdir(parents=True)
    (tmp_path / "all" / "half" / "latelight.unfinished").touch()
    (tmp_path / "all" / "half" / "originals" / "x.txt").write_text("of a library")
    (tmp_path / "all" / "own.txt").write_text("A file of mine.")
    assert filled.collection("notes").add(tmp_path / "all").wait().n_added == 1


# Damage


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.unlink()  # a hard link: the library's own file must stay as it is
    path.write_bytes(data)


def test_damage_to_any_file_is_refused_by_its_name(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "copy")
    files = [p for p in (tmp_path / "copy").rglob("*") if p.is_file() and p.name != "LOCK"]
    assert len({p.name[:8] for p in files} & {"catalog.", "latelight", "MANIFEST", "segment."}) == 3
    for path in files:
        at = path.stat().st_size // 2
        flip(path, at)
        with pytest.raises(CorruptFileError, match=path.name):
            latelight.restore(tmp_path / "copy", tmp_path / "restored")
        assert {p.name for p in tmp_path.glob("restored/*")} <= {"LOCK"}
        flip(path, at)
    (tmp_path / "copy" / "latelight.json").rename(tmp_path / "copy" / "moved")
    with pytest.raises(CorruptFileError, match=r"latelight\.json is missing"):
        latelight.restore(tmp_path / "copy", tmp_path / "restored")
    (tmp_path / "copy" / "moved").rename(tmp_path / "copy" / "latelight.json")
    check_whole(latelight.restore(tmp_path / "copy", tmp_path / "restored"))


def test_no_byte_of_the_list_can_change(filled: Library, tmp_path: Path) -> None:
    filled.backup(tmp_path / "copy")
    path = tmp_path / "copy" / LIST_NAME
    for at in range(path.stat().st_size):
        flip(path, at)
        with pytest.raises((CorruptFileError, FormatVersionError), match=LIST_NAME):
            latelight.restore(tmp_path / "copy", tmp_path / "restored")
        flip(path, at)


@pytest.mark.parametrize("path", ["../evil", "ns/../../evil", "/evil", "ns//evil", "./evil"])
def test_a_list_that_leads_elsewhere_is_refused(filled: Library, tmp_path: Path, path: str) -> None:
    filled.backup(tmp_path / "copy")
    contents = read_listing(tmp_path / "copy").contents
    forged = Listing(contents, {path: "0" * 64}).to_bytes()
    (tmp_path / "copy" / LIST_NAME).write_bytes(forged)
    with pytest.raises(CorruptFileError, match="no file below it"):
        latelight.restore(tmp_path / "copy", tmp_path / "restored")


def test_a_lost_original_is_named_and_adding_its_file_brings_it_back(
    filled: Library, tmp_path: Path
) -> None:
    notes = filled.collection("notes")
    (lamp,) = (document for document in notes.documents() if document.source.endswith("lamp.txt"))
    original = filled.root / "ns" / "default" / "notes" / "originals" / lamp.sha256
    original.unlink()
    with pytest.raises(CorruptFileError, match=lamp.sha256):
        filled.backup(tmp_path / "copy")
    assert notes.add(lamp.source, metadata={"year": 2019}).wait().n_unchanged == 1
    check_whole(filled)
    flip(original, 3)
    with pytest.raises(CorruptFileError, match=f"{lamp.sha256} is damaged"):
        filled.backup(tmp_path / "copy")
    notes.delete([lamp.doc_id])
    assert filled.backup(tmp_path / "copy").n_documents == 3


def test_a_damaged_index_is_named(filled: Library, tmp_path: Path) -> None:
    flip(next(filled.root.rglob("segment.ll")), 70)
    with pytest.raises(CorruptFileError, match=r"segment\.ll"):
        filled.backup(tmp_path / "copy")
    with pytest.raises(NotFoundError, match=LIST_NAME):
        latelight.restore(tmp_path / "copy", tmp_path / "restored")


def test_a_damaged_catalog_is_named(filled: Library, tmp_path: Path) -> None:
    catalog = filled.root / "catalog.db"
    catalog.write_bytes(b"not a database at all".ljust(catalog.stat().st_size, b"x"))
    with pytest.raises(CorruptFileError, match=r"catalog\.db"):
        back_up(filled.root, tmp_path / "copy")


# While others work


def meanwhile(monkeypatch: pytest.MonkeyPatch, change: object) -> None:
    """Call `change` once, when the first generation has been copied."""
    real, left = Store.backup, [change]

    def copy_and_change(self: Store, *args: object) -> int:
        version = real(self, *args)  # type: ignore[arg-type]
        if left:
            left.pop()()  # type: ignore[operator]
        return version

    monkeypatch.setattr(Store, "backup", copy_and_change)


def test_a_document_that_is_cleaned_up_meanwhile_is_left_out(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def delete_files() -> None:
        notes = filled.collection("notes")
        notes.delete([document.doc_id for document in notes.documents() if has_original(document)])
        notes.compact()

    meanwhile(monkeypatch, delete_files)
    assert filled.backup(tmp_path / "copy").n_documents == 2
    restored = latelight.restore(tmp_path / "copy", tmp_path / "restored")
    check_whole(restored)
    assert not list((tmp_path / "restored").rglob("notes/originals/*"))


def test_a_collection_that_is_dropped_meanwhile_is_left_out(
    filled: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(monkeypatch, lambda: filled.drop_collection("other", namespace="team"))
    assert filled.backup(tmp_path / "copy").n_collections == 1
    restored = latelight.restore(tmp_path / "copy", tmp_path / "restored")
    assert [one.name for _, one in restored.every_collection()] == ["notes"]


def test_originals_are_cleaned_up_under_the_lock(
    filled: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that is kept for a document that is being added would go otherwise."""
    notes = filled.collection("notes")
    checked = []

    def check(self: Originals, wanted: frozenset[str]) -> int:
        with pytest.raises(WriterLockedError):
            WriterLock(notes._versions.live().store.path)
        checked.append(len(wanted))
        return 0

    monkeypatch.setattr(Originals, "keep_only", check)
    notes.compact()
    assert checked == [3]


BUSY = """
import itertools, sys
from pathlib import Path
from latelight.app import Library, engine
from latelight.extractors.registry import extract
from latelight.pipelines import ingest
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

class InProcess:
    def __init__(self, n_workers): pass
    def __enter__(self): return self
    def __exit__(self, *error): pass
    def extract(self, source, options): return extract(source, options)

ingest.ExtractionPool = InProcess
engine.create_encoder = lambda *a, **k: FakeEncoder(dim=64)
notes = Library(Path(sys.argv[1]), Settings()).collection("notes", create=True)
for i in itertools.count():
    notes.add(f"file number {i}".encode(), name=f"{i}.txt", doc_id=f"n{i}")
    notes.delete([f"n{i - 5}"])
    if i % 4 == 3:
        notes.compact()
    print(i, flush=True)
"""


def test_backups_are_whole_while_another_process_adds_deletes_and_compacts(
    library: Library, tmp_path: Path
) -> None:
    """Each is a state that was committed: `n` is added, then `n - 5` is deleted."""
    library.collection("notes", create=True)
    command = [sys.executable, "-c", BUSY, str(library.root)]
    last = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as busy:
        try:
            assert busy.stdout is not None
            assert busy.stdout.readline() == "0\n"
            for i in range(12):
                library.backup(tmp_path / f"copy{i}")
                busy.stdout.readline()
                restored = latelight.restore(tmp_path / f"copy{i}", tmp_path / f"restored{i}")
                check_whole(restored)
                ids = [one.doc_id for one in restored.collection("notes").documents()]
                numbers = sorted(int(doc_id[1:]) for doc_id in ids)
                assert numbers == list(range(numbers[-1] + 1))[-len(numbers) :]
                assert min(numbers[-1] + 1, 5) <= len(numbers) <= 6
                last.append(numbers[-1])
            assert busy.poll() is None
        finally:
            busy.kill()
    assert last == sorted(last) and last[0] < last[-1]


# Killed half way


def create_beside(target: Path, files: CountedFiles) -> None:
    back_up(target.parent / "library", target, files=files)


def restore_beside(target: Path, files: CountedFiles) -> None:
    restore(target.parent / "copy", target, files=files)


def is_library(path: Path) -> bool:
    try:
        return bool(list(Library(path, Settings()).every_collection()))
    except LatelightError:
        return False


@pytest.fixture
def small(library: Library) -> Library:
    notes = library.collection("notes", create=True)
    notes.add(b"The ferry was refitted.", name="ferry.txt")
    with notes._versions.live().store.writer() as writer:
        writer.flush()
    notes.add({"id": "lamp", "text": "The lamp burns oil."})
    return library


def test_a_backup_that_was_killed_is_none_and_is_made_again(small: Library, tmp_path: Path) -> None:
    counted = CountedFiles()
    create_beside(tmp_path / "counted", counted)
    done_at = counted.log.index("remove latelight.unfinished")
    targets = [tmp_path / f"step{step}" for step in range(len(counted.log))]
    kill_at_each_step(__name__, "create_beside", "", targets)
    for step, target in enumerate(targets):
        assert not is_library(target)
        if step <= done_at:
            with pytest.raises(NotFoundError):
                restore(target, tmp_path / "none")
            create_beside(target, CountedFiles())
        check_whole(latelight.restore(target, tmp_path / f"restored{step}"))


def test_a_restore_that_was_killed_is_no_library_and_is_done_again(
    small: Library, tmp_path: Path
) -> None:
    small.backup(tmp_path / "copy")
    before = found_in(small)
    counted = CountedFiles()
    restore_beside(tmp_path / "counted", counted)
    done_at = counted.log.index("remove latelight.unfinished")
    targets = [tmp_path / f"step{step}" for step in range(len(counted.log))]
    kill_at_each_step(__name__, "restore_beside", "", targets)
    for step, target in enumerate(targets):
        if step <= done_at:
            assert not is_library(target)
            restore_beside(target, CountedFiles())
        restored = Library(target, small.settings)
        check_whole(restored)
        assert found_in(restored) == before


def test_an_unfinished_directory_says_so(small: Library, tmp_path: Path) -> None:
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "latelight.unfinished").touch()
    (tmp_path / "half" / "latelight.json").write_text('{"format": 1}')
    for what in (latelight.open, lambda path: latelight.restore(path, tmp_path / "restored")):
        with pytest.raises(NotFoundError, match="not finished"):
            what(tmp_path / "half")


def test_collections_of_all_namespaces_are_in_the_catalog(filled: Library) -> None:
    places = Catalog(filled.root / "catalog.db").every_generation()
    names = [(place.namespace, place.collection) for place in places]
    assert names == [("default", "notes"), ("team", "other")]
