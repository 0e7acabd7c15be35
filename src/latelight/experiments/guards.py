"""When a candidate does harm: counters and histograms in, verdicts with their evidence out.

A ramp looks at its guards again and again, so every bound is a confidence sequence: a candidate
that is as good as the live version breaks a guard with probability at most its alpha, over all
looks together. Each guard is one-sided: it asks for harm beyond an allowed amount, nothing else.
"""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import inf, isfinite
from typing import Any, Literal

from latelight.errors import InputError
from latelight.experiments.sequential import proportion_p_value, proportion_sequence

GuardState = Literal["holds", "broken", "too few"]
RateKind = Literal["errors", "zero_hits", "clicks"]

LATENCY_EDGES: tuple[float, ...] = tuple(round(2 ** (i / 6), 4) for i in range(-12, 97))
"""Milliseconds from a quarter to a minute, each 12 % above the one before."""


@dataclass(frozen=True)
class Histogram:
    """How many values lie up to each edge; the last count is of those beyond all edges."""

    counts: tuple[int, ...] = (0,) * (len(LATENCY_EDGES) + 1)
    edges: tuple[float, ...] = LATENCY_EDGES

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.edges) + 1 or min(self.counts) < 0:
            raise InputError(
                f"A histogram of {len(self.edges)} edges needs {len(self.edges) + 1} counts of 0 "
                f"or more; got {len(self.counts)}."
            )
        if any(a >= b for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise InputError("The edges of a histogram must rise.")

    @classmethod
    def of(cls, values: Iterable[float], edges: tuple[float, ...] = LATENCY_EDGES) -> "Histogram":
        """Return the histogram of values."""
        counts = [0] * (len(edges) + 1)
        for value in values:
            counts[bisect_left(edges, value)] += 1
        return cls(tuple(counts), edges)

    @property
    def n(self) -> int:
        """How many values there are."""
        return sum(self.counts)

    def quantile(self, q: float) -> float:
        """Return the edge up to which at least a share q lies; infinite beyond the last."""
        wanted = q * self.n
        reached = accumulate(self.counts)
        return next((e for e, n in zip(self.edges, reached, strict=False) if n >= wanted), inf)

    def quantile_bounds(self, q: float, alpha: float) -> tuple[float, float]:
        """Return bounds that the true quantile lies between at all times, with 1 − alpha each.

        From the confidence sequences of the shares up to every edge (Howard and Ramdas, 2022):
        the shares rise with the edges, so that only the one at the true quantile can be wrong.
        Rounded outwards to edges.
        """
        low, high = 0.0, inf
        for edge, up_to in zip(self.edges, accumulate(self.counts), strict=False):
            if proportion_p_value(up_to, self.n, q, prior=0.5) > alpha:
                continue
            if up_to > q * self.n:
                high = edge
                break
            low = edge
        return low, high


@dataclass(frozen=True)
class Traffic:
    """What one version did with live queries.

    Attributes:
        n_queries: that it was asked, failed ones included.
        n_errors: that failed.
        n_zero_hits: that found nothing.
        n_clicked: with at least one click.
        latency: milliseconds.
    """

    n_queries: int = 0
    n_errors: int = 0
    n_zero_hits: int = 0
    n_clicked: int = 0
    latency: Histogram = Histogram()

    def __post_init__(self) -> None:
        counts = (self.n_errors, self.n_zero_hits, self.n_clicked)
        if min(counts) < 0 or max(counts) > self.n_queries:
            raise InputError(f"Of {self.n_queries} queries, {counts} cannot be.")

    def count(self, kind: RateKind) -> int:
        """Return the counter of a kind."""
        return {
            "errors": self.n_errors,
            "zero_hits": self.n_zero_hits,
            "clicks": self.n_clicked,
        }[kind]


@dataclass(frozen=True)
class RateGuard:
    """Errors or empty results may rise, or clicks fall, by no more than `allowed` (absolute)."""

    kind: RateKind
    allowed: float = 0.01
    alpha: float = 0.01
    min_queries: int = 50

    def __post_init__(self) -> None:
        if not 0 <= self.allowed < 1 or not 0 < self.alpha < 1:
            raise InputError(
                f"Guard {self.kind}: allowed {self.allowed!r} and alpha {self.alpha!r} must be "
                "shares."
            )

    def check(self, live: Traffic, candidate: Traffic) -> "GuardVerdict":
        """Return whether the candidate's rate is worse than the live one's by more than allowed."""
        of_live = proportion_sequence(live.count(self.kind), live.n_queries, self.alpha / 2)
        of_candidate = proportion_sequence(
            candidate.count(self.kind), candidate.n_queries, self.alpha / 2
        )
        harm = (
            of_live[0] - of_candidate[1] if self.kind == "clicks" else of_candidate[0] - of_live[1]
        )
        return GuardVerdict(
            guard=self.kind,
            state=_state(harm > self.allowed, live, candidate, self.min_queries),
            live=_rate(live, self.kind),
            candidate=_rate(candidate, self.kind),
            harm_at_least=harm,
            allowed=self.allowed,
            n_live=live.n_queries,
            n_candidate=candidate.n_queries,
        )


@dataclass(frozen=True)
class LatencyGuard:
    """A quantile of latency may be at most `allowed` times the live one's."""

    quantile: float = 0.95
    allowed: float = 1.5
    alpha: float = 0.01
    min_queries: int = 50

    def __post_init__(self) -> None:
        if not 0 < self.quantile < 1 or self.allowed < 1 or not 0 < self.alpha < 1:
            raise InputError(
                f"Latency guard: quantile {self.quantile!r} and alpha {self.alpha!r} must be "
                f"shares and allowed {self.allowed!r} at least 1."
            )

    def check(self, live: Traffic, candidate: Traffic) -> "GuardVerdict":
        """Return whether the candidate is slower than allowed, by bounds on both quantiles."""
        _, most = live.latency.quantile_bounds(self.quantile, self.alpha / 2)
        least, _ = candidate.latency.quantile_bounds(self.quantile, self.alpha / 2)
        harm = least / most if isfinite(most) else 0.0
        return GuardVerdict(
            guard=f"p{100 * self.quantile:g} latency",
            state=_state(harm > self.allowed, live, candidate, self.min_queries),
            live=live.latency.quantile(self.quantile),
            candidate=candidate.latency.quantile(self.quantile),
            harm_at_least=harm,
            allowed=self.allowed,
            n_live=live.n_queries,
            n_candidate=candidate.n_queries,
        )


Guard = RateGuard | LatencyGuard

DEFAULT_GUARDS: tuple[Guard, ...] = (
    RateGuard("errors", allowed=0.01),
    LatencyGuard(allowed=1.5),
    RateGuard("zero_hits", allowed=0.05),
    RateGuard("clicks", allowed=0.05),
)


@dataclass(frozen=True)
class GuardVerdict:
    """What a guard saw.

    Attributes:
        guard: its name.
        state: holds, broken, or too few queries to say.
        live, candidate: the observed values.
        harm_at_least: by how much the candidate is worse, at the least: a difference of rates, or a
            ratio of latencies.
        allowed: up to which it may.
        n_live, n_candidate: queries of both.
    """

    guard: str
    state: GuardState
    live: float
    candidate: float
    harm_at_least: float
    allowed: float
    n_live: int
    n_candidate: int

    @property
    def message(self) -> str:
        """One sentence for an audit log."""
        seen = (
            f"{self.guard}: live {self.live:.4g} of {self.n_live:,} queries, candidate "
            f"{self.candidate:.4g} of {self.n_candidate:,}"
        )
        if self.state == "too few":
            return f"{seen}; too few to say."
        return f"{seen}; worse by at least {self.harm_at_least:.4g}, allowed {self.allowed:g}."

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form; an unbounded value is None."""
        return {
            "guard": self.guard,
            "state": self.state,
            "live": self.live if isfinite(self.live) else None,
            "candidate": self.candidate if isfinite(self.candidate) else None,
            "harm_at_least": self.harm_at_least,
            "allowed": self.allowed,
            "n_live": self.n_live,
            "n_candidate": self.n_candidate,
            "message": self.message,
        }


def check_guards(
    live: Traffic, candidate: Traffic, guards: Sequence[Guard] = DEFAULT_GUARDS
) -> tuple[GuardVerdict, ...]:
    """Return every guard's verdict; a release stops when one is broken."""
    return tuple(guard.check(live, candidate) for guard in guards)


def sample_ratio_p_value(counts: Mapping[str, int], shares: Mapping[str, float]) -> float:
    """Return the always-valid p-value that arms got the traffic that they should.

    A small one says that assignment or logging is broken and nothing else can be believed (Fabijan
    et al., 2019). Each arm against the rest, corrected for their number.

    Raises:
        InputError: an arm has no share, or the shares do not add up to 1.
    """
    strange = sorted(set(counts) - set(shares))
    if strange or abs(sum(shares.values()) - 1) > 1e-9:
        raise InputError(
            f"Shares {dict(shares)} must add up to 1 and name {strange or 'all arms'}."
        )
    n = sum(counts.values())
    tested = [arm for arm, share in shares.items() if 0 < share < 1]
    if any(share == 0 and counts.get(arm, 0) for arm, share in shares.items()):
        return 0.0
    # Of two arms, one says all.
    tested = tested[:1] if len(tested) == 2 else tested
    found = [proportion_p_value(counts.get(arm, 0), n, shares[arm]) for arm in tested]
    return min([1.0, *(len(found) * p for p in found)])


def _state(is_harmed: bool, live: Traffic, candidate: Traffic, least: int) -> GuardState:
    if min(live.n_queries, candidate.n_queries) < least:
        return "too few"
    return "broken" if is_harmed else "holds"


def _rate(traffic: Traffic, kind: RateKind) -> float:
    return traffic.count(kind) / traffic.n_queries if traffic.n_queries else 0.0
