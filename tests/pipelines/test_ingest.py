"""The stages together, over a store: bounded queues, overlap, order."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import extract_record
from latelight.index import SpaceSpec, Store
from latelight.pipelines import encoding
from latelight.pipelines.channel import Channel
from latelight.pipelines.encoding import BatchEncoder, take_batch
from latelight.pipelines.extracted import Extracted, Identity
from latelight.pipelines.extracting import read_ahead
from latelight.pipelines.ingest import Ingest
from latelight.pipelines.inputs import Inputs
from latelight.pipelines.items import Item, RecordItem
from latelight.pipelines.ledger import Control
from latelight.pipelines.originals import Originals
from latelight.pipelines.tally import Tally
from latelight.pipelines.target import IngestOptions, Target
from latelight.testing.encoders import FakeEncoder
from latelight.types import Extraction, Locator, MultiVector, Unit


@pytest.fixture
def target(tmp_path: Path) -> Target:
    encoder = FakeEncoder(dim=64)
    store = Store.create(tmp_path / "store", {"text": SpaceSpec(dim=64)})
    originals = Originals(tmp_path / "originals")
    return Target(store, {"text": encoder}, originals, tmp_path / "staging")


class Given(Inputs):
    """Records that count how many of them were asked for."""

    n_taken = 0

    def items(self) -> Iterator[Item]:
        for i in range(400):
            Given.n_taken += 1
            yield RecordItem(f"d{i}", "", f"{i} " + "words " * 200, "here")


def document(i: int, *texts: str) -> Extracted:
    units = tuple(Unit(f"c{n}", "passage", Locator(), text) for n, text in enumerate(texts))
    identity = Identity(f"d{i}", "", f"d{i}", "", 100, {}, is_record=True)
    return Extracted(identity, Extraction("text/plain", "".join(texts), units))


def test_whoever_is_ahead_of_a_slow_encoder_waits(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = threading.Event()
    real = FakeEncoder.encode_documents

    def gated(self: FakeEncoder, units: Sequence[Unit], **options: Any) -> list[MultiVector]:
        gate.wait()
        return real(self, units, **options)

    monkeypatch.setattr(FakeEncoder, "encode_documents", gated)
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 10_000)
    Given.n_taken = 0
    options = IngestOptions(queue_bytes=200_000)
    ingest = Ingest(target, options)
    thread = threading.Thread(target=ingest.run, args=(Given(),))
    thread.start()
    time.sleep(1.0)
    # A quarter of the queue's bytes is looked up ahead (45), some 24 are in the queue, 9 in the
    # batch, 8 being read.
    assert Given.n_taken < 120
    gate.set()
    thread.join()
    assert Given.n_taken == 400
    assert ingest._extracted.peak <= 200_000
    assert target.store.snapshot().n_documents == 400


def test_extracting_encoding_and_writing_overlap(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole takes much less than the sum of the stages' own times, on a busy machine too."""
    pause = 0.02
    spent: list[float] = []

    def slowed(work: Callable[..., Any]) -> Callable[..., Any]:
        def slow(*given: Any, **options: Any) -> Any:
            began = time.monotonic()
            time.sleep(pause)
            done = work(*given, **options)
            spent.append(time.monotonic() - began)
            return done

        return slow

    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 1)
    monkeypatch.setattr(FakeEncoder, "encode_documents", slowed(FakeEncoder.encode_documents))
    monkeypatch.setattr(
        "latelight.pipelines.extracting.extract_record",
        slowed(extract_record),
    )
    monkeypatch.setattr(Ingest, "_publish", slowed(Ingest._publish))
    records = [RecordItem(f"d{i}", "", f"{i} words", "here") for i in range(40)]
    monkeypatch.setattr(Inputs, "items", lambda self: iter(records))
    began = time.monotonic()
    report = Ingest(target, IngestOptions(commit_seconds=0)).run(Inputs())
    took = time.monotonic() - began
    assert report.n_added == 40
    assert len(spent) >= 2 * 40  # documents that are ready together are published at once
    assert took < 0.8 * sum(spent)


def test_documents_are_written_in_the_order_in_which_they_came(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = [RecordItem(f"d{i}", "", "x " * (i * 7 % 50 + 1), "here") for i in range(60)]
    monkeypatch.setattr(Inputs, "items", lambda self: iter(records))
    Ingest(target, IngestOptions(n_workers=4)).run(Inputs())
    ids = [one.doc_id for one in target.store.snapshot().documents()]
    assert ids == [f"d{i}" for i in range(60)]


def test_an_error_of_the_encoder_ends_the_run_with_what_was_ready(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = FakeEncoder.encode_documents, []

    def breaking(self: FakeEncoder, units: Sequence[Unit], **options: Any) -> list[MultiVector]:
        calls.append(len(units))
        if len(calls) > 5:
            raise RuntimeError("broke")
        return real(self, units, **options)

    monkeypatch.setattr(FakeEncoder, "encode_documents", breaking)
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 1)
    with pytest.raises(RuntimeError, match="broke"):
        Ingest(target, IngestOptions()).run(Given())
    assert target.store.snapshot().n_documents == 5
    assert not [t for t in threading.enumerate() if t.name.startswith("latelight-e")]


def test_read_ahead_takes_few_and_gives_them_in_order() -> None:
    taken: list[int] = []

    def items() -> Iterator[Item]:
        for i in range(100):
            taken.append(i)
            yield RecordItem(f"d{i}", "", "x" * 10, "here")

    def read(item: Item) -> Identity:
        time.sleep(0.001)
        return Identity(item.source, "", item.doc_id, "", 0, {}, is_record=True)  # type: ignore[union-attr]

    results = read_ahead(items(), read, 3, 1_000_000)
    ids = []
    for _, future in results:
        ids.append(future.result())
        assert len(taken) <= len(ids) + 16
    assert [getattr(one, "doc_id", "") for one in ids] == [f"d{i}" for i in range(100)]
    few = read_ahead(items(), read, 3, 25)
    taken.clear()
    next(few)
    assert len(taken) <= 4


def test_a_batch_takes_what_there_is_and_not_much_more_than_it_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 100)
    channel: Channel[Extracted] = Channel(1 << 20)
    for i in range(5):
        channel.put(document(i, "x" * 40), 1)
    assert [len(take_batch(channel)) for _ in range(2)] == [3, 2]


def test_every_byte_of_a_batch_is_told_once_also_of_documents_without_units(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 50)
    told: list[tuple[int, int, int]] = []
    encoder = BatchEncoder({"text": FakeEncoder()}, lambda *n: told.append(n))
    batch = [document(0, *["a word or two"] * 30), document(1), document(2, "")]
    encoded = encoder.encode(batch, lambda: False)
    assert encoded is not None
    assert [len(one.vectors["text"]) for one in encoded] == [30, 0, 1]
    assert [sum(column) for column in zip(*told, strict=True)] == [31, 30 * 4, 300]
    assert len(told) > 3


def test_a_document_that_was_stopped_in_the_middle_gives_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 50)
    control = Control()
    encoder = BatchEncoder({"text": FakeEncoder()}, lambda *n: control.ask("pause"))
    long = [document(0, *["a word or two"] * 30)]
    assert encoder.encode(long, lambda: control.is_asked) is None


def test_hostile_files_fail_alone(target: Target, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_text("The lamp.")
    (folder / "long.txt").write_text("x" * 5000)
    (folder / "random.pdf").write_bytes(b"%PDF-1.7" + bytes(range(256)))
    (folder / "evil.jsonl").write_text('{"path": "../../etc/passwd"}\n{"path": "/etc/passwd"}\n')
    options = IngestOptions(ExtractionOptions(max_bytes=1000))
    report = Ingest(target, options, Tally()).run(Inputs((str(folder),)))
    assert report.n_added == 1
    assert sorted(f.code for f in report.failures) == [
        "damaged_file",
        "extraction_failed",
        "extraction_failed",
        "file_too_large",
    ]
    assert len(list((tmp_path / "originals").iterdir())) == 1
