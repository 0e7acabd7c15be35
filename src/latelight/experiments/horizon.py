"""Tests that are read once, at a sample size fixed beforehand, and how large it must be."""

from dataclasses import dataclass
from math import ceil, inf, isfinite, log, log1p, sqrt
from typing import Literal

from latelight.errors import InputError
from latelight.evaluation.distributions import (
    binomial_two_sided,
    exact_interval,
    normal_quantile,
    t_quantile,
    t_two_sided,
)
from latelight.experiments.sequential import Moments

State = Literal["running", "done"]
_MOST = 1_000_000_000_000


@dataclass(frozen=True)
class HorizonTest:
    """A test at its horizon; before that it says nothing, so that nobody stops early by it.

    Attributes:
        state: running until every arm has its observations.
        n_missing: observations that the arms still lack, together.
        difference: mean of b less mean of a; of an interleaving, b's share of wins less a half.
        low, high: the confidence interval, unbounded while running.
        p: two-sided p-value, 1 while running.
    """

    state: State
    n_missing: int
    difference: float
    low: float
    high: float
    p: float


def read_means(a: Moments, b: Moments, planned_n: int, *, alpha: float = 0.05) -> HorizonTest:
    """Return Welch's t-test (1947) of b's mean less a's, once both arms have `planned_n`.

    For shares of 0 and 1 it is the usual unpooled test.
    """
    missing = max(0, planned_n - a.n) + max(0, planned_n - b.n)
    difference = b.mean - a.mean
    if missing or min(a.n, b.n) < 2:
        return HorizonTest("running", missing, difference, -inf, inf, 1.0)
    of_a, of_b = a.variance / a.n, b.variance / b.n
    error = sqrt(of_a + of_b)
    if error == 0:
        same = difference == 0
        return HorizonTest("done", 0, difference, difference, difference, 1.0 if same else 0.0)
    freedom = (of_a + of_b) ** 2 / (of_a**2 / (a.n - 1) + of_b**2 / (b.n - 1))
    half = t_quantile(1 - alpha / 2, freedom) * error
    p = t_two_sided(difference / error, freedom)
    return HorizonTest("done", 0, difference, difference - half, difference + half, p)


def read_preference(
    wins_a: int, wins_b: int, planned_n: int, *, alpha: float = 0.05
) -> HorizonTest:
    """Return the exact sign test of an interleaving, once `planned_n` sessions have a winner.

    The interval is that of Clopper and Pearson (1934).
    """
    decided = wins_a + wins_b
    difference = wins_b / decided - 0.5 if decided else 0.0
    missing = max(0, planned_n - decided)
    if missing or not decided:
        return HorizonTest("running", missing, difference, -inf, inf, 1.0)
    low, high = exact_interval(wins_b, decided, 1 - alpha)
    p = binomial_two_sided(wins_b, decided)
    return HorizonTest("done", 0, difference, low - 0.5, high - 0.5, p)


def n_for_shares(base: float, difference: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return observations of each arm that show a change of a share, such as a click rate.

    Raises:
        InputError: the share or the changed share lies not between 0 and 1, or nothing changes.
    """
    changed = base + difference
    if not 0 < base < 1 or not 0 < changed < 1:
        raise InputError(f"Shares {base!r} and {changed!r} must lie between 0 and 1.")
    variance = base * (1 - base) + changed * (1 - changed)
    return _n_fixed(variance, difference, alpha, power)


def n_for_means(
    spread: float, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return observations of each arm that show a difference of means, given their spread."""
    return _n_fixed(2 * spread * spread, difference, alpha, power)


def n_for_preference(win_share: float, *, alpha: float = 0.05, power: float = 0.8) -> int:
    """Return sessions with a winner that show that one ranking wins `win_share` of them.

    Divide by the share of sessions that are no ties.
    """
    if not 0 < win_share < 1:
        raise InputError(f"The share of wins is {win_share!r}; it must lie between 0 and 1.")
    difference = win_share - 0.5
    reach = normal_quantile(1 - alpha / 2) * 0.5
    reach += normal_quantile(power) * sqrt(win_share * (1 - win_share))
    return _whole(inf if difference == 0 else (reach / difference) ** 2)


def n_for_sequential(
    spread: float,
    difference: float,
    *,
    scale: float | None = None,
    alpha: float = 0.05,
    power: float = 0.8,
) -> int:
    """Return observations of each arm by which the always-valid test shows a difference of means.

    The most that has to be planned for; it may well stop before. `scale` is that of
    `difference_of_means`, the difference itself when None.
    """
    if not difference or not spread > 0:
        raise InputError("Give a spread above 0 and a difference other than 0.")
    prior = (scale or abs(difference)) ** 2
    low, high = 2, 2
    while not _shows(high, spread, abs(difference), prior, alpha, power):
        low, high = high, 2 * high
        if high > _MOST:
            raise InputError(f"A difference of {difference!r} needs more than {_MOST:,}.")
    while low < high:
        middle = (low + high) // 2
        if _shows(middle, spread, abs(difference), prior, alpha, power):
            high = middle
        else:
            low = middle + 1
    return high


def _shows(
    n: int, spread: float, difference: float, prior: float, alpha: float, power: float
) -> bool:
    """Return whether n observations of each arm suffice at a look taken then."""
    variance = 2 * spread * spread / n
    inflation = 2 * log(1 / alpha) + log1p(prior / variance)
    half = sqrt(variance * (variance + prior) / prior * inflation)
    return half + normal_quantile(power) * sqrt(variance) <= difference


def _n_fixed(variance: float, difference: float, alpha: float, power: float) -> int:
    reach = normal_quantile(1 - alpha / 2) + normal_quantile(power)
    return _whole(inf if difference == 0 else reach * reach * variance / difference**2)


def _whole(n: float) -> int:
    if not isfinite(n) or n > _MOST:
        raise InputError("The difference is 0 or nearly so; no sample is large enough to show it.")
    return max(2, ceil(n))
