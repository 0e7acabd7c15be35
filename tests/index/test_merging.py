import contextlib
import shutil
import threading
from pathlib import Path

import pytest

from latelight.errors import WriterLockedError
from latelight.index import Store, WriterOptions
from latelight.index import merging as merging_module
from latelight.index.lock import MergeLock
from tests.index.faults import CountedFiles, InjectedError, QuickFiles, kill_at_each_step
from tests.index.making import ids_of, make_store, put, query


@pytest.fixture
def path(tmp_path):
    """Two segments, `a b` and `c d`; the log deletes `b` and adds `e`."""
    store = make_store(tmp_path / "g", {"a": [[0]], "b": [[1]]})
    with store.writer() as writer:
        put(writer, "c", [[2]])
        put(writer, "d", [[3]])
        writer.flush()
        writer.delete(["b"])
        put(writer, "e", [[4]])
        writer.commit()
    return store.path


def write(path: Path, add: str = "", delete: str = "", flush: bool = False):
    """Return a function that commits the documents of these one-letter names on axis 7."""

    def commit():
        with Store.open(path).writer() as writer:
            writer.delete(list(delete))
            for doc_id in add:
                put(writer, doc_id, [[7]])
            writer.flush() if flush else writer.commit()

    return commit


def merge_all(path: Path, meanwhile=None, files=None):
    """Merge all segments, as a compaction without its flush; return the manifest or None."""
    files = files or QuickFiles()
    files.meanwhile = meanwhile
    store = Store.open(path, options=WriterOptions(files=files))
    plan = lambda entries: tuple(entry.segment_id for entry in entries)  # noqa: E731
    return merging_module.merge(store._live, store._options, plan)


def segments_of(path: Path) -> list[str]:
    return sorted(directory.name for directory in (path / "segments").iterdir())


def test_a_merge_leaves_the_log_and_what_it_deleted_alone(path):
    before = Store.open(path).snapshot()
    manifest = merge_all(path)
    after = Store.open(path).snapshot()
    assert (manifest.number, manifest.log) == (before.number + 1, before.manifest.log)
    assert after.version == before.version + 1
    assert ids_of(after) == ids_of(before) == ["a", "c", "d", "e"]
    assert [entry.n_documents for entry in manifest.segments] == [3]
    assert Store.open(path).verify() == []
    assert segments_of(path) == [manifest.segments[0].segment_id]


@pytest.mark.parametrize("flush", [False, True])
@pytest.mark.parametrize(
    ("add", "delete", "living"),
    [
        ("", "a", "cde"),
        ("", "ce", "ad"),
        ("f", "", "acdef"),
        ("ad", "", "cead"),
        ("ef", "acd", "ef"),
        ("b", "", "acdeb"),
    ],
)
def test_what_is_committed_during_a_merge_survives_it(path, flush, add, delete, living):
    merge_all(path, write(path, add, delete, flush))
    store = Store.open(path)
    snapshot = store.snapshot()
    assert ids_of(snapshot) == list(living)
    scores = snapshot.scores("text", query(7), snapshot.allow_list())
    assert {snapshot.doc_id_of(u) for u in range(snapshot.n_units) if scores[u] == 1} == set(add)
    assert store.verify() == []
    with store.writer() as writer:
        writer.flush()
    assert ids_of(Store.open(path).snapshot()) == list(living)
    assert store.verify() == []


def test_a_merge_whose_source_went_publishes_nothing(path):
    def compact_inline():
        options = WriterOptions(merge_factor=2, background=False)
        with Store.open(path, options=options).writer() as writer:
            put(writer, "f", [[5]])
            put(writer, "g", [[5]])
            writer.flush()

    assert merge_all(path, compact_inline) is None
    store = Store.open(path)
    assert ids_of(store.snapshot()) == list("acdefg")
    assert not any(name.endswith("-merge") for name in segments_of(path))
    assert store.verify() == []


def test_a_merge_on_a_commit_that_was_taken_back_publishes_nothing(path):
    log = next((path / "wal").glob("WAL-*"))
    before = log.read_bytes()
    Store.open(path).snapshot()
    write(path, delete="a")()
    assert merge_all(path, lambda: log.write_bytes(before)) is None
    assert ids_of(Store.open(path).snapshot()) == ["a", "c", "d", "e"]


def test_clean_up_by_others_spares_what_a_merge_is_writing(path):
    removed = []
    merge_all(path, lambda: removed.append(Store.open(path).collect_garbage()))
    store = Store.open(path)
    assert ids_of(store.snapshot()) == ["a", "c", "d", "e"]
    assert store.verify() == []


def test_what_a_killed_merge_left_is_cleaned_up(path):
    left = path / "segments" / "00000009-0123abcd-merge"
    left.mkdir()
    (left / "segment.ll").write_bytes(b"half")
    store = Store.open(path)
    with MergeLock(path):
        store.collect_garbage()
        assert left.exists()
    store.collect_garbage()
    assert not left.exists()


def test_one_merges_at_a_time(path):
    with MergeLock(path), pytest.raises(WriterLockedError, match="compacted by process"):
        merge_all(path)


def test_readers_and_writers_go_on_during_a_compaction(path):
    """The compaction stands still until another thread has read and written."""
    files, seen = QuickFiles(), []

    def others():
        write(path, add="x")()
        seen.append(ids_of(Store.open(path).snapshot()))

    def in_a_thread():
        thread = threading.Thread(target=others)
        thread.start()
        thread.join()

    files.meanwhile = in_a_thread
    Store.open(path, options=WriterOptions(files=files)).compact()
    assert seen == [["a", "c", "d", "e", "x"]]
    assert ids_of(Store.open(path).snapshot()) == list("acdex")


# Crashes


def compact(path: Path, files) -> None:
    Store.open(path, options=WriterOptions(files=files)).compact()


def merge_only(path: Path, files) -> None:
    """Merge as the background does: the log is full of commits and stays."""
    merge_all(path, files=files)


def check_works_on(path: Path) -> int:
    """Check that nothing was lost and the store works on; return the manifest's number before."""
    store = Store.open(path)
    number = store.snapshot().number
    assert store.verify() == []
    assert ids_of(store.snapshot()) == list("acde")
    store.compact()
    write(path, add="f")()
    assert ids_of(store.snapshot()) == list("acdef")
    assert store.verify() == []
    assert not any(path.rglob("*.tmp"))
    named = [entry.segment_id for entry in store.snapshot().manifest.segments]
    store.collect_garbage()
    assert segments_of(path) == sorted(named)
    return number


def copies_by_step(path: Path, action) -> tuple[list[Path], list[int]]:
    """Return a copy for each step of the action, and the manifest that holds after each."""
    files, counted = CountedFiles(), path.with_name("counted")
    shutil.copytree(path, counted)
    before = Store.open(counted).snapshot().number
    action(counted, files)
    copies = [path.with_name(f"step{step}") for step in range(len(files.log))]
    for copy in copies:
        shutil.copytree(path, copy)
    published = [step == "publish MANIFEST" for step in files.log]
    assert any(published)
    return copies, [before + sum(published[:step]) for step in range(len(copies))]


@pytest.mark.parametrize("action", [compact, merge_only])
def test_a_failure_at_any_step_of_a_merge_loses_nothing(path, action):
    copies, numbers = copies_by_step(path, action)
    for step, copy in enumerate(copies):
        with contextlib.suppress(InjectedError):
            action(copy, CountedFiles(step))
    assert [check_works_on(copy) for copy in copies] == numbers


@pytest.mark.parametrize("action", [compact, merge_only])
def test_a_kill_at_any_step_of_a_merge_loses_nothing(path, action):
    copies, numbers = copies_by_step(path, action)
    kill_at_each_step(__name__, action.__name__, "", copies)
    assert [check_works_on(copy) for copy in copies] == numbers


# In the background


def add_segments(store: Store, doc_ids: str) -> None:
    for doc_id in doc_ids:
        with store.writer() as writer:
            put(writer, doc_id, [[0]])
            writer.flush()


def test_a_crowd_is_merged_behind_the_writers(tmp_path):
    store = make_store(tmp_path / "g", {})
    again = Store.open(store.path, options=WriterOptions(merge_factor=3))
    add_segments(again, "abcdefg")
    again.release()
    assert again.background_error is None
    assert len(again.snapshot().manifest.segments) < 3
    assert ids_of(again.snapshot()) == list("abcdefg")
    assert again.verify() == []
    assert not [t for t in threading.enumerate() if t.name == "latelight-upkeep"]


def test_a_writer_that_stays_merges_what_the_background_cannot_reach(tmp_path):
    store = make_store(tmp_path / "g", {})
    again = Store.open(store.path, options=WriterOptions(merge_factor=3))
    with again.writer() as writer:
        for n in range(20):
            put(writer, f"d{n}", [[0]])
            writer.flush()
            assert len(again.snapshot().manifest.segments) <= 12
    again.release()
    assert again.snapshot().n_documents == 20


def test_without_a_background_the_commit_merges(tmp_path):
    store = make_store(tmp_path / "g", {})
    options = WriterOptions(merge_factor=3, background=False)
    again = Store.open(store.path, options=options)
    add_segments(again, "abc")
    assert len(again.snapshot().manifest.segments) == 1


def test_an_error_in_the_background_is_kept_until_it_goes_well(tmp_path):
    class Failing(QuickFiles):
        broken = True

        def make_directory(self, path):
            if self.broken and path.name.endswith("-merge"):
                raise OSError("No space left on device")
            super().make_directory(path)

    files = Failing()
    store = make_store(tmp_path / "g", {})
    again = Store.open(store.path, options=WriterOptions(merge_factor=3, files=files))
    add_segments(again, "abc")
    again.release()
    assert "No space" in str(again.background_error)
    assert ids_of(again.snapshot()) == list("abc")
    files.broken = False
    add_segments(again, "d")
    again.release()
    assert again.background_error is None
    assert len(again.snapshot().manifest.segments) == 1


def test_the_manifest_is_the_one_place_that_says_what_is_dead(path):
    """A merged segment that lost documents meanwhile has tombstones of its own."""
    manifest = merge_all(path, write(path, delete="c", flush=True))
    merged = [e for e in manifest.segments if e.segment_id.endswith("-merge")]
    assert [(e.n_documents, e.n_dead, bool(e.tombstones)) for e in merged] == [(3, 1, True)]
