"""How good a ranking is: judgements, runs, measures and comparisons; knows nothing of an index."""

from latelight.evaluation.clicks import ClickRule, LoggedSearch, judge_by_clicks
from latelight.evaluation.compare import (
    CompareOptions,
    Comparison,
    Difference,
    Verdict,
    compare,
)
from latelight.evaluation.coverage import Coverage, coverage
from latelight.evaluation.judgement_files import (
    read_beir,
    read_judgements,
    read_topics,
    read_trec,
    write_beir,
    write_trec,
)
from latelight.evaluation.judgement_tables import read_csv, write_csv
from latelight.evaluation.judgements import (
    EvidenceJudgement,
    JudgementSet,
    from_evidence,
    unit_name,
)
from latelight.evaluation.localisation import Localisation, localise, localise_topics
from latelight.evaluation.measures import (
    Measure,
    average_precision,
    evaluate,
    mean,
    mrr,
    ndcg,
    overlap,
    precision,
    recall,
    success,
)
from latelight.evaluation.records import (
    Latency,
    RunRecord,
    load_run,
    save_run,
    score,
    search_topics,
)
from latelight.evaluation.runs import (
    Qrels,
    Run,
    in_trec_order,
    read_qrels,
    read_run,
    write_qrels,
    write_run,
)
from latelight.evaluation.significance import Draws, Interval, Tested

__all__ = [
    "ClickRule",
    "CompareOptions",
    "Comparison",
    "Coverage",
    "Difference",
    "Draws",
    "EvidenceJudgement",
    "Interval",
    "JudgementSet",
    "Latency",
    "Localisation",
    "LoggedSearch",
    "Measure",
    "Qrels",
    "Run",
    "RunRecord",
    "Tested",
    "Verdict",
    "average_precision",
    "compare",
    "coverage",
    "evaluate",
    "from_evidence",
    "in_trec_order",
    "judge_by_clicks",
    "load_run",
    "localise",
    "localise_topics",
    "mean",
    "mrr",
    "ndcg",
    "overlap",
    "precision",
    "read_beir",
    "read_csv",
    "read_judgements",
    "read_qrels",
    "read_run",
    "read_topics",
    "read_trec",
    "recall",
    "save_run",
    "score",
    "search_topics",
    "success",
    "unit_name",
    "write_beir",
    "write_csv",
    "write_qrels",
    "write_run",
    "write_trec",
]
