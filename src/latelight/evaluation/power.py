"""How many topics does it take to show a difference?"""

from math import ceil, inf, log2, sqrt

from latelight.errors import InputError
from latelight.evaluation.distributions import t_quantile

_MOST_TOPICS = 10_000_000


def detectable_difference(
    spread: float, n_topics: int, *, alpha: float = 0.05, power: float = 0.8
) -> float:
    """Return the smallest true mean difference that a paired test would show with that power.

    (t(1 − alpha / 2) + t(power)) · spread / √n with n − 1 degrees of freedom (Bloom, 1995).
    Infinite with fewer topics than any test at that level needs.

    Args:
        spread: standard deviation of the differences over topics.
        n_topics: how many there are.
        alpha: level of the two-sided test.
        power: probability of showing the difference.
    """
    _check(alpha, power)
    if n_topics < least_topics(alpha):
        return inf
    freedom = n_topics - 1
    reach = t_quantile(1 - alpha / 2, freedom) + t_quantile(power, freedom)
    return reach * spread / sqrt(n_topics)


def topics_needed(
    spread: float, difference: float, *, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Return how many topics show a true mean difference of that size with that power.

    The size design of Sakai (2016) for the paired t-test, solved for n.

    Raises:
        InputError: the difference is 0 or less, or so small that no judged set would do.
    """
    if not difference > 0:
        raise InputError(f"The difference is {difference!r}; give one above 0.")
    low, high = least_topics(alpha), least_topics(alpha)
    while detectable_difference(spread, high, alpha=alpha, power=power) > difference:
        low, high = high, 2 * high
        if high > _MOST_TOPICS:
            raise InputError(
                f"More than {_MOST_TOPICS:,} topics would be needed to show a difference of "
                f"{difference!r} at a spread of {spread!r}; ask for a larger difference."
            )
    while low < high:
        middle = (low + high) // 2
        if detectable_difference(spread, middle, alpha=alpha, power=power) > difference:
            low = middle + 1
        else:
            high = middle
    return high


def least_topics(alpha: float = 0.05) -> int:
    """Return the fewest topics with which a paired test could reject at all.

    Of n topics that all differ the same way the exact randomisation test says 2 / 2ⁿ.
    """
    _check(alpha, 0.8)
    return max(2, ceil(1 - log2(alpha)))


def _check(alpha: float, power: float) -> None:
    if not 0 < alpha < 1 or not 0 < power < 1:
        raise InputError(f"alpha {alpha!r} and power {power!r} must lie between 0 and 1.")
