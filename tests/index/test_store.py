import threading

import pytest

from latelight.errors import (
    AlreadyExistsError,
    CorruptFileError,
    InputError,
    NotFoundError,
    WriterLockedError,
)
from latelight.index import SpaceSpec, Store
from latelight.index import live as live_module
from tests.index.making import SPACES, ids_of, make_store, put, query


def test_a_store_keeps_its_spaces_and_digest(tmp_path):
    Store.create(tmp_path / "g", {"text": SpaceSpec(96, "float16")}, pipeline_digest="abc")
    store = Store.open(tmp_path / "g")
    assert store.spaces == {"text": SpaceSpec(96, "float16")}
    assert store.pipeline_digest == "abc"


def test_creating_twice_is_refused(tmp_path):
    Store.create(tmp_path / "g", SPACES)
    with pytest.raises(AlreadyExistsError, match="Open it"):
        Store.create(tmp_path / "g", SPACES)


def test_opening_nothing_is_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NotFoundError, match="no index at"):
            Store.open(path)


@pytest.mark.parametrize("name", ["", "a/b", "a.b", "é", "a b"])
def test_a_space_needs_a_plain_name(tmp_path, name):
    with pytest.raises(InputError, match="space is named"):
        Store.create(tmp_path / "g", {name: SpaceSpec(8)})


def test_a_missing_segment_is_named(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    next((tmp_path / "g").rglob("segment.ll")).unlink()
    with pytest.raises(CorruptFileError, match=r"segment\.ll.*MANIFEST-000000000002.*missing"):
        Store.open(store.path).snapshot()


def with_history(path):
    """Three segments, one document deleted and one replaced."""
    store = make_store(path, {"a": [[0]], "b": [[1]]})
    for doc_id, axes in [("c", [[2]]), ("a", [[4]])]:
        with store.writer() as writer:
            put(writer, doc_id, axes)
            writer.flush()
    with store.writer() as writer:
        writer.delete(["c"])
        writer.flush()
    return store


def test_compaction_keeps_the_living_and_their_scores(tmp_path):
    store = with_history(tmp_path / "g")
    done = store.compact()
    assert (done.n_segments_before, done.n_segments_after) == (2, 1)
    assert done.n_bytes_after < done.n_bytes_before
    snapshot = store.snapshot()
    assert ids_of(snapshot) == ["b", "a"]
    assert snapshot.n_units == 2
    allow = snapshot.allow_list()
    assert snapshot.scores("text", query(4), allow)[snapshot.find("a")] == [1]
    assert store.verify() == []


def test_compacting_twice_changes_nothing_the_second_time(tmp_path):
    store = with_history(tmp_path / "g")
    first = store.compact()
    assert store.compact().number == first.number


def test_compaction_of_an_empty_store(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    with store.writer() as writer:
        writer.delete(["a"])
        writer.commit()
    assert store.compact().n_segments_after == 0
    assert store.snapshot().n_documents == 0


def test_compaction_waits_for_no_reader_and_disturbs_none(tmp_path):
    store = with_history(tmp_path / "g")
    before = store.snapshot()
    ids, scores = ids_of(before), before.scores("text", query(4, 1), before.allow_list())
    store.compact()
    assert ids_of(before) == ids
    assert (before.scores("text", query(4, 1), before.allow_list()) == scores).all()
    assert before.text_of("b") == "b 0. "


def test_clean_up_removes_only_what_is_ours_and_unnamed(tmp_path):
    store = with_history(tmp_path / "g")
    stray = tmp_path / "g" / "segments" / "00000009-0123abcd"
    stray.mkdir()
    (stray / "segment.ll").write_bytes(b"left over")
    notes = [tmp_path / "g" / "notes.txt", stray / "mine.txt", tmp_path / "g" / "MANIFEST-old"]
    for path in notes:
        path.write_text("not ours")
    assert store.collect_garbage() == 6  # four old manifests, c's segment and the stray one
    assert all(path.exists() for path in notes)
    assert not (stray / "segment.ll").exists()
    assert store.collect_garbage() == 0
    assert store.verify() == []


def test_clean_up_waits_for_the_writer(tmp_path):
    store = with_history(tmp_path / "g")
    with store.writer(), pytest.raises(WriterLockedError):
        store.collect_garbage()


def test_a_reader_that_loses_the_race_with_compaction_reads_again(tmp_path, monkeypatch):
    store = with_history(tmp_path / "g")
    reader, read, raced = Store.open(store.path), live_module.read_newest, []

    def read_then_compact(path):
        manifest = read(path)
        if not raced:
            raced.append(True)
            Store.open(path).compact()
        return manifest

    monkeypatch.setattr(live_module, "read_newest", read_then_compact)
    assert ids_of(reader.snapshot()) == ["b", "a"]


def test_readers_and_a_writer_work_at_once(tmp_path):
    store = make_store(tmp_path / "g", {"doc0": [[0]]})
    stop, wrong = threading.Event(), []

    def read():
        while not stop.is_set():
            snapshot = store.snapshot()
            if ids_of(snapshot) != [f"doc{i}" for i in range(snapshot.n_documents)]:
                wrong.append(snapshot.number)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for n in range(1, 15):
        with store.writer() as writer:
            put(writer, f"doc{n}", [[0]])
            writer.commit()
        if n % 5 == 0:
            store.compact()
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []
    assert store.snapshot().n_documents == 15
