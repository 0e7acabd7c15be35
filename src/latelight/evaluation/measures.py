"""Measures of a run against qrels, equal to trec_eval's where it has them."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2

from latelight.errors import InputError
from latelight.evaluation.runs import Qrels, Run

Gains = Mapping[str, int]


def ndcg(ranking: Sequence[str], gains: Gains, k: int) -> float:
    """Return the normalised discounted cumulative gain of the first `k`, in [0, 1].

    Linear gains and log2(rank + 1) discounts, over the best order that all judged documents
    allow (Järvelin and Kekäläinen, 2002, as `ndcg_cut` of trec_eval computes it). 0 without any
    relevant document.
    """
    ideal = _discounted(sorted((g for g in gains.values() if g > 0), reverse=True)[:k])
    reached = _discounted([max(gains.get(doc, 0), 0) for doc in ranking[:k]])
    return reached / ideal if ideal else 0.0


def mrr(ranking: Sequence[str], gains: Gains, k: int) -> float:
    """Return 1 / rank of the first relevant document among the first `k`, 0 if there is none."""
    return next((1 / rank for rank, hit in _relevant(ranking[:k], gains) if hit), 0.0)


def recall(ranking: Sequence[str], gains: Gains, k: int) -> float:
    """Return how much of all relevant documents is among the first `k`, in [0, 1]."""
    n_relevant = sum(g > 0 for g in gains.values())
    found = sum(hit for _, hit in _relevant(ranking[:k], gains))
    return found / n_relevant if n_relevant else 0.0


def success(ranking: Sequence[str], gains: Gains, k: int) -> float:
    """Return 1 if a relevant document is among the first `k`, else 0."""
    return float(any(hit for _, hit in _relevant(ranking[:k], gains)))


_FUNCTIONS: dict[str, Callable[[Sequence[str], Gains, int], float]] = {
    "nDCG": ndcg,
    "MRR": mrr,
    "recall": recall,
    "success": success,
}


@dataclass(frozen=True)
class Measure:
    """A measure and how many results it looks at; its name (`nDCG@10`) is its identity."""

    kind: str
    k: int

    def __post_init__(self) -> None:
        if self.kind not in _FUNCTIONS or self.k < 1:
            raise InputError(
                f"Unknown measure {self.name!r}: use one of "
                f"{', '.join(f'{kind}@k' for kind in _FUNCTIONS)} with k at least 1."
            )

    @classmethod
    def parse(cls, name: str) -> "Measure":
        """Return the measure of a name such as `nDCG@10`; capitals do not matter.

        Raises:
            InputError: there is no such measure.
        """
        match = re.fullmatch(r"(\w+)@(\d+)", name.strip())
        kind, k = match.groups() if match else (name, "0")
        known = {one.lower(): one for one in _FUNCTIONS}
        return cls(known.get(kind.lower(), kind), int(k))

    @property
    def name(self) -> str:
        """The usual spelling, such as `nDCG@10`."""
        return f"{self.kind}@{self.k}"

    def of(self, ranking: Sequence[str], gains: Gains) -> float:
        """Return the measure of one ranking, best first, against one topic's gains."""
        return _FUNCTIONS[self.kind](ranking, gains, self.k)


def evaluate(run: Run, qrels: Qrels, measure: Measure) -> dict[str, float]:
    """Return the measure for every topic with a relevant document; 0 where the run has nothing."""
    return {topic: measure.of(run.of(topic), qrels.of(topic)) for topic in qrels.topics}


def mean(run: Run, qrels: Qrels, measure: Measure) -> float:
    """Return the mean of `evaluate` over topics.

    Raises:
        InputError: no topic of the qrels has a relevant document.
    """
    values = evaluate(run, qrels, measure)
    if not values:
        raise InputError(
            "The qrels name no relevant document, so that there is nothing to average."
        )
    return sum(values.values()) / len(values)


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _relevant(ranking: Sequence[str], gains: Gains) -> Iterator[tuple[int, bool]]:
    return ((rank, gains.get(doc, 0) > 0) for rank, doc in enumerate(ranking, start=1))
