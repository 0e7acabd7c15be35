import random
from math import inf

import numpy as np
import pytest

from latelight.errors import InputError
from latelight.evaluation.distributions import exact_interval
from latelight.experiments import (
    DEFAULT_GUARDS,
    Histogram,
    LatencyGuard,
    RateGuard,
    Traffic,
    check_guards,
    sample_ratio_p_value,
)


def traffic(n: int, errors: int = 0, zero: int = 0, clicked: int | None = None) -> Traffic:
    return Traffic(n, errors, zero, n // 2 if clicked is None else clicked, slow(n, 20))


def slow(n: int, median: float, seed: int = 0) -> Histogram:
    values = np.random.default_rng(seed).lognormal(np.log(median), 0.5, n)
    return Histogram.of(values.tolist())


def states(live: Traffic, candidate: Traffic) -> dict[str, str]:
    return {one.guard: one.state for one in check_guards(live, candidate)}


def test_equal_versions_break_nothing() -> None:
    assert set(states(traffic(5000), traffic(500)).values()) == {"holds"}


def test_too_few_queries_say_nothing() -> None:
    assert set(states(traffic(5000), traffic(40, errors=40)).values()) == {"too few"}


@pytest.mark.parametrize(
    ("candidate", "guard"),
    [
        (traffic(300, errors=30), "errors"),
        (traffic(300, zero=60), "zero_hits"),
        (traffic(600, clicked=180), "clicks"),
        (Traffic(300, 0, 0, 150, slow(300, 60)), "p95 latency"),
    ],
)
def test_harm_breaks_its_guard_and_no_other(candidate: Traffic, guard: str) -> None:
    found = states(traffic(20_000), candidate)
    assert {name for name, state in found.items() if state == "broken"} == {guard}


@pytest.mark.parametrize(
    "candidate", [traffic(300, clicked=300), Traffic(300, 0, 0, 150, slow(300, 5))]
)
def test_a_better_candidate_breaks_nothing(candidate: Traffic) -> None:
    live = traffic(20_000, errors=900, zero=2000)
    assert "broken" not in states(live, candidate).values()


def test_a_verdict_holds_its_evidence() -> None:
    (verdict,) = check_guards(traffic(1000, errors=1), traffic(200, errors=50), DEFAULT_GUARDS[:1])
    assert verdict.state == "broken"
    assert (verdict.live, verdict.candidate) == (0.001, 0.25)
    assert verdict.allowed < verdict.harm_at_least < 0.249
    assert "candidate 0.25 of 200" in verdict.message
    assert verdict.to_dict()["state"] == "broken"


def test_an_equal_candidate_breaks_a_guard_no_more_often_than_stated_over_all_looks() -> None:
    generator = random.Random(0)
    guard = RateGuard("errors", allowed=0.0, alpha=0.1)
    live = traffic(2000, errors=100)
    broken = 0
    for _ in range(200):
        errors = 0
        for n in range(1, 801):
            errors += generator.random() < 0.05
            if n % 50 == 0 and guard.check(live, traffic(n, errors)).state == "broken":
                broken += 1
                break
    assert exact_interval(broken, 200, 0.999)[0] <= 0.1


def test_an_equally_fast_candidate_breaks_no_more_often_than_stated() -> None:
    guard = LatencyGuard(allowed=1.0, alpha=0.1)
    live = Traffic(3000, latency=slow(3000, 20))
    broken = [
        guard.check(live, Traffic(400, latency=slow(400, 20, seed))).state == "broken"
        for seed in range(1, 101)
    ]
    assert exact_interval(sum(broken), 100, 0.999)[0] <= 0.1


def test_bounds_of_a_quantile_hold_it_and_narrow() -> None:
    true = 20 * np.exp(0.5 * 1.6449)
    widths = []
    for n in (200, 2000, 20_000):
        low, high = slow(n, 20).quantile_bounds(0.95, 0.05)
        assert low <= true <= high
        widths.append(high / low)
    assert widths[0] > widths[1] >= widths[2]
    assert widths[2] < 1.3  # two steps of the histogram


def test_a_histogram_counts_each_value_up_to_its_edge() -> None:
    made = Histogram.of([0.5, 1, 1.5, 99], edges=(1.0, 2.0))
    assert made.counts == (2, 1, 1)
    assert made.quantile(0.5) == 1.0
    assert made.quantile(0.75) == 2.0
    assert made.quantile(0.99) == inf


def test_shares_of_traffic_that_are_off_are_noticed() -> None:
    assert sample_ratio_p_value({"a": 500, "b": 510}, {"a": 0.5, "b": 0.5}) > 0.5
    assert sample_ratio_p_value({"a": 5000, "b": 5600}, {"a": 0.5, "b": 0.5}) < 0.001
    assert sample_ratio_p_value({"a": 10, "b": 1}, {"a": 1.0, "b": 0.0}) == 0
    assert sample_ratio_p_value({}, {"a": 0.5, "b": 0.5}) == 1
    with pytest.raises(InputError, match="add up to 1"):
        sample_ratio_p_value({"c": 1}, {"a": 0.5, "b": 0.5})


def test_impossible_counts_are_refused() -> None:
    with pytest.raises(InputError, match="cannot be"):
        Traffic(5, n_errors=6)
    with pytest.raises(InputError, match="counts"):
        Histogram((1, 2), (1.0, 2.0))
    with pytest.raises(InputError, match="rise"):
        Histogram((1, 2, 3), (2.0, 1.0))
    with pytest.raises(InputError, match="shares"):
        RateGuard("errors", allowed=-1)
    with pytest.raises(InputError, match="at least 1"):
        LatencyGuard(allowed=0.5)
