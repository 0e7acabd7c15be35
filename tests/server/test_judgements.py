"""Judgement sets that a collection keeps, named over HTTP."""

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from latelight.app import Library
from latelight.evaluation import JudgementSet, Qrels
from tests.server.conftest import NOTES

SPEC = {"name": "other", "search": {"mode": "bm25"}}
STAGES = {"shadow": None, "interleave": None, "ramp": None}
JUDGED = JudgementSet("lamps", {"1": "lighthouse oil"}, Qrels({"1": {"lamp": 1}}))


def started(notes: TestClient, judgements: str) -> tuple[int, str]:
    gate = {"judgements": judgements, "allow_few_topics": True}
    asked = {"pipeline": SPEC, "plan": {**STAGES, "gate": gate}}
    answer = notes.post(f"{NOTES}/release", json=asked)
    told = answer.json()
    named = told["release"]["plan"]["gate"]["judgements"] if answer.is_success else told["code"]
    return answer.status_code, named


@pytest.mark.parametrize("name", ["lamps", "@lamps"])
def test_a_gate_names_a_set_that_the_collection_keeps(
    library: Library, notes: TestClient, name: str
) -> None:
    library.collection("notes").judgements.save(JUDGED)
    assert started(notes, name) == (201, "@lamps")


def test_a_set_that_is_not_kept_is_no_file_of_the_server(
    notes: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    JUDGED.save("lamps")
    for name in ("lamps", "@lamps", str(tmp_path / "lamps")):
        assert started(notes, name) == (404, "not_found")
