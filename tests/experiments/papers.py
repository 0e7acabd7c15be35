"""Judged sets with two runs of known quality."""

import random

from latelight.evaluation import JudgementSet, Qrels, Run
from latelight.experiments import ClickModel, Paper, PositionBased


def paper(
    *, better: float = 0.0, n_topics: int = 40, seed: int = 0, users: ClickModel | None = None
) -> Paper:
    """Two runs over the same ten documents of each topic, one of them relevant.

    In run a it lies anywhere; run b moves it to the top in a share `better` of the topics, and is
    otherwise another order of the same quality.
    """
    generator = random.Random(seed)
    gains, in_a, in_b = {}, {}, {}
    for number in range(n_topics):
        topic = f"q{number}"
        docs = [f"{topic}d{i}" for i in range(10)]
        gains[topic] = {docs[0]: 1}
        place = generator.randrange(10)
        in_a[topic] = _ranking(docs, place, generator)
        top = number < better * n_topics
        in_b[topic] = _ranking(docs, 0 if top else place, generator)
    judgements = JudgementSet("made", {t: f"text of {t}" for t in gains}, Qrels(gains))
    return Paper(judgements, Run(in_a, "a"), Run(in_b, "b"), users or PositionBased())


def _ranking(
    docs: list[str], place: int, generator: random.Random
) -> tuple[tuple[str, float], ...]:
    others = docs[1:]
    generator.shuffle(others)
    ordered = [*others[:place], docs[0], *others[place:]]
    return tuple((doc, float(-rank)) for rank, doc in enumerate(ordered))
