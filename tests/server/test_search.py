from fastapi.testclient import TestClient

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
