"""Interactions over HTTP outside a release: the log, and experiments."""

from typing import Any

from fastapi.testclient import TestClient

from latelight.app import Library
from latelight.pipelines.spec import parse_spec
from tests.server.conftest import NOTES


def used(notes: TestClient, search_id: str, doc_id: str) -> tuple[int, str]:
    body = {"namespace": "default", "collection": "notes"}
    answer = notes.post("/v1/interactions", json={**body, "search_id": search_id, "doc_id": doc_id})
    return answer.status_code, "" if answer.is_success else answer.json()["code"]


def found(notes: TestClient, **asked: Any) -> dict[str, Any]:
    answer = notes.post(f"{NOTES}/search", json=asked)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_an_interaction_counts_where_the_collection_logs_its_searches(
    library: Library, notes: TestClient
) -> None:
    before = found(notes, text="lighthouse oil")
    assert used(notes, before["search_id"], "lamp") == (404, "not_found")
    log = library.collection("notes").log
    log.start()
    hits = found(notes, text="lighthouse oil")
    shown = [hit["doc_id"] for hit in hits["hits"]]
    assert used(notes, hits["search_id"], shown[0]) == (204, "")
    assert used(notes, hits["search_id"], "nothing") == (422, "invalid_input")
    batch = notes.post(f"{NOTES}/search/batch", json={"texts": ["ferry", "lamp"]})
    assert batch.status_code == 200, batch.text
    first, _ = batch.json()["answers"]
    assert used(notes, first["search_id"], first["hits"][0]["doc_id"]) == (204, "")
    logged = {one.search_id: one for one in log.searches()}
    assert len(logged) == 3
    assert [doc for doc, _ in logged[hits["search_id"]].shown] == list(dict.fromkeys(shown))
    assert logged[hits["search_id"]].clicked == (shown[0],)


def test_an_experiment_answers_and_counts_over_http(library: Library, notes: TestClient) -> None:
    target = library.collection("notes")
    target.begin_candidate(parse_spec("search: {k: 1}"))
    begun = target.experiments.start("live", "candidate")
    for _ in range(2):  # the first ones, while the other version is loaded, are not counted
        told = {f"u{n}": found(notes, text="lamp", key=f"u{n}") for n in range(30)}
    for key, hits in told.items():
        assert (len(hits["hits"]) == 1) == (begun.assignment.arm(key) == "b")
        assert used(notes, hits["search_id"], hits["hits"][0]["doc_id"]) == (204, "")
    now = target.experiments.status()
    assert now.a.n_used + now.b.n_used == 30
