"""What only a client meets: keys, a server that goes away, uploads in several requests."""

import threading
import time
from pathlib import Path

import numpy as np
import pytest

import latelight
from latelight.app import Library
from latelight.client import parcels
from latelight.client.retries import Retries
from latelight.client.waiting import Client
from latelight.errors import (
    InputError,
    KeyRefusedError,
    NotFoundError,
    ServerUnreachableError,
)
from latelight.releases.catalog import CATALOG
from latelight.releases.keys import KeyStore
from latelight.testing.files import PdfPage, PdfText, make_pdf
from tests.conformance.conftest import serving

QUICK = Retries(most=1, first_seconds=0.01)


def test_keys_open_what_they_say(embedded: Library) -> None:
    keys = KeyStore(embedded.root / CATALOG)
    admin = keys.create("admin", {"*": "admin"})
    reader = keys.create("reader", {"default": "read"})
    with serving(embedded) as url:
        with latelight.Client(url, api_key=admin) as client:
            client.collection("reports", create=True).add({"id": "a", "text": "The ferry."})
            client.collection("secret", create=True, namespace="other")
        with latelight.Client(url, api_key=reader) as client:
            reports = client.collection("reports")
            assert reports.search("ferry")[0].doc_id == "a"
            assert client.whoami()["namespaces"] == {"default": "read"}
            with pytest.raises(KeyRefusedError) as told:
                reports.delete(["a"])
            assert told.value.code == "forbidden"
            with pytest.raises(NotFoundError):
                client.collection("secret", namespace="other")
            assert client.collections(namespace="other") == []
        for key in ("", "ll_wrong"):
            with latelight.Client(url, api_key=key) as client:
                with pytest.raises(KeyRefusedError, match="latelight keys create") as told:
                    client.collections()
                assert told.value.code == "unauthorized"
                assert "ll_wrong" not in str(told.value)


def test_a_server_that_comes_back_is_waited_for(embedded: Library) -> None:
    embedded.collection("reports", create=True).add({"id": "a", "text": "The ferry."})
    with serving(embedded) as url, latelight.Client(url) as client:
        assert client.collections() == ["reports"]
    gone = latelight.Client(url, retries=QUICK)
    with pytest.raises(ServerUnreachableError, match=url):
        gone.collections()


def test_an_add_in_several_requests_is_one_job(
    client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "MOST_FILES", 2)
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"The ferry number {number}.")
    reports = client.collection("reports", create=True)
    job = reports.add([tmp_path, {"id": "r", "text": "A record."}])
    assert len(job.ids) == 4
    assert job.wait().n_added == 6
    assert job.progress.n_done == 6
    assert job.state == "done"
    assert len(client.jobs()) == 4


def test_waiting_ends_after_a_while_and_the_job_goes_on(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latelight.testing.encoders import FakeEncoder

    held = threading.Event()
    encode = FakeEncoder.encode_documents

    def slowly(self: FakeEncoder, units: object, **more: object) -> object:
        held.wait(30)
        return encode(self, units, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(FakeEncoder, "encode_documents", slowly)
    reports = client.collection("reports", create=True)
    job = reports.add({"id": "a", "text": "The ferry."}, wait=False)
    began = time.monotonic()
    with pytest.raises(TimeoutError, match="goes on"):
        job.wait(0.3)
    assert time.monotonic() - began < 10
    assert not job.done
    held.set()
    assert job.wait().n_added == 1


def test_a_difference_is_told_whole(embedded: Library, client: Client) -> None:
    paper = embedded.collection("paper", create=True)
    paper.add([{"id": str(i), "text": f"The ferry {word}."} for i, word in enumerate("abcd")])
    here = paper.explain_difference("the ferry b", "live", "live", k=2)
    there = client.collection("paper").explain_difference("the ferry b", "live", "live", k=2)
    assert there.to_dict() == here.to_dict()
    assert there.moves == here.moves
    assert [one.shifts for one in there.documents] == [one.shifts for one in here.documents]
    with pytest.raises(InputError, match="alias or a digest"):
        client.collection("paper").explain_difference("ferry", paper)  # type: ignore[arg-type]


def test_many_threads_may_use_one_client(client: Client) -> None:
    reports = client.collection("reports", create=True)
    reports.add({"id": "a", "text": "The ferry."})
    found: list[str] = []

    def ask() -> None:
        found.extend(reports.search("ferry")[0].doc_id for _ in range(5))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["a"] * 40


def test_light_is_that_of_the_library_itself(embedded: Library, client: Client) -> None:
    page = PdfPage(texts=(PdfText("harbour ferry timetable", 72, 700), PdfText("wages", 72, 100)))
    embedded.collection("reports", create=True).add(make_pdf([page]), name="a.pdf", doc_id="a")
    here, there = embedded.collection("reports"), client.collection("reports")
    for options in ({}, {"mode": "bm25"}, {"mode": "maxsim"}):
        one = here.search("ferry wages", explain=True, **options)[0]  # type: ignore[arg-type]
        other = there.search("ferry wages", explain=True, **options)[0]  # type: ignore[arg-type]
        assert other.to_dict() == one.to_dict()
        mine, its = one.heatmap(), other.heatmap()
        assert its.peak == pytest.approx(mine.peak, abs=1e-3)
        difference = np.abs(np.asarray(its.image, int) - np.asarray(mine.image, int))
        assert difference.max() <= 2, options
