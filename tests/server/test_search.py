import json

from fastapi.testclient import TestClient

from latelight.app import Library
from tests.server.conftest import NOTES


def test_a_search_finds_and_explains(notes: TestClient) -> None:
    asked = {"text": "refitted ferry", "k": 2, "explain": True, "profile": True}
    answer = notes.post(f"{NOTES}/search", json=asked)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert told["hits"][0]["doc_id"] == "ferry"
    first = told["hits"][0]
    assert abs(sum(e["contribution"] for e in first["evidence"]) - first["score"]) < 1e-4
    start, end, weight = first["snippet"]["marks"][0]
    assert first["snippet"]["text"][start:end].lower() in ("ferry", "refitted")
    assert 0 < weight <= 1
    assert {stage["name"] for stage in told["stages"]} >= {"encode"}
    assert first["has_preview"] is False


def test_a_version_or_a_pipeline_on_trial_may_be_asked(notes: TestClient, library: Library) -> None:
    target = library.collection("notes")
    spec = {"name": "other", "search": {"mode": "bm25"}}
    plan = {"gate": None, "shadow": None, "interleave": None, "ramp": None}
    assert notes.post(f"{NOTES}/release", json={"pipeline": spec, "plan": plan}).status_code == 201
    live = notes.post(f"{NOTES}/search", json={"text": "oil lamp"}).json()
    trial = {"text": "oil lamp", "pipeline": {"search": {"mode": "bm25"}}}
    tried = notes.post(f"{NOTES}/search", json=trial).json()
    other = notes.post(f"{NOTES}/search", json={"text": "oil lamp", "version": "candidate"}).json()
    scores = [[hit["score"] for hit in one["hits"]] for one in (live, tried, other)]
    assert scores[1] == scores[2] != scores[0]
    batch = {"texts": ["oil lamp"], "version": target.digest}
    (same,) = notes.post(f"{NOTES}/search/batch", json=batch).json()["answers"]
    assert [hit["score"] for hit in same["hits"]] == scores[0]
    for body, status in (
        ({"version": "nobody"}, 404),
        ({"pipeline": {"extract": {"passage_characters": 500}}}, 422),
        ({"pipeline": {"search": {"rerank": "/etc/passwd"}}}, 422),
        ({"pipeline": {"search": {"rerank": "nobody/none"}}}, 422),
        ({"pipeline": {"search": {"no": 1}}}, 422),
        ({"pipeline": json.loads(200 * '{"search":' + "1" + 200 * "}")}, 422),
        ({"pipeline": {"\U0001f3ee": 1}}, 422),
        ({"pipeline": {"name": "\U0001f3ee"}}, 200),
    ):
        refused = notes.post(f"{NOTES}/search", json={"text": "oil", **body})
        assert refused.status_code == status, refused.text


def test_two_versions_are_compared_on_one_query(notes: TestClient) -> None:
    spec = {"name": "other", "search": {"mode": "bm25"}}
    plan = {"gate": None, "shadow": None, "interleave": None, "ramp": None}
    notes.post(f"{NOTES}/release", json={"pipeline": spec, "plan": plan})
    told = notes.post(f"{NOTES}/compare", json={"text": "the refitted ferry"}).json()
    assert (told["a"]["name"], told["b"]["name"]) == ("live", "candidate")
    assert told["documents"]
    none = notes.post(f"{NOTES}/compare", json={"text": "oil", "b": "nobody"})
    assert none.json()["code"] == "not_found"
