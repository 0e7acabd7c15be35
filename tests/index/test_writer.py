import os
import signal
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from latelight.errors import (
    CommitConflictError,
    InputError,
    ShapeError,
    StorageError,
    WriterLockedError,
)
from latelight.index import SpaceSpec, Store, WriterOptions
from latelight.index.manifest import Manifest, publish_manifest
from tests.index.making import SPACES, axis_rows, document, ids_of, make_store, passages, put, query


def test_nothing_is_seen_before_the_commit(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    with store.writer() as writer:
        put(writer, "b", [[1]])
        writer.delete(["a"])
        assert ids_of(store.snapshot()) == ["a"]
        assert writer.commit() == 3
    assert ids_of(store.snapshot()) == ["b"]


def test_leaving_without_commit_drops_the_changes(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    with store.writer() as writer:
        put(writer, "b", [[1]])
    assert ids_of(store.snapshot()) == ["a"]


def test_the_same_id_again_replaces(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]]})
    with store.writer() as writer:
        put(writer, "a", [[2], [3]])
        writer.commit()
    snapshot = store.snapshot()
    assert ids_of(snapshot) == ["b", "a"]
    scores = snapshot.scores("text", query(0, 3), snapshot.allow_list())
    assert scores.tolist() == [-np.inf, 0, 0, 1]
    assert snapshot.find("a") == [2, 3]


def test_the_last_of_one_commit_holds(tmp_path):
    store = Store.create(tmp_path / "g", SPACES)
    with store.writer() as writer:
        put(writer, "a", [[0]])
        put(writer, "a", [[1]])
        put(writer, "b", [[2]])
        assert writer.delete(["b"]) == 1
        writer.commit()
    snapshot = store.snapshot()
    assert snapshot.n_units == 1
    assert snapshot.scores("text", query(1), snapshot.allow_list()).tolist() == [1]


def test_deleting_and_adding_again_in_one_commit_keeps_the_new_one(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    with store.writer() as writer:
        assert writer.delete(["a"]) == 1
        assert writer.delete(["a"]) == 0
        put(writer, "a", [[5]])
        assert writer.n_pending_documents == 1
        writer.commit()
    snapshot = store.snapshot()
    assert snapshot.scores("text", query(5), snapshot.allow_list())[snapshot.find("a")] == [1]


def test_a_commit_without_changes_writes_nothing(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    with store.writer() as writer:
        assert writer.delete(["nobody"]) == 0
        assert writer.commit() == 2
    assert store.snapshot().number == 2


def test_several_commits_of_one_writer(tmp_path):
    store = Store.create(tmp_path / "g", SPACES)
    with store.writer() as writer:
        for n, doc_id in enumerate("abc"):
            put(writer, doc_id, [[n]])
            assert (writer.n_pending_documents, writer.n_pending_rows) == (1, 1)
            assert writer.commit() == n + 2
            assert (writer.n_pending_documents, writer.n_pending_rows) == (0, 0)
        writer.delete(["b"])
        writer.commit()
    assert ids_of(store.snapshot()) == ["a", "c"]


def test_a_segment_whose_documents_are_all_deleted_is_dropped(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]], "b": [[0]]})
    with store.writer() as writer:
        put(writer, "c", [[1]])
        writer.delete(["a", "b"])
        writer.flush()
    assert store.snapshot().n_units == 1


def test_much_is_flushed_before_the_commit_and_published_by_it(tmp_path):
    store = Store.create(tmp_path / "g", SPACES, options=WriterOptions(flush_bytes=1))
    with store.writer() as writer:
        for doc_id in "abca":
            put(writer, doc_id, [[0]])
        assert writer.delete(["b", "c"]) == 2
        assert writer.n_pending_rows == 0
        assert len(list((tmp_path / "g" / "segments").iterdir())) == 4
        assert store.snapshot().n_documents == 0
        writer.commit()
    assert ids_of(store.snapshot()) == ["a"]
    assert store.verify() == []


def test_a_second_writer_is_told_who_holds_the_lock(tmp_path):
    store = make_store(tmp_path / "g", {})
    with store.writer(), pytest.raises(WriterLockedError, match=f"process {os.getpid()}"):
        store.writer()
    with store.writer() as writer:
        put(writer, "a", [[0]])


def test_a_writer_that_was_overtaken_publishes_nothing(tmp_path):
    store = make_store(tmp_path / "g", {"a": [[0]]})
    with store.writer() as writer:
        put(writer, "b", [[0]])
        publish_manifest(store.path, Manifest(3, "", SPACES))
        with pytest.raises(CommitConflictError, match="MANIFEST-000000000003"):
            writer.commit()
        with pytest.raises(StorageError, match="Open a new one"):
            put(writer, "c", [[0]])


def test_a_closed_writer_refuses_work(tmp_path):
    with make_store(tmp_path / "g", {}).writer() as writer:
        pass
    with pytest.raises(StorageError, match="closed"):
        put(writer, "a", [[0]])


def refused(tmp_path, error, words, *args):
    store = Store.create(tmp_path / "g", SPACES)
    with store.writer() as writer:
        with pytest.raises(error, match=words):
            writer.add(*args)
        assert writer.n_pending_documents == 0


def test_an_empty_id_is_refused(tmp_path):
    refused(tmp_path, InputError, "doc_id is empty", document(""), [], {})


def test_units_of_one_name_are_refused(tmp_path):
    units = [*passages("a"), *passages("b")]
    refused(tmp_path, InputError, "unique", document("d"), units, {})


def test_vectors_for_an_unknown_space_are_refused(tmp_path):
    vectors = {"image": [axis_rows(0)]}
    refused(tmp_path, InputError, "'image'", document("d"), passages("a"), vectors)


def test_vectors_for_another_number_of_units_are_refused(tmp_path):
    vectors = {"text": [axis_rows(0)] * 2}
    refused(tmp_path, ShapeError, "1 units", document("d"), passages("a"), vectors)


def test_terms_for_another_number_of_units_are_refused(tmp_path):
    refused(tmp_path, ShapeError, "2 lists", document("d"), passages("a"), {}, [["x"], ["y"]])


def test_text_that_is_not_unicode_is_refused(tmp_path):
    refused(tmp_path, InputError, "Unicode", document("d"), passages("\udc80"), {})
    (tmp_path / "g").rename(tmp_path / "h")
    refused(tmp_path, InputError, "Unicode", document("d", {"k": ["\ud800"]}), [], {})


def test_a_time_that_is_none_is_refused(tmp_path):
    wrong = replace(document("d"), created_at=float("nan"))
    refused(tmp_path, InputError, "not a time", wrong, [], {})


def test_deleting_a_bare_string_is_refused(tmp_path):
    with make_store(tmp_path / "g", {}).writer() as writer, pytest.raises(InputError, match="list"):
        writer.delete("abc")


def test_pictures_and_words_are_not_kept_in_memory(tmp_path):
    store = Store.create(tmp_path / "g", {"text": SpaceSpec(8)})
    with store.writer() as writer:
        unit = replace(passages("a")[0], image=b"x" * 1000)
        writer.add(document("d"), [unit], {})
        writer.flush()
    assert store.snapshot().unit(0).image is None
    assert b"x" * 1000 not in next((tmp_path / "g").rglob("segment.ll")).read_bytes()


LOCKED_THEN_KILLED = """
import os, signal, sys, time
from pathlib import Path
from latelight.index.lock import WriterLock
lock = WriterLock(Path(sys.argv[1]))
child = os.fork()
if not child:
    time.sleep(60)
print(child, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_child_that_outlives_a_killed_writer_does_not_keep_its_lock(tmp_path):
    store = make_store(tmp_path / "g", {})
    command = [sys.executable, "-c", LOCKED_THEN_KILLED, str(store.path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        child = int(parent.stdout.readline())
        parent.wait()
        try:
            store.writer().close()
        finally:
            os.kill(child, signal.SIGKILL)
