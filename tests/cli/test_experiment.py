import json
import time
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Library
from latelight.pipelines.spec import parse_spec
from latelight.settings import Settings
from tests.cli.conftest import Run
from tests.cli.test_eval import judged  # noqa: F401  a fixture


def told(run: Run, *words: str) -> Any:
    done = run("experiment", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


@pytest.fixture
def two(run: Run, judged: Path, tmp_path: Path) -> Run:  # noqa: F811
    """Notes under two versions; the candidate shows a single hit."""
    library = Library(tmp_path / "library", Settings(n_threads=1))
    library.collection("notes").begin_candidate(parse_spec("search: {k: 1}"))
    return run


def test_an_experiment_is_begun_told_stopped_listed_and_exported(two: Run, tmp_path: Path) -> None:
    words = ("--name", "fewer", "--share", "0.4", "--min-callers", "5")
    begun = told(two, "start", "notes", "live", "candidate", *words)
    assert (begun["name"], begun["plan"]["share"]) == ("fewer", 0.4)
    notes = Library(tmp_path / "library", Settings(n_threads=1)).collection("notes")
    for version in notes.versions().values():
        notes._versions.open(version).loaded()
    for n in range(60):
        hits = notes.search("lamp", key=f"u{n}")
        if len(hits) == 4:
            notes.interact(hits.search_id, hits[0].doc_id)
    found = json.loads(two("search", "lamp", "-c", "notes", "--key", "u0", "--json").out)
    now = told(two, "status", "notes")
    n_callers = {arm: seen["n_callers"] for arm, seen in now["arms"].items()}
    assert sum(n_callers.values()) == 60
    assert len(found["hits"]) in {1, 4}
    assert now["arms"]["a"]["used_by_caller"] > 0.9
    assert now["result"]["decision"] == "a"
    said = two("experiment", "status", "notes", "fewer").out
    assert "Callers use what a shows more often: b less a" in said
    assert "got their shares" in said
    until = time.monotonic() + 20
    while len(lines := two("experiment", "export", "notes").out.splitlines()) < 61:
        assert time.monotonic() < until, "what the command saw is not logged"
        time.sleep(0.1)
    now = told(two, "status", "notes")
    assert {"experiment", "arm", "caller", "shown", "used"} <= set(json.loads(lines[0]))
    stopped = told(two, "stop", "notes", "--note", "clear enough")
    assert stopped["arms"] == now["arms"]
    assert told(two, "list", "notes")[0]["state"] == "stopped"
    assert "clear enough" in two("experiment", "status", "notes").out
    assert "fewer" in two("experiment", "list", "notes").out


def test_a_fixed_horizon_waits_for_its_callers(two: Run) -> None:
    told(two, "start", "notes", "--test", "fixed-horizon", "--callers", "400")
    assert "800 more callers are wanted" in two("experiment", "status", "notes").out


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("start", "notes", "live", "nobody"), 1, "'nobody' names 0 versions"),
        (("start", "notes", "live", "live"), 2, "Both versions are"),
        (("start", "notes", "--share", "1.5"), 2, "share of b is 1.5"),
        (("start", "notes", "--exposure", "0"), 2, "exposure is 0.0"),
        (("start", "notes", "--test", "guess"), 2, "test is 'guess'"),
        (("start", "notes", "--test", "fixed-horizon"), 2, "callers is 0"),
        (("start", "notes", "--alpha", "2"), 2, "alpha is 2.0"),
        (("start", "notes", "--name", "a b"), 2, "cannot name an experiment"),
        (("status", "notes"), 1, "had no experiment"),
        (("stop", "notes", "none"), 1, "no experiment 'none'"),
    ],
)
def test_what_is_wrong_is_said(two: Run, words: tuple[str, ...], code: int, reason: str) -> None:
    done = two("experiment", *words)
    assert done.code == code
    assert reason in done.err
