import contextlib
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from latelight.errors import StorageError
from latelight.index import Store, Writer, WriterOptions
from tests.index.faults import (
    BrokenDisk,
    CountedFiles,
    FullDisk,
    InjectedError,
    PowerCut,
    kill_at_each_step,
)
from tests.index.making import ids_of, make_store, put

OLD, NEW = ["a", "b"], ["a", "c"]

WAYS = {
    "logged": WriterOptions(),
    "segment": WriterOptions(log_documents=0),
    "merging": WriterOptions(log_documents=0, merge_factor=2, background=False),
    "flushing": WriterOptions(log_documents=1, background=False),
    "rotating": WriterOptions(log_documents=2),
}
LOGGED = ["open_log", "append", "append the rest", "fsync_data"]
SEGMENT = ["make_directory 00000003", "create segment.ll", "fsync", *["fsync_directory"] * 2]
TOMBSTONES = ["create tombstones", "fsync", "fsync_directory"]
SEALED = ["open_log", "fsync_data"]
NEW_LOG = ["create WAL", "fsync", "fsync_directory"]
MANIFEST = ["create MANIFEST", "fsync", "publish MANIFEST", "fsync_directory", "remove MANIFEST"]


@pytest.fixture
def bases(tmp_path):
    """By way of committing, a store with `a` and `b`; the commit adds `c` and deletes `b`."""
    return {way: make_base(tmp_path / way, way) for way in WAYS}


def make_base(path: Path, way: str) -> Path:
    store = make_store(path, {"a": [[0]], "b": [[1]]})
    if way in ("flushing", "rotating"):  # the log replaces `b`
        with store.writer() as writer:
            put(writer, "b", [[1]])
            writer.commit()
    return path


def commit(path: Path, files, way: str) -> None:
    options = replace(WAYS[way], files=files)
    with Writer(Store.open(path)._live, options) as writer:  # nothing in the background
        writer.delete(["b"])
        put(writer, "c", [[2], [2], [2]])  # as many documents and rows as the segment before
        writer.commit()


def steps_of_a_commit(base: Path, way: str) -> list[str]:
    files = CountedFiles()
    copy = base.with_name(f"counted-{way}")
    shutil.copytree(base, copy)
    commit(copy, files, way)
    return files.log


def named_files(store: Store) -> set[str]:
    manifest = store.snapshot().manifest
    names = {"LOCK", f"MANIFEST-{manifest.number:012d}"}
    names |= {f"wal/{log}" for log in manifest.logs}
    for entry in manifest.segments:
        names.add(f"segments/{entry.segment_id}/segment.ll")
        if entry.tombstones:
            names.add(f"segments/{entry.segment_id}/{entry.tombstones}")
    return names


def check_old_or_new(path: Path) -> bool:
    """Check that the store is whole and works on; return whether the commit was published."""
    store = Store.open(path)
    assert store.verify() == []
    ids = ids_of(store.snapshot())
    assert ids in (OLD, NEW)
    with store.writer() as writer:
        put(writer, "later", [[3]])
        writer.commit()
    store.release()
    assert store.background_error is None
    assert ids_of(store.snapshot()) == [*ids, "later"]
    store.collect_garbage()
    store.release()
    left = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    assert left - {"MERGE", "FLUSH"} == named_files(store)
    return ids == NEW


def test_a_commit_takes_these_steps(bases):
    steps = {way: steps_of_a_commit(base, way) for way, base in bases.items()}
    assert steps["logged"] == LOGGED
    assert steps["segment"] == [*SEGMENT, *TOMBSTONES, *MANIFEST]
    flushing = [*SEGMENT, *TOMBSTONES, *NEW_LOG, *MANIFEST]
    assert steps["flushing"][: len(flushing)] == flushing
    assert steps["flushing"][len(flushing) :] == ["remove MANIFEST"] * 2 + ["remove WAL"]
    assert steps["merging"].count("create segment.ll") == 2
    assert steps["rotating"] == [*SEALED, *NEW_LOG, *MANIFEST, *LOGGED]


@pytest.mark.parametrize("way", WAYS)
def test_a_failure_at_any_step_leaves_the_old_or_the_new_state(bases, way):
    base, published, raised = bases[way], [], []
    steps = steps_of_a_commit(base, way)
    for step in range(len(steps)):
        copy = base.with_name(f"{way}{step}")
        shutil.copytree(base, copy)
        try:
            commit(copy, CountedFiles(step), way)
        except InjectedError:
            raised.append(step)
        published.append(check_old_or_new(copy))
    instant = steps.index("publish MANIFEST") if steps[-4:] != LOGGED else len(steps)
    assert published == [step > instant for step in range(len(steps))]
    assert set(range(min(instant + 1, len(steps)))) <= set(raised)


@pytest.mark.parametrize("way", WAYS)
def test_a_kill_at_any_step_leaves_the_old_or_the_new_state(bases, way):
    base = bases[way]
    steps = steps_of_a_commit(base, way)
    copies = [base.with_name(f"killed-{way}{step}") for step in range(len(steps))]
    for copy in copies:
        shutil.copytree(base, copy)
    kill_at_each_step(__name__, "commit", way, copies)
    published = [check_old_or_new(copy) for copy in copies]
    # What was written whole outlives its process; whether it was on the disk, nobody was told.
    logged = steps[-4:] == LOGGED
    first = len(steps) - 1 if logged else steps.index("publish MANIFEST") + 1
    assert published == [step >= first for step in range(len(steps))]


@pytest.mark.parametrize("way", WAYS)
def test_a_power_cut_at_any_step_leaves_the_old_or_the_new_state(bases, way):
    base, published = bases[way], []
    n_steps = len(steps_of_a_commit(base, way))
    for step in range(n_steps + 1):
        copy, files = base.with_name(f"cut-{way}{step}"), PowerCut(step)
        shutil.copytree(base, copy)
        with contextlib.suppress(InjectedError):
            commit(copy, files, way)
        files.cut()
        published.append(check_old_or_new(copy))
    assert published == sorted(published)
    assert published[-1]  # a commit that returned is never lost


@pytest.mark.parametrize("way", WAYS)
def test_a_full_disk_leaves_the_old_state(bases, way):
    for n_bytes in (0, 100, 3000, 6600):
        copy = bases[way].with_name(f"full-{way}{n_bytes}")
        shutil.copytree(bases[way], copy)
        with pytest.raises(OSError, match="No space"):
            commit(copy, FullDisk(n_bytes), way)
        assert not check_old_or_new(copy)


def delete_one(path: Path, files) -> None:
    with Store.open(path, options=WriterOptions(files=files)).writer() as writer:
        writer.delete(["b"])
        writer.commit()


def test_a_disk_that_is_full_at_any_byte_of_a_record_takes_nothing_back(bases):
    base = bases["logged"]
    log = next((base / "wal").iterdir())
    before = log.read_bytes()
    for n_bytes in range(4096):
        with pytest.raises(OSError, match="No space"):
            delete_one(base, FullDisk(n_bytes))
        assert log.read_bytes() == before
    delete_one(base, FullDisk(4096))
    assert ids_of(Store.open(base).snapshot()) == ["a"]


def test_what_a_broken_disk_left_of_a_record_is_never_read(bases):
    for n_bytes in range(1, 4096, 41):
        copy = bases["logged"].with_name("broken")
        shutil.copytree(bases["logged"], copy)
        with pytest.raises(OSError, match="No space"):
            delete_one(copy, BrokenDisk(n_bytes))
        assert next((copy / "wal").iterdir()).stat().st_size == 4096 + n_bytes
        assert not check_old_or_new(copy)
        shutil.rmtree(copy)


def test_after_a_failed_append_only_a_new_writer_goes_on(bases):
    base, files = bases["logged"], FullDisk(100)
    store = Store.open(base, options=WriterOptions(files=files))
    with store.writer() as writer:
        put(writer, "c", [[2]])
        with pytest.raises(OSError, match="No space"):
            writer.commit()
        with pytest.raises(StorageError, match="Open a new one"):
            writer.commit()
    assert ids_of(store.snapshot()) == OLD
    files.n_bytes = 1 << 20
    with store.writer() as writer:
        put(writer, "d", [[2]])
        writer.commit()
    assert ids_of(store.snapshot()) == ids_of(Store.open(base).snapshot()) == ["a", "b", "d"]


def test_a_failed_creation_can_be_repeated(tmp_path):
    for step in range(9):
        path = tmp_path / f"g{step}"
        with pytest.raises(InjectedError):
            Store.create(path, {}, options=WriterOptions(files=CountedFiles(step)))
        published = (path / "MANIFEST-000000000001").exists()
        store = Store.open(path) if published else Store.create(path, {})
        assert store.snapshot().number == 1


def test_a_compaction_that_fails_loses_nothing(bases):
    base = bases["flushing"]
    for step in range(40):
        copy = base.with_name(f"compact{step}")
        shutil.copytree(base, copy)
        store = Store.open(copy, options=WriterOptions(files=CountedFiles(step)))
        with contextlib.suppress(InjectedError):
            store.compact()
        assert not check_old_or_new(copy)
