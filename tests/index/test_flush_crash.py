"""A flush that fails, is killed or loses power at any step."""

import contextlib
import shutil
from pathlib import Path

import pytest

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index import Store, WriterOptions
from latelight.index import manifest as manifest_module
from latelight.index.lock import FlushLock, MergeLock
from latelight.index.log import encode_record
from tests.index.faults import (
    CountedFiles,
    FullDisk,
    InjectedError,
    PowerCut,
    kill_at_each_step,
)
from tests.index.making import ids_of, put
from tests.index.sealing import add, check, flush, idle_writer, write


def flush_only(path: Path, files) -> None:
    flush(path, files=files)


def check_works_on(path: Path) -> int:
    """Check that nothing was lost and the store works on; return the manifest's number before."""
    store = Store.open(path)
    number = store.snapshot().number
    check(path, "aced")
    add(store, "f")
    store.release()
    assert store.background_error is None
    check(path, "acedf", "f")
    store.compact()
    check(path, "acedf", "f")
    store.collect_garbage()
    assert not any(path.rglob("*.tmp"))
    named = [entry.segment_id for entry in store.snapshot().manifest.segments]
    assert sorted(p.name for p in (path / "segments").iterdir()) == sorted(named)
    assert len(list((path / "wal").iterdir())) == 1
    return number


def copies_by_step(path: Path) -> tuple[list[Path], list[int]]:
    """Return a copy for each step of a flush, and the manifest that holds after each."""
    files, counted = CountedFiles(), path.with_name("counted")
    shutil.copytree(path, counted)
    before = Store.open(counted).snapshot().number
    flush_only(counted, files)
    copies = [path.with_name(f"step{step}") for step in range(len(files.log))]
    for copy in copies:
        shutil.copytree(path, copy)
    published = [step == "publish MANIFEST" for step in files.log]
    return copies, [before + sum(published[:step]) for step in range(len(copies))]


def test_a_flush_takes_these_steps(path):
    files = CountedFiles()
    flush_only(path, files)
    segment = ["make_directory 00000004", "create segment.ll", "fsync", *["fsync_directory"] * 2]
    logs = ["open_log", "fsync_data"] * 2
    tombstones = ["create tombstones", "fsync", "fsync_directory"]
    manifest = ["create MANIFEST", "fsync", "publish MANIFEST", "fsync_directory"]
    steps = [*segment, *logs, *tombstones, *manifest, "remove MANIFEST"]
    assert files.log[: len(steps)] == steps
    assert set(files.log[len(steps) :]) == {"remove MANIFEST", "remove WAL"}


def test_a_failure_at_any_step_of_a_flush_loses_nothing(path):
    copies, numbers = copies_by_step(path)
    for step, copy in enumerate(copies):
        with contextlib.suppress(InjectedError):
            flush_only(copy, CountedFiles(step))
    assert [check_works_on(copy) for copy in copies] == numbers


def test_a_kill_at_any_step_of_a_flush_loses_nothing(path):
    copies, numbers = copies_by_step(path)
    kill_at_each_step(__name__, "flush_only", "", copies)
    assert [check_works_on(copy) for copy in copies] == numbers


def test_a_power_cut_at_any_step_of_a_flush_loses_nothing(path):
    copies, _ = copies_by_step(path)
    for step, copy in enumerate(copies):
        files = PowerCut(step)
        with contextlib.suppress(InjectedError):
            flush_only(copy, files)
        files.cut()
        check_works_on(copy)


@pytest.mark.parametrize("n_bytes", [0, 100, 2000, 4000, 6000])
def test_a_full_disk_leaves_the_sealed_log(path, n_bytes):
    with pytest.raises(OSError, match="No space"):
        flush_only(path, FullDisk(n_bytes))
    assert Store.open(path).snapshot().manifest.sealed is not None
    check_works_on(path)


@pytest.mark.parametrize("which", [0, 1])
def test_a_torn_tail_of_either_log_is_dropped(path, which):
    mark = Store.open(path)._live.state().logs[which].mark
    log = path / "wal" / mark.name
    whole, record = log.read_bytes(), encode_record(mark, ["a"], b"x" * 5000)
    for torn in (record[:8], record[:5000], record[:512] + bytes(4000), bytes(9000)):
        log.write_bytes(whole + torn)
        check(path, "aced")
    copy = path.with_name("copy")
    shutil.copytree(path, copy)
    flush(copy)
    check_works_on(copy)
    check_works_on(path)


@pytest.mark.parametrize("which", [0, 1])
def test_damage_to_either_log_is_refused_and_found(path, which):
    log = path / "wal" / Store.open(path).snapshot().manifest.logs[which]
    good = log.read_bytes()
    for place in (3, 4100, 4200, len(good) - 4):
        log.write_bytes(good[:place] + bytes([good[place] ^ 8]) + good[place + 1 :])
        with pytest.raises(CorruptFileError, match=f"wal/{log.name}"):
            Store.open(path).snapshot()
        assert [p.file for p in Store.open(path).verify()] == [f"wal/{log.name}"]
    log.unlink()
    with pytest.raises(CorruptFileError, match=rf"{log.name}, which MANIFEST-0+3 names"):
        Store.open(path).snapshot()
    assert [p.file for p in Store.open(path).verify()] == [f"wal/{log.name}"]


def test_a_commit_after_rotation_that_fails_is_taken_back(path):
    """The one that sealed the log was published, the record was not."""
    write(path, flush=True)()
    write(path, add="f")()
    files = CountedFiles(2 + 3 + 5 + 1)  # seals a log, makes one, publishes, opens it
    with idle_writer(path, WriterOptions(log_documents=1, files=files)) as writer:
        put(writer, "g", [[7]])
        with pytest.raises(InjectedError, match="append"):
            writer.commit()
    assert Store.open(path).snapshot().manifest.sealed is not None
    check(path, "acedf", "f")


def test_readers_that_do_not_know_sealed_logs_refuse_until_the_flush(path, monkeypatch):
    monkeypatch.setattr(manifest_module, "FEATURES", frozenset({"log"}))
    with pytest.raises(FormatVersionError, match=r"needs sealed.*Upgrade"):
        Store.open(path)
    monkeypatch.undo()
    flush(path)
    monkeypatch.setattr(manifest_module, "FEATURES", frozenset({"log"}))
    assert ids_of(Store.open(path).snapshot()) == list("aced")


def test_a_backup_holds_both_logs_and_restores(path, tmp_path):
    store = Store.open(path)
    assert store.backup(tmp_path / "copy") == store.snapshot().version
    assert len(list((tmp_path / "copy" / "wal").iterdir())) == 2
    check(tmp_path / "copy", "aced")
    restored = Store.restore(tmp_path / "copy", tmp_path / "restored")
    check_works_on(restored.path)


def test_left_overs_of_either_are_removed_once_nobody_merges_or_flushes(path):
    left = path / "segments" / "00000009-0123abcd-merge"
    left.mkdir()
    (left / "segment.ll").write_bytes(b"half")
    store = Store.open(path, options=WriterOptions(background=False))
    for kind in (MergeLock, FlushLock):
        with kind(path):
            store.collect_garbage()
            assert left.exists()
    store.collect_garbage()
    assert not left.exists()
