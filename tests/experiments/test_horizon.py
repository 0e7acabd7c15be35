from math import inf

import numpy as np
import pytest

from latelight.errors import InputError
from latelight.experiments import (
    Moments,
    difference_of_means,
    n_for_means,
    n_for_preference,
    n_for_sequential,
    n_for_shares,
    read_means,
    read_preference,
)


def moments(values: np.ndarray) -> Moments:
    return Moments(len(values), float(values.sum()), float((values**2).sum()))


def test_nothing_is_said_before_the_horizon() -> None:
    early = read_means(Moments.of_share(0, 900), Moments.of_share(900, 900), 1000)
    assert (early.state, early.n_missing, early.p) == ("running", 200, 1)
    assert (early.low, early.high) == (-inf, inf)
    assert read_preference(0, 99, 100).state == "running"


def test_at_the_horizon_it_is_welchs_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    generator = np.random.default_rng(0)
    a, b = generator.normal(0, 1, 120), generator.normal(0.3, 2, 150)
    expected = stats.ttest_ind(b, a, equal_var=False)
    test = read_means(moments(a), moments(b), 120)
    assert test.p == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    assert (test.low, test.high) == pytest.approx((interval.low, interval.high))


def test_an_interleaving_is_read_by_the_sign_test() -> None:
    stats = pytest.importorskip("scipy.stats")
    test = read_preference(40, 60, 100)
    assert test.p == pytest.approx(stats.binomtest(60, 100).pvalue)
    assert test.difference == pytest.approx(0.1)
    expected = stats.binomtest(60, 100).proportion_ci(0.95)
    assert (test.low, test.high) == pytest.approx((expected.low - 0.5, expected.high - 0.5))


def test_constant_arms_differ_or_do_not() -> None:
    none, every = Moments.of_share(0, 50), Moments.of_share(50, 50)
    assert read_means(none, every, 50).p == 0
    assert read_means(none, none, 50).p == 1


def test_known_sample_sizes() -> None:
    assert n_for_shares(0.5, 0.05) == 1562  # (1.96 + 0.84)² (0.25 + 0.2475) / 0.0025
    assert n_for_means(1.0, 0.5) == 63
    assert n_for_preference(0.6) == 194
    assert n_for_preference(0.4) == n_for_preference(0.6)


def test_planned_samples_show_the_difference_as_often_as_promised() -> None:
    generator = np.random.default_rng(1)
    n = n_for_shares(0.3, 0.06)
    shown = [
        read_means(
            Moments.of_share(int(generator.binomial(n, 0.3)), n),
            Moments.of_share(int(generator.binomial(n, 0.36)), n),
            n,
        ).p
        <= 0.05
        for _ in range(400)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.07)
    n = n_for_preference(0.56)
    wins = generator.binomial(n, 0.56, 2000)
    shown = [read_preference(n - int(won), int(won), n).p <= 0.05 for won in wins]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.03)


def test_the_always_valid_test_shows_the_difference_by_its_planned_size() -> None:
    n = n_for_sequential(0.5, 0.08)
    assert n > n_for_means(0.5, 0.08)
    generator = np.random.default_rng(2)
    shown = []
    for _ in range(1000):
        a, b = (int(generator.binomial(n, share)) for share in (0.46, 0.54))
        test = difference_of_means(Moments.of_share(a, n), Moments.of_share(b, n), scale=0.08)
        shown.append(test.p <= 0.05)
    assert np.mean(shown) == pytest.approx(0.8, abs=0.04)  # at that look alone


def test_differences_that_no_sample_shows_are_refused() -> None:
    for call in (
        lambda: n_for_shares(0.3, 0),
        lambda: n_for_shares(0.3, 0.8),
        lambda: n_for_means(1, 0),
        lambda: n_for_preference(0.5),
        lambda: n_for_sequential(1, 0),
    ):
        with pytest.raises(InputError):
            call()
