"""Releases end to end: with people searching all the time, good candidates and bad ones."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

import latelight
from latelight.app import Collection, Library, engine
from latelight.errors import (
    DamagedFileError,
    ModelError,
    NotFoundError,
    QueryError,
    ReleaseConflictError,
    ReleaseStateError,
    SettingError,
)
from latelight.evaluation import JudgementSet, Qrels
from latelight.extractors.sandbox import ExtractionPool
from latelight.pipelines import encoding
from latelight.pipelines.spec import PipelineSpec, parse_spec
from latelight.releases.plan import (
    GatePlan,
    GuardsPlan,
    InterleavePlan,
    RampPlan,
    ReleasePlan,
    ShadowPlan,
)
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.types import MultiVector, QueryVectors, Unit

N_DOCUMENTS = 40
BASE = "extract: {passage_characters: 400}\nsearch: {mode: maxsim, k: 5}\nspaces: {text: {%s}}"
LIVE = parse_spec(BASE % "")
GOOD = parse_spec(BASE % "encoder: minilm")
BAD = parse_spec(BASE % "encoder: colbert-small")
ONLY_SHADOW = ReleasePlan(gate=None, interleave=None, ramp=None)
FAST = RampPlan(shares=(0.5, 1.0), queries=60)


class Shuffled(FakeEncoder):
    """Gives every document another one's vectors: as fast as the good one, and useless."""

    def encode_documents(self, units: Sequence[Unit], **options: Any) -> list[MultiVector]:
        nonsense = [Unit(u.unit_id, u.kind, u.locator, u.text[::-1]) for u in units]
        return super().encode_documents(nonsense, **options)


class OutOfOrder(FakeEncoder):
    """Fills an index and answers nobody, once it is told to."""

    is_broken = False

    def encode_query(self, text: str) -> QueryVectors:
        if self.is_broken:
            raise ModelError("out of order")
        return super().encode_query(text)


def make_encoder(name: str, **_: Any) -> FakeEncoder:
    kinds: dict[str, type[FakeEncoder]] = {"colbert-small": Shuffled, "bge-small": OutOfOrder}
    return kinds.get(name, FakeEncoder)(dim=64, name=name)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    monkeypatch.setattr(engine, "create_encoder", make_encoder)
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0))
    engine.shared_encoder.cache_clear()


@pytest.fixture
def boats(library: Library) -> Collection:
    """Documents each of which one query is about."""
    made = library.collection("boats", create=True, pipeline=LIVE)
    made.add([{"id": f"d{n}", "text": f"boat{n} carries cargo{n}"} for n in range(N_DOCUMENTS)])
    return made


@pytest.fixture
def judged(tmp_path: Path) -> str:
    topics = {f"t{n}": f"cargo{n}" for n in range(N_DOCUMENTS)}
    qrels = Qrels({f"t{n}": {f"d{n}": 1} for n in range(N_DOCUMENTS)})
    path = tmp_path / "judged.json"
    JudgementSet("boats", topics, qrels).save(path)
    return str(path)


class People:
    """Search all the time in a thread, and click on what is right; nobody may be failed."""

    def __init__(self, target: Collection) -> None:
        self._target = target
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work)
        self.n_searches = 0
        self.failures: list[Exception] = []
        self.n_wrong_by_version: dict[str, int] = {}

    def __enter__(self) -> "People":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        chance = random.Random(7)
        while not self._stop.is_set():
            number = chance.randrange(N_DOCUMENTS)
            try:
                hits = self._target.search(f"cargo{number}", key=f"user {chance.randrange(200)}")
                self.n_searches += 1
                assert len(hits) == 5  # of a half-built index there would be fewer
                if hits[0].doc_id == f"d{number}":
                    self._click(hits.search_id, hits[0].doc_id)
            except Exception as error:
                self.failures.append(error)

    def _click(self, search_id: str, doc_id: str) -> None:
        with suppress(NotFoundError):  # the search took part in nothing
            self._target.interact(search_id, doc_id)

    def more(self, n: int) -> None:
        """Wait for so many more searches."""
        wanted, deadline = self.n_searches + n, time.monotonic() + 60
        while self.n_searches < wanted and not self.failures:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def drive(target: Collection, people: People, until: str, most: int = 60) -> list[str]:
    """Take steps until a state is reached; return the states on the way."""
    states = [target.release.status().release.state]
    for _ in range(most):
        if states[-1] == until:
            return states
        people.more(40)
        try:
            states.append(target.release.step().release.state)
        except (ReleaseConflictError, ReleaseStateError):  # a guard was faster
            states.append(target.release.status().release.state)
    raise AssertionError(states)


def plan(judged: str, **changes: Any) -> ReleasePlan:
    given: dict[str, Any] = {
        "gate": GatePlan(judgements=judged),
        "shadow": ShadowPlan(share=0.5, queries=20, k=1, min_overlap=0.9),
        "interleave": InterleavePlan(share=0.5, max_sessions=20),
        "ramp": FAST,
        "promote": "auto",
    }
    return ReleasePlan(**{**given, **changes})


def test_a_good_candidate_becomes_live_while_people_search(boats: Collection, judged: str) -> None:
    before = boats.digest
    with People(boats) as people:
        release = boats.release.start(GOOD, plan(judged))
        states = drive(boats, people, "promoted")
        assert boats.digest == release.candidate
        people.more(50)
        boats.add({"id": "new", "text": "boat99 carries cargo99"})
        began = time.perf_counter()
        after = boats.release.rollback()
        seconds = time.perf_counter() - began
        people.more(50)
    assert people.failures == []
    assert list(dict.fromkeys(states)) == [
        "build", "gate", "shadow", "interleave", "ramp", "promoted",
    ]  # fmt: skip
    assert (after.state, boats.digest) == ("rolled_back", before)
    assert seconds < 1
    assert boats.search("cargo99", k=1)[0].doc_id == "new"  # the old one has followed
    status = boats.release.status()
    arms = {(one.stage, one.arm) for one in status.counted}
    assert {("shadow", "live"), ("shadow", "candidate"), ("ramp", "candidate")} <= arms
    assert all(one.traffic.n_errors == 0 for one in status.counted)
    assert status.log[0].what == "start"
    assert [one.what for one in status.log][-2:] == ["promote", "rollback"]
    assert boats.release.retire().state == "retired"
    assert list(boats.versions()) == [before]


def test_the_gate_stops_a_bad_candidate(boats: Collection, judged: str) -> None:
    boats.release.start(BAD, plan(judged))
    boats.release.step()
    for _ in range(2):
        step = boats.release.step()
        assert (step.moved, step.release.state) == (False, "gate")
        assert "nDCG@10: worse" in step.said
    with pytest.raises(ReleaseStateError, match="not possible"):
        boats.release.promote()
    assert boats.release.status().log[-1].details["verdicts"] == {"nDCG@10": "worse"}
    boats.release.abort()
    boats.release.retire()
    assert boats.search("cargo3")[0].doc_id == "d3"


def test_with_the_gate_off_the_guard_of_the_ramp_stops_it_by_itself(boats: Collection) -> None:
    before = boats.digest
    without = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=FAST)
    with People(boats) as people:
        boats.release.start(BAD, without)
        assert boats.release.step().release.state == "ramp"
        deadline = time.monotonic() + 60
        while boats.release.status().release.state == "ramp":  # nobody takes a step
            assert time.monotonic() < deadline
            people.more(20)
        people.more(20)
    assert people.failures == []
    status = boats.release.status()
    assert (status.release.state, boats.digest) == ("rolled_back", before)
    assert status.log[-1].what == "fall_back"
    assert "clicks" in status.log[-1].note
    assert boats.search("cargo3", key="anybody")[0].doc_id == "d3"


def test_a_candidate_that_fails_is_answered_for_by_the_live_version(boats: Collection) -> None:
    guards = GuardsPlan(min_queries=20)
    ramp = RampPlan(shares=(0.5,), queries=500, guards=guards)
    without = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=ramp)
    boats.release.start(parse_spec(BASE % "encoder: bge-small"), without)
    boats.release.step()
    OutOfOrder.is_broken = True
    try:
        for n in range(300):
            assert boats.search("cargo3", key=f"user {n}")[0].doc_id == "d3"
        status = boats.release.status()
    finally:
        OutOfOrder.is_broken = False
    assert status.release.state == "rolled_back"
    assert "errors" in status.release.note
    with pytest.raises(QueryError):  # the caller's own mistake is nobody's error
        boats.search("?!")


def test_people_who_prefer_the_live_version_stop_the_candidate(boats: Collection) -> None:
    only = ReleasePlan(
        gate=None, shadow=None, ramp=None, interleave=InterleavePlan(share=1.0, max_sessions=500)
    )
    with People(boats) as people:
        boats.release.start(BAD, only)
        drive(boats, people, "rolled_back")
    assert people.failures == []
    status = boats.release.status()
    assert "prefer the live version" in status.release.note
    assert status.wins["a"] > 5 * status.wins.get("b", 0)
    assert status.preference_p <= 0.05


def test_a_shadow_that_finds_other_things_goes_no_further(boats: Collection) -> None:
    shadow = ShadowPlan(share=1.0, queries=10, k=1, min_overlap=0.5)
    boats.release.start(BAD, ReleasePlan(gate=None, shadow=shadow))
    boats.release.step()
    for n in range(40):
        assert boats.search(f"cargo{n}")[0].doc_id == f"d{n}"
        time.sleep(0.005)
    step = boats.release.step()
    assert (step.moved, step.release.state) == (False, "shadow")
    assert "At least 0.5 is wanted" in step.said
    assert boats.release.promote().state == "promoted"  # by hand, against advice


def test_a_gate_that_could_never_be_passed_begins_no_release(
    boats: Collection, judged: str, tmp_path: Path
) -> None:
    nothing = tmp_path / "nothing.json"
    JudgementSet("nothing", {"t": "cargo3"}, Qrels({"t": {"d3": 0}})).save(nothing)
    (tmp_path / "broken.json").write_text("{")
    before = boats.aliases()
    for gate, error, reason in (
        (GatePlan(), SettingError, "names no judgements.*gate: null"),
        (GatePlan(judgements=str(tmp_path / "none.json")), NotFoundError, r"none\.json"),
        (GatePlan(judgements=str(tmp_path / "broken.json")), DamagedFileError, "not JSON"),
        (GatePlan(judgements=str(nothing)), SettingError, "no topic has a relevant document"),
        (GatePlan(judgements=judged, measures=("Foo@1",)), SettingError, r"gate\.measures.*Foo@1"),
        (GatePlan(judgements=judged, measures=()), SettingError, r"gate\.measures is empty"),
    ):
        with pytest.raises(error, match=reason):
            boats.release.start(GOOD, ReleasePlan(gate=gate))
    assert boats.aliases() == before
    with pytest.raises(NotFoundError):
        boats.release.status()


def test_a_gate_with_too_few_topics_stays_shut(boats: Collection, tmp_path: Path) -> None:
    few = tmp_path / "few.json"
    JudgementSet("few", {"t": "cargo3"}, Qrels({"t": {"d3": 1}})).save(few)
    boats.release.start(GOOD, ReleasePlan(gate=GatePlan(judgements=str(few))))
    boats.release.step()
    assert "not enough topics" in boats.release.step().said
    boats.release.abort()
    allowed = GatePlan(judgements=str(few), allow_few_topics=True)
    boats.release.start(GOOD, ReleasePlan(gate=allowed))
    boats.release.step()
    assert boats.release.step().release.state == "shadow"


def test_a_gate_does_not_open_on_judgements_of_nothing(boats: Collection, tmp_path: Path) -> None:
    topics = {f"t{n}": f"cargo{n}" for n in range(N_DOCUMENTS)}
    file = tmp_path / "judged.json"

    def judge(n_there: int) -> None:
        docs = [f"d{n}" if n < n_there else f"d{n}.txt" for n in range(N_DOCUMENTS)]
        gains = {f"t{n}": {doc: 1} for n, doc in enumerate(docs)}
        JudgementSet("boats", topics, Qrels(gains)).save(file)

    judge(0)
    boats.release.start(GOOD, ReleasePlan(gate=GatePlan(judgements=str(file))))
    boats.release.step()
    held = boats.release.step()
    assert (held.moved, held.release.state) == (False, "gate")
    assert "0 of 40 judged documents are in the collection" in held.said
    assert "doc_id" in held.said and "'d0.txt'" in held.said
    details = boats.release.status().log[-1].details
    assert (details["n_judged"], details["n_judged_found"]) == (40, 0)
    assert details["judgements"]["name"] == "boats"
    judge(5)  # the other 35 topics, 0 in both, do not make them look alike
    held = boats.release.step()
    assert not held.moved
    assert "not enough topics" in held.said and "5 of 40 topics" in held.said
    judge(30)
    assert boats.release.step().release.state == "shadow"


def test_a_gate_does_not_open_where_both_versions_find_nothing(
    boats: Collection, tmp_path: Path
) -> None:
    file = tmp_path / "judged.json"
    topics = {f"t{n}": "cargo3" for n in range(1, N_DOCUMENTS)}
    # The judged documents are there, and deeper than anybody looks.
    JudgementSet("deep", topics, Qrels({t: {"d0": 1} for t in topics})).save(file)
    gate = GatePlan(judgements=str(file), measures=("P@1",), allow_few_topics=True, depth=1)
    boats.release.start(GOOD, ReleasePlan(gate=gate))
    boats.release.step()
    held = boats.release.step()
    assert (held.moved, held.release.state) == (False, "gate")
    assert "P@1: nothing found" in held.said


def test_a_change_of_searching_alone_needs_no_building(boats: Collection) -> None:
    spec: PipelineSpec = parse_spec((BASE % "").replace("k: 5", "k: 3"))
    boats.release.start(spec, ReleasePlan(gate=None, shadow=None, interleave=None, ramp=None))
    step = boats.release.step()
    assert step.release.state == "ready"
    assert "promote when you like" in boats.release.step().said
    assert len(boats.search("cargo3")) == 5
    boats.release.promote()
    assert len(boats.search("cargo3")) == 3
    boats.release.rollback()
    assert len(boats.search("cargo3")) == 5


def test_what_is_not_possible_is_told(boats: Collection) -> None:
    with pytest.raises(NotFoundError, match="had no release"):
        boats.release.status()
    with pytest.raises(NotFoundError, match="No search"):
        boats.interact("0123", "d1")
    boats.release.start(GOOD, ONLY_SHADOW)
    with pytest.raises(ReleaseStateError, match=r"being built\..*abort it.* before another"):
        boats.release.start(BAD, ONLY_SHADOW)
    with pytest.raises(ReleaseStateError, match=r"not possible\. Possible: step, abort\."):
        boats.release.rollback()
    with pytest.raises(ReleaseStateError, match="not possible"):
        boats.release.retire()
    boats.release.step()
    boats.release.promote()
    with pytest.raises(ReleaseStateError, match=r"no further step\. Possible: rollback, retire"):
        boats.release.step()
    with pytest.raises(ReleaseStateError, match=r"is promoted\. Retire what it left"):
        boats.release.start(BAD, ONLY_SHADOW)
    boats.release.rollback()
    with pytest.raises(ReleaseStateError, match=r"is rolled back\. Retire what it left"):
        boats.release.start(BAD, ONLY_SHADOW)


def test_a_candidate_that_a_died_start_left_is_in_nobodys_way(boats: Collection) -> None:
    boats.begin_candidate(BAD)  # as once was left without its release
    release = boats.release.start(GOOD, ONLY_SHADOW)
    assert boats.aliases() == {"candidate": release.candidate, "live": release.live}
    assert set(boats.versions()) == {release.candidate, release.live}
    boats.release.abort()
    boats.release.retire()
    filled = boats.begin_candidate(BAD)
    boats.backfill()
    with pytest.raises(ReleaseStateError, match=f"collection.retire\\('{filled.digest}'\\)"):
        boats.release.start(GOOD, ONLY_SHADOW)
    assert boats.release.start(BAD, ONLY_SHADOW).candidate == filled.digest


def test_a_key_is_answered_by_one_version(boats: Collection) -> None:
    ramp = RampPlan(shares=(0.5,), queries=10_000)
    spec = parse_spec((BASE % "").replace("k: 5", "k: 3"))  # tells the versions apart
    boats.release.start(spec, ReleasePlan(gate=None, shadow=None, interleave=None, ramp=ramp))
    boats.release.step()
    sizes = {f"user {n}": len(boats.search("cargo3", key=f"user {n}")) for n in range(40)}
    assert set(sizes.values()) == {3, 5}
    assert all(len(boats.search("cargo4", key=key)) == n for key, n in sizes.items())


def test_a_candidate_that_would_lose_documents_is_held(boats: Collection, tmp_path: Path) -> None:
    big = tmp_path / "big.txt"
    big.write_text("A long story. " * 100)
    boats.add(big)
    strict = parse_spec((BASE % "").replace("400", "400, max_bytes: 500"))
    boats.release.start(strict, ReleasePlan(gate=None))
    step = boats.release.step()
    assert (step.moved, step.release.state) == (False, "build")
    assert "1 are left out" in step.said and "max_left_out" in step.said
    big.write_text("A short story.")
    boats.add(big)
    assert boats.release.step().release.state == "shadow"


def test_what_failed_once_is_not_tried_again_by_the_comparison(
    boats: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    boats.add(b"some file", name="a.txt")
    tried: list[str] = []

    def refused(self: Any, source: Any, options: Any) -> None:
        tried.append(source.name)
        raise DamagedFileError("broken")

    monkeypatch.setattr(ExtractionPool, "extract", refused)
    boats.release.start(GOOD, ReleasePlan(gate=None))
    assert "1 are left out" in boats.release.step().said
    assert tried == ["a.txt"]


def test_a_release_goes_on_in_a_restored_backup(
    library: Library, boats: Collection, tmp_path: Path
) -> None:
    only = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=RampPlan(shares=(1.0,)))
    release = boats.release.start(GOOD, only)
    boats.release.step()
    library.backup(tmp_path / "backup")
    restored = latelight.restore(tmp_path / "backup", tmp_path / "again", settings=library.settings)
    again = restored.collection("boats")
    assert again.search("cargo3", key="anybody")[0].doc_id == "d3"
    assert again.release.status().counted == ()  # answered by the live one: nothing is compared yet
    again.release.step()
    assert again._versions.standing().serves(release.candidate)
    again.release.promote()
    assert again.search("cargo3")[0].doc_id == "d3"


@pytest.mark.parametrize("and_back", [False, True])
def test_a_job_that_is_under_way_goes_on_with_what_is_live_by_then(
    boats: Collection, monkeypatch: pytest.MonkeyPatch, and_back: bool
) -> None:
    boats.release.start(GOOD, ReleasePlan(gate=None))
    boats.release.step()
    real = FakeEncoder.encode_documents

    def slow(self: FakeEncoder, units: Sequence[Unit], **options: Any) -> list[MultiVector]:
        time.sleep(0.02 * len(units))
        return real(self, units, **options)

    monkeypatch.setattr(FakeEncoder, "encode_documents", slow)
    monkeypatch.setattr(encoding, "BATCH_CHARACTERS", 1)
    records = [{"id": f"new{n}", "text": f"a later one, number {n}"} for n in range(60)]
    job = boats.add(records, wait=False)
    n_before = len(boats.documents())
    while len(boats.documents()) < n_before + 5:
        time.sleep(0.01)
    boats.release.promote()
    n_promoted = len(boats.documents())
    if and_back:
        while len(boats.documents()) < n_promoted + 5 and not job.done:
            time.sleep(0.01)
        boats.release.rollback()
    assert job.wait().state == "done"
    for version in boats.versions().values():
        snapshot = boats._versions.open(version).store.snapshot()
        assert snapshot.n_documents == N_DOCUMENTS + 60
        assert all(snapshot.contains(f"new{n}") for n in range(60))
    assert boats._versions.notes.count_debts() == {}
