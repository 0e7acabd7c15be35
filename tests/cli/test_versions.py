"""`latelight pipeline create|retire|list|show` on a collection's versions."""

import json
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Library
from latelight.pipelines.lock import generation_digest, parse_lock
from latelight.pipelines.spec import load_spec, parse_spec
from latelight.settings import Settings
from tests.cli.conftest import Run

RECORDS = [{"id": f"d{n}", "text": f"boat{n} carries cargo{n}"} for n in range(5)]
FINER = "name: finer\nspaces:\n  text: {bits: 4}\n"


@pytest.fixture
def filled(run: Run, tmp_path: Path) -> Run:
    (tmp_path / "records.jsonl").write_text("\n".join(map(json.dumps, RECORDS)))
    (tmp_path / "finer.yaml").write_text(FINER)
    assert run("add", "records.jsonl", "-c", "c").code == 0
    return run


def told(run: Run, *words: str) -> Any:
    done = run("pipeline", *words, "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_a_version_is_made_filled_and_used_without_a_release(filled: Run) -> None:
    done = filled("pipeline", "create", "c", "finer.yaml")
    assert done.code == 0, done.err
    assert "pipeline finer, 5 documents, 0 left out" in done.out
    live, candidate = told(filled, "list", "c")
    assert (live["aliases"], candidate["aliases"]) == (["live"], ["candidate"])
    assert candidate["is_filled"] is True
    assert "finer" in filled("pipeline", "list", "c").out
    assert filled("experiment", "start", "c", "live", "candidate").code == 0
    needed = filled("pipeline", "retire", "c@candidate")
    assert needed.code == 2 and "stop it first" in needed.err
    assert filled("experiment", "stop", "c").code == 0
    assert told(filled, "retire", "c@candidate") == {"retired": candidate["digest"]}
    assert [one["aliases"] for one in told(filled, "list", "c")] == [["live"]]


def test_what_was_left_half_filled_goes_on(filled: Run, tmp_path: Path) -> None:
    notes = Library(tmp_path / "library", Settings(n_threads=1)).collection("c")
    begun = notes.begin_candidate("finer.yaml")  # and the process died
    assert told(filled, "list", "c")[1]["is_filled"] is False
    made = told(filled, "create", "c", "finer.yaml")
    assert (made["digest"], made["n_documents"]) == (begun.digest, 5)
    assert told(filled, "create", "c", "finer.yaml") == made  # again: nothing more


def test_a_release_with_the_same_pipeline_takes_the_version_over(filled: Run) -> None:
    made = told(filled, "create", "c", "finer.yaml")
    Path("plan.yaml").write_text("gate: null\nshadow: null\ninterleave: null\nramp: null\n")
    started = filled("release", "start", "c", "finer.yaml", "--plan", "plan.yaml", "--json")
    assert json.loads(started.out)["candidate"] == made["digest"]
    needed = filled("pipeline", "retire", "c@candidate")
    assert needed.code == 2 and "release abort" in needed.err
    assert filled("release", "step", "c", "--all").code == 0


def test_a_version_is_shown_with_its_digest_and_lock(filled: Run) -> None:
    made = told(filled, "create", "c", "finer.yaml")
    whole = told(filled, "show", "c@candidate")
    assert (whole["digest"], whole["aliases"]) == (made["digest"], ["candidate"])
    lock = parse_lock(json.dumps(whole["lock"]))
    spec = parse_spec(json.dumps(whole["spec"]))
    assert generation_digest(spec, lock) == made["digest"]  # digest is of just these two
    shown = filled("pipeline", "show", f"c@{made['digest'][:6]}").out
    assert parse_spec(shown) == spec == load_spec("finer.yaml")
    assert f"# c@{made['digest']}, made 20" in shown
    assert "# aliases: candidate" in shown
    assert "golden rows" in shown and "analyzer" in shown


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("create", "c", "none.yaml"), 1, "none.yaml"),
        (("create", "c", "default"), 2, "that of the live version"),
        (("create", "nowhere", "default"), 1, "nowhere"),
        (("retire", "c"), 2, "COLLECTION@ALIAS"),
        (("retire", "c@live"), 2, "is the live version"),
        (("retire", "c@none"), 1, "'none' names 0 versions"),
        (("show", "c@none"), 1, "'none' names 0 versions"),
        (("show", "nowhere@live"), 1, "nowhere"),
    ],
)
def test_what_is_wrong_is_said(filled: Run, words: tuple[str, ...], code: int, reason: str) -> None:
    done = filled("pipeline", *words)
    assert done.code == code
    assert reason in done.err
