"""Is a difference between two runs more than chance? Tests over the same topics.

What each function takes are the differences of a measure, topic by topic. Smucker, Allan and
Carterette (2007) compare these tests on TREC's runs: Student's t, the randomisation test and the
bootstrap agree; sign and Wilcoxon tests do not and are left out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import InputError
from latelight.evaluation.distributions import (
    normal_cdf,
    normal_quantile,
    t_quantile,
    t_two_sided,
)

FloatArray = npt.NDArray[np.float64]

EXACT_UP_TO = 20
"""Topics that differ; up to so many, every pattern of signs is counted (about a million)."""
_BLOCK = 512
_SAME = 1e-12
"""Relative: sums of the same differences in another order count as equal."""


@dataclass(frozen=True)
class Tested:
    """The outcome of one two-sided test.

    Attributes:
        p: probability of a difference at least this large when there is none.
        statistic: Student's t, or the mean difference.
        method: `t`, `randomisation, exact` or `randomisation, 10000 draws`.
    """

    p: float
    statistic: float
    method: str


@dataclass(frozen=True)
class Interval:
    """A confidence interval for the mean difference; `method` is `t` or `bootstrap BCa`."""

    low: float
    high: float
    confidence: float
    method: str

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; a side without bound is None."""
        low, high = (None if abs(x) == inf else x for x in (self.low, self.high))
        return {
            "low": low,
            "high": high,
            "confidence": self.confidence,
            "method": self.method,
        }


@dataclass(frozen=True)
class Draws:
    """How much is drawn at random: the seed and the number of draws.

    The smallest p-value that n draws can give is 1 / (n + 1).
    """

    n: int = 10_000
    seed: int = 0

    def __post_init__(self) -> None:
        if self.n < 100:
            raise InputError(f"{self.n} random draws are too few; use at least 100.")

    def generator(self) -> np.random.Generator:
        """Return a new generator of the seed."""
        return np.random.default_rng(self.seed)


DRAWS = Draws()


def paired_t(differences: Sequence[float]) -> Tested:
    """Return Student's paired t-test (1908); p is 1 with fewer than two topics."""
    values = _checked(differences)
    spread = standard_deviation(values)
    average = float(values.mean()) if len(values) else 0.0
    if len(values) < 2 or average == 0:
        return Tested(1.0, 0.0, "t")
    t = average / (spread / sqrt(len(values))) if spread else inf * np.sign(average)
    return Tested(t_two_sided(t, len(values) - 1), float(t), "t")


def randomisation(differences: Sequence[float], draws: Draws = DRAWS) -> Tested:
    """Return Fisher's paired randomisation test of the mean difference (1935).

    Without a real difference, which run got which value of a topic is chance: each sign may as
    well be the other. With up to `EXACT_UP_TO` topics that differ every pattern of signs is
    counted, otherwise `draws.n` are drawn, and the observed one is counted as one more (Davison and
    Hinkley, 1997; Phipson and Smyth, 2010), so that p is never 0 and never too small on average.
    """
    values = _checked(differences)
    average = float(values.mean()) if len(values) else 0.0
    moved = np.abs(values[values != 0])
    observed = abs(float(values.sum())) * (1 - _SAME) - _SAME * float(moved.sum())
    if not len(moved):
        return Tested(1.0, 0.0, "randomisation, exact")
    if len(moved) <= EXACT_UP_TO:
        share = float((np.abs(_all_sums(moved)) >= observed).mean())
        return Tested(share, average, "randomisation, exact")
    extreme = sum(int((np.abs(s) >= observed).sum()) for s in _drawn_sums(moved, draws))
    p = (extreme + 1) / (draws.n + 1)
    return Tested(p, average, f"randomisation, {draws.n} draws")


def t_interval(differences: Sequence[float], confidence: float = 0.95) -> Interval:
    """Return Student's interval for the mean difference, unbounded with fewer than two topics."""
    values = _checked(differences)
    if len(values) < 2:
        return Interval(-inf, inf, confidence, "t")
    half = t_quantile((1 + confidence) / 2, len(values) - 1)
    half *= standard_deviation(values) / sqrt(len(values))
    average = float(values.mean())
    return Interval(average - half, average + half, confidence, "t")


def bootstrap_interval(
    differences: Sequence[float], confidence: float = 0.95, draws: Draws = DRAWS
) -> Interval:
    """Return the bias-corrected and accelerated bootstrap interval (Efron, 1987).

    Topics are drawn with replacement. Unbounded with fewer than two topics; a point when all
    differences are equal.
    """
    values = _checked(differences)
    if len(values) < 2:
        return Interval(-inf, inf, confidence, "bootstrap BCa")
    average = float(values.mean())
    means = np.sort(_resampled_means(values, draws))
    if means[0] == means[-1]:
        return Interval(average, average, confidence, "bootstrap BCa")
    below = (np.sum(means < average) + np.sum(means == average) / 2) / len(means)
    bias = normal_quantile(float(np.clip(below, 1 / (draws.n + 1), draws.n / (draws.n + 1))))
    levels = [_bca_level(values, bias, p) for p in ((1 - confidence) / 2, (1 + confidence) / 2)]
    low, high = np.quantile(means, levels)
    return Interval(float(low), float(high), confidence, "bootstrap BCa")


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number, in the order given (Holm, 1979).

    Rejecting where the corrected value is at most alpha keeps the probability of any false
    rejection at alpha, whatever the tests have to do with each other.
    """
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    corrected = [1.0] * len(p_values)
    so_far = 0.0
    for place, i in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - place) * p_values[i]))
        corrected[i] = so_far
    return corrected


def effect_size(differences: Sequence[float]) -> float:
    """Return the mean difference in standard deviations of the differences (Cohen's d_z, 1988).

    0 when nothing differs, infinite when all topics differ by the same.
    """
    values = _checked(differences)
    average = float(values.mean()) if len(values) else 0.0
    spread = standard_deviation(values)
    if spread:
        return average / spread
    return float(inf * np.sign(average)) if average else 0.0


def standard_deviation(differences: Sequence[float] | FloatArray) -> float:
    """Return the sample's standard deviation, 0 with fewer than two values or all equal."""
    values = np.asarray(differences, np.float64)
    if len(values) < 2 or values.min() == values.max():
        return 0.0  # rounding must not invent a spread
    return float(values.std(ddof=1))


def _checked(differences: Sequence[float]) -> FloatArray:
    values = np.asarray(differences, np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise InputError("Differences must be a flat list of finite numbers, one for each topic.")
    return values


def _all_sums(moved: FloatArray) -> FloatArray:
    """Return the sum under every pattern of signs, (2 ** n,)."""
    sums = np.zeros(1)
    for value in moved:
        sums = np.concatenate([sums + value, sums - value])
    return sums


def _drawn_sums(moved: FloatArray, draws: Draws) -> Iterator[FloatArray]:
    """Yield the sums under `draws.n` drawn patterns of signs, in blocks."""
    generator = draws.generator()
    for size in _blocks(draws.n):
        signs = generator.integers(0, 2, (size, len(moved)), dtype=np.int8)
        yield (2 * signs.astype(np.float64) - 1) @ moved


def _resampled_means(values: FloatArray, draws: Draws) -> FloatArray:
    generator = draws.generator()
    blocks = [
        values[generator.integers(0, len(values), (size, len(values)))].mean(axis=1)
        for size in _blocks(draws.n)
    ]
    return np.concatenate(blocks)


def _bca_level(values: FloatArray, bias: float, p: float) -> float:
    """Return which quantile of the resampled means bounds the interval at level `p`."""
    from_middle = values - values.mean()  # of the jackknife means, up to a factor
    squares = float((from_middle**2).sum())
    acceleration = float((from_middle**3).sum()) / (6 * squares**1.5)
    z = bias + normal_quantile(p)
    return normal_cdf(bias + z / (1 - acceleration * z))


def _blocks(n: int) -> Iterator[int]:
    for start in range(0, n, _BLOCK):
        yield min(_BLOCK, n - start)
