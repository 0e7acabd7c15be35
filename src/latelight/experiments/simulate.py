"""An experiment on paper: two runs of a judged set, simulated users, and the planned test."""

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any, Literal, get_args

from latelight.errors import InputError
from latelight.evaluation import JudgementSet, Run
from latelight.experiments.ab import TestKind
from latelight.experiments.assignment import Assignment
from latelight.experiments.click_models import ClickModel
from latelight.experiments.horizon import read_means, read_preference
from latelight.experiments.interleaving import Method, credit, interleave
from latelight.experiments.sequential import (
    Moments,
    difference_of_means,
    proportion_p_value,
)

Decision = Literal["a", "b", "undecided"]


@dataclass(frozen=True)
class Design:
    """How an experiment is run and read.

    Attributes:
        n_sessions: it ends after so many at the latest; for the fixed horizon, exactly then.
        test: may be looked at after every batch, or is read once at the end.
        alpha: probability of deciding when both are equal.
        look_every: sessions from look to look.
        k: how many documents are shown.
        share: of sessions, for the candidate (an A/B test).
        method: of interleaving.
        scale: size of difference that the always-valid A/B test is tuned to.
        min_n: sessions of each arm before the always-valid A/B test says anything.
        seed: of everything that is drawn.
    """

    n_sessions: int = 5_000
    test: TestKind = "always-valid"
    alpha: float = 0.05
    look_every: int = 50
    k: int = 10
    share: float = 0.5
    method: Method = "team-draft"
    scale: float = 0.05
    min_n: int = 100
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("n_sessions", "look_every", "k"):
            if getattr(self, name) < 1:
                raise InputError(f"{name} is {getattr(self, name)}; give 1 or more.")
        if self.test not in get_args(TestKind):
            raise InputError(f"The test is {self.test!r}; use always-valid or fixed-horizon.")
        if self.method not in get_args(Method):
            raise InputError(f"The method is {self.method!r}; use team-draft or balanced.")
        for name in ("share", "alpha"):
            if not 0 < getattr(self, name) < 1:
                raise InputError(
                    f"{name} is {getattr(self, name)!r}; give a number above 0 and below 1."
                )


DEFAULT_DESIGN = Design()


@dataclass(frozen=True)
class Outcome:
    """How a simulated experiment went.

    Attributes:
        kind: `a/b` or `interleaving`.
        decision: the run that won, or undecided.
        n_sessions: until the decision or the end.
        p: at the end; always-valid or of the fixed horizon.
        effect: share of sessions with a click in b less that in a, or b's share of wins less 1/2.
        counts: what was counted, by name.
    """

    kind: Literal["a/b", "interleaving"]
    decision: Decision
    n_sessions: int
    p: float
    effect: float
    counts: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "effect": self.effect if isfinite(self.effect) else None}


@dataclass(frozen=True)
class Paper:
    """What a simulation works on: the topics with both rankings, and the users.

    Topics that neither run answers are left out; a missing ranking is an empty one.
    """

    judgements: JudgementSet
    a: Run
    b: Run
    users: ClickModel

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that users ask, each as often as any other.

        Raises:
            InputError: no judged topic is answered.
        """
        judged = self.judgements.qrels.topics
        found = tuple(topic for topic in judged if self.a.of(topic) or self.b.of(topic))
        if not found:
            raise InputError(
                f"Runs {self.a.name!r} and {self.b.name!r} answer no topic of "
                f"{self.judgements.name!r}; are they of another set?"
            )
        return found


def simulate_ab(paper: Paper, design: Design = DEFAULT_DESIGN) -> Outcome:
    """Return the outcome of an A/B test of whether users click at all.

    Each session is a new user with a random topic, assigned by the hash of a key as live traffic
    is.
    """
    generator = random.Random(design.seed)
    assignment = Assignment.ramp(f"simulation {design.seed}", "b", "a", design.share)
    seen = {"a": Moments(), "b": Moments()}
    rankings = _rankings(paper, design.k)

    def session(number: int) -> None:
        arm = assignment.arm(f"user {number}")
        topic = generator.choice(rankings.topics)
        shown = (rankings.a if arm == "a" else rankings.b)[topic]
        gains = paper.judgements.qrels.of(topic)
        clicked = paper.users.clicks(shown, gains, generator)
        seen[arm or "a"] = seen[arm or "a"].plus(float(bool(clicked)))

    def look(*, last: bool) -> float:
        if design.test == "fixed-horizon":
            return read_means(seen["a"], seen["b"], 2).p if last else 1.0
        test = difference_of_means(
            seen["a"], seen["b"], scale=design.scale, alpha=design.alpha, min_n=design.min_n
        )
        return test.p

    n, p = _run(design, session, look)
    effect = seen["b"].mean - seen["a"].mean
    counts = {f"{what}_{arm}": int(value) for arm in "ab" for what, value in _told(seen[arm])}
    return Outcome("a/b", _decision(p, effect, design), n, p, effect, counts)


def simulate_interleaving(paper: Paper, design: Design = DEFAULT_DESIGN) -> Outcome:
    """Return the outcome of showing users both rankings in one list."""
    generator = random.Random(design.seed)
    wins = {"a": 0, "b": 0, "tie": 0}
    rankings = _rankings(paper, design.k)

    def session(_: int) -> None:
        topic = generator.choice(rankings.topics)
        made = interleave(design.method, rankings.a[topic], rankings.b[topic], design.k, generator)
        gains = paper.judgements.qrels.of(topic)
        wins[credit(made, paper.users.clicks(made.shown, gains, generator))] += 1

    def look(*, last: bool) -> float:
        if design.test == "fixed-horizon":
            return read_preference(wins["a"], wins["b"], 0).p if last else 1.0
        return proportion_p_value(wins["b"], wins["a"] + wins["b"])

    n, p = _run(design, session, look)
    decided = wins["a"] + wins["b"]
    effect = wins["b"] / decided - 0.5 if decided else 0.0
    counts = {"wins_a": wins["a"], "wins_b": wins["b"], "ties": wins["tie"]}
    return Outcome("interleaving", _decision(p, effect, design), n, p, effect, counts)


@dataclass(frozen=True)
class _Rankings:
    topics: tuple[str, ...]
    a: dict[str, tuple[str, ...]]
    b: dict[str, tuple[str, ...]]


def _rankings(paper: Paper, k: int) -> _Rankings:
    """Return both rankings as deep as any list needs."""
    topics = paper.topics
    return _Rankings(
        topics,
        {topic: paper.a.of(topic)[: k + 1] for topic in topics},
        {topic: paper.b.of(topic)[: k + 1] for topic in topics},
    )


def _run(
    design: Design, session: Callable[[int], None], look: Callable[..., float]
) -> tuple[int, float]:
    """Run sessions until a look decides or the end; return how many, and the smallest p-value."""
    smallest = 1.0
    for number in range(1, design.n_sessions + 1):
        session(number)
        last = number == design.n_sessions
        if last or number % design.look_every == 0:
            smallest = min(smallest, look(last=last))
            if smallest <= design.alpha:
                return number, smallest
    return design.n_sessions, smallest


def _decision(p: float, effect: float, design: Design) -> Decision:
    if p > design.alpha or not effect:
        return "undecided"
    return "b" if effect > 0 else "a"


def _told(arm: Moments) -> tuple[tuple[str, float], ...]:
    return ("sessions", arm.n), ("clicked", arm.total)
