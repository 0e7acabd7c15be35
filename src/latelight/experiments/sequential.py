"""Tests that may be looked at whenever one likes, with a stated error rate.

An ordinary p-value that is looked at after every batch until it is small is small sooner or
later, difference or not. These keep their error rate over all looks together: each is a mixture
likelihood ratio (Robbins, 1970), a non-negative martingale where there is no difference, which
exceeds 1 / alpha at any time with probability at most alpha (Ville, 1939). Johari, Koomen, Pekelis
and Walsh (2022) describe their use for A/B tests; Howard, Ramdas, McAuliffe and Sekhon (2021) the
confidence sequences. The test of a proportion holds exactly at every sample size; the one for means
of two arms rests on the central limit theorem (Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas,
2024), which is why it says nothing before `min_n` observations of each arm.
"""

from dataclasses import dataclass
from math import exp, inf, log, log1p, sqrt

from latelight.errors import InputError
from latelight.evaluation.distributions import bisect, log_beta


@dataclass(frozen=True)
class Moments:
    """What is kept of the observations of one arm: their number, sum and sum of squares."""

    n: int = 0
    total: float = 0.0
    squares: float = 0.0

    @classmethod
    def of_share(cls, successes: int, n: int) -> "Moments":
        """Return the moments of n observations that are 0 or 1."""
        _check_counts(successes, n)
        return cls(n, successes, successes)

    def plus(self, value: float) -> "Moments":
        """Return the moments with one more observation."""
        return Moments(self.n + 1, self.total + value, self.squares + value * value)

    @property
    def mean(self) -> float:
        """The mean, 0 of nothing."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """The sample's variance, infinite with fewer than two observations."""
        if self.n < 2:
            return inf
        return max(0.0, (self.squares - self.total * self.mean) / (self.n - 1))


def proportion_p_value(successes: int, n: int, expected: float = 0.5, prior: float = 1.0) -> float:
    """Return the always-valid p-value that a proportion is the expected one.

    The running minimum over looks is always-valid too, and smaller. The alternative is a mixture
    of all proportions, Beta(prior, prior). Of the wins of two interleaved rankings, ties left out,
    this is a sequential sign test.

    Raises:
        InputError: the counts make no sense, or `expected` lies not between 0 and 1.
    """
    _check_counts(successes, n)
    if not 0 < expected < 1:
        raise InputError(f"The expected proportion is {expected!r}; it must lie between 0 and 1.")
    return min(1.0, exp(-_log_ratio(successes, n, expected, prior)))


def proportion_sequence(
    successes: int, n: int, alpha: float = 0.05, prior: float = 0.5
) -> tuple[float, float]:
    """Return an interval that holds a proportion at all times together with 1 − alpha.

    The proportions whose mixture likelihood ratio has not reached 1 / alpha; exact at every n. At
    each side alone the error is at most alpha as well.
    """
    _check_counts(successes, n)
    _check_alpha(alpha)
    if n == 0:
        return 0.0, 1.0
    wanted = -log(alpha)
    middle = successes / n

    def excess(p: float) -> float:
        return _log_ratio(successes, n, p, prior) - wanted

    low = 0.0 if successes == 0 else bisect(lambda p: -excess(p), 0.0, middle)
    high = 1.0 if successes == n else bisect(excess, middle, 1.0)
    return low, high


@dataclass(frozen=True)
class MeanTest:
    """The always-valid test that two arms have one mean.

    Attributes:
        difference: mean of b less mean of a.
        low, high: where the true difference lies, at all times together.
        p: always-valid p-value; the running minimum over looks may be used.
    """

    difference: float
    low: float
    high: float
    p: float


def difference_of_means(
    a: Moments, b: Moments, *, scale: float, alpha: float = 0.05, min_n: int = 100
) -> MeanTest:
    """Return the always-valid test and confidence sequence of b's mean less a's.

    Args:
        a, b: the observations of both arms.
        scale: standard deviation of the normal mixture over true differences: about the size of
            the difference that one hopes to see. It decides when the sequence is narrowest, never
            whether it is valid, and must not be chosen after looking.
        alpha: the error over all looks together.
        min_n: observations of each arm before anything is said.

    Raises:
        InputError: scale or alpha makes no sense.
    """
    _check_alpha(alpha)
    if not scale > 0:
        raise InputError(f"The scale is {scale!r}; give the size of difference that one looks for.")
    difference = b.mean - a.mean
    if min(a.n, b.n) < max(min_n, 2):
        return MeanTest(difference, -inf, inf, 1.0)
    # A small arm in which a rare event has not happened yet seems to have no variance at all, and
    # would be told apart from anything: no arm counts as quieter than both together.
    together = Moments(a.n + b.n, a.total + b.total, a.squares + b.squares).variance
    variance = max(a.variance, together) / a.n + max(b.variance, together) / b.n
    prior = scale * scale
    if variance == 0:  # both arms constant: nothing to estimate the noise from
        return MeanTest(difference, -inf, inf, 1.0)
    whole = variance + prior
    log_ratio = prior * difference**2 / (2 * variance * whole) - log1p(prior / variance) / 2
    half = sqrt(variance * whole / prior * (2 * log(1 / alpha) + log1p(prior / variance)))
    return MeanTest(difference, difference - half, difference + half, min(1.0, exp(-log_ratio)))


def _log_ratio(successes: int, n: int, p: float, prior: float) -> float:
    """Return the logarithm of the mixture likelihood ratio against proportion `p`."""
    failures = n - successes
    if (p <= 0 and successes) or (p >= 1 and failures):
        return inf
    mixed = log_beta(prior + successes, prior + failures) - log_beta(prior, prior)
    fixed = (successes * log(p) if successes else 0.0) + (failures * log1p(-p) if failures else 0.0)
    return mixed - fixed


def _check_counts(successes: int, n: int) -> None:
    if not 0 <= successes <= n:
        raise InputError(f"{successes} of {n} make no proportion.")


def _check_alpha(alpha: float) -> None:
    if not 0 < alpha < 1:
        raise InputError(f"alpha is {alpha!r}; it must lie between 0 and 1.")
