"""Evaluations by a server: judged topics, searched in one version of a collection or several."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from latelight.client import calls
from latelight.client.calls import Place
from latelight.client.lists import every
from latelight.client.steps import Call, Pause, Talking, Work
from latelight.errors import InputError, LatelightError
from latelight.evaluation import JudgementSet, RunRecord, read_judgements
from latelight.releases.evaluations import EvaluationState

FIRST_LOOK, LONGEST_LOOK = 0.1, 2.0


@dataclass(frozen=True)
class Evaluation:
    """An evaluation at one moment.

    Attributes:
        evaluation_id: its name, also for the gate of a release's plan.
        state: `waiting` for its turn, `running`, `done`, or `failed`.
        versions: aliases or digests, the baseline first.
        measures: such as `nDCG@10`.
        error: why it failed.
        created_at, updated_at: seconds since 1970-01-01 UTC.
        records: by version, as `latelight eval run` keeps them; empty before the end.
        comparison: JSON of `latelight.evaluation.Comparison`, and topics that changed most; empty
            before the end, and of a single version.
    """

    evaluation_id: str
    state: EvaluationState
    versions: tuple[str, ...]
    measures: tuple[str, ...]
    error: str
    created_at: float
    updated_at: float
    records: Mapping[str, RunRecord] = field(default_factory=dict)
    comparison: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_under_way(self) -> bool:
        """Whether it goes on, or will."""
        return self.state in ("waiting", "running")

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "Evaluation":
        """Return the evaluation of a server's JSON form.

        Raises:
            TypeError, KeyError: it is none.
        """
        comparison = dict(parts["result"] or {})
        records = comparison.pop("records", {})
        return cls(
            evaluation_id=parts["evaluation_id"],
            state=parts["state"],
            versions=tuple(parts["versions"]),
            measures=tuple(parts["measures"]),
            error=parts["error"],
            created_at=parts["created_at"],
            updated_at=parts["updated_at"],
            records={name: RunRecord.from_dict(one) for name, one in records.items()},
            comparison=comparison,
        )


def start(
    place: Place,
    judgements: JudgementSet | str | Path,
    *,
    measures: Sequence[str] = ("nDCG@10",),
    versions: Sequence[str] = ("live",),
) -> Talking[Evaluation]:
    """Begin to search judged topics in each version, and to compare them; return at once.

    Args:
        judgements: a set, or a file or folder here that `latelight eval` reads; without places.
        measures: what is computed.
        versions: aliases, digests, or their beginnings; the first is the baseline.

    Raises:
        InputError: nothing is judged, a measure is none, or a text stands where a list should.
        NotFoundError: there are no such judgements, or no such version.
    """
    for name, given in (("measures", measures), ("versions", versions)):
        if isinstance(given, str):
            raise InputError(f"{name} takes a list; write [{given!r}].")
    judged = judgements if isinstance(judgements, JudgementSet) else (yield from _read(judgements))
    asked = {
        "queries": dict(judged.topics),
        "qrels": {topic: dict(gains) for topic, gains in judged.qrels.gains.items()},
        "measures": list(measures),
        "versions": list(versions),
    }
    evaluation_id = yield from calls.begin_evaluation(place, asked)
    return (yield from get(place, evaluation_id))


def listed(place: Place) -> Talking[list[Evaluation]]:
    """Return every evaluation of the collection, newest first."""
    found = yield from every(partial(calls.list_evaluations, place))
    return [Evaluation.from_dict(one) for one in found]


def get(place: Place, evaluation_id: str) -> Talking[Evaluation]:
    """Return an evaluation as it stands.

    Raises:
        NotFoundError: the collection has none of this id.
    """
    return Evaluation.from_dict((yield from calls.get_evaluation(place, evaluation_id)))


def wait(place: Place, evaluation_id: str, timeout_s: float | None = None) -> Talking[Evaluation]:
    """Return an evaluation when it is done.

    Raises:
        TimeoutError: it is not done after `timeout_s` seconds; it goes on.
        LatelightError: it failed, and says why.
        NotFoundError: the collection has none of this id.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    seconds = FIRST_LOOK
    while (now := (yield from get(place, evaluation_id))).is_under_way:
        left = seconds if until is None else until - time.monotonic()
        if left <= 0:
            raise TimeoutError(
                f"Evaluation {evaluation_id} is not done after {timeout_s} s; it goes on."
            )
        yield Pause(min(seconds, left))
        seconds = min(2 * seconds, LONGEST_LOOK)
    if now.state == "failed":
        raise LatelightError(f"Evaluation {evaluation_id} failed on the server: {now.error}")
    return now


def report(place: Place, evaluation_id: str) -> Call[str]:
    """Return the comparison as one page of HTML, with all that it shows in it.

    Raises:
        NotFoundError: the collection has none of this id, it is not done, or it is of one version.
    """
    return calls.get_report(place, evaluation_id)


def _read(path: str | Path) -> Talking[JudgementSet]:
    return (yield from Work(lambda: read_judgements(path)))
