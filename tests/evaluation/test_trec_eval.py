"""Our measures against trec_eval's own code, on random runs with many ties."""

import random
from pathlib import Path

import pytest

from latelight.evaluation import Measure, Qrels, Run, evaluate, read_run, write_run

pytrec_eval = pytest.importorskip("pytrec_eval")

DEPTHS = (1, 3, 5, 10, 100)
TREC_NAMES = (
    {f"nDCG@{k}": f"ndcg_cut_{k}" for k in DEPTHS}
    | {f"R@{k}": f"recall_{k}" for k in DEPTHS}
    | {f"P@{k}": f"P_{k}" for k in DEPTHS}
    | {f"Success@{k}": f"success_{k}" for k in DEPTHS}
    | {f"AP@{k}": f"map_cut_{k}" for k in DEPTHS}
    | {"nDCG": "ndcg", "AP": "map", "RR": "recip_rank"}
)


def random_judgements(seed: int) -> tuple[Qrels, Run]:
    generator = random.Random(seed)
    docs = [f"d{i}" for i in range(60)]
    gains = {
        f"q{t}": {d: generator.choice((-1, 0, 0, 1, 1, 2, 3)) for d in generator.sample(docs, 20)}
        for t in range(25)
    }
    rankings = {
        topic: tuple(
            (doc, generator.randrange(8) / 4)  # eight values for up to sixty documents
            for doc in generator.sample(docs, generator.randrange(1, 60))
        )
        for topic in gains
    }
    return Qrels(gains), Run(rankings)


@pytest.mark.parametrize("seed", range(5))
def test_measures_equal_those_of_trec_eval_topic_by_topic(seed: int, tmp_path: Path) -> None:
    qrels, run = random_judgements(seed)
    write_run(run, tmp_path / "run.trec")
    read = read_run(tmp_path / "run.trec")
    names = {"ndcg", "map", "recip_rank"} | {
        f"{one}.{','.join(map(str, DEPTHS))}"
        for one in ("ndcg_cut", "recall", "P", "success", "map_cut")
    }
    evaluator = pytrec_eval.RelevanceEvaluator({t: dict(g) for t, g in qrels.gains.items()}, names)
    theirs = evaluator.evaluate({t: dict(r) for t, r in run.rankings.items()})
    for name, trec_name in TREC_NAMES.items():
        ours = evaluate(read, qrels, Measure.parse(name))
        assert len(ours) > 20
        for topic, value in ours.items():
            assert value == pytest.approx(theirs[topic][trec_name], abs=5e-5), (name, topic)


def test_higher_levels_of_relevance_equal_those_of_trec_eval() -> None:
    qrels, run = random_judgements(7)
    ordered = Run(
        {t: tuple(sorted(r, key=lambda p: (p[1], p[0]))[::-1]) for t, r in run.rankings.items()}
    )
    evaluator = pytrec_eval.RelevanceEvaluator(
        {t: dict(g) for t, g in qrels.gains.items()}, {"map", "P.5"}, relevance_level=2
    )
    theirs = evaluator.evaluate({t: dict(r) for t, r in run.rankings.items()})
    for name, trec_name in {"AP(rel=2)": "map", "P(rel=2)@5": "P_5"}.items():
        for topic, value in evaluate(ordered, qrels, Measure.parse(name)).items():
            assert value == pytest.approx(theirs[topic][trec_name], abs=5e-5)
