"""`latelight release` as scripts see it: exit codes, and what is said to be possible."""

import json
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from latelight.app import Library, engine
from latelight.app.release import Releases
from latelight.app.release_stages import Look
from latelight.pipelines import encoding
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.types import MultiVector, Unit
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


class Slow(FakeEncoder):
    def encode_documents(self, units: Sequence[Unit], **options: Any) -> list[MultiVector]:
        time.sleep(0.02 * len(units))
        return super().encode_documents(units, **options)


def test_who_watches_sees_another_process_fill_the_candidate(
    run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [json.dumps({"id": f"d{n}", "text": f"number {n} lamp"}) for n in range(40)]
    (notes / "more.jsonl").write_text("\n".join(lines))
    assert run("add", "more.jsonl", "-c", "notes").code == 0
    monkeypatch.setattr(engine, "create_encoder", lambda name, **_: Slow(dim=64, name=name))
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 1)
    engine.shared_encoder.cache_clear()
    (notes / "new.yaml").write_text("spaces: {text: {encoder: minilm}}")
    start(run, notes, NO_STAGE)
    status = ("release", "status", "notes")
    assert "Filled: 0 of 41 documents (0%)." in run(*status).out
    library = Library(notes / "library", Settings(commit_seconds=0, n_threads=1))
    filling = threading.Thread(target=library.collection("notes").release.step)
    filling.start()
    watched = run(*status, "--watch", "--every", "0.05", "--json")
    filling.join()
    told = [json.loads(line) for line in watched.out.splitlines()]
    filled = [one["filling"]["n_documents"] for one in told if one["filling"]]
    assert filled == sorted(filled)
    assert len({n for n in filled if 0 < n < 41}) >= 3
    assert told[-1]["release"]["state"] == "ready" and told[-1]["filling"] is None
    assert "Filled" not in run(*status).out


EVERY = ("start", "step", "status", "promote", "rollback", "abort", "retire")


def test_every_command_of_a_release_is_carried_out_and_told(run: Run, notes: Path) -> None:
    def moved(*words: str) -> str:
        done = run("release", *words)
        assert done.code == 0, done.err
        return done.out

    def told(*words: str) -> Any:
        return json.loads(moved(*words, "--json"))

    (notes / "plan.yaml").write_text(ONLY_RAMP)
    begin = ("start", "notes", "new.yaml", "--plan", "plan.yaml")
    assert "begins" in moved(*begin)
    assert moved("abort", "notes", "--note", "not today").endswith("stays live.\n")
    assert "is retired" in moved("retire", "notes")
    begun = told(*begin)
    assert begun["state"] == "build"
    assert told("step", "notes")["moved"] is True
    assert "ramp at 50%" in moved("status", "notes")
    promoted = told("promote", "notes", "--note", "looks good")
    assert (promoted["state"], promoted["note"]) == ("promoted", "looks good")
    assert f"{begun['live']} is live again" in moved("rollback", "notes", "--note", "or not")
    assert told("retire", "notes")["state"] == "retired"
    log = json.loads(moved("status", "notes", "--json"))["log"]
    assert [one["what"] for one in log] == ["start", "advance", "promote", "rollback", "retire"]
    assert [one["note"] for one in log[2:4]] == ["looks good", "or not"]
    assert "or not" in moved("status", "notes")
    for words in (begin, ("abort", "notes"), ("retire", "notes")):
        moved(*words)


@pytest.mark.parametrize("command", [one for one in EVERY if one != "start"])
def test_commands_before_any_release_say_how_to_begin(run: Run, notes: Path, command: str) -> None:
    done = run("release", command, "notes")
    assert done.code == 1
    assert "latelight release start notes PIPELINE" in done.err


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("rollback",), 2, "Possible: step, abort."),
        (("retire",), 2, "Possible: step, abort."),
        (("promote",), 2, "Possible: step, abort."),
        (("start", "new.yaml", "--plan", "plan.yaml"), 2, "before another one begins"),
        (("status", "--watch", "--every", "0"), 2, "--every is 0"),
    ],
)
def test_moves_that_a_state_does_not_have_are_refused(
    run: Run, notes: Path, words: tuple[str, ...], code: int, reason: str
) -> None:
    start(run, notes, ONLY_RAMP)
    done = run("release", words[0], "notes", *words[1:])
    assert done.code == code
    assert reason in done.err


@pytest.mark.parametrize("command", EVERY)
def test_every_command_has_help_json_and_a_place_in_the_readme(run: Run, command: str) -> None:
    done = run("release", command, "--help")
    assert done.code == 0
    assert "--json" in done.out
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert f"`release {command}`" in readme
