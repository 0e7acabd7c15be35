from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.evaluation.distributions import exact_interval
from latelight.experiments import Arm, Assignment, Exposure, exposed
from latelight.experiments.assignment import hashed

KEYS = st.text(max_size=30)
SHARES = st.floats(0, 1)


@given(KEYS, SHARES, SHARES)
def test_whoever_is_in_a_ramp_stays_in_it_while_it_grows(key: str, one: float, two: float) -> None:
    small, large = sorted((one, two))
    if Assignment.ramp("seed", "new", "old", small).arm(key) == "new":
        assert Assignment.ramp("seed", "new", "old", large).arm(key) == "new"


@given(KEYS, st.floats(0, 0.5), SHARES, SHARES)
def test_a_wider_exposure_moves_nobody_between_arms(
    key: str, share: float, one: float, two: float
) -> None:
    small, large = sorted((one, two))
    ramp = Assignment.ramp("seed", "new", "old", share)
    before = replace(ramp, exposure=small).arm(key)
    if before is not None:
        assert replace(ramp, exposure=large).arm(key) == before


@given(KEYS)
def test_nothing_and_everything_are_exact(key: str) -> None:
    assert Assignment.ramp("s", "new", "old", 0.0).arm(key) == "old"
    assert Assignment.ramp("s", "new", "old", 1.0).arm(key) == "new"
    assert replace(Assignment.ramp("s", "new", "old", 1.0), exposure=0.0).arm(key) is None


def test_shares_are_kept_and_seeds_mix_anew() -> None:
    arms = (Arm("a", 0.2), Arm("b", 0.3), Arm("c", 0.5))
    first, second = Assignment("one", arms), Assignment("two", arms)
    keys = [f"user {i}" for i in range(20_000)]
    for arm in arms:
        low, high = exact_interval(sum(first.arm(k) == arm.name for k in keys), len(keys), 0.999)
        assert low <= arm.share <= high
    both = sum(first.arm(key) == second.arm(key) for key in keys)
    low, high = exact_interval(both, len(keys), 0.999)
    assert low <= 0.2**2 + 0.3**2 + 0.5**2 <= high  # as chance has it


def test_arms_of_known_keys_never_change() -> None:
    ramp = Assignment.ramp("release 7", "new", "old", 0.25)
    known = "old old new old old old old old old old new old"
    assert [ramp.arm(f"user {i}") for i in range(12)] == known.split()


def test_exposure_counts_each_key_once_and_never_holds_it() -> None:
    ramp = Assignment.ramp("s", "new", "old", 1.0)
    log = [Exposure.of("e", ramp, key, at=1.0) for key in ("ann", "ann", "bob")]
    entries = [entry for entry in log if entry]
    assert exposed(entries) == {"new": 2}
    assert all("ann" not in str(entry.to_dict()) for entry in entries)
    assert hashed("s", "ann") != hashed("t", "ann")
    nobody = replace(ramp, exposure=0.0)
    assert Exposure.of("e", nobody, "ann", at=1.0) is None


@pytest.mark.parametrize(
    "arms",
    [(), (Arm("a", 0.5),), (Arm("a", 0.5), Arm("a", 0.5)), (Arm("a", 0.7), Arm("b", 0.7))],
)
def test_arms_must_share_everything_among_them(arms: tuple[Arm, ...]) -> None:
    with pytest.raises(InputError):
        Assignment("seed", arms)


def test_seeds_and_shares_are_checked() -> None:
    with pytest.raises(InputError, match="1 to 64 bytes"):
        Assignment("", (Arm("a", 1.0),))
    with pytest.raises(InputError, match="1 to 64 bytes"):
        Assignment("x" * 65, (Arm("a", 1.0),))
    with pytest.raises(InputError, match="from 0 to 1"):
        Arm("a", 1.5)
    with pytest.raises(InputError, match="exposure"):
        Assignment("s", (Arm("a", 1.0),), exposure=2)
