"""Judged sets with two runs of known quality."""

import random
from collections.abc import Sequence

from latelight.evaluation import JudgementSet, Qrels, Run
from latelight.experiments import ClickModel, Paper, PositionBased


def paper(
    *, better: float = 0.0, n_topics: int = 40, seed: int = 0, users: ClickModel | None = None
) -> Paper:
    """Two runs over the same ten documents of each topic, one of them relevant.

    Topics come in pairs that exchange the rankings of a and b, so that both are equally good for
    any user and any method; in a share `better` of them b then has the relevant document first.
    """
    generator = random.Random(seed)
    gains, in_a, in_b = {}, {}, {}
    for number in range(0, n_topics, 2):
        orders = [generator.sample(range(10), 10) for _ in "ab"]
        for topic, (one, two) in ((number, orders), (number + 1, orders[::-1])):
            gains[f"q{topic}"] = {f"q{topic}d0": 1}
            in_a[f"q{topic}"] = _ranking(topic, one)
            lifted = [0, *(i for i in two if i)] if topic < better * n_topics else two
            in_b[f"q{topic}"] = _ranking(topic, lifted)
    judgements = JudgementSet("made", {t: f"text of {t}" for t in gains}, Qrels(gains))
    return Paper(judgements, Run(in_a, "a"), Run(in_b, "b"), users or PositionBased())


def _ranking(topic: int, order: Sequence[int]) -> tuple[tuple[str, float], ...]:
    return tuple((f"q{topic}d{i}", float(-rank)) for rank, i in enumerate(order))
