"""A/B experiments on two versions without any release."""

import os
import random
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from latelight.app import Collection, Library
from latelight.app.opened import OpenGeneration
from latelight.errors import (
    AlreadyExistsError,
    InputError,
    ModelError,
    NotFoundError,
    ReleaseConflictError,
    ReleaseStateError,
)
from latelight.experiments.ab import Reading
from latelight.experiments.assignment import hashed
from latelight.pipelines.spec import parse_spec
from latelight.releases.experiments import ExperimentPlan
from latelight.releases.plan import RampPlan, ReleasePlan
from latelight.settings import Settings

FEWER = parse_spec("search: {k: 1}")
RECORDS = [
    {"id": "lamp", "text": "The lamp of the lighthouse burns oil."},
    {"id": "keeper", "text": "The keeper trims the lamp."},
    {"id": "ferry", "text": "The ferry was refitted in 2019."},
]
ONLY_RAMP = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=RampPlan(queries=1))
SMALL = ExperimentPlan(reading=Reading(min_callers=20))


@pytest.fixture
def notes(library: Library) -> Collection:
    """Three records under two versions; the other one shows a single hit."""
    target = library.collection("notes", create=True)
    target.add(RECORDS)
    other = target.begin_candidate(FEWER)
    target._versions.open(other).loaded()
    return target


def test_callers_are_answered_by_their_arm_and_always_by_the_same(notes: Collection) -> None:
    begun = notes.experiments.start("live", "candidate", name="fewer")
    assert begun.a == notes.digest
    answered = {f"user {n}": len(notes.search("lamp", key=f"user {n}")) for n in range(60)}
    for key, n_hits in answered.items():
        assert n_hits == (1 if begun.assignment.arm(key) == "b" else 3)
        assert len(notes.search("lamp", key=key)) == n_hits
    batch = notes.search_batch(["lamp"] * 60, key=list(answered))
    assert [len(hits) for hits in batch] == list(answered.values())
    now = notes.experiments.status()
    assert now.a.n_callers + now.b.n_callers == 60
    assert now.a.n_searches + now.b.n_searches == 180
    assert now.b.n_callers == list(answered.values()).count(1)


def test_what_is_used_decides(notes: Collection) -> None:
    notes.experiments.start("live", "candidate", plan=SMALL)
    chance = random.Random(1)
    for n in range(300):
        hits = notes.search("lamp", key=f"user {n}")
        if chance.random() < (0.7 if len(hits) == 3 else 0.2):
            notes.interact(hits.search_id, hits[0].doc_id)
    result = notes.experiments.status().result
    assert result.decision == "a"
    assert -0.7 < result.difference < -0.3
    assert result.ratio_p > 0.05


def test_who_takes_no_part_gets_the_live_version(notes: Collection) -> None:
    begun = notes.experiments.start("candidate", "live", plan=ExperimentPlan(exposure=0.3))
    outside = [f"u{n}" for n in range(200) if begun.assignment.arm(f"u{n}") is None]
    assert 100 < len(outside) < 180
    for key in outside[:20]:
        assert len(notes.search("lamp", key=key)) == 3
    assert len(notes.search_batch(["lamp"], key=outside[0])[0]) == 3
    now = notes.experiments.status()
    assert now.a.n_callers == now.b.n_callers == 0


def test_nobody_is_counted_while_one_version_cannot_answer(
    library: Library, notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = notes.experiments.start("live", "candidate")
    other = Library(library.root, Settings(n_threads=1)).collection("notes")
    other._versions.live().loaded()
    may_load, real = threading.Event(), OpenGeneration.loaded

    def loaded(self: OpenGeneration) -> object:
        if self.version.digest == begun.b:
            may_load.wait(60)
        return real(self)

    monkeypatch.setattr(OpenGeneration, "loaded", loaded)
    assert {len(other.search("lamp", key=f"u{n}")) for n in range(20)} == {3}
    may_load.set()
    (thread,) = other._serving._warming._threads.values()
    thread.join()
    assert {len(other.search("lamp", key=f"u{n}")) for n in range(20)} == {1, 3}
    now = other.experiments.status()
    assert now.a.n_searches + now.b.n_searches == 20


def test_callers_are_logged_as_hashes_and_nothing_is_asked(notes: Collection) -> None:
    begun = notes.experiments.start("live", "candidate", name="fewer")
    hits = notes.search("what does the lamp burn", key="somebody@example.org")
    notes.interact(hits.search_id, hits[0].doc_id)
    (one,) = notes.experiments.searches("fewer")
    assert one.key_hash == hashed(begun.experiment_id, "somebody@example.org")
    assert one.arm == begun.assignment.arm("somebody@example.org")
    assert one.version == begun.version(one.arm)
    assert (one.query, one.clicked) == ("", (hits[0].doc_id,))
    assert one.milliseconds is not None and one.milliseconds > 0
    assert "example" not in str(one.to_dict())
    assert list(notes.log.searches()) == []
    notes.log.start()
    notes.search("lamp", key="somebody@example.org")
    assert [logged.query for logged in notes.log.searches()] == ["lamp"]
    assert notes.log.clear() == 1
    assert len(list(notes.experiments.searches())) == 2


def test_an_arm_that_fails_fails_nobody_and_is_counted(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = notes.experiments.start("live", "candidate")
    keys = [f"u{n}" for n in range(40)]
    in_b = [key for key in keys if begun.assignment.arm(key) == "b"]
    real = OpenGeneration.search

    def search(self: OpenGeneration, requests: object) -> object:
        if self.version.digest == begun.b:
            raise ModelError("out of order")
        return real(self, requests)  # type: ignore[arg-type]

    monkeypatch.setattr(OpenGeneration, "search", search)
    for key in keys:
        hits = notes.search("lamp", key=key)
        assert len(hits) == 3
        if key == in_b[0]:
            notes.interact(hits.search_id, "keeper")
    assert {len(hits) for hits in notes.search_batch(["lamp"] * len(keys), key=keys)} == {3}
    now = notes.experiments.status()
    assert (now.a.n_errors, now.b.n_errors) == (0, 2 * len(in_b))
    assert now.b.n_used == 1  # what they got instead counts for their arm
    failed = [one for one in notes.experiments.searches() if one.failed]
    assert {one.version for one in failed} == {notes.digest}


def test_a_live_version_that_fails_is_told_and_counted(
    notes: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = notes.experiments.start("live", "candidate")
    key = next(f"u{n}" for n in range(99) if begun.assignment.arm(f"u{n}") == "a")

    def search(self: OpenGeneration, requests: object) -> object:
        raise ModelError("out of order")

    monkeypatch.setattr(OpenGeneration, "search", search)
    with pytest.raises(ModelError):
        notes.search("lamp", key=key)
    with pytest.raises(InputError):
        notes.search(key=key)
    assert notes.experiments.status().a.n_errors == 1  # the second was the caller's


def test_stopping_keeps_what_was_shown_and_frees_everybody(notes: Collection) -> None:
    notes.experiments.start("live", "candidate", name="fewer")
    for n in range(30):
        notes.search("lamp", key=f"u{n}")
    stopped = notes.experiments.stop(note="seen enough")
    assert stopped.experiment.state == "stopped"
    assert {len(notes.search("lamp", key=f"u{n}")) for n in range(30)} == {3}
    again = notes.experiments.status("fewer")
    assert again == stopped
    assert again.to_dict() == stopped.to_dict()
    assert again.a.n_callers + again.b.n_callers == 30
    with pytest.raises(ReleaseStateError, match="seen enough"):
        notes.experiments.stop("fewer")
    with pytest.raises(ReleaseConflictError):  # who looked before it was stopped
        notes._versions.experiments.stop(stopped.experiment, "", {})


def test_one_at_a_time_and_none_beside_a_release(notes: Collection) -> None:
    with pytest.raises(NotFoundError, match="had no experiment"):
        notes.experiments.status()
    notes.experiments.start("live", "candidate", name="first")
    with pytest.raises(ReleaseStateError, match="'first' compares"):
        notes.experiments.start("live", "candidate", name="second")
    with pytest.raises(ReleaseStateError, match="stop it first"):
        notes.release.start(FEWER, ONLY_RAMP)
    candidate = notes.aliases()["candidate"]
    with pytest.raises(ReleaseStateError, match="stop it first"):
        notes.retire(candidate)
    assert candidate in notes.versions()
    notes.experiments.stop()
    with pytest.raises(AlreadyExistsError, match="'first'"):
        notes.experiments.start("live", "candidate", name="first")
    with pytest.raises(NotFoundError, match="there are: first"):
        notes.experiments.status("second")
    release = notes.release.start(FEWER, ONLY_RAMP)
    with pytest.raises(ReleaseStateError, match=release.release_id):
        notes.experiments.start("live", "candidate")
    notes.release.step()
    notes.release.promote()
    notes.experiments.start("live", "previous", name="afterwards")
    notes.release.rollback()
    assert [one.name for one in notes.experiments.list()] == ["afterwards", "first"]


@pytest.mark.parametrize(
    ("a", "b", "error", "reason"),
    [
        ("live", "live", InputError, "pipeline create"),
        ("live", "none", NotFoundError, "'none' names 0 versions"),
    ],
)
def test_versions_that_are_none_are_refused(
    notes: Collection, a: str, b: str, error: type[Exception], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        notes.experiments.start(a, b)


def test_a_version_that_is_not_filled_answers_nobody(notes: Collection) -> None:
    notes.retire(notes.aliases()["candidate"])
    notes.begin_candidate(parse_spec("spaces: {text: {bits: 4}}"))
    with pytest.raises(ReleaseStateError, match="not filled yet"):
        notes.experiments.start("live", "candidate")


@pytest.mark.parametrize("parts", [{"share": 0.0}, {"share": 1.0}, {"exposure": 0.0}])
def test_plans_that_are_none_are_refused(parts: dict[str, float]) -> None:
    with pytest.raises(InputError, match="above 0"):
        ExperimentPlan(**parts)  # type: ignore[arg-type]


def test_everybody_is_answered_while_it_begins_and_ends(notes: Collection) -> None:
    failures: list[Exception] = []
    stop = threading.Event()

    def search(number: int) -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            try:
                hits = notes.search("lamp", key=f"{number} {turn % 9}")
                assert len(hits) in {1, 3}
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=search, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        notes.experiments.start("live", "candidate")
        notes.experiments.status()
        notes.experiments.stop()
    stop.set()
    for thread in threads:
        thread.join()
    assert failures == []


RUN = """
import os, signal, sys
from pathlib import Path
from latelight.app import Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

engine.create_encoder = lambda *a, **k: FakeEncoder(dim=64)
target = Library(Path(sys.argv[1]), Settings(n_threads=1)).collection("notes")
for n in range(20):
    hits = target.search("lamp", key=f"u{n}")
    target.interact(hits.search_id, hits[0].doc_id)
print(target.experiments.status().a.n_callers, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_is_killed_leaves_the_experiment_as_it_was_told(
    library: Library, notes: Collection
) -> None:
    notes.experiments.start("live", "candidate", name="fewer")
    words = [sys.executable, "-c", RUN, str(library.root)]
    died = subprocess.run(words, env=os.environ, capture_output=True, text=True, check=False)
    assert died.returncode == -9, died.stderr
    now = Library(library.root, Settings(n_threads=1)).collection("notes").experiments.status()
    assert now.experiment.state == "running"
    assert now.a.n_callers == int(died.stdout)
    assert (now.a.n_callers + now.b.n_callers, now.a.n_used + now.b.n_used) == (20, 20)


def test_it_goes_with_its_collection(library: Library, notes: Collection, tmp_path: Path) -> None:
    notes.experiments.start("live", "candidate")
    notes.search("lamp")
    library.drop_collection("notes")
    again = library.collection("notes", create=True)
    assert again.experiments.list() == ()
    assert again._versions.interactions.forget(days=1, most=0) == 0
