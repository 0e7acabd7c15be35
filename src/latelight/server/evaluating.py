"""Evaluations, made in the background: runs of versions, measures, comparison, report."""

import logging
from collections.abc import Callable
from typing import Any

from latelight.app import Collection
from latelight.errors import InputError, LatelightError, NotFoundError
from latelight.evaluation import (
    JudgementSet,
    Measure,
    Run,
    RunRecord,
    compare,
    coverage,
    score,
    search_topics,
)
from latelight.evaluation.report import html_report
from latelight.releases.evaluations import EvaluationRecord
from latelight.server.judgements import judgements_of
from latelight.server.problems import INTERNAL
from latelight.server.service import Service

LOG = logging.getLogger("latelight.server.evaluations")
DEPTH = 100
MOST_CHANGED = 10


def check_asked(target: Collection, asked: dict[str, Any]) -> None:
    """Make sure that an evaluation can be made.

    Raises:
        InputError: a measure is none, a judged topic has no text, or nothing is judged.
        NotFoundError: there is no such version.
    """
    judged = judgements_of("asked", asked)
    if not judged.judged:
        raise InputError("No topic has a relevant document; give each at least one grade above 0.")
    for name in asked["measures"]:
        Measure.parse(name)
    for which in asked["versions"]:
        target.version(which)


def evaluate(service: Service, record: EvaluationRecord) -> None:
    """Make an evaluation, and write down what came out."""
    service.evaluations.begin(record.evaluation_id)
    try:
        target = service.collection(record.namespace, record.collection)
        result, report = _made(target, record)
        service.evaluations.finish(record.evaluation_id, result, report)
    except LatelightError as error:
        service.evaluations.fail(record.evaluation_id, str(error))
    except Exception as error:  # the next one is to be made all the same
        LOG.error("evaluation failed", exc_info=error)
        service.evaluations.fail(record.evaluation_id, INTERNAL)


def _made(target: Collection, record: EvaluationRecord) -> tuple[dict[str, Any], str]:
    judged = judgements_of(record.evaluation_id, record.asked)
    _check_there(target, judged)
    measures = [Measure.parse(name) for name in record.asked["measures"]]
    found = [_run(target, which, judged, measures) for which in record.asked["versions"]]
    runs, records = [run for run, _ in found], {run.name: own for run, own in found}
    result: dict[str, Any] = {"records": {name: own.to_dict() for name, own in records.items()}}
    if len(runs) < 2:
        return result, ""
    comparison = compare(runs, judged, measures)
    result |= comparison.to_dict()
    result["changed"] = [
        {
            "system": one.system,
            "measure": one.measure,
            "topics": [vars_of(topic) for topic in one.changed(MOST_CHANGED)],
        }
        for one in comparison.differences
    ]
    return result, html_report(comparison, records, f"Evaluation {record.evaluation_id}")


def _check_there(target: Collection, judged: JudgementSet) -> None:
    """Refuse judgements of nothing that is in the collection: every measure would be 0."""
    there = coverage(judged, {one.doc_id for one in target.documents()}.__contains__)
    if not there.topics:
        raise NotFoundError(
            f"{there.said()}; the first names {there.missing[0]!r}. Judgements name documents by "
            "doc_id, as the list of documents shows them."
        )


def vars_of(topic: Any) -> dict[str, Any]:
    """Return a topic that changed as JSON."""
    return {
        "topic": topic.topic,
        "text": topic.text,
        "before": topic.before,
        "after": topic.after,
    }


def _run(
    target: Collection, which: str, judged: JudgementSet, measures: list[Measure]
) -> tuple[Run, RunRecord]:
    timed = search_topics(_ranking(target, which), judged.judged, which)
    values = score(timed.run, judged, measures)
    record = RunRecord(
        name=which,
        judgements={"name": judged.name, "digest": judged.digest},
        means={measure: sum(v.values()) / len(v) for measure, v in values.items()},
        per_topic=values,
        latency=timed.latency,
        pipeline={"digest": target.version(which).digest},
    )
    return timed.run, record


def _ranking(target: Collection, which: str) -> Callable[[str], list[tuple[str, float]]]:
    def ranking(text: str) -> list[tuple[str, float]]:
        hits = target.view(which).search(text, k=DEPTH, group_by="document")
        return [(hit.doc_id, hit.score) for hit in hits]

    return ranking
