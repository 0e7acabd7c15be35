"""Reading an A/B experiment: a caller is one observation."""

import random

import pytest

from latelight.errors import InputError
from latelight.evaluation.distributions import exact_interval
from latelight.experiments.ab import AbResult, ArmReport, ArmSeen, Reading, read_ab
from latelight.experiments.horizon import read_means
from latelight.experiments.sequential import Moments

FIXED = Reading(test="fixed-horizon", callers=4)


def arm(*callers: tuple[int, int]) -> ArmSeen:
    return ArmSeen(callers)


def test_a_caller_counts_once_however_often_they_search() -> None:
    seen = arm((100, 100), (1, 0))
    assert (seen.n_searches, seen.n_used) == (101, 100)
    assert seen.moments() == Moments(2, 1.0, 1.0)
    assert seen.report().used_by_caller == 0.5


def test_a_fixed_horizon_is_welchs_test_on_the_first_callers() -> None:
    a = arm((2, 0), (2, 1), (4, 1), (1, 0), (1, 1))  # the fifth came too late
    b = arm((1, 1), (2, 1), (4, 3), (1, 1), (1, 0))
    shares_a, shares_b = (0, 0.5, 0.25, 0), (1, 0.5, 0.75, 1)
    moments = [Moments(4, sum(x), sum(v * v for v in x)) for x in (shares_a, shares_b)]
    wanted = read_means(*moments, 4)  # type: ignore[misc]
    found = read_ab(a, b, 0.5, FIXED)
    assert (found.difference, found.p) == (wanted.difference, wanted.p)
    assert found.difference == pytest.approx(0.8125 - 0.1875)
    assert (found.low, found.high) == (wanted.low, wanted.high)
    assert found.decision == "b"


def test_a_fixed_horizon_says_nothing_before_it_is_reached() -> None:
    early = read_ab(arm(*[(1, 0)] * 3), arm(*[(1, 1)] * 9), 0.5, FIXED)
    assert (early.decision, early.p, early.n_missing) == ("running", 1.0, 1)


def test_an_always_valid_test_decides_by_the_sign() -> None:
    worse, better = arm(*[(1, 0)] * 300), arm(*[(1, 0)] * 100, *[(1, 1)] * 200)
    assert read_ab(worse, better, 0.5).decision == "b"
    assert read_ab(better, worse, 0.5).decision == "a"
    few = read_ab(arm((1, 0)), arm((1, 1)), 0.5)
    assert (few.decision, few.n_missing) == ("undecided", 198)


def test_shares_that_were_not_kept_are_told() -> None:
    assert read_ab(arm(*[(1, 0)] * 900), arm(*[(1, 0)] * 100), 0.5).ratio_p < 1e-9
    assert read_ab(arm(*[(1, 0)] * 900), arm(*[(1, 0)] * 100), 0.1).ratio_p > 0.05


def test_what_is_written_down_is_read_back() -> None:
    found = read_ab(arm((1, 0)), arm((2, 1)), 0.5)
    assert AbResult.from_dict(found.to_dict()) == found
    report = arm((2, 1)).report()
    assert ArmReport.from_dict(report.to_dict()) == report


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"test": "guess"}, "always-valid or fixed-horizon"),
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"scale": 2.0}, "scale is 2.0"),
        ({"min_callers": 1}, "min_callers is 1"),
        ({"test": "fixed-horizon"}, "callers is 0"),
        ({"callers": 100}, "callers is 100"),
    ],
)
def test_readings_that_are_none_are_refused(parts: dict[str, object], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        Reading(**parts)  # type: ignore[arg-type]


def a_a_experiments(n: int, reading: Reading, seed: int) -> int:
    """Return how many of n experiments without any difference decide.

    Callers are of very different habits, come back, and are looked at every 50 new searches, so
    that what a caller amounts to changes between looks.
    """
    chance = random.Random(seed)
    n_decided = 0
    for _ in range(n):
        counts: dict[str, dict[int, list[int]]] = {"a": {}, "b": {}}
        habits: list[tuple[str, float]] = []
        for search in range(1, 1001):
            if not habits or chance.random() < 0.5:
                habits.append((chance.choice("ab"), chance.betavariate(0.5, 0.7)))
            caller = chance.randrange(len(habits))
            side, used = habits[caller]
            own = counts[side].setdefault(caller, [0, 0])
            own[0] += 1
            own[1] += chance.random() < used
            if search % 50:
                continue
            arms = [arm(*((x[0], x[1]) for x in counts[side].values())) for side in "ab"]
            if read_ab(*arms, 0.5, reading).decision in {"a", "b"}:  # type: ignore[call-arg,misc]
                n_decided += 1
                break
    return n_decided


def test_looking_often_at_callers_who_come_back_does_not_decide_too_often() -> None:
    n = 200
    low, _ = exact_interval(a_a_experiments(n, Reading(min_callers=50), seed=1), n)
    assert low <= 0.05
