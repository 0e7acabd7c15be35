import json
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Library
from latelight.settings import Settings
from tests.cli.conftest import Run
from tests.cli.test_eval import judged  # noqa: F401  a fixture


def told(run: Run, *words: str) -> Any:
    done = run(*words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture
def logged(run: Run, judged: Path, tmp_path: Path) -> Run:  # noqa: F811
    """Six people asked for the lamp and used what stood second."""
    assert told(run, "eval", "log", "start", "notes", "--days", "7")["days"] == 7
    notes = Library(tmp_path / "library", Settings(n_threads=1)).collection("notes")
    for _ in range(6):
        hits = notes.search("what does the lamp burn")
        notes.interact(hits.search_id, hits[1].doc_id)
    notes._serving.write()
    return run


def test_the_log_is_begun_told_exported_stopped_and_cleared(logged: Run, tmp_path: Path) -> None:
    now = told(logged, "eval", "log", "status", "notes")
    assert (now["is_on"], now["n_searches"], now["n_used"]) == (True, 6, 6)
    assert "6 are, 6 of them used" in logged("eval", "log", "status", "notes").out
    lines = logged("eval", "log", "export", "notes").out.splitlines()
    first = json.loads(lines[0])
    assert len(lines) == 6
    assert set(first) == {"search_id", "at", "version", "query", "shown", "used"}
    assert first["shown"][1] == {"doc_id": first["used"][0], "position": 2}
    assert told(logged, "eval", "log", "export", "notes", "-o", "log.jsonl")["n_searches"] == 6
    assert len((tmp_path / "log.jsonl").read_text("utf-8").splitlines()) == 6
    assert logged("eval", "log", "export", "notes", "-o", "no/log.jsonl").code == 1
    assert told(logged, "eval", "log", "stop", "notes")["is_on"] is False
    unsure = logged("eval", "log", "clear", "notes")
    assert unsure.code == 2 and "--yes" in unsure.err
    assert told(logged, "eval", "log", "clear", "notes", "--yes") == {"n_forgotten": 6}


def test_interactions_become_judgements_that_a_run_uses_and_others_read(logged: Run) -> None:
    words = ("eval", "judgements", "from-interactions", "notes", "--name", "clicks")
    made = told(logged, *words, "--estimator", "ips")
    assert (made["n_topics"], made["n_there"]) == (1, 1)
    assert "estimator='ips'" in made["source"]
    assert told(logged, "eval", "run", "notes", "-j", "clicks", "-m", "RR")["means"]["RR"] == 0.5
    export = ("eval", "judgements", "export", "notes", "clicks", "clicks.csv")
    assert logged(*export).code == 0
    assert "what does the lamp burn" in Path("clicks.csv").read_text("utf-8")
    few = logged(*words, "--min-impressions", "7")
    assert few.code == 2 and "6 searches" in few.err and "7 times" in few.err


@pytest.mark.parametrize(
    ("option", "value", "reason"),
    [
        ("--levels", "high", "'high' are not numbers"),
        ("--estimator", "guess", "'guess'"),
        ("--eta", "-1", "eta is -1.0"),
        ("--min-clicks", "0", "min_clicks 0"),
    ],
)
def test_rules_that_are_none_are_refused(logged: Run, option: str, value: str, reason: str) -> None:
    done = logged("eval", "judgements", "from-interactions", "notes", option, value)
    assert done.code == 2
    assert reason in done.err
