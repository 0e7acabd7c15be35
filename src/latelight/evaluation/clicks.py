"""Judgements from logged interactions: what people chose among what they were shown."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

from latelight.errors import InputError
from latelight.evaluation.judgements import JudgementSet
from latelight.evaluation.runs import Qrels

Estimator = Literal["ips", "coec"]


@dataclass(frozen=True)
class LoggedSearch:
    """One search as a person saw it.

    Attributes:
        query: its text.
        shown: documents in the order shown, the first at position 1.
        clicked: those of them that were opened.
        positions: where each stood, from 1, where that is not its number: a list may show several
            places of a document.
    """

    query: str
    shown: tuple[str, ...]
    clicked: frozenset[str] = frozenset()
    positions: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise InputError("A logged search has no query; leave such entries out.")
        stray = sorted(self.clicked - set(self.shown))
        if stray:
            raise InputError(
                f"A search for {self.query!r} logs clicks on {stray[0]!r}, which it did not show."
            )
        if self.positions and (len(self.positions) != len(self.shown) or min(self.positions) < 1):
            raise InputError(
                f"A search for {self.query!r} has positions {self.positions!r} for "
                f"{len(self.shown)} documents; give each one's, from 1, or none."
            )

    def seen(self, depth: int = 0) -> tuple[tuple[str, int], ...]:
        """Return the documents that count as shown, with their positions.

        Args:
            depth: those below count only down to the lowest click; 0 for all.
        """
        positions = self.positions or range(1, len(self.shown) + 1)
        placed = tuple(zip(self.shown, positions, strict=True))
        if not depth:
            return placed
        lowest = max((at for doc, at in placed if doc in self.clicked), default=0)
        return tuple((doc, at) for doc, at in placed if at <= max(depth, lowest))


@dataclass(frozen=True)
class ClickRule:
    """How clicks become gains.

    Position p is looked at with probability (1 / p) ** `eta`, whatever lies above it (the
    position-based model; Richardson, Dominowska and Ragno, 2007); `propensities` states measured
    probabilities instead. A document's attraction is estimated from its impressions for a query:

    - `ips`: the mean over impressions of click / probability of a look, inverse propensity scoring
      (Joachims, Swaminathan and Schnabel, 2017);
    - `coec`: clicks over expected clicks, the sum of the clicks by the sum of the probabilities
      (Zhang and Jones, 2007). A single click far down moves it less.

    Both have the same expectation where the model holds. Without `debias` every position is taken
    to be looked at, and both are the share of impressions that were clicked.

    Attributes:
        levels: the gain is how many of these the attraction reaches.
        min_impressions: documents shown less often stay unjudged.
        min_clicks: documents clicked less often have gain 0.
        debias: allow for positions.
        eta: how fast people stop looking further down; 1 is the choice of Joachims et al., 0 no
            bias at all.
        propensities: from position 1 on; positions beyond have the last.
        least_propensity: no position counts as looked at less often, which bounds the variance.
        estimator: which of the two.
        depth: impressions below this position count only down to the lowest click; 0 for all.
    """

    levels: tuple[float, ...] = (0.1, 0.3)
    min_impressions: int = 5
    min_clicks: int = 2
    debias: bool = True
    eta: float = 1.0
    propensities: tuple[float, ...] = ()
    least_propensity: float = 0.05
    estimator: Estimator = "ips"
    depth: int = 0

    def __post_init__(self) -> None:
        if self.estimator not in get_args(Estimator) or self.depth < 0:
            raise InputError(
                f"The estimator is {self.estimator!r} and the depth {self.depth}; give ips or "
                "coec, and 0 (all) or more."
            )
        if not self.levels or list(self.levels) != sorted(set(self.levels)) or self.levels[0] <= 0:
            raise InputError(f"Levels {self.levels!r} must be above 0 and rise.")
        if self.min_impressions < 1 or self.min_clicks < 1:
            raise InputError(
                f"min_impressions is {self.min_impressions} and min_clicks {self.min_clicks}; give "
                "at least 1 of each."
            )
        shares = (*self.propensities, self.least_propensity)
        if self.eta < 0 or not all(0 < share <= 1 for share in shares):
            raise InputError(
                f"eta is {self.eta!r} and propensities are {shares!r}; give 0 or more, and "
                "probabilities above 0, at most 1."
            )

    def propensity(self, position: int) -> float:
        """Return the probability that a position (from 1) is looked at, as far as it counts."""
        if not self.debias:
            return 1.0
        if self.propensities:
            looked = self.propensities[min(position, len(self.propensities)) - 1]
        else:
            looked = position**-self.eta
        return max(looked, self.least_propensity)

    def gain(self, attraction: float, n_clicks: int) -> int:
        """Return the gain of a document with enough impressions."""
        return 0 if n_clicks < self.min_clicks else sum(attraction >= x for x in self.levels)


@dataclass
class _Seen:
    """What is known of one document for one query."""

    n_shown: int = 0
    n_clicks: int = 0
    weighed: float = 0.0
    expected: float = 0.0

    def count(self, clicked: bool, propensity: float) -> None:
        self.n_shown += 1
        self.n_clicks += clicked
        self.weighed += clicked / propensity
        self.expected += propensity

    def attraction(self, estimator: Estimator) -> float:
        if estimator == "coec":
            return self.n_clicks / self.expected
        return self.weighed / self.n_shown


@dataclass
class _Topic:
    text: str
    documents: defaultdict[str, _Seen] = field(default_factory=lambda: defaultdict(_Seen))


DEFAULT_RULE = ClickRule()


def judge_by_clicks(
    name: str, searches: Iterable[LoggedSearch], rule: ClickRule = DEFAULT_RULE
) -> JudgementSet:
    """Return the judgements that logged searches support under a rule.

    Searches for the same words, whatever their case and spaces, are one topic, named after its
    words' hash, so that the same log gives the same names on every day. Topics of which nothing
    is relevant keep their judgements; measures leave them out.
    """
    topics: dict[str, _Topic] = {}
    for search in searches:
        topic = topics.setdefault(topic_of(search.query), _Topic(search.query.strip()))
        for doc, position in search.seen(rule.depth):
            topic.documents[doc].count(doc in search.clicked, rule.propensity(position))
    gains = {name_: _gains(topic.documents, rule) for name_, topic in topics.items()}
    judged = {topic: docs for topic, docs in gains.items() if docs}
    texts = {topic: topics[topic].text for topic in judged}
    return JudgementSet(name, texts, Qrels(judged), source=f"logged searches, {rule}")


def topic_of(query: str) -> str:
    """Return the topic's name for a query: equal for equal words."""
    words = " ".join(query.casefold().split())
    return "q" + hashlib.blake2b(words.encode(), digest_size=6).hexdigest()


def _gains(documents: Mapping[str, _Seen], rule: ClickRule) -> dict[str, int]:
    return {
        doc: rule.gain(seen.attraction(rule.estimator), seen.n_clicks)
        for doc, seen in documents.items()
        if seen.n_shown >= rule.min_impressions
    }
