"""Which of two rankings is better, and whether the topics at hand can tell."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any, Literal

from latelight.errors import InputError
from latelight.evaluation.judgements import JudgementSet
from latelight.evaluation.measures import Measure, evaluate
from latelight.evaluation.power import detectable_difference, least_topics, topics_needed
from latelight.evaluation.runs import Run
from latelight.evaluation.significance import (
    DRAWS,
    Draws,
    Interval,
    Tested,
    bootstrap_interval,
    effect_size,
    holm,
    paired_t,
    randomisation,
    standard_deviation,
    t_interval,
)

Verdict = Literal["better", "worse", "no difference shown", "not enough topics", "nothing found"]

AlsoMeasured = Mapping[str, Mapping[str, Mapping[str, float]]]
NOTHING_ELSE: AlsoMeasured = {}

_LEAST_MARGIN = 0.0005


@dataclass(frozen=True)
class CompareOptions:
    """What counts as shown.

    Attributes:
        alpha: probability of calling any equal pair different, over all measures and systems.
        power: with which a difference of `margin` should be shown before "no difference shown" is
            said.
        margin: smallest difference of a measure that matters.
        min_topics: with fewer, "no difference shown" is never said: 25 is the least that Buckley
            and Voorhees (2000) find stable.
        draws: of the randomisation test and the bootstrap.
        n_changed: how many of the topics that changed most are listed.
    """

    alpha: float = 0.05
    power: float = 0.8
    margin: float = 0.02
    min_topics: int = 25
    draws: Draws = DRAWS
    n_changed: int = 10

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 1 or not 0 < self.power < 1:
            raise InputError(
                f"alpha {self.alpha!r} and power {self.power!r} must lie between 0 and 1."
            )
        if self.margin < _LEAST_MARGIN:
            raise InputError(f"The margin is {self.margin!r}; give at least {_LEAST_MARGIN}.")


DEFAULTS = CompareOptions()


@dataclass(frozen=True)
class TopicChange:
    """One topic under both systems."""

    topic: str
    text: str
    before: float
    after: float

    @property
    def difference(self) -> float:
        """After less before."""
        return self.after - self.before

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {**asdict(self), "difference": self.difference}


@dataclass(frozen=True)
class Scored:
    """A run's values.

    Attributes:
        name: the run's.
        means: by measure.
        per_topic: by measure and topic.
        missing: judged topics for which the run has nothing; they count 0.
    """

    name: str
    means: Mapping[str, float]
    per_topic: Mapping[str, Mapping[str, float]]
    missing: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """A system beside the baseline under one measure.

    Attributes:
        measure, baseline, system: what is compared.
        before, after: means over topics.
        topics: all of them, in the judgements' order.
        t, randomisation: the tests of this difference alone.
        corrected_p: the randomisation test's p-value, corrected by Holm's method over all
            differences of the comparison; the verdict's.
        t_interval, bootstrap: where the true mean difference lies.
        effect: in standard deviations of the differences (Cohen's d_z).
        detectable: the smallest true difference that so many topics would show.
        needed: topics that would show a difference of `margin`; None unless there are too few.
        verdict: better, worse, no difference shown, not enough topics, or nothing found: both are 0
            on every topic, which tells nothing of either.
    """

    measure: str
    baseline: str
    system: str
    before: float
    after: float
    topics: tuple[TopicChange, ...]
    t: Tested
    randomisation: Tested
    corrected_p: float
    t_interval: Interval
    bootstrap: Interval
    effect: float
    detectable: float
    needed: int | None
    verdict: Verdict

    @property
    def difference(self) -> float:
        """The mean difference, system less baseline."""
        return self.after - self.before

    @property
    def relative(self) -> float | None:
        """The mean difference as a share of the baseline, None when that is 0."""
        return self.difference / self.before if self.before else None

    @property
    def wins(self) -> int:
        """Topics on which the system is better."""
        return sum(topic.difference > 0 for topic in self.topics)

    @property
    def losses(self) -> int:
        """Topics on which the system is worse."""
        return sum(topic.difference < 0 for topic in self.topics)

    @property
    def ties(self) -> int:
        """Topics on which both are equal."""
        return len(self.topics) - self.wins - self.losses

    def changed(self, n: int) -> tuple[TopicChange, ...]:
        """Return the topics that changed most, at most `n`."""
        moved = (topic for topic in self.topics if topic.difference)
        return tuple(sorted(moved, key=lambda one: (-abs(one.difference), one.topic))[:n])

    def to_dict(self, n_changed: int = 10) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "measure": self.measure,
            "baseline": self.baseline,
            "system": self.system,
            "before": self.before,
            "after": self.after,
            "difference": self.difference,
            "relative": self.relative,
            "n_topics": len(self.topics),
            "wins": self.wins,
            "losses": self.losses,
            "ties": self.ties,
            "t": asdict(self.t) | {"statistic": _finite(self.t.statistic)},
            "randomisation": asdict(self.randomisation),
            "corrected_p": self.corrected_p,
            "t_interval": self.t_interval.to_dict(),
            "bootstrap": self.bootstrap.to_dict(),
            "effect": _finite(self.effect),
            "detectable": _finite(self.detectable),
            "needed": self.needed,
            "verdict": self.verdict,
            "changed": [one.to_dict() for one in self.changed(n_changed)],
        }


@dataclass(frozen=True)
class Comparison:
    """Runs beside the first of them, the baseline, on one judgement set."""

    judgements: str
    digest: str
    measures: tuple[str, ...]
    options: CompareOptions
    runs: tuple[Scored, ...]
    differences: tuple[Difference, ...]

    @property
    def n_topics(self) -> int:
        """Topics that everything is averaged over."""
        return len(next(iter(self.runs[0].per_topic.values())))

    def of(self, system: str, measure: str) -> Difference:
        """Return the difference of a system under a measure.

        Raises:
            InputError: there is no such pair.
        """
        for one in self.differences:
            if (one.system, one.measure) == (system, measure):
                return one
        raise InputError(f"The comparison has no {measure!r} of {system!r}.")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "judgements": {"name": self.judgements, "digest": self.digest},
            "n_topics": self.n_topics,
            "measures": list(self.measures),
            "options": asdict(self.options),
            "runs": [asdict(run) for run in self.runs],
            "differences": [one.to_dict(self.options.n_changed) for one in self.differences],
        }


def compare(
    runs: Sequence[Run],
    judgements: JudgementSet,
    measures: Sequence[Measure],
    options: CompareOptions = DEFAULTS,
    also: AlsoMeasured = NOTHING_ELSE,
) -> Comparison:
    """Return how each run does beside the first, with everything that says whether it is chance.

    All runs are judged on every topic with a relevant document; one for which a run has nothing
    counts 0.

    Args:
        runs: the baseline and the systems beside it.
        judgements: what is relevant.
        measures: of the rankings.
        options: what counts as shown.
        also: by run, other values by name and topic, such as `RunRecord.localisation`. Those that
            every run has, over the same topics, are compared like a measure.

    Raises:
        InputError: there is no run or no measure, two runs have one name, a run answers no judged
            topic, or there are more differences than the draws can correct for.
    """
    _check(runs, judgements, measures)
    shared = _shared([also.get(run.name, {}) for run in runs])
    scored = tuple(
        _scored(run, judgements, measures, {name: also[run.name][name] for name in shared})
        for run in runs
    )
    names = (*(measure.name for measure in measures), *shared)
    pairs = [(system, name) for system in scored[1:] for name in names]
    _check_draws(len(pairs), options)
    alone = [
        randomisation(_differences(scored[0], system, measure), options.draws)
        for system, measure in pairs
    ]
    corrected = holm([one.p for one in alone])
    differences = tuple(
        _difference(scored[0], system, measure, judgements, _Outcome(one, p, len(pairs)), options)
        for (system, measure), one, p in zip(pairs, alone, corrected, strict=True)
    )
    return Comparison(judgements.name, judgements.digest, names, options, scored, differences)


@dataclass(frozen=True)
class _Outcome:
    """The test of a verdict: alone, corrected, and among how many."""

    alone: Tested
    corrected_p: float
    n_tests: int


def _difference(
    baseline: Scored,
    system: Scored,
    measure: str,
    judgements: JudgementSet,
    outcome: _Outcome,
    options: CompareOptions,
) -> Difference:
    values = _differences(baseline, system, measure)
    spread = standard_deviation(values)
    alpha = options.alpha / outcome.n_tests
    detectable = detectable_difference(spread, len(values), alpha=alpha, power=options.power)
    confidence = 1 - options.alpha
    before, after = baseline.per_topic[measure], system.per_topic[measure]
    said: Verdict = "nothing found"
    if any(before.values()) or any(after.values()):
        said = decide(sum(values), outcome.corrected_p, detectable, len(values), options)
    return Difference(
        measure=measure,
        baseline=baseline.name,
        system=system.name,
        before=baseline.means[measure],
        after=system.means[measure],
        topics=tuple(TopicChange(t, judgements.topics[t], before[t], after[t]) for t in before),
        t=paired_t(values),
        randomisation=outcome.alone,
        corrected_p=outcome.corrected_p,
        t_interval=t_interval(values, confidence),
        bootstrap=bootstrap_interval(values, confidence, options.draws),
        effect=effect_size(values),
        detectable=detectable,
        needed=_needed(spread, alpha, options) if said == "not enough topics" else None,
        verdict=said,
    )


def decide(
    difference: float,
    corrected_p: float,
    detectable: float,
    n_topics: int,
    options: CompareOptions = DEFAULTS,
) -> Verdict:
    """Return the verdict on a difference.

    Significant is significant, however few the topics. Otherwise the absence of a difference is
    only claimed when one of `margin` would have been shown.
    """
    if corrected_p <= options.alpha and difference:
        return "better" if difference > 0 else "worse"
    if detectable > options.margin or n_topics < options.min_topics:
        return "not enough topics"
    return "no difference shown"


def _needed(spread: float, alpha: float, options: CompareOptions) -> int:
    enough = topics_needed(spread, options.margin, alpha=alpha, power=options.power)
    return max(enough, options.min_topics, least_topics(alpha))


def _scored(
    run: Run,
    judgements: JudgementSet,
    measures: Sequence[Measure],
    others: Mapping[str, Mapping[str, float]],
) -> Scored:
    per_topic: dict[str, Mapping[str, float]] = {
        one.name: evaluate(run, judgements.qrels, one) for one in measures
    }
    per_topic |= others
    means = {name: sum(values.values()) / len(values) for name, values in per_topic.items()}
    missing = tuple(topic for topic in judgements.qrels.topics if not run.of(topic))
    return Scored(run.name, means, per_topic, missing)


def _shared(others: Sequence[Mapping[str, Mapping[str, float]]]) -> list[str]:
    """Return the names that all have, over the same topics."""
    first, *rest = others
    return [
        name
        for name, values in first.items()
        if values and all(set(one.get(name, ())) == set(values) for one in rest)
    ]


def _differences(baseline: Scored, system: Scored, measure: str) -> list[float]:
    before, after = baseline.per_topic[measure], system.per_topic[measure]
    return [after[topic] - before[topic] for topic in before]


def _check(
    runs: Sequence[Run],
    judgements: JudgementSet,
    measures: Sequence[Measure],
) -> None:
    if not runs or not measures:
        raise InputError("Give at least one run and one measure.")
    names = [run.name for run in runs]
    if len(set(names)) != len(names):
        raise InputError(f"Runs are called {names}; give each its own name (Run.name).")
    if not judgements.qrels.topics:
        raise InputError(f"Judgement set {judgements.name!r} names no relevant document.")
    for run in runs:
        if not any(run.of(topic) for topic in judgements.qrels.topics):
            raise InputError(
                f"Run {run.name!r} answers no topic of {judgements.name!r}; is it of another set?"
            )


def _check_draws(n_tests: int, options: CompareOptions) -> None:
    if n_tests and options.alpha / n_tests < 1 / (options.draws.n + 1):
        raise InputError(
            f"{n_tests} differences at alpha {options.alpha} need more than {options.draws.n} "
            "draws; use more draws, fewer measures or fewer runs."
        )


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
