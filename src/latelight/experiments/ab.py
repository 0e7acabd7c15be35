"""An A/B experiment, read: two arms of callers, one observation for each caller."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import inf, isfinite
from typing import Any, Literal, get_args

from latelight.errors import InputError
from latelight.experiments.guards import Histogram, sample_ratio_p_value
from latelight.experiments.horizon import read_means
from latelight.experiments.sequential import Moments, difference_of_means

TestKind = Literal["always-valid", "fixed-horizon"]
Decision = Literal["a", "b", "undecided", "running"]


@dataclass(frozen=True)
class Reading:
    """How an experiment is read.

    Attributes:
        test: may be looked at any time, or is read once when every arm has its callers.
        alpha: probability of deciding when both are equal, over all looks together.
        callers: of each arm, for the fixed horizon (`latelight experiment size`).
        scale: size of difference that the always-valid test is tuned to.
        min_callers: of each arm, before the always-valid test says anything.
    """

    test: TestKind = "always-valid"
    alpha: float = 0.05
    callers: int = 0
    scale: float = 0.05
    min_callers: int = 100

    def __post_init__(self) -> None:
        if self.test not in get_args(TestKind):
            raise InputError(f"The test is {self.test!r}; use always-valid or fixed-horizon.")
        if not 0 < self.alpha < 1:
            raise InputError(f"alpha is {self.alpha!r}; give a number above 0 and below 1.")
        if not 0 < self.scale <= 1:
            raise InputError(
                f"The scale is {self.scale!r}; give the difference of shares that one looks for, "
                "above 0, at most 1."
            )
        if self.min_callers < 2:
            raise InputError(f"min_callers is {self.min_callers}; give 2 or more.")
        if (self.test == "fixed-horizon") != (self.callers >= 2):
            raise InputError(
                f"callers is {self.callers} and the test {self.test}; a fixed horizon needs the "
                "number of callers of each arm, at least 2 (`latelight experiment size` tells), "
                "and an always-valid test has none."
            )


DEFAULT_READING = Reading()


@dataclass(frozen=True)
class ArmSeen:
    """What the callers of an arm did.

    Attributes:
        callers: of each, in the order of their first searches, how many searches were made, and of
            how many something was used.
        n_errors: searches that the arm's version failed.
        n_zero_hits: searches that found nothing.
        latency: of single searches, in milliseconds.
    """

    callers: tuple[tuple[int, int], ...] = ()
    n_errors: int = 0
    n_zero_hits: int = 0
    latency: Histogram = field(default_factory=Histogram)

    @property
    def n_searches(self) -> int:
        """Searches of all callers."""
        return sum(n for n, _ in self.callers)

    @property
    def n_used(self) -> int:
        """Searches of which something was used."""
        return sum(n for _, n in self.callers)

    def moments(self, most: int = 0) -> Moments:
        """Return the moments of the shares of searches that were used, one for each caller.

        Args:
            most: of the first so many callers; of all when 0.
        """
        shares = [used / n for n, used in self.callers[: most or None]]
        return Moments(len(shares), sum(shares), sum(share * share for share in shares))

    def report(self) -> "ArmReport":
        """Return the numbers that are told."""
        p95 = self.latency.quantile(0.95) if self.latency.n else inf
        return ArmReport(
            n_callers=len(self.callers),
            n_searches=self.n_searches,
            n_used=self.n_used,
            used_by_caller=self.moments().mean,
            n_errors=self.n_errors,
            n_zero_hits=self.n_zero_hits,
            p95_ms=p95 if isfinite(p95) else None,
        )


@dataclass(frozen=True)
class ArmReport:
    """What the callers of an arm did, in numbers.

    Attributes:
        n_callers, n_searches, n_used: callers, their searches, and those of which something was
            used.
        used_by_caller: mean over callers of the share of their searches that were used.
        n_errors: searches that the arm's version failed.
        n_zero_hits: searches that found nothing.
        p95_ms: of single searches; None where none was timed, or beyond what is told apart.
    """

    n_callers: int
    n_searches: int
    n_used: int
    used_by_caller: float
    n_errors: int
    n_zero_hits: int
    p95_ms: float | None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "ArmReport":
        """Return the report of a JSON form."""
        return cls(**parts)


@dataclass(frozen=True)
class AbResult:
    """What an experiment shows so far.

    Attributes:
        decision: the version that won; undecided; or running, while a fixed horizon is not reached.
        difference: mean over callers of the share of searches that were used, b less a.
        low, high: its interval at level 1 - alpha; unbounded while nothing can be said.
        p: of the test.
        n_missing: callers that the arms still lack.
        ratio_p: always-valid p-value that the arms got their shares; small: believe nothing else.
    """

    decision: Decision
    difference: float
    low: float
    high: float
    p: float
    n_missing: int
    ratio_p: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; an end that is unbounded is null."""
        return {
            "decision": self.decision,
            "difference": self.difference,
            "interval": [end if isfinite(end) else None for end in (self.low, self.high)],
            "p": self.p,
            "n_missing": self.n_missing,
            "ratio_p": self.ratio_p,
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "AbResult":
        """Return the result of a JSON form."""
        low, high = parts["interval"]
        return cls(
            parts["decision"],
            parts["difference"],
            -inf if low is None else low,
            inf if high is None else high,
            parts["p"],
            parts["n_missing"],
            parts["ratio_p"],
        )


def read_ab(a: ArmSeen, b: ArmSeen, share: float, reading: Reading = DEFAULT_READING) -> AbResult:
    """Return what two arms of callers show.

    A caller is one observation: the share of their searches of which something was used. Searches
    of one caller resemble each other, so that counting each as an observation of its own would
    find differences where there are none (Deng, Knoblich and Lu, 2018). The always-valid test is
    that of `difference_of_means`; the fixed horizon reads Welch's t-test on the first `callers`
    callers of each arm.

    Args:
        a, b: what was seen.
        share: of the callers, for b.
        reading: how it is read.
    """
    n_callers = {"a": len(a.callers), "b": len(b.callers)}
    ratio_p = sample_ratio_p_value(n_callers, {"a": 1 - share, "b": share})
    if reading.test == "fixed-horizon":
        n = reading.callers
        fixed = read_means(a.moments(n), b.moments(n), n, alpha=reading.alpha)
        decision = _decision(fixed.p, fixed.difference, reading.alpha)
        if fixed.state == "running":
            decision = "running"
        ends = (fixed.low, fixed.high)
        return AbResult(decision, fixed.difference, *ends, fixed.p, fixed.n_missing, ratio_p)
    test = difference_of_means(
        a.moments(), b.moments(), scale=reading.scale, alpha=reading.alpha,
        min_n=reading.min_callers,
    )  # fmt: skip
    missing = sum(max(0, reading.min_callers - n) for n in n_callers.values())
    decision = _decision(test.p, test.difference, reading.alpha)
    return AbResult(decision, test.difference, test.low, test.high, test.p, missing, ratio_p)


def _decision(p: float, difference: float, alpha: float) -> Decision:
    if p > alpha or not difference:
        return "undecided"
    return "b" if difference > 0 else "a"
