import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from latelight.errors import CorruptFileError, FormatVersionError, InputError
from latelight.index import Store, WriterOptions
from latelight.index import manifest as manifest_module
from latelight.index.beginnings import Context
from latelight.index.log import encode_record, start_of
from latelight.index.merging import merge
from latelight.index.segment import Segment, encode_segment
from tests.index.faults import CountedFiles, FullDisk, InjectedError
from tests.index.making import SPACES, ids_of, make_store, put, query


@pytest.fixture
def store(tmp_path):
    return make_store(tmp_path / "g", {"a": [[0]], "b": [[1]]})


def add(store: Store, doc_id: str, axis: int) -> int:
    with store.writer() as writer:
        put(writer, doc_id, [[axis]])
        return writer.commit()


def delete(store: Store, *doc_ids: str) -> int:
    with store.writer() as writer:
        writer.delete(doc_ids)
        return writer.commit()


def log_of(store: Store) -> Path:
    return store.path / "wal" / store.snapshot().manifest.log


def test_a_small_commit_is_one_record_and_its_version_grows(store):
    files = CountedFiles()
    again = Store.open(store.path, options=WriterOptions(files=files))
    number = again.snapshot().number
    assert (add(again, "c", 2), delete(again, "a")) == (3, 4)
    assert files.log == ["open_log", "append", "append the rest", "fsync_data"] * 2
    assert (again.snapshot().number, again.snapshot().version) == (number, 4)
    assert ids_of(again.snapshot()) == ids_of(store.snapshot()) == ["b", "c"]
    assert store.verify() == []


def test_what_was_logged_is_searched_filtered_and_read(store):
    with store.writer() as writer:
        put(writer, "c", [[2, 3], [4]], {"year": 2024})
        writer.commit()
    for snapshot in (store.snapshot(), Store.open(store.path).snapshot()):
        assert snapshot.scores("text", query(3, 4), snapshot.allow_list()).tolist() == [0, 0, 1, 1]
        assert snapshot.allow_list({"year": 2024}).tolist() == [False, False, True, True]
        assert snapshot.text_of("c") == "c 0. c 1. "
        assert [snapshot.doc_id_of(unit) for unit in range(4)] == ["a", "b", "c", "c"]
        assert (snapshot.n_documents, snapshot.n_rows) == (3, 5)


def test_replacing_and_deleting_reach_files_and_log_alike(store):
    for axis in (4, 5):
        add(store, "a", axis)
        add(store, "c", axis)
    delete(store, "b")
    for snapshot in (store.snapshot(), Store.open(store.path).snapshot()):
        assert ids_of(snapshot) == ["a", "c"]
        best = snapshot.scores("text", query(5), snapshot.allow_list())
        assert best[[*snapshot.find("a"), *snapshot.find("c")]].tolist() == [1, 1]
    assert store.verify() == []


@pytest.mark.parametrize("context", [None, Context(n_rows=2, share=0.5)])
def test_a_log_scores_as_the_segment_that_it_becomes(store, context):
    for n in range(9):
        with store.writer() as writer:
            put(writer, f"d{n}", [[n % 8, 3], [], [(n + 1) % 8], [5, n % 3]])
            writer.delete([f"d{n - 4}"])
            writer.commit()
    before = store.snapshot()
    with store.writer() as writer:
        writer.flush()
    after = store.snapshot()
    assert (before.n_logged, after.n_logged) == (9, 0)
    best = [
        s.scores("text", query(1, 3, 6), s.allow_list(), context=context) for s in (before, after)
    ]
    for doc_id in ids_of(after):
        assert best[0][before.find(doc_id)].tolist() == best[1][after.find(doc_id)].tolist()
    assert ids_of(before) == ids_of(after)
    assert np.isfinite(best[0]).sum() == np.isfinite(best[1]).sum()


def test_what_comes_after_the_cap_is_flushed(tmp_path):
    options = WriterOptions(log_documents=4, background=False)
    store = Store.create(tmp_path / "g", SPACES, options=options)
    numbers = []
    for n in range(11):
        add(store, f"d{n}", n % 8)
        numbers.append(store.snapshot().number)
    assert numbers == [1, 1, 1, 1, 2, 2, 2, 2, 2, 3, 3]
    assert ids_of(store.snapshot()) == [f"d{n}" for n in range(11)]
    assert [path.name for path in (store.path / "wal").iterdir()] == [log_of(store).name]


@pytest.mark.parametrize(
    "options",
    [
        WriterOptions(log_documents=0),
        WriterOptions(log_rows=2),
        WriterOptions(log_bytes=5000),
        WriterOptions(log_documents=2),  # it touches three
    ],
)
def test_a_large_commit_is_flushed(store, options):
    other = Store.open(store.path, options=options)
    with other.writer() as writer:
        put(writer, "c", [[1], [2], [3]])
        writer.delete(["a", "b"])
        writer.commit()
    assert other.snapshot().number == 3


def test_caps_are_not_negative():
    with pytest.raises(InputError, match="0 or more; got 255, -1"):
        WriterOptions(log_rows=-1)


def test_a_flush_takes_everything_from_the_log(store):
    add(store, "c", 2)
    delete(store, "a", "c")
    add(store, "d", 3)
    with store.writer() as writer:
        assert writer.flush() == 6
        assert writer.flush() == 6
    snapshot = store.snapshot()
    assert (snapshot.number, snapshot.n_logged, ids_of(snapshot)) == (3, 0, ["b", "d"])
    assert snapshot.n_units == 3  # `a` is marked as deleted, `c` was never written
    assert store.verify() == []


def test_a_store_without_a_log_gets_one_with_its_next_segment(tmp_path):
    plain = WriterOptions(log_documents=0)
    store = Store.create(tmp_path / "g", SPACES, options=plain)
    assert (store.snapshot().manifest.requires, store.snapshot().manifest.log) == ((), None)
    now = Store.open(store.path)
    add(now, "a", 0)
    assert (now.snapshot().number, now.snapshot().n_logged) == (2, 0)
    add(now, "b", 0)
    assert (now.snapshot().number, now.snapshot().n_logged) == (2, 1)
    add(store, "c", 0)  # writes no log, reads it all the same
    assert (store.snapshot().number, ids_of(now.snapshot())) == (3, ["a", "b", "c"])
    assert store.snapshot().manifest.requires == ()


def test_readers_that_do_not_know_logs_refuse(store, monkeypatch):
    monkeypatch.setattr(manifest_module, "FEATURES", frozenset())
    with pytest.raises(FormatVersionError, match=r"needs log.*Upgrade"):
        Store.open(store.path)


READER = """
import sys
from pathlib import Path
from latelight.index import Store
store = Store.open(Path(sys.argv[1]))
for line in sys.stdin:
    print(store.snapshot().version, *(d.doc_id for d in store.snapshot().documents()), flush=True)
"""


def test_a_reader_in_another_process_sees_each_commit(tmp_path):
    store = Store.create(tmp_path / "g", SPACES, options=WriterOptions(log_documents=5))
    command = [sys.executable, "-c", READER, str(store.path)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as reader:
        for n in range(14):
            version = add(store, f"d{n}", 0) if n % 3 else delete(store, f"d{n - 1}")
            reader.stdin.write("look\n")
            reader.stdin.flush()
            found, *doc_ids = reader.stdout.readline().split()
            assert doc_ids == ids_of(store.snapshot())
            assert int(found) >= version  # a flush behind the writer counts too
        reader.stdin.close()


WRITER = """
import sys
from pathlib import Path
from tests.index.test_live import add
from latelight.index import Store, WriterOptions
# As long as it takes: on a busy machine the other one may keep the lock for a while.
store = Store.open(Path(sys.argv[1]), options=WriterOptions(lock_seconds=30))
for n in range(60):
    add(store, f"{sys.argv[2]}{n}", n % 8)
"""


def test_two_processes_take_turns_writing(store):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", WRITER, str(store.path)]
    children = [subprocess.Popen([*command, name], cwd=root) for name in "xy"]
    assert [child.wait() for child in children] == [0, 0]
    ids = ids_of(store.snapshot())
    assert ids == ids_of(Store.open(store.path).snapshot())
    assert (ids[:2], len(ids)) == (["a", "b"], 122)
    for name in "xy":
        assert [one for one in ids if one[0] == name] == [f"{name}{n}" for n in range(60)]
    assert store.verify() == []


def test_threads_read_while_one_logs(store):
    stop, wrong = threading.Event(), []

    def read():
        reader, last = Store.open(store.path), 0
        while not stop.is_set():
            snapshot = reader.snapshot()
            n = snapshot.n_documents
            if ids_of(snapshot) != ["a", "b", *(f"d{i}" for i in range(n - 2))]:
                wrong.append(ids_of(snapshot))
            if snapshot.version < last:
                wrong.append(snapshot.version)
            last = snapshot.version

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    for n in range(150):
        add(store, f"d{n}", 0)
    stop.set()
    for reader in readers:
        reader.join()
    assert wrong == []


class Unsynced(CountedFiles):
    """fsync fails; nothing was acknowledged."""

    def fsync_data(self, file):
        raise InjectedError("fsync")


def test_a_record_whose_fsync_failed_is_taken_back_from_readers_too(store):
    reader, seen = Store.open(store.path), []

    class Watched(Unsynced):
        def fsync_data(self, file):
            seen.append(ids_of(reader.snapshot()))
            super().fsync_data(file)

    with pytest.raises(InjectedError):
        add(Store.open(store.path, options=WriterOptions(files=Watched())), "c", 2)
    assert seen == [["a", "b", "c"]]
    assert ids_of(reader.snapshot()) == ["a", "b"]
    add(store, "d", 3)  # as long as the record that was taken back
    assert ids_of(reader.snapshot()) == ["a", "b", "d"]


def test_the_same_length_does_not_deceive_a_reader(store):
    reader, path = Store.open(store.path), log_of(store)
    before = path.read_bytes()
    add(store, "c", 2)
    assert ids_of(reader.snapshot()) == ["a", "b", "c"]
    length = path.stat().st_size
    path.write_bytes(before)
    add(Store.open(store.path), "d", 3)
    assert path.stat().st_size == length
    assert ids_of(reader.snapshot()) == ["a", "b", "d"]


def test_a_record_that_was_taken_back_is_not_carried_over_to_the_next_manifest(store):
    """The writer was killed, its record never reached the disk; then somebody merged."""
    reader, path = Store.open(store.path), log_of(store)
    add(store, "c", 2)
    before = path.read_bytes()
    delete(store, "a")
    assert ids_of(reader.snapshot()) == ["b", "c"]
    path.write_bytes(before)
    other = Store.open(store.path)
    merge(other._live, WriterOptions(), lambda entries: tuple(e.segment_id for e in entries))
    assert ids_of(reader.snapshot()) == ids_of(other.snapshot()) == ["a", "b", "c"]


def test_a_torn_tail_is_harmless_and_goes_with_the_next_commit(store):
    add(store, "c", 2)
    path = log_of(store)
    whole = path.read_bytes()
    add(store, "d", 3)
    path.write_bytes(path.read_bytes()[:-9])
    again = Store.open(store.path)
    assert (again.verify(), ids_of(again.snapshot())) == ([], ["a", "b", "c"])
    assert ids_of(store.snapshot()) == ["a", "b", "c"]
    delete(again, "a")
    assert len(path.read_bytes()) == len(whole) + 4096
    assert ids_of(Store.open(store.path).snapshot()) == ["b", "c"]


def test_damage_is_refused_and_found(store):
    add(store, "c", 2)
    add(store, "d", 3)
    path = log_of(store)
    good = path.read_bytes()
    for place in range(0, len(good), 97):
        path.write_bytes(good[:place] + bytes([good[place] ^ 8]) + good[place + 1 :])
        with pytest.raises(CorruptFileError, match="wal/"):
            Store.open(store.path).snapshot()
        assert [p.file for p in store.verify()] == [f"wal/{path.name}"]
        with pytest.raises(CorruptFileError):
            Store.open(store.path).writer()
    path.unlink()
    with pytest.raises(CorruptFileError, match=r"WAL-.*which MANIFEST-000000000002 names"):
        Store.open(store.path).snapshot()
    assert [p.file for p in store.verify()] == [f"wal/{path.name}"]


def test_wrong_contents_under_right_checksums_are_found(store):
    """As after a bug in a writer: one record adds a document twice."""
    view = Segment.open(store.path, store.snapshot().manifest.segments[0].segment_id, SPACES)
    twice = encode_segment("logged", SPACES, [view.stored(0), view.stored(0)])
    path = log_of(store)
    path.write_bytes(path.read_bytes() + encode_record(start_of(path.name), [], twice))
    (problem,) = store.verify()
    assert (problem.file, problem.section) == (f"wal/{path.name}", "record 1")
    assert problem.message == "'a' is live in two places"


def test_a_full_log_disk_does_not_stop_readers(store):
    full = Store.open(store.path, options=WriterOptions(files=FullDisk(10)))
    with pytest.raises(OSError, match="No space"):
        add(full, "c", 2)
    assert ids_of(full.snapshot()) == ["a", "b"]
