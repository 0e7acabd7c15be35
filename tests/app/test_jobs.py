import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.app import Collection, Job, Library, engine
from latelight.errors import InputError, JobRunningError, NotFoundError
from latelight.index.lock import WriterLock
from latelight.pipelines import encoding
from latelight.pipelines.progress import (
    Committed,
    Encoded,
    Ended,
    Event,
    ItemDone,
    ItemFailed,
    Noted,
    Started,
    event_to_dict,
)
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.types import MultiVector, Unit


class Gated(FakeEncoder):
    """Encodes a batch for each turn that it is given, and counts what it encoded."""

    def __init__(self) -> None:
        super().__init__(dim=64)
        self.turns = threading.Semaphore(0)
        self.encoded: list[str] = []

    def encode_documents(self, units: Sequence[Unit], **options: Any) -> list[MultiVector]:
        self.turns.acquire()
        self.encoded += [unit.text for unit in units]
        return super().encode_documents(units, **options)

    def open(self) -> None:
        self.turns.release(1_000_000)


@pytest.fixture
def gated(monkeypatch: pytest.MonkeyPatch) -> Gated:
    """The encoder of `slow`; every document is a batch."""
    encoder = Gated()
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: encoder)
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 1)
    engine.shared_encoder.cache_clear()
    return encoder


@pytest.fixture
def slow(tmp_path: Path, gated: Gated) -> Collection:
    """A collection that publishes every batch, encoded at the test's pace."""
    library = Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0))
    return library.collection("c", create=True)


def until(condition: Callable[[], object], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def texts(folder: Path, n: int) -> Path:
    folder.mkdir(exist_ok=True)
    for i in range(n):
        (folder / f"{i:02}.txt").write_text(f"file {i}. The lamp.")
    return folder


# -- progress and events ---------------------------------------------------------------------


def test_the_numbers_add_up(library: Library, tmp_path: Path) -> None:
    folder = texts(tmp_path / "files", 12)
    (folder / "copy.txt").write_text("file 3. The lamp.")
    (folder / "empty.txt").write_bytes(b"")
    (folder / "r.jsonl").write_text('{"id": "a", "text": "A tram."}\n\nbroken\n')
    (folder / "link.txt").symlink_to(folder / "00.txt")
    told: list[Event] = []
    target = library.collection("c", create=True)
    job = target.add(folder, progress=told.append)
    report, now = job.wait(), job.progress
    assert (report.n_added, report.n_unchanged, len(report.failures)) == (13, 1, 2)
    assert now.n_done == now.n_items == 16
    assert now.n_bytes_done == now.n_bytes > 0
    assert now.eta_seconds == 0
    assert (now.n_units, now.n_rows) == (report.n_units, report.n_rows) == (13, 12 * 4 + 2)
    assert target.stats().n_rows == now.n_rows

    def of(kind: type) -> list[Any]:
        return [event for event in told if isinstance(event, kind)]

    assert [type(event) for event in (told[0], told[-1])] == [Started, Ended]
    assert told[-1] == Ended("done")
    assert sum(e.n_rows for e in of(Encoded)) == now.n_rows
    assert sum(e.n_bytes for e in of(Encoded)) + now.n_bytes_skipped == now.n_bytes_done
    assert len([e for e in of(ItemDone) if e.outcome == "added"]) == report.n_added
    assert len(of(ItemFailed)) == 2
    assert [Path(e.source).name for e in of(Noted)] == ["link.txt"]
    assert of(Committed)[-1].n_documents == target.stats().n_documents
    for event in told:
        assert json.loads(json.dumps(event_to_dict(event)))["event"]


def test_events_come_while_it_runs_and_end(slow: Collection, gated: Gated, tmp_path: Path) -> None:
    job = slow.add(texts(tmp_path / "files", 3), wait=False)
    listening = job.events()
    gated.open()
    heard = list(listening)
    assert isinstance(heard[-1], Ended)
    assert sum(isinstance(event, ItemDone) for event in heard) == 3
    assert list(job.events()) == [Ended("done")]


# -- pause, resume, cancel, retry ------------------------------------------------------------


def test_a_paused_job_goes_on_where_it_was(slow: Collection, gated: Gated, tmp_path: Path) -> None:
    job = slow.add(texts(tmp_path / "files", 20), wait=False)
    gated.turns.release(5)
    until(lambda: slow.stats().n_documents >= 5)
    job.pause()
    gated.turns.release(1)  # the batch in flight
    report = job.wait(30)
    assert (report.state, job.state, job.done) == ("paused", "paused", True)
    assert slow.stats().n_documents == report.n_added == len(gated.encoded) == 6
    gated.open()
    after = job.resume().wait(30)
    assert (after.state, after.n_added, after.n_unchanged) == ("done", 14, 6)
    assert sorted(gated.encoded) == sorted(set(gated.encoded))
    assert len(gated.encoded) == 20


def test_the_same_call_takes_up_the_paused_job(
    slow: Collection, gated: Gated, tmp_path: Path
) -> None:
    folder = texts(tmp_path / "files", 4)
    job = slow.add(folder, wait=False)
    job.pause()
    gated.open()
    assert job.wait(30).state == "paused"
    again = slow.add(folder)
    assert again.id == job.id
    assert slow.add(folder).id != job.id  # that one is done, this is new
    assert slow.add(folder, metadata={"year": 1}).id != again.id


def test_a_cancelled_job_is_over_and_keeps_what_was_published(
    slow: Collection, gated: Gated, tmp_path: Path
) -> None:
    folder = texts(tmp_path / "files", 10)
    job = slow.add(folder, wait=False)
    gated.turns.release(3)
    until(lambda: slow.stats().n_documents >= 3)
    job.cancel()
    gated.open()
    assert job.wait(30).state == job.state == "cancelled"
    n_published = slow.stats().n_documents
    assert 3 <= n_published < 10
    again = slow.add(folder)
    assert again.id != job.id
    assert again.wait().n_unchanged == n_published


def test_a_large_document_can_be_stopped_in_the_middle(
    slow: Collection, gated: Gated, tmp_path: Path
) -> None:
    (tmp_path / "book.txt").write_text("The lamp burns oil. " * 2000)
    job = slow.add(tmp_path / "book.txt", wait=False)
    gated.turns.release(2)
    until(lambda: len(gated.encoded) >= 2)
    job.pause()
    gated.turns.release(1)
    assert job.wait(30).state == "paused"
    assert slow.stats().n_documents == 0  # never a part of one
    gated.open()
    assert job.resume().wait(30).n_added == 1


def test_retry_looks_at_what_failed_alone(library: Library, tmp_path: Path) -> None:
    target = library.collection("c", create=True)
    folder = texts(tmp_path / "files", 3)
    (folder / "bad.pdf").write_bytes(b"%PDF-1.7 nothing")
    (folder / "empty.txt").write_bytes(b"")
    job = target.add(folder)
    assert {Path(f.source).name for f in job.errors} == {"bad.pdf", "empty.txt"}
    (folder / "empty.txt").write_text("It is not empty any more.")
    (folder / "new.txt").write_text("Not asked for.")
    report = job.retry_failed().wait()
    assert (report.n_added, report.n_unchanged) == (1, 0)
    assert [Path(f.source).name for f in job.errors] == ["bad.pdf"]
    assert job.state == "done"


def test_retrying_a_file_does_not_delete_what_another_still_holds(
    library: Library, tmp_path: Path
) -> None:
    """`a` held what `b` holds; `a` fails, then has other content: `b`'s document stays."""
    target = library.collection("c", create=True)
    folder = texts(tmp_path / "files", 0)
    (folder / "b.txt").write_text("The lamp.")
    (folder / "a.txt").write_text("The lamp.")
    target.add(folder)
    (folder / "a.txt").write_bytes(b"")
    job = target.add(folder)
    (folder / "a.txt").write_text("The tram.")
    job.retry_failed().wait()
    held = sorted(u.text for d in target.documents() for u in target.get(d.doc_id).units)
    assert held == ["The lamp.", "The tram."]


def test_a_job_that_an_error_stopped_says_so_and_goes_on(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = texts(tmp_path / "files", 3)
    target = library.collection("c", create=True)
    real = FakeEncoder.encode_documents

    def broken(self: FakeEncoder, *_: Any, **__: Any) -> None:
        raise RuntimeError("the encoder broke")

    monkeypatch.setattr(FakeEncoder, "encode_documents", broken)
    job = target.add(folder, wait=False)
    with pytest.raises(RuntimeError, match="broke"):
        job.wait()
    (summary,) = library.jobs()
    assert (summary.state, summary.record.error) == ("failed", "the encoder broke")
    monkeypatch.setattr(FakeEncoder, "encode_documents", real)
    assert target.add(folder).id == job.id
    assert target.stats().n_documents == 3


# -- what came in memory ---------------------------------------------------------------------


def test_what_came_in_memory_is_there_for_the_next_run(
    slow: Collection, gated: Gated, tmp_path: Path
) -> None:
    records = ({"id": f"d{i}", "text": f"record {i}"} for i in range(5))
    job = slow.add(records, wait=False)
    job.pause()
    gated.open()
    job.wait(30)
    reopened = Library(tmp_path / "library", Settings(n_threads=1))
    again = reopened.job(job.id[:12]).resume()
    assert again.wait(30).n_added + slow.stats().n_documents >= 5
    assert slow.stats().n_documents == 5
    assert not (tmp_path / "library/ns/default/c/jobs" / job.id).exists()
    with pytest.raises(InputError, match="not kept"):
        again.resume().wait()


def test_vectors_of_the_callers_are_stored_as_they_are(library: Library) -> None:
    target = library.collection("c", create=True)
    rows = np.eye(3, 64, dtype=np.float32)
    word = {"id": "own", "text": "one two six", "vectors": rows,
            "locators": {"spans": [[0, 3], [4, 7], [8, 11]]}}  # fmt: skip
    report = target.add([word, {"id": "bare", "vectors": {"text": rows[:1]}}]).wait()
    assert (report.n_added, report.n_rows) == (2, 4)
    snapshot = target._versions.live().store.snapshot()
    (ordinal,) = snapshot.find("own")
    similarities = snapshot.similarities("text", rows, ordinal)
    np.testing.assert_allclose(similarities, np.eye(3), atol=0.01)
    spans = snapshot.row_locators("text", ordinal).spans
    assert spans is not None and spans.tolist() == [[0, 3], [4, 7], [8, 11]]
    wrong = target.add([{"id": "x", "vectors": np.eye(1, 32)}, {"id": "y", "vectors": {"z": rows}}])
    assert [f.code for f in wrong.errors] == ["invalid_input"] * 2
    assert "64" in wrong.errors[0].message


def test_one_that_cannot_be_stored_fails_alone(library: Library) -> None:
    target = library.collection("c", create=True)
    with pytest.raises(InputError, match="Unicode"):
        target.add([{"id": "\ud800", "text": "x"}, {"id": "b", "text": "y"}])
    assert target.add({"id": "b", "text": "\ud800 y"}).wait().n_added == 1


# -- several at once -------------------------------------------------------------------------


def test_the_same_job_is_refused_to_a_second_process(
    slow: Collection, gated: Gated, tmp_path: Path
) -> None:
    folder = texts(tmp_path / "files", 3)
    job = slow.add(folder, wait=False)
    until(lambda: job.progress.n_items)
    with pytest.raises(JobRunningError, match=rf"job {job.id}"):
        slow.add(folder)
    other = Library(tmp_path / "library", Settings()).job(job.id)
    assert (other.state, other.done) == ("running", False)
    with pytest.raises(JobRunningError, match="running already"):
        other.resume()
    other.pause()  # from elsewhere: seen when the notes are written
    gated.open()
    assert other.wait(30).state == job.wait(30).state == "paused"


def test_two_jobs_into_one_collection_both_come_to_their_end(library: Library) -> None:
    target = library.collection("c", create=True)
    same = [{"id": f"same{i}", "text": f"the same {i}"} for i in range(30)]
    jobs = [
        target.add(
            [*same, *({"id": f"{n}-{i}", "text": f"{n} {i}"} for i in range(30))], wait=False
        )
        for n in range(2)
    ]
    reports = [job.wait(60) for job in jobs]
    assert target.stats().n_documents == 90
    assert sum(r.n_added for r in reports) == 90
    assert sum(r.n_unchanged for r in reports) == 30
    assert target.verify() == []


def test_a_writer_that_stays_is_waited_for(library: Library, tmp_path: Path) -> None:
    target = library.collection("c", create=True)
    (generation,) = (library.root / "ns/default/c/generations").iterdir()
    lock = WriterLock(generation)
    job = target.add({"id": "a", "text": "The lamp."}, wait=False)
    with pytest.raises(TimeoutError):
        job.wait(1.2)
    lock.release()
    assert job.wait(30).n_added == 1


def test_others_delete_while_a_job_goes_on(slow: Collection, gated: Gated, tmp_path: Path) -> None:
    job = slow.add(texts(tmp_path / "files", 5), wait=False)
    gated.turns.release(2)
    until(lambda: slow.stats().n_documents == 2)
    (first, _) = slow.documents()
    assert slow.delete([first.doc_id]) == 1
    slow.compact()  # takes no file away that is just being added
    gated.open()
    job.wait(30)
    assert slow.stats().n_documents == 4
    kept = {path.name for path in (tmp_path / "library/ns/default/c/originals").iterdir()}
    assert kept == {document.sha256 for document in slow.documents()}


# -- looking ---------------------------------------------------------------------------------


def test_a_killed_process_leaves_an_interrupted_job(library: Library, tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from latelight.app import Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
class Fatal(FakeEncoder):
    def encode_documents(self, units, **options):
        os.kill(os.getpid(), 9)
engine.create_encoder = lambda *a, **k: Fatal(dim=64)
Library(Path(sys.argv[1]), Settings()).collection("c", create=True).add({"id": "a", "text": "x"})
"""
    subprocess.run([sys.executable, "-c", code, str(library.root)], check=False)
    (summary,) = library.jobs()
    assert summary.state == "interrupted"
    assert summary.to_dict()["what"] == "1 record"
    assert library.job(summary.record.job_id).resume().wait().n_added == 1
    assert library.jobs()[0].state == "done"


def test_jobs_of_a_dropped_collection_are_forgotten(library: Library) -> None:
    job = library.collection("c", create=True).add({"id": "a", "text": "x"})
    assert [one.record.job_id for one in library.jobs(collection="c")] == [job.id]
    assert library.jobs(collection="other") == []
    library.drop_collection("c")
    assert library.jobs() == []
    with pytest.raises(NotFoundError, match="jobs list"):
        library.job(job.id)


def test_ctrl_c_publishes_the_batch_in_flight(
    slow: Collection, gated: Gated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, pressed = Job.wait, []

    def wait(self: Job, timeout_s: float | None = None) -> Any:
        if not pressed:
            gated.turns.release(2)
            until(lambda: slow.stats().n_documents == 2)
            pressed.append(True)
            gated.turns.release(1)
            raise KeyboardInterrupt
        return real(self, timeout_s)

    monkeypatch.setattr(Job, "wait", wait)
    with pytest.raises(KeyboardInterrupt):
        slow.add(texts(tmp_path / "files", 9))
    assert slow.stats().n_documents == 3


def test_a_job_is_called_by_what_it_was_given(library: Library) -> None:
    target = library.collection("c", create=True)
    target.add([{"text": "one"}, {"text": "two"}])
    target.add(b"three", name="three.txt")
    assert [one.to_dict()["what"] for one in library.jobs()] == ["three.txt", "2 records"]


def test_what_ended_jobs_left_behind_is_swept(library: Library) -> None:
    target = library.collection("c", create=True)
    done = target.add({"id": "a", "text": "x"})
    failed = target.add(b"%PDF-1.7 no more", name="broken.pdf")
    jobs = target._home.jobs
    left = jobs / done.id / "inputs"  # as if killed before it was removed
    being_made, forgotten = jobs / "66000000-aaaaaa", jobs / "66000000-bbbbbb"
    for path in (left, being_made / "inputs", forgotten / "inputs"):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"kept")
    os.utime(forgotten, (0, 0))
    target.add({"id": "b", "text": "y"})
    assert {path.name for path in jobs.glob("*")} == {failed.id, being_made.name}
    assert failed.retry_failed().wait().failures
