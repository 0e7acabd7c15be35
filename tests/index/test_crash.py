import contextlib
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from latelight.index import Store, WriterOptions
from tests.index.faults import CountedFiles, FullDisk, InjectedError
from tests.index.making import ids_of, make_store, put

OLD, NEW = ["a", "b"], ["a", "c"]

KILLED_CHILD = """
import sys
from pathlib import Path
from tests.index.faults import KillingFiles
from tests.index.test_crash import commit
commit(Path(sys.argv[1]), KillingFiles(int(sys.argv[2])))
"""


@pytest.fixture
def base(tmp_path):
    """One segment with `a` and `b`; the commit under test adds `c` and deletes `b`."""
    make_store(tmp_path / "base", {"a": [[0]], "b": [[1]]})
    return tmp_path / "base"


def commit(path: Path, files, merge_factor: int = 10) -> None:
    options = WriterOptions(files=files, merge_factor=merge_factor)
    with Store.open(path, options=options).writer() as writer:
        writer.delete(["b"])
        put(writer, "c", [[2], [2], [2]])  # as many documents and rows as the segment before
        writer.commit()


def steps_of_a_commit(base: Path, merge_factor: int = 10) -> list[str]:
    files = CountedFiles()
    copy = base.with_name("counted")
    shutil.copytree(base, copy)
    commit(copy, files, merge_factor)
    return files.log


def named_files(store: Store) -> set[str]:
    manifest = store.snapshot().manifest
    names = {"LOCK", f"MANIFEST-{manifest.number:012d}"}
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
    assert ids_of(store.snapshot()) == [*ids, "later"]
    store.collect_garbage()
    left = {p.relative_to(path).as_posix() for p in path.rglob("*") if p.is_file()}
    assert left == named_files(store)
    return ids == NEW


def test_a_commit_takes_these_steps(base):
    assert steps_of_a_commit(base) == [
        "make_directory 00000003",
        "create segment.ll",
        "fsync",
        "fsync_directory",
        "fsync_directory",
        "create tombstones",
        "fsync",
        "fsync_directory",
        "create MANIFEST",
        "fsync",
        "publish MANIFEST",
        "fsync_directory",
        "remove MANIFEST",
    ]


@pytest.mark.parametrize("merge_factor", [10, 2])
def test_a_failure_at_any_step_leaves_the_old_or_the_new_state(base, merge_factor):
    published = []
    steps = steps_of_a_commit(base, merge_factor)
    assert (steps.count("create segment.ll") == 2) == (merge_factor == 2)
    for step in range(len(steps)):
        copy = base.with_name(f"step{step}")
        shutil.copytree(base, copy)
        with pytest.raises(InjectedError):
            commit(copy, CountedFiles(step), merge_factor)
        published.append(check_old_or_new(copy))
    instant = steps.index("publish MANIFEST")
    assert published == [step > instant for step in range(len(steps))]


def test_a_kill_at_any_step_leaves_the_old_or_the_new_state(base):
    steps = steps_of_a_commit(base)
    published = []
    for step in range(len(steps)):
        copy = base.with_name(f"killed{step}")
        shutil.copytree(base, copy)
        child = subprocess.run(
            [sys.executable, "-c", KILLED_CHILD, str(copy), str(step)],
            cwd=Path(__file__).parents[2],
            check=False,
        )
        assert child.returncode == -signal.SIGKILL
        published.append(check_old_or_new(copy))
    assert sum(published) == len(steps) - steps.index("publish MANIFEST") - 1


def test_a_full_disk_leaves_the_old_state(base):
    for n_bytes in (0, 100, 3000, 6600):
        copy = base.with_name(f"full{n_bytes}")
        shutil.copytree(base, copy)
        with pytest.raises(OSError, match="No space"):
            commit(copy, FullDisk(n_bytes))
        assert not check_old_or_new(copy)


def test_a_failed_creation_can_be_repeated(tmp_path):
    for step in range(6):
        path = tmp_path / f"g{step}"
        with pytest.raises(InjectedError):
            Store.create(path, {}, options=WriterOptions(files=CountedFiles(step)))
        published = (path / "MANIFEST-000000000001").exists()
        store = Store.open(path) if published else Store.create(path, {})
        assert store.snapshot().number == 1


def test_a_compaction_that_fails_loses_nothing(base):
    files = CountedFiles()
    commit(base, files)
    n_steps = len(files.log)
    for step in range(n_steps + 8):
        copy = base.with_name(f"compact{step}")
        shutil.copytree(base, copy)
        store = Store.open(copy, options=WriterOptions(files=CountedFiles(step)))
        with contextlib.suppress(InjectedError):
            store.compact()
        assert check_old_or_new(copy)
