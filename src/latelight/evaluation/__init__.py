"""How good a ranking is: qrels, runs and measures; knows nothing of an index."""

from latelight.evaluation.measures import Measure, evaluate, mean, mrr, ndcg, recall, success
from latelight.evaluation.runs import Qrels, Run, read_qrels, read_run, write_qrels, write_run

__all__ = [
    "Measure",
    "Qrels",
    "Run",
    "evaluate",
    "mean",
    "mrr",
    "ndcg",
    "read_qrels",
    "read_run",
    "recall",
    "success",
    "write_qrels",
    "write_run",
]
