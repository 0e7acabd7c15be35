"""`kill -9` in the middle of adding, then the same again: nothing lost, nothing done twice."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latelight.app import Collection, Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

N_RECORDS = 60
SCRIPT = """
import sys, time
from latelight.app import Library, engine
from latelight.pipelines import encoding
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

class Slow(FakeEncoder):
    def encode_documents(self, units, **options):
        time.sleep(0.05)
        return super().encode_documents(units, **options)

engine.create_encoder = lambda *a, **k: Slow(dim=64)
encoding.BATCH_CHARACTERS = 1
Library(sys.argv[1], Settings(commit_seconds=0)).collection("c", create=True).add(sys.argv[2])
"""


def open_with_fake(root: Path, monkeypatch: pytest.MonkeyPatch) -> Collection:
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    return Library(root, Settings()).collection("c", create=True)


def run_and_kill_when_some_are_published(root: Path, records: Path) -> None:
    code = SCRIPT.replace("sys.argv[1]", "__import__('pathlib').Path(sys.argv[1])")
    process = subprocess.Popen([sys.executable, "-c", code, str(root), str(records)])
    try:
        deadline = time.monotonic() + 60
        while sum(log.stat().st_size for log in root.rglob("wal/WAL-*")) < 3 * 4096:
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()


def test_a_killed_run_is_finished_by_the_same_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = tmp_path / "r.jsonl"
    lines = [f'{{"id": "d{i}", "text": "number {i} of the lamps"}}\n' for i in range(N_RECORDS)]
    records.write_text("".join(lines))
    run_and_kill_when_some_are_published(tmp_path / "library", records)

    target = open_with_fake(tmp_path / "library", monkeypatch)
    published = {document.doc_id for document in target.documents()}
    assert 0 < len(published) < N_RECORDS
    report = target.add(records).wait()
    assert report.n_unchanged == len(published)
    assert report.n_added == N_RECORDS - len(published)
    assert target.verify() == []

    whole = open_with_fake(tmp_path / "other", monkeypatch)
    whole.add(records)
    for query in ("number 7", "lamps 59"):
        got = {hit.doc_id: round(hit.score, 5) for hit in target.search(query, k=N_RECORDS)}
        expected = {hit.doc_id: round(hit.score, 5) for hit in whole.search(query, k=N_RECORDS)}
        assert got == expected
    engine.shared_encoder.cache_clear()
