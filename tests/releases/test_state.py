"""Every state with every move, and the plans that say which stages there are."""

from dataclasses import replace
from pathlib import Path

import pytest

from latelight.errors import NotFoundError, ReleaseConflictError, ReleaseStateError, SettingError
from latelight.experiments import Histogram, Traffic
from latelight.releases.catalog import Catalog, Generation
from latelight.releases.generations import GenerationStore
from latelight.releases.plan import RampPlan, ReleasePlan, load_plan, parse_plan
from latelight.releases.state import MOVES, STATES, Move, Release, State, allowed, moved
from latelight.releases.store import Counted, ReleaseStore, Shown

NEW = Release("r1", "old", "new", ReleasePlan())
TABLE: dict[State, dict[Move, State]] = {
    "build": {"advance": "gate", "abort": "aborted"},
    "gate": {"advance": "shadow", "abort": "aborted"},
    "shadow": {"advance": "interleave", "promote": "promoted", "abort": "aborted"},
    "interleave": {
        "advance": "ramp",
        "promote": "promoted",
        "abort": "aborted",
        "fall_back": "rolled_back",
    },
    "ramp": {
        "advance": "ramp",
        "promote": "promoted",
        "abort": "aborted",
        "fall_back": "rolled_back",
    },
    "ready": {"promote": "promoted", "abort": "aborted"},
    "promoted": {"rollback": "rolled_back", "retire": "retired"},
    "rolled_back": {"retire": "retired"},
    "aborted": {"retire": "retired"},
    "retired": {},
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("move", MOVES)
def test_every_state_allows_its_moves_and_refuses_the_others(state: State, move: Move) -> None:
    release = replace(NEW, state=state, version=5)
    expected = TABLE[state].get(move)
    assert (move in allowed(state)) == (expected is not None)
    if expected is None:
        with pytest.raises(ReleaseStateError, match="not possible"):
            moved(release, move)
        return
    after = moved(release, move, note="why", at=3.0)
    assert (after.state, after.version, after.note, after.changed_at) == (expected, 6, "why", 3.0)
    assert replace(after, state=state, ramp_step=0, version=5, note="", changed_at=0.0) == release


@pytest.mark.parametrize("left_out", ["gate", "shadow", "interleave", "ramp"])
def test_a_stage_that_is_not_planned_is_passed_over(left_out: str) -> None:
    release = Release("r", "old", "new", parse_plan(f"{left_out}: null"))
    seen = [release.state]
    while "advance" in allowed(release.state):
        release = moved(release, "advance")
        seen.append(release.state)
    assert left_out not in seen
    assert seen[-1] == "ready"


def test_the_ramp_grows_share_by_share_and_ends_ready() -> None:
    plan = ReleasePlan(ramp=RampPlan(shares=(0.1, 0.5)))
    release = replace(NEW, state="interleave", plan=plan)
    assert release.share == 0
    shares = []
    for _ in range(3):
        release = moved(release, "advance")
        shares.append((release.state, release.share))
    assert shares == [("ramp", 0.1), ("ramp", 0.5), ("ready", 0.0)]


@pytest.mark.parametrize(
    "text",
    [
        "ramp: {shares: []}",
        "ramp: {shares: [0.5, 0.1]}",
        "ramp: {shares: [2.0]}",
        "shadow: {share: 1.5}",
        "interleave: {alpha: 0}",
        "gate: {depth: 0}",
        "stages: 3",
        "[",
    ],
)
def test_a_plan_that_cannot_be_is_refused(text: str) -> None:
    with pytest.raises(SettingError):
        parse_plan(text)


def test_a_plan_reads_back_and_finds_its_judgements(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("gate: {judgements: judged.json}\nramp: null\npromote: auto")
    plan = load_plan(file)
    assert plan.gate is not None
    assert plan.gate.judgements == str(tmp_path / "judged.json")
    assert parse_plan(plan.to_json()) == plan
    with pytest.raises(NotFoundError):
        load_plan(tmp_path / "nothing.yaml")


PLACE = ("default", "c")


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    path = tmp_path / "catalog.db"
    Catalog(path).create(*PLACE, Generation("old", "{}", "{}", 1.0))
    generations = GenerationStore(path, PLACE)
    generations.add(Generation("new", "{}", "{}", 2.0), "candidate", is_built=False)
    generations.finish("new")
    return path


@pytest.fixture
def store(catalog: Path) -> ReleaseStore:
    made = ReleaseStore(catalog, PLACE)
    made.begin(NEW)
    return made


def test_of_two_who_move_one_wins(store: ReleaseStore) -> None:
    seen = store.latest()
    assert seen is not None
    after = store.move(seen, "advance", note="built")
    assert store.latest() == after
    with pytest.raises(ReleaseConflictError, match="moved it first"):
        store.move(seen, "abort")
    assert [one.what for one in store.log("r1")] == ["start", "advance"]


def test_an_alias_moves_with_the_release_or_not_at_all(store: ReleaseStore, catalog: Path) -> None:
    generations = GenerationStore(catalog, PLACE)
    seen = store.latest()
    assert seen is not None
    at_ramp = seen
    for _ in range(4):
        at_ramp = store.move(at_ramp, "advance")
    with pytest.raises(ReleaseConflictError, match="not at other"):
        store.move(at_ramp, "promote", aliases={"live": ("other", "new")})
    assert (store.latest(), generations.standing().live.digest) == (at_ramp, "old")
    done = store.move(at_ramp, "promote", aliases={"live": ("old", "new")})
    assert (done.state, generations.standing().live.digest) == ("promoted", "new")


def test_one_release_at_a_time(store: ReleaseStore) -> None:
    with pytest.raises(ReleaseStateError, match="before another one begins"):
        store.begin(replace(NEW, release_id="r2"))
    seen = store.latest()
    assert seen is not None
    store.move(seen, "abort")
    store.begin(replace(NEW, release_id="r2"))
    latest = store.latest()
    assert latest is not None and latest.release_id == "r2"


def test_counters_add_up_and_a_search_is_clicked_once(store: ReleaseStore) -> None:
    traffic = Traffic(2, 1, 0, 0, Histogram.of([1.0, 100.0]))
    shown = Shown("s1", "ramp", 0, "candidate", "hash", 1.0)
    for _ in range(2):
        store.count("r1", [Counted("ramp", 0, "candidate", traffic, 0.5, 1)], [shown])
    assert store.click("s1", "d1", lambda mixed, clicked: "a")
    assert store.click("s1", "d2", lambda mixed, clicked: "a")
    assert not store.click("other", "d1", lambda mixed, clicked: "a")
    (one,) = store.counted("r1")
    assert (one.traffic.n_queries, one.traffic.n_errors, one.traffic.n_clicked) == (4, 2, 1)
    assert (one.traffic.latency.n, one.overlap, one.n_overlap) == (4, 1.0, 2)
    assert store.wins("r1") == {}


def test_who_won_a_mixed_search_follows_its_clicks(store: ReleaseStore) -> None:
    shown = [Shown(f"s{i}", "interleave", 0, "", "hash", 1.0, "{}") for i in range(3)]
    store.count("r1", [], shown)
    store.click("s0", "d1", lambda mixed, clicked: "b")
    assert store.wins("r1") == {"b": 1, "": 2}
    store.click("s0", "d2", lambda mixed, clicked: "tie" if len(clicked) == 2 else "b")
    assert store.wins("r1") == {"tie": 1, "": 2}


def test_searches_that_are_too_old_or_too_many_are_forgotten_and_stay_counted(
    store: ReleaseStore,
) -> None:
    shown = [Shown(f"s{i}", "interleave", 0, "", "hash", float(i), "{}") for i in range(10)]
    store.count("r1", [], shown)
    for search_id, won in (("s0", "a"), ("s1", "b"), ("s2", "b"), ("s9", "a")):
        store.click(search_id, "d1", lambda mixed, clicked, won=won: won)  # type: ignore[misc]
    before = store.wins("r1")
    assert store.forget_shown(before=3.0, most=100) == 3  # s0, s1 and s2
    assert store.wins("r1") == before == {"a": 2, "b": 2, "": 6}
    assert not store.click("s1", "d1", lambda mixed, clicked: "a")
    assert store.forget_shown(before=0.0, most=4) == 3  # s3, s4 and s5
    assert store.forget_shown(before=0.0, most=4) == 0
    assert store.wins("r1") == before
    assert store.click("s9", "d2", lambda mixed, clicked: "a")
    entries = [one for one in store.log("r1") if one.what == "forgot"]
    assert [one.details["n"] for one in entries] == [3, 3]
    assert entries[0].details["wins"] == {"a": 1, "b": 2}


def test_an_index_that_was_retired_meanwhile_is_not_taken_for_built(catalog: Path) -> None:
    generations = GenerationStore(catalog, PLACE)
    other = Generation("gone-01234567", "{}", "{}", 3.0)
    with pytest.raises(ReleaseConflictError, match="retired just now"):
        generations.add(other, "third", is_built=True)
    generations.add(Generation("new-01234567", "{}", "{}", 3.0), "third", is_built=True)
    assert generations.standing().serves("new-01234567")


def test_nothing_is_counted_of_a_release_that_was_forgotten(store: ReleaseStore) -> None:
    store.forget_all()
    store.count("r1", [Counted("ramp", 0, "live")])
    assert store.counted("r1") == []
    assert store.latest() is None
