"""What a run cost and scored, kept beside its TREC file."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latelight.errors import DamagedFileError, InputError
from latelight.evaluation.judgements import JudgementSet
from latelight.evaluation.measures import Measure, evaluate
from latelight.evaluation.runs import Run, in_trec_order, read_run, write_run

Ranking = Sequence[tuple[str, float]]
Search = Callable[[str], Ranking]


@dataclass(frozen=True)
class Latency:
    """How long searches took, in milliseconds."""

    mean: float
    p50: float
    p95: float

    @classmethod
    def of(cls, milliseconds: Sequence[float]) -> "Latency":
        """Return the latency of measured searches, at least one."""
        p50, p95 = np.quantile(milliseconds, (0.5, 0.95)).tolist()
        return cls(float(np.mean(milliseconds)), p50, p95)


@dataclass(frozen=True)
class TimedRun:
    """A run and how long each of its searches took."""

    run: Run
    milliseconds: Mapping[str, float]

    @property
    def latency(self) -> Latency:
        """Over all topics."""
        return Latency.of(list(self.milliseconds.values()))


@dataclass(frozen=True)
class RunRecord:
    """A row of a table of systems: quality, speed and size together.

    Attributes:
        name: the run's.
        judgements: name and digest of the set that gave the topics.
        means: value by measure.
        per_topic: values by measure and topic.
        latency: None when it was not measured.
        costs: sizes and times by name, such as `n_bytes` of the index or `encode_seconds`.
        pipeline: what was searched: its digest, the collection's content, the options.
        localisation: by measure (`pointing`, `iou`) and topic; empty without judged places.
        note: in the user's words.
    """

    name: str
    judgements: Mapping[str, str]
    means: Mapping[str, float]
    per_topic: Mapping[str, Mapping[str, float]]
    latency: Latency | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    pipeline: Mapping[str, Any] = field(default_factory=dict)
    localisation: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    note: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "RunRecord":
        """Return the record of a JSON form.

        Raises:
            TypeError, KeyError: it is none.
        """
        latency = Latency(**parts["latency"]) if parts.get("latency") else None
        return cls(**{**parts, "latency": latency})


def search_topics(
    search: Search, topics: Mapping[str, str], name: str, *, warm_up: bool = True
) -> TimedRun:
    """Return the run of searching every topic, in TREC's order, with times.

    Args:
        search: the ranking of a text, best first.
        topics: text by topic.
        name: the run's.
        warm_up: search the first topic once before, untimed: models load at their first use.

    Raises:
        InputError: there are no topics.
    """
    if not topics:
        raise InputError("There is no judged topic to search for.")
    if warm_up:
        search(next(iter(topics.values())))
    rankings: dict[str, tuple[tuple[str, float], ...]] = {}
    times: dict[str, float] = {}
    for topic, text in topics.items():
        began = time.perf_counter()
        rankings[topic] = tuple(search(text))
        times[topic] = 1000 * (time.perf_counter() - began)
    return TimedRun(in_trec_order(Run(rankings, name)), times)


def score(
    run: Run, judgements: JudgementSet, measures: Sequence[Measure]
) -> dict[str, dict[str, float]]:
    """Return values by measure and topic."""
    return {measure.name: evaluate(run, judgements.qrels, measure) for measure in measures}


def save_run(run: Run, record: RunRecord, path: str | Path) -> tuple[Path, Path]:
    """Write the record as JSON and the run beside it; return both paths.

    The record comes first: what was measured survives names that TREC's columns cannot hold.
    """
    trec = Path(path)
    trec.parent.mkdir(parents=True, exist_ok=True)
    beside = record_path(trec)
    text = json.dumps(record.to_dict(), ensure_ascii=False, indent=1)
    beside.write_text(text + "\n", encoding="utf-8")
    write_run(run, trec)
    return trec, beside


def load_run(path: str | Path) -> tuple[Run, RunRecord | None]:
    """Return a run and, when one lies beside it, its record.

    Raises:
        NotFoundError: there is no such run.
        DamagedFileError: one of the two is malformed.
    """
    run, beside = read_run(path), record_path(Path(path))
    if not beside.is_file():
        return run, None
    try:
        return run, RunRecord.from_dict(json.loads(beside.read_text(encoding="utf-8")))
    except (ValueError, TypeError, KeyError) as error:
        raise DamagedFileError(
            f"{beside}: not the record of a run ({error}); remove it, or write it again with "
            "latelight eval run."
        ) from error


def record_path(run: Path) -> Path:
    """Return where the record of a run lies."""
    return run.with_name(run.name + ".json")
