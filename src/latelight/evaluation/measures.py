"""Measures of a run against qrels, by their standard names, equal to trec_eval's.

Names are those of ir_measures (MacAvaney, Macdonald and Ounis, 2022): `nDCG@10`, `R@100`, `RR`,
`AP`, `P@5`, `Success@5`, and `P(rel=2)@5` where only gains of 2 and more are relevant.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log2

from latelight.errors import InputError
from latelight.evaluation.runs import Qrels, Run

Gains = Mapping[str, int]


def ndcg(ranking: Sequence[str], gains: Gains, k: int | None = None) -> float:
    """Return the normalised discounted cumulative gain of the first `k`, in [0, 1].

    Linear gains and log2(rank + 1) discounts, over the best order that all judged documents
    allow (Järvelin and Kekäläinen, 2002, as `ndcg` and `ndcg_cut` of trec_eval compute it). 0
    without any relevant document.
    """
    ideal = _discounted(sorted((g for g in gains.values() if g > 0), reverse=True)[:k])
    reached = _discounted([max(gains.get(doc, 0), 0) for doc in ranking[:k]])
    return reached / ideal if ideal else 0.0


def mrr(ranking: Sequence[str], gains: Gains, k: int | None = None) -> float:
    """Return 1 / rank of the first relevant document among the first `k`, 0 if there is none."""
    return next((1 / rank for rank, hit in _relevant(ranking[:k], gains) if hit), 0.0)


def recall(ranking: Sequence[str], gains: Gains, k: int | None = None) -> float:
    """Return how much of all relevant documents is among the first `k`, in [0, 1]."""
    n_relevant = _n_relevant(gains)
    found = sum(hit for _, hit in _relevant(ranking[:k], gains))
    return found / n_relevant if n_relevant else 0.0


def success(ranking: Sequence[str], gains: Gains, k: int | None = None) -> float:
    """Return 1 if a relevant document is among the first `k`, else 0."""
    return float(any(hit for _, hit in _relevant(ranking[:k], gains)))


def precision(ranking: Sequence[str], gains: Gains, k: int | None = None) -> float:
    """Return the relevant share of the first `k`; a ranking shorter than `k` has `k` all the same.

    Without `k`, the relevant share of everything found.
    """
    depth = len(ranking) if k is None else k
    found = sum(hit for _, hit in _relevant(ranking[:k], gains))
    return found / depth if depth else 0.0


def average_precision(ranking: Sequence[str], gains: Gains, k: int | None = None) -> float:
    """Return the mean over all relevant documents of the precision where each was found.

    Those beyond `k`, or not found, count 0 (`map` and `map_cut` of trec_eval).
    """
    ranks = [rank for rank, hit in _relevant(ranking[:k], gains) if hit]
    n_relevant = _n_relevant(gains)
    total = sum(found / rank for found, rank in enumerate(ranks, start=1))
    return total / n_relevant if n_relevant else 0.0


_FUNCTIONS: dict[str, Callable[[Sequence[str], Gains, int | None], float]] = {
    "nDCG": ndcg,
    "RR": mrr,
    "R": recall,
    "Success": success,
    "P": precision,
    "AP": average_precision,
}
_NEEDS_DEPTH = frozenset({"R", "Success", "P"})
_OTHER_NAMES = {"mrr": "RR", "recall": "R", "map": "AP", "precision": "P", "hit": "Success"}
_SPELLINGS = {name.lower(): name for name in _FUNCTIONS} | _OTHER_NAMES
_PATTERN = re.compile(r"(\w+?)(?:\(rel=(\d+)\))?(?:@(\d+))?")


@dataclass(frozen=True)
class Measure:
    """A measure, how many results it looks at, and from which gain on a document is relevant.

    Its name is its identity. Other usual names are taken and turned into the standard one:
    `MRR@10` is `RR@10`, `recall@100` is `R@100`, `MAP` is `AP`.
    """

    kind: str
    k: int | None = None
    rel: int = 1

    def __post_init__(self) -> None:
        object.__setattr__(self, "kind", _SPELLINGS.get(self.kind.lower(), self.kind))
        has_depth = self.k is not None and self.k >= 1
        if self.kind not in _FUNCTIONS or not (
            has_depth or (self.k is None and self.kind not in _NEEDS_DEPTH)
        ):
            raise InputError(f"Unknown measure {self.name!r}: {_EXPECTED}")
        if self.rel < 1 or (self.rel > 1 and self.kind == "nDCG"):
            raise InputError(
                f"Measure {self.name!r}: rel is the least gain that is relevant, at least 1, and "
                "nDCG, which counts gains themselves, has none."
            )

    @classmethod
    def parse(cls, name: str) -> "Measure":
        """Return the measure of a name such as `nDCG@10`; capitals do not matter.

        Raises:
            InputError: there is no such measure.
        """
        match = _PATTERN.fullmatch(name.strip())
        if not match:
            raise InputError(f"Unknown measure {name!r}: {_EXPECTED}")
        kind, rel, k = match.groups()
        return cls(kind, int(k) if k else None, int(rel) if rel else 1)

    @property
    def name(self) -> str:
        """The standard spelling, such as `nDCG@10` or `P(rel=2)@5`."""
        rel = f"(rel={self.rel})" if self.rel != 1 else ""
        return f"{self.kind}{rel}" + ("" if self.k is None else f"@{self.k}")

    def of(self, ranking: Sequence[str], gains: Gains) -> float:
        """Return the measure of one ranking, best first, against one topic's gains."""
        if self.rel > 1:
            gains = {doc: int(gain >= self.rel) for doc, gain in gains.items()}
        return _FUNCTIONS[self.kind](ranking, gains, self.k)


_EXPECTED = (
    f"use one of {', '.join(_FUNCTIONS)} with @k (k at least 1), such as nDCG@10; "
    "nDCG, RR and AP also go without."
)


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


def overlap(found: Run, reference: Run, k: int) -> dict[str, float]:
    """Return how much of the reference's first `k` is among the found first `k`, by topic.

    Against an exact search this is the recall of an approximate one. A topic for which the
    reference has nothing is left out.
    """
    shares = {}
    for topic in reference.rankings:
        wanted = set(reference.of(topic)[:k])
        if wanted:
            shares[topic] = len(wanted & set(found.of(topic)[:k])) / len(wanted)
    return shares


def _discounted(gains: Sequence[int]) -> float:
    return sum(gain / log2(rank + 1) for rank, gain in enumerate(gains, start=1))


def _n_relevant(gains: Gains) -> int:
    return sum(gain > 0 for gain in gains.values())


def _relevant(ranking: Sequence[str], gains: Gains) -> Iterator[tuple[int, bool]]:
    return ((rank, gains.get(doc, 0) > 0) for rank, doc in enumerate(ranking, start=1))
