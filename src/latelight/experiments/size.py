"""How large an experiment has to be: one question, one answer, whatever its design."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from math import ceil, sqrt
from typing import Any, Literal, get_args

from latelight.errors import InputError
from latelight.evaluation.distributions import beta_cdf, binomial_two_sided
from latelight.experiments.ab import TestKind
from latelight.experiments.horizon import (
    n_for_means,
    n_for_preference,
    n_for_sequential,
    n_for_shares,
)
from latelight.experiments.sequential import proportion_p_value

Kind = Literal["ab", "interleaving"]
_MOST = 1 << 24


@dataclass(frozen=True)
class Question:
    """What is to be shown, and how surely.

    Attributes:
        kind: an A/B test of shares or means, or an interleaving.
        base: A/B: the share of the version to beat.
        difference: A/B: what is to be added to it.
        spread: A/B: standard deviation of what is averaged over; that of the shares when None.
        win_share: interleaving: share of the sessions with a winner that one ranking wins.
        ties: interleaving: share of the sessions that nobody wins.
        test: read once, or at any time.
        alpha: error of the test.
        power: probability with which the difference is shown.
    """

    kind: Kind = "ab"
    base: float = 0.3
    difference: float = 0.05
    spread: float | None = None
    win_share: float = 0.55
    ties: float = 0.0
    test: TestKind = "fixed-horizon"
    alpha: float = 0.05
    power: float = 0.8

    def __post_init__(self) -> None:
        for name, kinds in (("kind", Kind), ("test", TestKind)):
            if getattr(self, name) not in get_args(kinds):
                wanted = " or ".join(get_args(kinds))
                raise InputError(f"{name} is {getattr(self, name)!r}; give {wanted}.")
        for name in ("alpha", "power"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}; give a number above 0 and below 1."
                )
        if self.power <= self.alpha:
            raise InputError(
                f"power is {self.power!r} and alpha {self.alpha!r}; without any sample a test "
                "shows the difference with probability alpha. Give a power above it."
            )
        if not 0 <= self.ties < 1:
            raise InputError(f"ties is {self.ties!r}; give a share of 0 or more, below 1.")
        if self.spread is not None and not 0 < self.spread < float("inf"):
            raise InputError(f"spread is {self.spread!r}; give a standard deviation above 0.")


@dataclass(frozen=True)
class Size:
    """How large the sample has to be.

    Attributes:
        of: `callers` of an A/B test, `sessions` of an interleaving.
        each: of each arm; of an interleaving, sessions with a winner.
        total: of both arms; of an interleaving, sessions with ties.
    """

    of: Literal["callers", "sessions"]
    each: int
    total: int

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def size(asked: Question) -> Size:
    """Return the smallest sample that answers a question.

    Fixed horizons by the usual normal approximation (unpooled for shares, as the test is), that of
    the sign test exactly; always-valid tests at a look at that size, the most to be planned for.

    Raises:
        InputError: no sample shows such a difference, or a share is out of range.
    """
    if asked.kind == "interleaving":
        each = _preference(asked)
        return Size("sessions", each, ceil(each / (1 - asked.ties)))
    each = _means(asked)
    return Size("callers", each, 2 * each)


def _means(asked: Question) -> int:
    how = {"alpha": asked.alpha, "power": asked.power}
    if asked.spread is None and asked.test == "fixed-horizon":
        return n_for_shares(asked.base, asked.difference, **how)
    spread = asked.spread or _spread(asked.base, asked.base + asked.difference)
    if asked.test == "fixed-horizon":
        return n_for_means(spread, asked.difference, **how)
    return n_for_sequential(spread, asked.difference, **how)


def _spread(base: float, changed: float) -> float:
    if not 0 < base < 1 or not 0 < changed < 1:
        raise InputError(f"Shares {base!r} and {changed!r} must lie between 0 and 1.")
    return sqrt((base * (1 - base) + changed * (1 - changed)) / 2)


def _preference(asked: Question) -> int:
    share = max(asked.win_share, 1 - asked.win_share)
    if not 0.5 < share < 1:
        raise InputError(
            f"The share of wins is {asked.win_share!r}; give one between 0 and 1, other than .5."
        )
    if asked.test == "fixed-horizon":
        n = n_for_preference(share, alpha=asked.alpha, power=asked.power)
        # The exact test is a little more careful than the normal approximation.
        while _shown(n, share, asked.alpha, binomial_two_sided) < asked.power:
            n += 1
        return n
    low, high = 1, 2
    while _shown(high, share, asked.alpha, proportion_p_value) < asked.power:
        low, high = high, 2 * high
        if high > _MOST:
            raise InputError(f"A share of wins of {asked.win_share!r} needs more than {_MOST:,}.")
    while high - low > 1:
        middle = (low + high) // 2
        if _shown(middle, share, asked.alpha, proportion_p_value) < asked.power:
            low = middle
        else:
            high = middle
    return high


def _shown(n: int, share: float, alpha: float, p_value: Callable[[int, int], float]) -> float:
    """Return the probability that n sessions, of which each is won by b with `share`, show it."""
    low, high = n // 2, n + 1  # wins of b: too few, and enough
    while high - low > 1:
        middle = (low + high) // 2
        if p_value(middle, n) <= alpha:
            high = middle
        else:
            low = middle
    return beta_cdf(share, high, n - high + 1) if high <= n else 0.0
