import random
from math import inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.evaluation.distributions import exact_interval
from latelight.experiments import (
    Moments,
    difference_of_means,
    proportion_p_value,
    proportion_sequence,
)


def test_the_mixture_is_one_at_the_start_and_symmetric() -> None:
    assert proportion_p_value(0, 0) == 1
    assert proportion_p_value(30, 40) == pytest.approx(proportion_p_value(10, 40))


def test_the_likelihood_ratio_is_that_of_a_uniform_mixture() -> None:
    # Of 3 in 3, the uniform mixture gives 1 / 4, the fair coin 1 / 8.
    assert proportion_p_value(3, 3) == pytest.approx(1 / 2)
    assert proportion_p_value(10, 10) == pytest.approx(11 / 2**10)


@given(st.integers(0, 400), st.integers(0, 400))
def test_a_proportion_lies_in_the_sequence_exactly_where_it_is_not_refused(
    wins: int, losses: int
) -> None:
    n = wins + losses
    low, high = proportion_sequence(wins, n, 0.05, prior=1.0)
    assert 0 <= low <= high <= 1
    for p in (0.1, 0.5, 0.77):
        if abs(p - low) > 1e-6 and abs(p - high) > 1e-6:
            assert (low < p < high) == (proportion_p_value(wins, n, p) > 0.05)


def test_the_sequence_narrows_and_holds_the_observed_share() -> None:
    widths = []
    for n in (10, 100, 1000, 10_000):
        low, high = proportion_sequence(3 * n // 10, n)
        assert low < 0.3 < high
        widths.append(high - low)
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.04
    assert proportion_sequence(0, 50)[0] == 0 and proportion_sequence(50, 50)[1] == 1


@pytest.mark.parametrize("share", [0.5, 0.05])
def test_a_share_is_refused_at_any_time_no_more_often_than_stated(share: float) -> None:
    generator = random.Random(5)
    wrong = 0
    for _ in range(400):
        found = 0
        for n in range(1, 1001):
            found += generator.random() < share
            if n % 5 == 0 and proportion_p_value(found, n, share, prior=0.5) <= 0.1:
                wrong += 1
                break
    assert exact_interval(wrong, 400, 0.999)[0] <= 0.1
    assert wrong > 0  # it is a test after all


def test_an_ordinary_test_that_is_looked_at_again_and_again_does_not_hold_its_rate() -> None:
    generator = np.random.default_rng(0)
    flips = generator.integers(0, 2, (400, 1000)).cumsum(axis=1)
    n = np.arange(1, 1001)
    z = np.abs(flips - n / 2) / np.sqrt(n / 4)
    assert (z[:, 49:] > 1.645).any(axis=1).mean() > 0.3  # at a nominal 0.1


def test_moments_are_those_of_numpy() -> None:
    values = list(np.random.default_rng(1).normal(3, 2, 500))
    moments = Moments()
    for value in values:
        moments = moments.plus(value)
    assert (moments.n, moments.mean) == (500, pytest.approx(np.mean(values)))
    assert moments.variance == pytest.approx(np.var(values, ddof=1))
    assert Moments.of_share(3, 10).variance == pytest.approx(np.var([1] * 3 + [0] * 7, ddof=1))
    assert Moments().plus(1.0).variance == inf


def test_the_sequence_of_a_difference_and_its_p_value_agree() -> None:
    a, b = Moments.of_share(500, 1000), Moments.of_share(580, 1000)
    test = difference_of_means(a, b, scale=0.05)
    assert test.difference == pytest.approx(0.08)
    assert test.low < 0.08 < test.high
    at_edge = difference_of_means(a, b, scale=0.05, alpha=test.p)
    assert at_edge.low == pytest.approx(0, abs=1e-9)  # p is the level at which 0 just leaves


def test_few_or_constant_observations_say_nothing() -> None:
    few = difference_of_means(Moments.of_share(0, 60), Moments.of_share(60, 60), scale=0.1)
    assert (few.low, few.high, few.p) == (-inf, inf, 1)
    constant = difference_of_means(Moments.of_share(0, 500), Moments.of_share(0, 500), scale=0.1)
    assert constant.p == 1


def test_a_small_arm_without_a_rare_event_is_not_told_apart() -> None:
    live, candidate = Moments.of_share(38, 1900), Moments.of_share(0, 100)
    assert difference_of_means(live, candidate, scale=0.05).p > 0.5


@pytest.mark.parametrize(("share", "ratio"), [(0.5, 1), (0.02, 1), (0.02, 19), (0.3, 19)])
def test_equal_arms_are_told_apart_at_any_time_no_more_often_than_stated(
    share: float, ratio: int
) -> None:
    generator = np.random.default_rng(7)
    wrong = 0
    for _ in range(200):
        n = np.arange(100, 2001, 100)
        live = generator.binomial(100 * ratio, share, len(n)).cumsum()
        candidate = generator.binomial(100, share, len(n)).cumsum()
        wrong += any(
            difference_of_means(
                Moments.of_share(int(a), int(size) * ratio),
                Moments.of_share(int(b), int(size)),
                scale=0.05,
                alpha=0.1,
            ).p
            <= 0.1
            for size, a, b in zip(n, live, candidate, strict=True)
        )
    assert exact_interval(wrong, 200, 0.999)[0] <= 0.1


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="make no proportion"):
        proportion_p_value(5, 3)
    with pytest.raises(InputError, match="between 0 and 1"):
        proportion_p_value(1, 3, 1.0)
    with pytest.raises(InputError, match="alpha"):
        proportion_sequence(1, 3, 0)
    with pytest.raises(InputError, match="scale"):
        difference_of_means(Moments(), Moments(), scale=0)
