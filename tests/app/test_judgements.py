"""Judgement sets that a collection keeps: durable, atomic, in backups, found by gates."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from latelight.app import Collection, Library, restore
from latelight.errors import AlreadyExistsError, InputError, NotFoundError
from latelight.evaluation import EvidenceJudgement, JudgementSet, Qrels
from latelight.pipelines.spec import parse_spec
from latelight.releases.plan import GatePlan, ReleasePlan
from latelight.settings import Settings
from latelight.types import Box, Locator

OTHER = parse_spec("spaces: {text: {encoder: minilm}}")
TOPICS = {"t1": "what does the lamp burn", "t2": "a topic that nobody judged"}
JUDGED = JudgementSet(
    "lamps",
    TOPICS,
    Qrels({"t1": {"lamp": 2, "ferry": 0}}),
    (EvidenceJudgement("t1", "lamp", Locator(page=1, box=Box(0.1, 0.2, 0.3, 0.4))),),
    "by hand",
)


def notes(library: Library) -> Collection:
    target = library.collection("notes", create=True)
    target.add([{"id": "lamp", "text": "The lamp burns oil."}, {"id": "ferry", "text": "A ferry"}])
    return target


def test_a_set_is_found_by_its_name_in_every_process(library: Library) -> None:
    saved = notes(library).judgements.save(JUDGED)
    assert (saved.n_topics, saved.n_judged, saved.n_places) == (2, 2, 1)
    again = Library(library.root, Settings()).collection("notes").judgements
    assert again.get("lamps") == JUDGED
    assert again.list() == (saved,)
    again.delete("lamps")
    assert again.list() == ()
    with pytest.raises(NotFoundError, match="no judgement set 'lamps'; it has: none"):
        again.get("lamps")
    with pytest.raises(NotFoundError):
        again.delete("lamps")


def test_another_set_takes_a_name_only_when_told(library: Library) -> None:
    kept = notes(library).judgements
    first = kept.save(JUDGED)
    assert kept.save(JUDGED) == first
    other = JudgementSet("lamps", TOPICS, Qrels({"t1": {"ferry": 1}}))
    with pytest.raises(AlreadyExistsError, match=f"{first.digest}, not {other.digest}"):
        kept.save(other)
    assert kept.get("lamps") == JUDGED
    assert kept.save(other, replace=True).digest == other.digest
    assert kept.get("lamps") == other
    with pytest.raises(InputError, match="cannot name a judgement set"):
        kept.save(JudgementSet("a/b", TOPICS, Qrels()))


def test_sets_belong_to_one_collection_and_go_with_it(library: Library) -> None:
    notes(library).judgements.save(JUDGED)
    other = library.collection("others", create=True)
    assert other.judgements.list() == ()
    library.drop_collection("notes")
    assert library.collection("notes", create=True).judgements.list() == ()


def test_a_backup_holds_them(library: Library, tmp_path: Path) -> None:
    notes(library).judgements.save(JUDGED)
    library.backup(tmp_path / "backup")
    restored = restore(tmp_path / "backup", tmp_path / "restored", settings=Settings(n_threads=1))
    assert restored.collection("notes").judgements.get("lamps") == JUDGED


SAVE = """
import os, signal, sqlite3, sys
from pathlib import Path
from latelight.app import Library
from latelight.evaluation import JudgementSet, Qrels
from latelight.settings import Settings

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class DyingBeforeCommit(sqlite3.Connection):
    def execute(self, statement, *given):
        return die() if statement == "COMMIT" else super().execute(statement, *given)

kept = Library(Path(sys.argv[1]), Settings(n_threads=1)).collection("notes").judgements
connect = sqlite3.connect
if sys.argv[2] == "within":
    sqlite3.connect = lambda *given, **named: connect(*given, **named, factory=DyingBeforeCommit)
kept.save(JudgementSet("lamps", {"t1": "new"}, Qrels({"t1": {"new": 1}})), replace=True)
die()
"""
OLD = TOPICS["t1"]


@pytest.mark.parametrize(("point", "kept"), [("within", OLD), ("after", "new")])
def test_a_save_that_is_killed_leaves_the_old_set_or_the_new_one(
    library: Library, point: str, kept: str
) -> None:
    notes(library).judgements.save(JUDGED)
    words = [sys.executable, "-c", SAVE, str(library.root), point]
    died = subprocess.run(words, env=os.environ, capture_output=True, text=True, check=False)
    assert died.returncode == -9, died.stderr
    again = Library(library.root, Settings(n_threads=1)).collection("notes")
    assert again.judgements.get("lamps").topics["t1"] == kept


def test_a_path_goes_before_a_name_and_a_sign_before_both(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = notes(library).judgements
    kept.save(JUDGED)
    assert kept.find("lamps") == JUDGED
    monkeypatch.chdir(tmp_path)
    JudgementSet("other", {"t9": "other"}, Qrels({"t9": {"lamp": 1}})).save("lamps.json")
    Path("lamps.json").rename("lamps")
    with pytest.raises(InputError, match="--topics"):  # as any file of that name it is no set
        kept.find("lamps")
    assert kept.find("@lamps") == JUDGED
    with pytest.raises(NotFoundError, match=r"nothing at 'none'.*it has: lamps.*import"):
        kept.find("none")


def gated(judgements: str) -> ReleasePlan:
    gate = GatePlan(judgements=judgements, allow_few_topics=True)
    return ReleasePlan(gate=gate, shadow=None, interleave=None, ramp=None)


def test_a_gate_finds_a_set_by_name_wherever_the_step_is_taken(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = notes(library)
    target.judgements.save(JUDGED)
    release = target.release.start(OTHER, gated("lamps"))
    assert release.plan.gate is not None
    assert release.plan.gate.judgements == "@lamps"
    monkeypatch.chdir(tmp_path)
    Path("lamps").write_text("in the way")
    target.release.step()
    taken = target.release.step()
    assert taken.moved, taken.said
    (entry,) = [one for one in target.release.status().log if "judgements" in one.details]
    assert entry.details["judgements"] == {"name": "lamps", "digest": JUDGED.digest}


def test_a_gate_whose_set_was_deleted_stays_shut_with_a_reason(library: Library) -> None:
    target = notes(library)
    target.judgements.save(JUDGED)
    target.release.start(OTHER, gated("@lamps"))
    target.release.step()
    target.judgements.delete("lamps")
    with pytest.raises(NotFoundError, match=r"gate\.judgements: .*no judgement set 'lamps'"):
        target.release.step()
    assert target.release.status().release.state == "gate"


def test_a_plan_in_yaml_names_a_set_or_a_file_beside_it(library: Library, tmp_path: Path) -> None:
    target = notes(library)
    plan = tmp_path / "plan.yaml"
    plan.write_text("gate: {judgements: lamps}\nshadow: null\ninterleave: null\nramp: null\n")
    with pytest.raises(NotFoundError, match=r"gate\.judgements: .*'lamps'"):
        target.release.start(OTHER, plan)
    target.judgements.save(JUDGED)
    gate = target.release.start(OTHER, plan).plan.gate
    assert gate is not None
    assert gate.judgements == "@lamps"
    target.release.abort()
    target.release.retire()
    JUDGED.save(tmp_path / "lamps.json")
    plan.write_text(plan.read_text().replace("lamps", "lamps.json"))
    gate = target.release.start(OTHER, plan).plan.gate
    assert gate is not None
    assert gate.judgements == str(tmp_path / "lamps.json")
