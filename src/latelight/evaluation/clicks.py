"""Judgements from logged interactions: what people chose among what they were shown."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from latelight.errors import InputError
from latelight.evaluation.judgements import JudgementSet
from latelight.evaluation.runs import Qrels


@dataclass(frozen=True)
class LoggedSearch:
    """One search as a person saw it.

    Attributes:
        query: its text.
        shown: documents in the order shown, the first at position 1.
        clicked: those of them that were opened.
    """

    query: str
    shown: tuple[str, ...]
    clicked: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.query.strip():
            raise InputError("A logged search has no query; leave such entries out.")
        stray = sorted(self.clicked - set(self.shown))
        if stray:
            raise InputError(
                f"A search for {self.query!r} logs clicks on {stray[0]!r}, which it did not show."
            )


@dataclass(frozen=True)
class ClickRule:
    """How clicks become gains.

    A document's attraction is the share of its impressions that were clicked. With `debias`
    each click counts 1 / (probability that its position is looked at), so that documents that were
    shown low are not judged by how seldom people look there: inverse propensity scoring (Joachims,
    Swaminathan and Schnabel, 2017). Position p is looked at with probability (1 / p) ** `eta`;
    1 is their choice, 0 no bias at all, and `propensities` states measured ones instead.

    Attributes:
        levels: the gain is how many of these the attraction reaches.
        min_impressions: documents shown less often stay unjudged.
        min_clicks: documents clicked less often have gain 0.
        debias: weigh clicks by position.
        eta: how fast people stop looking further down.
        propensities: from position 1 on; positions beyond have the last.
        least_propensity: no click counts more than 1 / this, which bounds the variance.
    """

    levels: tuple[float, ...] = (0.1, 0.3)
    min_impressions: int = 5
    min_clicks: int = 2
    debias: bool = True
    eta: float = 1.0
    propensities: tuple[float, ...] = ()
    least_propensity: float = 0.05

    def __post_init__(self) -> None:
        if not self.levels or list(self.levels) != sorted(set(self.levels)) or self.levels[0] <= 0:
            raise InputError(f"Levels {self.levels!r} must be above 0 and rise.")
        if self.min_impressions < 1 or self.min_clicks < 1:
            raise InputError("min_impressions and min_clicks must be at least 1.")
        shares = (*self.propensities, self.least_propensity)
        if self.eta < 0 or not all(0 < share <= 1 for share in shares):
            raise InputError("eta must be 0 or more, and propensities lie in (0, 1].")

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
    weight: float = 0.0

    def count(self, clicked: bool, propensity: float) -> None:
        self.n_shown += 1
        self.n_clicks += clicked
        self.weight += clicked / propensity


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
        for position, doc in enumerate(search.shown, start=1):
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
        doc: rule.gain(seen.weight / seen.n_shown, seen.n_clicks)
        for doc, seen in documents.items()
        if seen.n_shown >= rule.min_impressions
    }
