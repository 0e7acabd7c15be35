"""Does a collection hold what judgements name? Measures of what is not there are 0 for everyone."""

from collections.abc import Callable
from dataclasses import dataclass

from latelight.evaluation.judgements import JudgementSet


@dataclass(frozen=True)
class Coverage:
    """How much of what is judged relevant is there.

    Attributes:
        n_judged: different documents (or units) that are relevant for a topic.
        missing: those that are not there, sorted.
        topics: with at least one that is there, in the judgements' order.
        n_topics: with a relevant document at all.
    """

    n_judged: int
    missing: tuple[str, ...]
    topics: tuple[str, ...]
    n_topics: int

    @property
    def n_found(self) -> int:
        """How many are there."""
        return self.n_judged - len(self.missing)

    def said(self, what: str = "documents") -> str:
        """Return the count as a sentence without its full stop; `what` is judged."""
        return f"{self.n_found:,} of {self.n_judged:,} judged {what} are in the collection"


def coverage(judgements: JudgementSet, is_there: Callable[[str], bool]) -> Coverage:
    """Return how much of what is judged relevant is there.

    Args:
        judgements: what is relevant.
        is_there: whether a document or unit that they name exists.
    """
    by_topic = {
        topic: [name for name, gain in judgements.qrels.of(topic).items() if gain > 0]
        for topic in judgements.qrels.topics
    }
    judged = {name for names in by_topic.values() for name in names}
    missing = {name for name in judged if not is_there(name)}
    topics = tuple(t for t, names in by_topic.items() if not missing.issuperset(names))
    return Coverage(len(judged), tuple(sorted(missing)), topics, len(by_topic))
