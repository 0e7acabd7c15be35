import errno
import os
import threading

import pytest

from latelight.errors import AlreadyExistsError, CorruptFileError, NotFoundError
from latelight.index import Store, WriterOptions
from tests.index.faults import CountedFiles, InjectedError
from tests.index.making import ids_of, make_store, put, query


@pytest.fixture
def store(tmp_path):
    """Two segments, one with tombstones, and a log."""
    store = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]]})
    with store.writer() as writer:
        put(writer, "c", [[2]])
        writer.delete(["b"])
        writer.flush()
        put(writer, "d", [[3]])
        writer.delete(["a"])
        writer.commit()
    return store


def tree(path):
    files = (p for p in path.rglob("*") if p.is_file() and p.name not in ("LOCK", "MERGE"))
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in files}


def test_a_backup_holds_the_newest_state_byte_by_byte(store, tmp_path):
    store.collect_garbage()
    assert store.backup(tmp_path / "copy") == store.snapshot().version
    copy = Store.open(tmp_path / "copy")
    assert ids_of(copy.snapshot()) == ["c", "d"]
    assert copy.verify() == []
    assert tree(copy.path) == tree(store.path)


def test_what_comes_later_is_not_in_it(store, tmp_path):
    store.backup(tmp_path / "copy")
    with store.writer() as writer:
        put(writer, "e", [[4]])
        writer.commit()
        writer.delete(["c"])
        writer.flush()
    store.compact()
    copy = Store.open(tmp_path / "copy")
    assert ids_of(copy.snapshot()) == ["c", "d"]
    assert copy.verify() == []
    with copy.writer() as writer:
        put(writer, "x", [[4]])
        writer.commit()
    copy.compact()
    assert ids_of(store.snapshot()) == ["d", "e"]
    assert store.verify() == []


def test_segments_are_shared_and_logs_are_not(store, tmp_path):
    store.backup(tmp_path / "copy")
    n_links = {p.name: p.stat().st_nlink for p in (tmp_path / "copy").rglob("*") if p.is_file()}
    assert {name for name, n in n_links.items() if n == 1} == {
        f"MANIFEST-{store.snapshot().number:012d}",
        store.snapshot().manifest.log,
    }
    assert n_links["segment.ll"] == 2


def test_without_hard_links_files_are_copied(store, tmp_path, monkeypatch):
    def refuse(*names):
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    store.backup(tmp_path / "copy")
    assert {p.stat().st_nlink for p in (tmp_path / "copy").rglob("*") if p.is_file()} == {1}
    assert ids_of(Store.open(tmp_path / "copy").snapshot()) == ["c", "d"]


def test_a_torn_tail_stays_behind(store, tmp_path):
    log = store.path / "wal" / store.snapshot().manifest.log
    log.write_bytes(log.read_bytes() + b"torn")
    store.backup(tmp_path / "copy")
    assert len((tmp_path / "copy" / "wal" / log.name).read_bytes()) == log.stat().st_size - 4


def test_a_damaged_store_is_not_passed_off_as_a_backup(store, tmp_path):
    segment = next(store.path.rglob("segment.ll"))
    data = bytearray(segment.read_bytes())
    data[70] ^= 1
    segment.write_bytes(data)
    with pytest.raises(CorruptFileError, match="1 problems"):
        store.backup(tmp_path / "copy")
    with pytest.raises(CorruptFileError, match="1 problems"):
        Store.restore(store.path, tmp_path / "restored")
    assert not (tmp_path / "restored").exists()


def test_a_backup_restores_a_store_that_goes_on(store, tmp_path):
    store.backup(tmp_path / "copy")
    restored = Store.restore(tmp_path / "copy", tmp_path / "deep" / "restored")
    with restored.writer() as writer:
        put(writer, "e", [[4]])
        writer.commit()
    snapshot = restored.snapshot()
    assert ids_of(snapshot) == ["c", "d", "e"]
    assert snapshot.scores("text", query(3), snapshot.allow_list())[snapshot.find("d")] == [1]
    assert ids_of(Store.open(tmp_path / "copy").snapshot()) == ["c", "d"]


def test_nothing_is_overwritten(store, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    (tmp_path / "empty").mkdir()
    store.backup(tmp_path / "empty")
    for target in (tmp_path / "full", tmp_path / "empty", store.path, tmp_path / "full/notes.txt"):
        with pytest.raises(AlreadyExistsError, match="not an empty directory"):
            store.backup(target)
        with pytest.raises(AlreadyExistsError, match="not an empty directory"):
            Store.restore(tmp_path / "empty", target)
    with pytest.raises(NotFoundError):
        Store.restore(tmp_path / "nowhere", tmp_path / "new")


def test_backups_are_consistent_while_a_writer_works(store, tmp_path):
    """Every backup is one of the states that were committed: `n` is added as `n - 5` goes."""
    stop = threading.Event()

    def write():
        busy = Store.open(store.path, options=WriterOptions(log_documents=5, merge_factor=2))
        n = 0
        while not stop.is_set():
            with busy.writer() as writer:
                put(writer, f"n{n}", [[0]])
                writer.delete([f"n{n - 5}"])
                writer.commit()
            n += 1
        busy.release()

    writer = threading.Thread(target=write)
    writer.start()
    versions = [store.backup(tmp_path / f"copy{i}") for i in range(12)]
    stop.set()
    writer.join()
    assert versions == sorted(versions)
    for i, version in enumerate(versions):
        copy = Store.open(tmp_path / f"copy{i}").snapshot()
        numbers = sorted(int(doc_id[1:]) for doc_id in ids_of(copy) if doc_id[0] == "n")
        assert numbers == list(range(numbers[-1] + 1))[-5:] if numbers else True
        assert copy.version == version


def test_a_backup_that_was_stopped_half_way_is_no_index(store, tmp_path):
    files = CountedFiles()
    Store.open(store.path, options=WriterOptions(files=files)).backup(tmp_path / "counted")
    for step in range(len(files.log)):
        target = tmp_path / f"step{step}"
        failing = Store.open(store.path, options=WriterOptions(files=CountedFiles(step)))
        with pytest.raises(InjectedError):
            failing.backup(target)
        if list(target.glob("MANIFEST-????????????")):
            assert step > files.log.index("publish MANIFEST")
            assert Store.open(target).verify() == []
        else:
            with pytest.raises(NotFoundError):
                Store.open(target)
