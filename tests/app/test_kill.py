"""`kill -9` at random moments, then the same again: nothing lost, nothing done twice.

A few kills by default; `N_KILLS=50` in the environment for the long run.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from latelight.app import Collection, Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

N_KILLS = int(os.environ.get("N_KILLS", "4"))
IN_FLIGHT = 3  # batches: one being written, one waiting, one being encoded

SCRIPT = """
import os, sys, time
from pathlib import Path
from latelight.app import Library, engine
from latelight.pipelines import encoding
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

root, folder, log, how = sys.argv[1:]
log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)

class Slow(FakeEncoder):
    def encode_documents(self, units, **options):
        time.sleep(0.01 * len(units))
        encoded = super().encode_documents(units, **options)
        os.write(log, "".join(unit.text.split(".")[0] + "\\n" for unit in units).encode())
        return encoded

engine.create_encoder = lambda *a, **k: Slow(dim=64)
encoding.BATCH_CHARACTERS = 1
library = Library(Path(root), Settings(commit_seconds=0))
jobs = library.jobs()
if how == "resume" and jobs and jobs[0].state != "done":
    library.job(jobs[0].record.job_id).resume().wait()
else:
    library.collection("c", create=True).add(folder, metadata={"year": 2020})
"""


@pytest.fixture(autouse=True)
def fake_encoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    yield
    engine.shared_encoder.cache_clear()


def opened(root: Path) -> Collection:
    return Library(root, Settings()).collection("c", create=True)


def make_files(folder: Path) -> int:
    """Write text files, records and one bad file; return how many documents they are."""
    folder.mkdir()
    for i in range(25):
        (folder / f"{i}.txt").write_text(f"file {i}. The lamp burns oil.")
    (folder / "copy.txt").write_text("file 3. The lamp burns oil.")  # the same document as 3.txt
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    lines = [json.dumps({"id": f"d{i}", "text": f"record {i}. A tram."}) for i in range(45)]
    (folder / "records.jsonl").write_text("\n".join(lines))
    return 25 + 45


def run(root: Path, folder: Path, log: Path, how: str, kill_after: float | None) -> bool:
    """Run until the end or the kill; return whether it came to the end."""
    command = [sys.executable, "-c", SCRIPT, str(root), str(folder), str(log), how]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    try:
        _, said = process.communicate(timeout=120 if kill_after is None else kill_after)
        assert process.returncode == 0, said.decode()
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
    return process.returncode == 0


def contents(target: Collection) -> list[tuple[object, ...]]:
    """Return all that a collection holds but the times."""
    documents = []
    for one in target.documents():
        units = target.get(one.doc_id).units
        same = (one.doc_id, one.sha256, one.media_type, dict(one.metadata), one.n_bytes)
        documents.append((same, Path(one.source).name, [(u.unit_id, u.text) for u in units]))
    return documents


def test_killed_again_and_again_it_ends_with_the_library_of_one_run(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    n_documents = make_files(folder)
    whole = opened(tmp_path / "whole")
    whole.add(folder, metadata={"year": 2020})
    assert whole.stats().n_documents == n_documents

    chance = random.Random(N_KILLS)
    began = time.monotonic()
    assert run(tmp_path / "timed", folder, tmp_path / "log", "add", None)
    longest = time.monotonic() - began
    n_kills = n_libraries = 0
    while n_kills < N_KILLS:
        n_libraries += 1
        root, log = tmp_path / f"l{n_libraries}", tmp_path / f"log{n_libraries}"
        here = 0
        while not run(root, folder, log, "add" if here % 2 else "resume",
                      chance.uniform(0.3, 1) * longest if n_kills < N_KILLS else None):  # fmt: skip
            n_kills, here = n_kills + 1, here + 1
        check_is_whole(root, whole, log, here)


def check_is_whole(root: Path, whole: Collection, log: Path, n_kills: int) -> None:
    library = Library(root, Settings())
    target = library.collection("c")
    # A document is written once in its place; only what was in flight may have come later.
    assert contents(target) == contents(whole)
    assert target.verify() == []
    assert target.stats().n_rows == whole.stats().n_rows
    for query in ("file 7", "record 12 tram"):
        found = [(h.doc_id, round(h.score, 5)) for h in target.search(query, k=200)]
        assert sorted(found) == sorted(
            (h.doc_id, round(h.score, 5)) for h in whole.search(query, k=200)
        )
    *later, first = library.jobs()
    assert first.state == "done"
    assert first.record.attempt <= n_kills + 1
    # One that was killed when the job had just ended finds nothing to do.
    assert all(one.state == "done" and not one.record.progress.n_added for one in later)
    (failure,) = library.job(first.record.job_id).errors
    assert failure.code == "damaged_file"
    encoded = Counter(log.read_text().splitlines())
    assert len(encoded) == whole.stats().n_documents
    assert sum(encoded.values()) - len(encoded) <= IN_FLIGHT * n_kills
