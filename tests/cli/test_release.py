"""`latelight release` as scripts see it: exit codes, and what is said to be possible."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from latelight.app import Library
from latelight.app.release import Releases
from latelight.app.release_stages import Look
from latelight.settings import Settings
from tests.cli.conftest import Run

NO_STAGE = "gate: null\nshadow: null\ninterleave: null\nramp: null\n"
ONLY_RAMP = "gate: null\nshadow: null\ninterleave: null\nramp: {shares: [0.5], queries: 1}\n"


@pytest.fixture
def notes(run: Run, tmp_path: Path) -> Path:
    """A collection, and a pipeline that another release may be of."""
    (tmp_path / "lamp.txt").write_text("The lamp of the lighthouse burns oil.")
    (tmp_path / "new.yaml").write_text("spaces: {text: {bits: 4}}")
    assert run("add", "lamp.txt", "-c", "notes").code == 0
    return tmp_path


def start(run: Run, place: Path, plan: str) -> None:
    (place / "plan.yaml").write_text(plan)
    done = run("release", "start", "notes", "new.yaml", "--plan", "plan.yaml")
    assert done.code == 0, done.err


def state(run: Run) -> Any:
    return json.loads(run("release", "status", "notes", "--json").out)["release"]["state"]


def test_a_script_promotes_what_passed_everything(run: Run, notes: Path) -> None:
    start(run, notes, NO_STAGE)
    done = run("release", "step", "notes", "--all")
    assert (done.code, state(run)) == (0, "ready")
    assert "promote when you like" in done.out
    assert run("release", "step", "notes").code == 0  # it still waits ready
    assert run("release", "promote", "notes").code == 0
    over = run("release", "step", "notes", "--all")
    assert over.code == 1
    assert "Possible: rollback, retire." in over.err


def test_a_plan_that_promotes_ends_well(run: Run, notes: Path) -> None:
    start(run, notes, NO_STAGE + "promote: auto")
    assert run("release", "step", "notes", "--all").code == 0
    assert state(run) == "promoted"


def test_a_stage_that_waits_or_is_lost_stops_a_script(
    run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(run, notes, ONLY_RAMP)
    assert run("release", "step", "notes").code == 0
    waits = run("release", "step", "notes", "--all")
    assert (waits.code, state(run)) == (1, "ramp")
    monkeypatch.setattr(Releases, "_look", lambda *_: Look("lost", "A guard is broken."))
    lost = run("release", "step", "notes", "--all")
    assert (lost.code, state(run)) == (1, "rolled_back")
    assert "A guard is broken. → rolled_back" in lost.out
    assert run("release", "step", "notes", "--all").code == 1


def test_moves_are_named_as_the_commands_are(run: Run, notes: Path) -> None:
    start(run, notes, ONLY_RAMP)
    assert "Possible: step, abort." in run("release", "status", "notes").out
    refused = run("release", "promote", "notes")
    assert "is being built, where 'promote' is not possible. Possible: step, abort." in refused.err
    assert run("release", "step", "notes").code == 0
    assert "Possible: step, promote, abort." in run("release", "status", "notes").out


def test_a_release_without_judgements_begins_only_when_told_to(run: Run, notes: Path) -> None:
    done = run("release", "start", "notes", "new.yaml")
    assert done.code == 2
    assert "gate.judgements" in done.err and "`gate: null`" in done.err
    assert run("release", "status", "notes").code == 1


def test_who_watches_is_let_go_where_steps_lead_no_further(
    run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start(run, notes, NO_STAGE)
    release = Library(notes / "library", Settings()).collection("notes").release
    clock = SimpleNamespace(sleep=lambda _: release.step())
    monkeypatch.setattr("latelight.cli.release.time", clock)
    seen = run("release", "status", "notes", "--watch", "--json")
    told = [json.loads(line)["release"]["state"] for line in seen.out.splitlines()]
    assert told == ["build", "ready"]


def test_a_collection_in_a_diff_is_told_how_versions_are_named(run: Run, notes: Path) -> None:
    done = run("pipeline", "diff", "notes", "new.yaml")
    assert done.code == 1
    assert "notes@live" in done.err
    assert run("pipeline", "diff", "notes@live", "new.yaml").code == 0
