import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from latelight.errors import WriterLockedError
from latelight.index import SpaceSpec, Store, WriterOptions
from latelight.index.lock import FlushLock, WriterLock
from latelight.index.merging import merge
from tests.index.faults import (
    QuickFiles,
)
from tests.index.making import SPACES, ids_of, make_store, put, query
from tests.index.sealing import add, check, flush, idle_writer, write


def test_a_full_log_is_sealed_and_another_begun(path):
    store = Store.open(path)
    manifest = store.snapshot().manifest
    assert manifest.requires == ("log", "sealed")
    assert [(path / "wal" / name).exists() for name in manifest.logs] == [True, True]
    assert manifest.logs == (manifest.sealed, manifest.log)
    assert len(manifest.segments) == 1
    snapshot = store.snapshot()
    assert (ids_of(snapshot), snapshot.n_logged) == (["a", "c", "e", "d"], 4)
    scores = snapshot.scores("text", query(6), snapshot.allow_list())
    assert [snapshot.doc_id_of(int(u)) for u in (scores == 1).nonzero()[0]] == ["d"]
    check(path, "aced")


def test_a_flush_makes_a_segment_of_the_sealed_log(path):
    before = Store.open(path).snapshot()
    manifest = flush(path)
    after = Store.open(path).snapshot()
    assert (manifest.number, manifest.log) == (before.number + 1, before.manifest.log)
    assert (manifest.sealed, manifest.requires) == (None, ("log",))
    assert (after.version, after.n_logged) == (before.version + 1, 1)
    assert ids_of(after) == ids_of(before)
    old, new = manifest.segments
    assert (old.n_dead, new.n_documents, new.n_dead) == (1, 2, 0)
    assert not (path / "wal" / before.manifest.sealed).exists()
    check(path, "aced")
    assert flush(path) is None


@pytest.mark.parametrize("flush_too", [False, True])
@pytest.mark.parametrize(
    ("add", "delete", "living"),
    [
        ("", "a", "ced"),
        ("", "ce", "ad"),
        ("f", "", "acedf"),
        ("cd", "", "aecd"),
        ("af", "cde", "af"),
        ("b", "", "acedb"),
    ],
)
def test_what_is_committed_during_a_flush_survives_it(path, flush_too, add, delete, living):
    published = flush(path, write(path, add, delete, flush_too))
    assert (published is None) == flush_too  # by then it was in a segment
    check(path, living, add)
    write(path, flush=True)()
    check(path, living, add)
    Store.open(path).compact()
    check(path, living, add)


def test_a_flush_of_nothing_but_deletions_writes_no_segment(tmp_path):
    path = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]], "c": [[2]]}).path
    with idle_writer(path, WriterOptions(log_documents=1)) as writer:
        for doc_id in "abc":
            writer.delete([doc_id])
            writer.commit()
    check(path, "")
    manifest = flush(path)
    assert [(e.n_documents, e.n_dead) for e in manifest.segments] == []
    check(path, "")


def test_a_sealed_log_whose_documents_all_died_writes_no_segment(path):
    write(path, delete="ce")()
    assert len(flush(path).segments) == 1
    check(path, "ad")


def test_a_flush_without_a_commit_that_was_taken_back_is_dropped(path):
    """It left `c` out as dead; then the deletion could not be finished."""
    log = path / "wal" / Store.open(path).snapshot().manifest.log
    before = log.read_bytes()
    write(path, delete="c")()
    assert flush(path, lambda: log.write_bytes(before)) is None
    check(path, "aced")
    assert not any(p.name.endswith("-merge") for p in (path / "segments").iterdir())
    assert flush(path) is not None
    check(path, "aced")


def test_a_flush_of_a_log_that_went_publishes_nothing(path):
    """By then the log was flushed by a writer, and another one is sealed."""

    def go_on():
        options = WriterOptions(log_documents=1)
        with idle_writer(path, options) as writer:
            writer.flush()
            for doc_id in "fgh":
                put(writer, doc_id, [[7]])
                writer.commit()
        assert Store.open(path).snapshot().manifest.sealed is not None

    assert flush(path, go_on) is None
    check(path, "acedfgh", "fgh")
    assert flush(path) is not None
    check(path, "acedfgh", "fgh")


@pytest.mark.parametrize("first", ["merge", "flush"])
def test_a_merge_and_a_flush_go_on_together(path, first):
    def merge_all(meanwhile=None):
        files = QuickFiles()
        files.meanwhile = meanwhile
        options = WriterOptions(files=files)
        return merge(
            Store.open(path)._live, options, lambda entries: tuple(e.segment_id for e in entries)
        )

    published = []
    if first == "merge":
        assert merge_all(lambda: published.append(flush(path))) is not None
    else:
        assert flush(path, lambda: published.append(merge_all())) is not None
    assert published != [None]
    check(path, "aced")
    Store.open(path).collect_garbage()
    named = [entry.segment_id for entry in Store.open(path).snapshot().manifest.segments]
    assert sorted(p.name for p in (path / "segments").iterdir()) == sorted(named)
    check(path, "aced")


def test_clean_up_by_others_spares_what_a_flush_is_writing(path):
    removed = []
    assert flush(path, lambda: removed.append(write(path, add="x")()))
    write(path, add="y")()
    check(path, "acedxy", "xy")


def test_clean_up_spares_the_sealed_log(path):
    with idle_writer(path, WriterOptions()):
        Store.open(path)
    store = Store.open(path, options=WriterOptions(background=False))
    store.collect_garbage()
    assert len(list((path / "wal").iterdir())) == 2
    check(path, "aced")


def test_one_flushes_at_a_time(path):
    with FlushLock(path), pytest.raises(WriterLockedError, match="flushed by process"):
        flush(path)
    check(path, "aced")


def test_a_flush_that_cannot_publish_leaves_nothing_behind(path, monkeypatch):
    monkeypatch.setattr("latelight.index.flushing.PUBLISH_SECONDS", 0.0)
    with WriterLock(path), pytest.raises(WriterLockedError, match="written by process"):
        flush(path)
    assert len(list((path / "segments").iterdir())) == 1
    check(path, "aced")


# Behind the writers


def test_full_logs_become_segments_behind_the_writers(tmp_path):
    path = make_store(tmp_path / "g", {}).path
    store = Store.open(path, options=WriterOptions(log_documents=3))
    for n in range(8):
        add(store, f"d{n}")
    store.release()
    assert store.background_error is None
    manifest = store.snapshot().manifest
    # 3 or 6, or more where the disk was slow and the writer had to publish by itself.
    assert 3 <= sum(entry.n_documents for entry in manifest.segments) <= 8
    assert manifest.sealed is None
    assert ids_of(store.snapshot()) == [f"d{n}" for n in range(8)]
    assert store.verify() == []
    assert not [t for t in threading.enumerate() if t.name.startswith("latelight")]


def test_many_flushes_end_in_merges(tmp_path):
    path = make_store(tmp_path / "g", {}).path
    options = WriterOptions(log_documents=2, merge_factor=3, files=QuickFiles())
    store = Store.open(path, options=options)
    for n in range(60):
        add(store, f"d{n}", n % 8)
    store.release()
    assert store.background_error is None
    assert len(store.snapshot().manifest.segments) < 10
    assert ids_of(store.snapshot()) == [f"d{n}" for n in range(60)]
    assert store.verify() == []


def test_while_the_background_is_behind_the_log_may_be_twice_as_long(tmp_path):
    path = make_store(tmp_path / "g", {}).path
    store = Store.open(path, options=WriterOptions(log_documents=3, lock_seconds=0))
    with FlushLock(path):
        states = []
        for n in range(10):
            add(store, f"d{n}")
            store._upkeep.join()
            manifest = store.snapshot().manifest
            states.append((manifest.sealed is not None, len(manifest.segments)))
    full = [(True, 0)] * 6  # three in the sealed log, up to six in the other
    assert states == [(False, 0)] * 3 + full + [(False, 1)]
    assert ids_of(store.snapshot()) == [f"d{n}" for n in range(10)]
    assert store.verify() == []


def test_small_segments_from_the_background_share_the_codes_book_of_a_large_one(tmp_path):
    options = WriterOptions(min_coded_rows=200, min_shared_rows=20, log_documents=10)
    spaces = {"text": SpaceSpec(8, bits=2)}
    store = Store.create(tmp_path / "g", spaces, options=options)
    with store.writer() as writer:
        for n in range(60):
            put(writer, f"large{n}", [[n % 8, 1, 2], [3, n % 5]])
        writer.commit()
    for n in range(21):
        with store.writer() as writer:
            put(writer, f"d{n}", [[n % 8, 1, 2], [3, n % 5]])
            writer.commit()
        store.release()
    assert store.background_error is None
    state = store._live.state()
    assert [view.segment.n_rows for view in state.views] == [300, 50, 50]
    coded = [view.segment.spaces["text"].coded for view in state.views]
    assert len({id(one.book) for one in coded}) == 1
    with store.writer() as writer:
        for n in range(11):  # whoever waits for a commit does not wait for codes
            put(writer, f"e{n}", [[n % 8, 1, 2], [3, n % 5]])
        writer.commit()
    assert store._live.state().views[-1].segment.spaces["text"].coded is None
    assert store.verify() == []


def test_without_a_background_the_commit_writes_the_segment(tmp_path):
    path = make_store(tmp_path / "g", {}).path
    store = Store.open(path, options=WriterOptions(log_documents=3, background=False))
    for n in range(8):
        add(store, f"d{n}")
        assert store.snapshot().manifest.sealed is None
    assert [e.n_documents for e in store.snapshot().manifest.segments] == [4, 4]


def test_a_writer_without_a_background_takes_what_others_sealed(path):
    options = WriterOptions(log_documents=1, background=False)
    add(Store.open(path, options=options), "f")
    manifest = Store.open(path).snapshot().manifest
    assert (manifest.sealed, len(manifest.segments)) == (None, 2)
    check(path, "acedf", "f")


def test_whoever_writes_next_has_the_left_over_log_flushed(path):
    store = Store.open(path)
    add(store, "f")
    store.release()
    assert store.background_error is None
    assert store.snapshot().manifest.sealed is None
    check(path, "acedf", "f")


def test_an_error_in_the_background_leaves_the_log_to_a_writer(tmp_path):
    class Failing(QuickFiles):
        n_begun = 0

        def make_directory(self, path):
            if path.name.endswith("-merge"):
                self.n_begun += 1
                raise OSError("No space left on device")
            super().make_directory(path)

    path, files = make_store(tmp_path / "g", {}).path, Failing()
    store = Store.open(path, options=WriterOptions(log_documents=2, files=files))
    for n in range(6):
        add(store, f"d{n}")
        store._upkeep.join()
    assert "No space" in str(store.background_error)
    assert files.n_begun == 1  # it is not tried again with every commit
    add(store, "d6")
    assert store.snapshot().manifest.sealed is None
    assert ids_of(store.snapshot()) == [f"d{n}" for n in range(7)]
    assert store.verify() == []


def test_a_snapshot_outlives_rotation_and_flush(path):
    store = Store.open(path)
    before = store.snapshot()
    add(store, "x")
    during = store.snapshot()
    flush(path)
    after = store.snapshot()
    for snapshot, living in ((before, "aced"), (during, "acedx"), (after, "acedx")):
        assert ids_of(snapshot) == list(living)
        scores = snapshot.scores("text", query(4), snapshot.allow_list())
        assert [snapshot.doc_id_of(int(u)) for u in (scores == 1).nonzero()[0]] == ["e"]


# Other processes


READER = """
import sys
from pathlib import Path
from latelight.index import Store
store = Store.open(Path(sys.argv[1]))
for line in sys.stdin:
    snapshot = store.snapshot()
    print(snapshot.version, *(d.doc_id for d in snapshot.documents()), flush=True)
"""


def test_a_reader_in_another_process_sees_each_commit_and_versions_grow(tmp_path):
    options = WriterOptions(log_documents=3, merge_factor=3)
    store = Store.create(tmp_path / "g", SPACES, options=options)
    command = [sys.executable, "-c", READER, str(store.path)]
    pipe, last = subprocess.PIPE, 0
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as reader:
        for n in range(30):
            add(store, f"d{n}")
            if n % 7 == 6:
                with store.writer() as writer:
                    writer.delete([f"d{n - 3}"])
                    writer.commit()
            reader.stdin.write("look\n")
            reader.stdin.flush()
            version, *doc_ids = reader.stdout.readline().split()
            assert doc_ids == ids_of(store.snapshot())
            assert int(version) > last
            last = int(version)
        reader.stdin.close()
    store.release()


WRITER = """
import sys
from pathlib import Path
from latelight.index import Store, WriterOptions
from tests.index.sealing import add
OPTIONS = WriterOptions(log_documents=4, merge_factor=3, lock_seconds=30)
store = Store.open(Path(sys.argv[1]), options=OPTIONS)
for n in range(60):
    add(store, f"{sys.argv[2]}{n}", n % 8)
    print(n, flush=True)
store.release()
"""


def begin_writing(path: Path, name: str) -> subprocess.Popen:
    command = [sys.executable, "-c", WRITER, str(path), name]
    root = Path(__file__).parents[2]
    return subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True)


def test_two_processes_write_and_flush(tmp_path):
    path = make_store(tmp_path / "g", {}).path
    children = [begin_writing(path, name) for name in "xy"]
    for child in children:
        child.communicate()
    assert [child.returncode for child in children] == [0, 0]
    store = Store.open(path)
    ids = ids_of(store.snapshot())
    for name in "xy":
        assert [one for one in ids if one[0] == name] == [f"{name}{n}" for n in range(60)]
    assert len(ids) == 120
    assert store.verify() == []


@pytest.mark.parametrize("seconds", [0.0, 0.02, 0.05, 0.1, 0.17, 0.26])
def test_a_process_that_is_killed_loses_nothing_that_it_acknowledged(tmp_path, seconds):
    path = make_store(tmp_path / "g", {}).path
    with begin_writing(path, "x") as child:
        acknowledged = [child.stdout.readline() for _ in range(5)]
        time.sleep(seconds)
        child.kill()
        acknowledged += child.stdout.readlines()
    n_acknowledged = sum(line.endswith("\n") for line in acknowledged)
    store = Store.open(path)
    ids = ids_of(store.snapshot())
    assert ids == [f"x{n}" for n in range(len(ids))]
    assert len(ids) in (n_acknowledged, n_acknowledged + 1)
    assert store.verify() == []
    add(store, "later")
    store.release()
    assert store.background_error is None
    assert ids_of(store.snapshot()) == [*ids, "later"]
    assert store.verify() == []
