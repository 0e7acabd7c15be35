"""The few distributions that tests need, without another dependency.

Equal to scipy's to ten digits (`tests/evaluation/test_distributions.py`).
"""

from collections.abc import Callable
from math import exp, inf, isinf, lgamma, log, log1p, sqrt
from statistics import NormalDist

_STANDARD = NormalDist()
_MOST_STEPS = 20_000
_TINY = 1e-300


def normal_cdf(z: float) -> float:
    """Return the probability that a standard normal variable is at most `z`."""
    return _STANDARD.cdf(z)


def normal_quantile(p: float) -> float:
    """Return the standard normal quantile of a probability in (0, 1)."""
    return _STANDARD.inv_cdf(p)


def log_beta(a: float, b: float) -> float:
    """Return the logarithm of the beta function; `a` and `b` positive."""
    return lgamma(a) + lgamma(b) - lgamma(a + b)


def beta_cdf(x: float, a: float, b: float) -> float:
    """Return the regularised incomplete beta function I_x(a, b).

    By the continued fraction 26.5.8 of Abramowitz and Stegun (1964), evaluated by the method of
    Lentz (Press, Teukolsky, Vetterling and Flannery, 2007, section 6.4).
    """
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    front = exp(a * log(x) + b * log1p(-x) - log_beta(a, b))
    if x < (a + 1) / (a + b + 2):
        return front * _continued_fraction(x, a, b) / a
    return 1 - front * _continued_fraction(1 - x, b, a) / b


def beta_quantile(p: float, a: float, b: float) -> float:
    """Return the x of I_x(a, b) = p."""
    if p <= 0:
        return 0.0
    if p >= 1:
        return 1.0
    return bisect(lambda x: beta_cdf(x, a, b) - p, 0.0, 1.0)


def t_cdf(t: float, freedom: float) -> float:
    """Return the probability that a Student variable with that many degrees is at most `t`."""
    if isinf(t):
        return float(t > 0)
    tail = beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5) / 2
    return 1 - tail if t > 0 else tail


def t_two_sided(t: float, freedom: float) -> float:
    """Return the probability of a Student variable at least as far from 0 as `t`."""
    return 0.0 if isinf(t) else beta_cdf(freedom / (freedom + t * t), freedom / 2, 0.5)


def t_quantile(p: float, freedom: float) -> float:
    """Return Student's quantile of a probability in (0, 1)."""
    if p < 0.5:
        return -t_quantile(1 - p, freedom)
    tail = 2 * (1 - p)
    if tail >= 1:
        return 0.0
    x = beta_quantile(tail, freedom / 2, 0.5)
    return inf if x == 0 else sqrt(freedom * (1 - x) / x)


def exact_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Return the binomial interval of Clopper and Pearson (1934) for a proportion."""
    if n == 0:
        return 0.0, 1.0
    half = (1 - confidence) / 2
    low = 0.0 if successes == 0 else beta_quantile(half, successes, n - successes + 1)
    high = 1.0 if successes == n else beta_quantile(1 - half, successes + 1, n - successes)
    return low, high


def binomial_two_sided(successes: int, n: int) -> float:
    """Return the exact two-sided p-value of a fair coin (the sign test)."""
    if n == 0:
        return 1.0
    fewer = min(successes, n - successes)
    return min(1.0, 2 * beta_cdf(0.5, n - fewer, fewer + 1))


def bisect(function: Callable[[float], float], low: float, high: float) -> float:
    """Return where an increasing function crosses 0 between `low` and `high`."""
    for _ in range(_MOST_STEPS):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if function(middle) < 0 else (low, middle)
    return (low + high) / 2


def _continued_fraction(x: float, a: float, b: float) -> float:
    c, d = 1.0, 1 / _away_from_zero(1 - (a + b) * x / (a + 1))
    value = d
    for step in range(1, _MOST_STEPS):
        even = step * (b - step) * x / ((a + 2 * step - 1) * (a + 2 * step))
        d = 1 / _away_from_zero(1 + even * d)
        c = _away_from_zero(1 + even / c)
        value *= d * c
        odd = -(a + step) * (a + b + step) * x / ((a + 2 * step) * (a + 2 * step + 1))
        d = 1 / _away_from_zero(1 + odd * d)
        c = _away_from_zero(1 + odd / c)
        value *= d * c
        if abs(d * c - 1) < 1e-15:
            break
    return value


def _away_from_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
