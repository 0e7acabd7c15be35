"""Who is answered by what: sticky, monotone, and never from what is not finished."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from latelight.releases.catalog import Generation
from latelight.releases.generations import Standing
from latelight.releases.plan import InterleavePlan, RampPlan, ReleasePlan, ShadowPlan
from latelight.releases.routing import Route, route
from latelight.releases.state import STATES, Release, State

VERSIONS = {name: Generation(name, "{}", "{}", 0.0) for name in ("old", "new")}
STANDING = Standing({"live": "old", "candidate": "new"}, VERSIONS, frozenset())
KEYS = st.text(max_size=20)


def at(state: State, step: int = 0, plan: ReleasePlan | None = None) -> Release:
    return Release("r", "old", "new", plan or ReleasePlan(), state, step)


@given(st.sampled_from(STATES), st.integers(0, 4), KEYS, st.booleans())
def test_no_search_touches_a_version_that_is_not_finished(
    state: State, step: int, key: str, is_gone: bool
) -> None:
    unfinished = replace(STANDING, unfinished=frozenset({"new"}))
    gone = replace(STANDING, versions={"old": VERSIONS["old"]})
    found = route(gone if is_gone else unfinished, at(state, step), key)
    assert found == Route("old")


@given(st.sampled_from(STATES), st.integers(0, 4), KEYS)
def test_a_key_always_gets_the_same(state: State, step: int, key: str) -> None:
    first = route(STANDING, at(state, step), key)
    assert first == route(STANDING, at(state, step), key)
    assert first.serves in VERSIONS
    assert (first.serves == "new") <= (state == "ramp")
    assert bool(first.arm) == (state == "ramp")
    assert bool(first.shadow) <= (state == "shadow")
    assert bool(first.interleave) <= (state == "interleave")


@given(KEYS)
def test_who_is_in_a_share_stays_in_it_as_it_grows(key: str) -> None:
    served = [route(STANDING, at("ramp", step), key).serves == "new" for step in range(5)]
    assert served == sorted(served)
    assert served[-1]


@given(KEYS)
def test_outside_a_release_and_after_its_end_the_live_version_answers(key: str) -> None:
    assert route(STANDING, None, key) == Route("old")
    moved = replace(STANDING, aliases={"live": "new", "previous": "old"})
    for state in STATES:  # also of a release that began from another live version
        assert route(moved, at(state), key) == Route("new")


def test_shares_are_kept() -> None:
    plan = ReleasePlan(
        shadow=ShadowPlan(share=0.2),
        interleave=InterleavePlan(share=0.5),
        ramp=RampPlan(shares=(0.1,)),
    )
    keys = [f"user {n}" for n in range(5000)]

    def share(state: State, field: str) -> float:
        found = [getattr(route(STANDING, at(state, 0, plan), key), field) for key in keys]
        return sum(one == "new" for one in found) / len(keys)

    # Four standard deviations of a share among 5,000.
    assert abs(share("shadow", "shadow") - 0.2) < 0.023
    assert abs(share("interleave", "interleave") - 0.5) < 0.029
    assert abs(share("ramp", "serves") - 0.1) < 0.017


def test_an_empty_share_takes_nobody() -> None:
    plan = ReleasePlan(shadow=ShadowPlan(share=0.0))
    assert not any(route(STANDING, at("shadow", 0, plan), str(n)).shadow for n in range(200))
