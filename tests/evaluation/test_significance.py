from itertools import product
from math import inf, isinf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.evaluation.significance import (
    Draws,
    bootstrap_interval,
    effect_size,
    holm,
    paired_t,
    randomisation,
    t_interval,
)

FEW = Draws(1000)
DIFFERENCES = st.lists(st.floats(-1, 1), min_size=2, max_size=10)


def by_hand(values: list[float]) -> float:
    """The share of all sign patterns whose sum is at least as far from 0."""
    sums = [
        abs(sum(s * v for s, v in zip(signs, values, strict=True)))
        for signs in product((-1, 1), repeat=len(values))
    ]
    return sum(total >= abs(sum(values)) - 1e-9 for total in sums) / len(sums)


def test_all_topics_better_is_two_of_all_patterns() -> None:
    tested = randomisation([0.1, 0.2, 0.3, 0.4, 0.5])
    assert tested.p == pytest.approx(2 / 2**5)
    assert tested.method == "randomisation, exact"


@given(st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5, 1.0]), min_size=1, max_size=9))
def test_few_topics_are_counted_exactly(values: list[float]) -> None:
    assert randomisation(values).p == pytest.approx(by_hand(values))


def test_topics_that_do_not_differ_change_nothing() -> None:
    values = [0.3, 0.1, -0.2, 0.4]
    assert randomisation(values).p == randomisation([*values, 0, 0, 0, 0]).p


def test_drawn_patterns_come_close_to_the_exact_count() -> None:
    values = list(np.random.default_rng(3).normal(0.05, 0.2, 20))
    exact = randomisation(values)
    drawn = randomisation([*values, 1e-9], Draws(40_000))  # one topic too many to count
    assert drawn.method == "randomisation, 40000 draws"
    assert drawn.p == pytest.approx(exact.p, abs=0.01)


def test_a_drawn_p_value_is_never_zero() -> None:
    assert randomisation([0.5] * 60, FEW).p == pytest.approx(1 / 1001)


def test_the_same_seed_draws_the_same() -> None:
    values = list(np.random.default_rng(0).normal(0.02, 0.1, 50))
    assert randomisation(values, FEW) == randomisation(values, FEW)
    assert bootstrap_interval(values, draws=FEW) == bootstrap_interval(values, draws=FEW)
    assert randomisation(values, FEW).p != randomisation(values, Draws(1000, seed=1)).p


@given(DIFFERENCES)
def test_the_sign_of_all_differences_does_not_matter(values: list[float]) -> None:
    flipped = [-value for value in values]
    assert randomisation(values).p == pytest.approx(randomisation(flipped).p)
    assert paired_t(values).p == pytest.approx(paired_t(flipped).p)


@given(DIFFERENCES)
def test_p_values_lie_in_their_range(values: list[float]) -> None:
    assert 0 < randomisation(values).p <= 1
    assert 0 <= paired_t(values).p <= 1


def test_students_t_and_its_interval_are_scipys() -> None:
    stats = pytest.importorskip("scipy.stats")
    values = list(np.random.default_rng(5).normal(0.03, 0.2, 40))
    expected = stats.ttest_1samp(values, 0)
    tested = paired_t(values)
    assert (tested.statistic, tested.p) == pytest.approx((expected.statistic, expected.pvalue))
    interval = t_interval(values, 0.9)
    assert (interval.low, interval.high) == pytest.approx(tuple(expected.confidence_interval(0.9)))


@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_interval_comes_close_to_scipys(seed: int) -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(seed)
    values = generator.exponential(1, 60) ** 1.5 - 1  # skewed: BCa differs from the percentiles
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    ours = bootstrap_interval(list(values), draws=Draws(40_000))
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.05 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.05 * width)
    percentile = np.quantile(generator.choice(values, (20_000, 60)).mean(axis=1), 0.975)
    assert ours.high > percentile + 0.03 * width  # so the correction does something


def test_intervals_hold_the_true_mean_as_often_as_they_say() -> None:
    generator = np.random.default_rng(11)
    t_held = bootstrap_held = 0
    for _ in range(400):
        values = list(generator.normal(0.1, 0.3, 40))
        t, b = t_interval(values), bootstrap_interval(values, draws=Draws(500))
        t_held += t.low <= 0.1 <= t.high
        bootstrap_held += b.low <= 0.1 <= b.high
    assert 0.92 <= t_held / 400 <= 0.98
    assert 0.90 <= bootstrap_held / 400 <= 0.98


def test_too_few_or_equal_topics_are_told_apart() -> None:
    assert paired_t([0.4]).p == 1
    assert isinf(t_interval([0.4]).high) and isinf(bootstrap_interval([0.4]).low)
    assert t_interval([0.4]).to_dict()["low"] is None
    same = bootstrap_interval([0.1, 0.1, 0.1])
    assert (same.low, same.high) == pytest.approx((0.1, 0.1))
    assert randomisation([]).p == randomisation([0.0, 0.0]).p == 1


def test_holm_multiplies_the_smallest_most_and_never_turns_the_order() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_corrected_p_values_are_larger_and_in_the_same_order(values: list[float]) -> None:
    corrected = holm(values)
    assert all(c >= v for c, v in zip(corrected, values, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    in_order = [corrected[i] for i in order]
    assert in_order == sorted(in_order)


def test_effect_sizes_are_in_standard_deviations() -> None:
    assert effect_size([0.0, 0.2]) == pytest.approx(0.1 / np.std([0, 0.2], ddof=1))
    assert effect_size([0.2, 0.2]) == inf
    assert effect_size([0.0, 0.0]) == 0


def test_differences_must_be_numbers_and_draws_enough() -> None:
    with pytest.raises(InputError, match="finite"):
        paired_t([0.1, float("nan")])
    with pytest.raises(InputError, match="too few"):
        Draws(10)


def test_equal_systems_are_called_different_at_the_stated_rate() -> None:
    generator = np.random.default_rng(2)
    p = [randomisation(list(generator.laplace(0, 0.2, 50)), Draws(500)).p for _ in range(600)]
    assert 0.03 <= np.mean(np.array(p) <= 0.05) <= 0.075
