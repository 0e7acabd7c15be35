"""Rates, what is under way, and the same request twice."""

import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from latelight.app import Collection, Library
from latelight.errors import InputError
from latelight.server.limits import Concurrency, Rate
from latelight.server.paging import cursor_of, key_in, page_newest_first
from latelight.server.problems import Refusal, remedy_in
from tests.server.conftest import NOTES, RECORDS, Serve
from tests.server.test_contract import wait


def test_a_bucket_fills_evenly_and_says_when() -> None:
    now = [0.0]
    rate = Rate(2.0, burst=3, clock=lambda: now[0])
    for _ in range(3):
        rate.take("anna")
    with pytest.raises(Refusal) as refused:
        rate.take("anna")
    assert (refused.value.status_code, refused.value.code) == (429, "rate_limited")
    assert refused.value.headers == {"Retry-After": "1"}
    rate.take("ben")
    now[0] = 0.5
    rate.take("anna")
    with pytest.raises(Refusal):
        rate.take("anna")


def test_no_rate_is_no_limit() -> None:
    rate = Rate(0.0)
    for _ in range(1000):
        rate.take("anna")


def test_what_is_under_way_is_counted_for_each_caller() -> None:
    most = Concurrency(1)
    with most.one("anna"), most.one("ben"), pytest.raises(Refusal), most.one("anna"):
        pass
    with most.one("anna"):
        pass


def test_who_comes_too_often_is_told_when_to_come_again(serve: Serve, library: Library) -> None:
    client = serve(requests_per_second=0.01, burst=2)
    answers = [client.get("/v1/whoami") for _ in range(3)]
    assert [one.status_code for one in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["retry-after"]) <= 100
    assert answers[2].json()["code"] == "rate_limited"
    assert client.get("/healthz").status_code == 200


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Searches wait until this is set."""
    go = threading.Event()

    def held_back(make: Callable[..., Any]) -> Callable[..., Any]:
        def wait_for_it(*args: Any, **options: Any) -> Any:
            assert go.wait(30)
            return make(*args, **options)

        return wait_for_it

    for name in ("search", "search_batch"):
        monkeypatch.setattr(Collection, name, held_back(getattr(Collection, name)))
    yield go
    go.set()


@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        ({"searches_per_key": 2}, 429, "rate_limited"),
        ({"n_search_threads": 1, "most_waiting": 1}, 503, "busy"),
    ],
)
def test_searches_beyond_what_can_be_done_are_refused_at_once(
    serve: Serve,
    library: Library,
    held: threading.Event,
    limits: dict[str, int],
    status: int,
    code: str,
) -> None:
    client = serve(**limits)
    library.collection("notes", create=True).add(RECORDS)
    answers: queue.Queue[Any] = queue.Queue()

    def ask() -> None:
        answers.put(client.post(f"{NOTES}/search", json={"text": "oil"}))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    refused = answers.get(timeout=20)  # two wait; whichever comes third is answered first
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert refused.headers["retry-after"] == "1"
    assert client.get(NOTES).status_code == 200  # looking has threads of its own
    held.set()
    for thread in threads:
        thread.join()
    assert [answers.get(timeout=1).status_code for _ in range(2)] == [200, 200]


# -- the same request twice --------------------------------------------------------------------


def test_the_same_request_twice_is_done_once(notes: TestClient, library: Library) -> None:
    once = {"Idempotency-Key": "k1"}
    body = {"doc_ids": ["ferry"]}
    url = f"{NOTES}/documents/delete"
    first = notes.post(url, json=body, headers=once)
    library.collection("notes").add([RECORDS[0]])
    again = notes.post(url, json=body, headers=once)
    assert first.json() == again.json() == {"deleted": 1}
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert library.collection("notes").stats().n_documents == 3
    other = notes.post(url, json={"doc_ids": ["lamp"]}, headers=once)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
    elsewhere = notes.post("/v1/jobs/x/pause", headers=once)
    assert elsewhere.status_code == 409
    assert notes.post(url, json=body).json() == {"deleted": 1}


def test_an_upload_twice_is_one_job_whatever_its_boundary(notes: TestClient) -> None:
    once = {"Idempotency-Key": "k2"}
    url = f"{NOTES}/documents"
    answers = [
        notes.post(url, files={"files": ("a.txt", b"A note.")}, headers=once) for _ in range(2)
    ]
    assert [one.status_code for one in answers] == [202, 202]
    assert answers[0].json()["job_id"] == answers[1].json()["job_id"]
    assert answers[0].headers["location"] == answers[1].headers["location"]
    wait(notes, answers[0].json())
    other = notes.post(url, files={"files": ("a.txt", b"Another.")}, headers=once)
    assert other.json()["code"] == "idempotency_conflict"


def test_what_was_refused_may_be_asked_again(notes: TestClient) -> None:
    once = {"Idempotency-Key": "k3"}
    assert notes.put(NOTES, json={"pipeline": "no"}, headers=once).status_code == 404
    assert notes.put(NOTES, json={}, headers=once).status_code == 200
    assert notes.put(NOTES, json={}, headers={"Idempotency-Key": "a" * 300}).status_code == 422


def test_a_drop_is_replayed_without_a_body(notes: TestClient, library: Library) -> None:
    once = {"Idempotency-Key": "k4"}
    assert notes.delete(NOTES, headers=once).status_code == 204
    library.collection("notes", create=True)
    again = notes.delete(NOTES, headers=once)
    assert (again.status_code, again.content) == (204, b"")
    assert library.collections() == ["notes"]


# -- small things ------------------------------------------------------------------------------


def test_cursors_are_ours_alone() -> None:
    assert key_in(cursor_of("ä/b"), str) == ("ä/b",)
    assert key_in(None, str) is None
    for wrong in ("", "x", cursor_of(1.0), cursor_of("a", "b"), "a" * 4000):
        with pytest.raises(InputError):
            key_in(wrong, str)


def test_pages_by_time_go_on_behind_the_last() -> None:
    items = [(3.0, "c"), (2.0, "a"), (2.0, "b"), (1.0, "d")]
    first, cursor = page_newest_first(items, lambda one: one, None, 2)
    rest, end = page_newest_first([(9.0, "z"), *items], lambda one: one, cursor, 9)
    assert (first, rest, end) == (items[:2], items[2:], None)


def test_the_last_sentence_says_what_to_do() -> None:
    assert remedy_in("No file 'a'. Check the path.") == "Check the path."
    assert remedy_in("k is 0; give a number from 1.") == "Give a number from 1."
    assert remedy_in("Broken") == ""
