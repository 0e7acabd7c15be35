"""Runs of known quality over made judgements."""

import random

from latelight.evaluation import JudgementSet, Qrels, Run


def judgements(n_topics: int) -> JudgementSet:
    """Each topic has one relevant document, `<topic>d0`."""
    topics = {f"q{i}": f"question <{i}> & more" for i in range(n_topics)}
    return JudgementSet("made", topics, Qrels({topic: {f"{topic}d0": 1} for topic in topics}))


def run(name: str, judged: JudgementSet, places: dict[str, int]) -> Run:
    """The relevant document at a place (from 0) of each topic, among nine others."""
    rankings = {}
    for topic, place in places.items():
        docs = [f"{topic}d{i}" for i in range(1, 10)]
        docs.insert(place, f"{topic}d0")
        rankings[topic] = tuple((doc, float(-i)) for i, doc in enumerate(docs))
    return Run(rankings, name)


def pair(n_topics: int, *, better: float = 0.0, seed: int = 0) -> tuple[JudgementSet, Run, Run]:
    """A baseline and a system that lifts a share of the topics to the top."""
    judged, generator = judgements(n_topics), random.Random(seed)
    before = {topic: generator.randrange(1, 10) for topic in judged.topics}
    lifted = {
        topic: 0 if generator.random() < better else generator.randrange(1, 10) for topic in before
    }
    return judged, run("before", judged, before), run("after", judged, lifted)
