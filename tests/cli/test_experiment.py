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
    notes.experiments.status()  # writes what this process saw
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


def test_the_size_of_an_experiment_is_told(run: Run) -> None:
    found = told(run, "size", "--base", "0.5", "--difference", "0.05", "--per-day", "100")
    assert found == {
        "of": "callers", "each": 1562, "total": 3124,  # (1.96 + .84)² (.25 + .2475) / .0025
        "test": "fixed-horizon", "alpha": 0.05, "power": 0.8, "days": 32,
    }  # fmt: skip
    said = run("experiment", "size", "--kind", "interleaving", "--win-share", "0.6").out
    assert said.startswith("199 sessions with a winner: shown with 80% probability")
    means = told(run, "size", "--spread", "1", "--difference", "0.5")
    assert means["each"] == 63
    anytime = told(run, "size", "--spread", "1", "--difference", "0.5", "--test", "always-valid")
    assert anytime["each"] > 63


SIZE = ("size", "--base", "0.3", "--difference", "0.02")
MADE_UP = ("simulate", "a.trec", "b.trec", "-j", "none")


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("size",), "--base is not given; --kind ab needs --base and --difference"),
        (("size", "--kind", "interleaving"), "--win-share is not given"),
        (("size", "--kind", "x"), "--kind is 'x'"),
        ((*SIZE, "--win-share", "0.6"), "--win-share changes nothing with --kind ab"),
        ((*SIZE, "--spread", "0.4"), "--base beside --spread changes nothing"),
        ((*SIZE, "--power", "1"), "power is 1.0"),
        ((*SIZE, "--alpha", "nan"), "alpha is nan"),
        ((*SIZE, "--per-day", "0"), "--per-day is 0"),
        (("size", "--base", "0.3", "--difference", "0"), "no sample is large enough"),
        ((*MADE_UP, "--kind", "x"), "--kind is 'x'; give interleaving or ab"),
        ((*MADE_UP, "--repeat", "0"), "--repeat is 0; give 1 or more"),
        ((*MADE_UP, "--sessions", "-1"), "--sessions is -1; give 1 or more"),
        ((*MADE_UP, "--noise", "2"), "noise is 2.0; give the probability"),
        ((*MADE_UP, "--alpha", "7"), "alpha is 7.0; give a number above 0"),
        ((*MADE_UP, "--test", "x"), "test is 'x'; use always-valid"),
        ((*MADE_UP, "--method", "x"), "method is 'x'; use team-draft"),
        ((*MADE_UP, "--clicks", "x"), "'x' is unknown"),
        ((*MADE_UP, "--share", "0.3"), "--share is 0.3 and changes nothing"),
        ((*MADE_UP, "--kind", "ab", "--share", "2"), "share is 2.0"),
        ((*MADE_UP, "--kind", "ab", "--method", "balanced"), "changes nothing with --kind ab"),
    ],
)
def test_options_are_refused_before_anything_is_read(
    run: Run, words: tuple[str, ...], reason: str
) -> None:
    done = run("experiment", *words)
    assert done.code == 2
    assert reason in done.err
