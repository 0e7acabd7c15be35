"""Options and steps that the commands on judged sets share."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from latelight.app.judging import Judgements
from latelight.cli.options import open_collection
from latelight.errors import InputError
from latelight.evaluation import (
    JudgementSet,
    Measure,
    Run,
    RunRecord,
    load_run,
    read_beir,
    read_judgements,
)

DEFAULT_MEASURES = ("nDCG@10", "R@100", "RR@10")

JudgementsOption = Annotated[
    str,
    typer.Option(
        "--judgements",
        "-j",
        help="A set in JSON, BEIR folder, .csv table, TREC qrels, or COLLECTION@NAME of a set that "
        "is kept there.",
    ),
]
TopicsOption = Annotated[
    Path | None, typer.Option("--topics", help="Topics, for TREC qrels without texts.")
]
SplitOption = Annotated[str, typer.Option("--split", help="Of a BEIR folder.")]
MeasureOption = Annotated[
    list[str] | None,
    typer.Option("--measure", "-m", help="Such as nDCG@10, R@100, RR, AP, P@5; repeatable."),
]


@dataclass(frozen=True)
class Where:
    """Whose judgement sets are meant, as options say it."""

    library: str | None = None
    namespace: str | None = None
    collection: str | None = None


def open_judgements(which: str, topics: Path | None, split: str, where: Where) -> JudgementSet:
    """Return the judgements that the options name: files, or a set that a collection keeps.

    Raises:
        NotFoundError: there is neither.
    """
    path = Path(which)
    if "@" in which and not path.exists():
        collection, _, name = which.rpartition("@")
        return _kept(where, collection or where.collection).get(name)
    if path.is_dir():
        return read_beir(path, split)
    if path.exists() or topics is not None:
        return read_judgements(path, topics)
    return _kept(where, where.collection).find(which)


def _kept(where: Where, collection: str | None) -> Judgements:
    return open_collection(where.library, collection, where.namespace).judgements


def parse_measures(names: Sequence[str] | None) -> tuple[Measure, ...]:
    """Return the measures of their names, the usual ones for none."""
    return tuple(dict.fromkeys(Measure.parse(name) for name in names or DEFAULT_MEASURES))


def open_runs(paths: Sequence[Path], least: int = 1) -> tuple[list[Run], dict[str, RunRecord]]:
    """Return runs and, by name, their records; runs of one name are called after their files.

    Raises:
        InputError: there are fewer than needed.
    """
    if len(paths) < least:
        raise InputError(f"Give at least {least} runs; got {len(paths)}.")
    loaded = [load_run(path) for path in paths]
    tags = [run.name for run, _ in loaded]
    stems = [path.name.removesuffix(".trec") for path in paths]
    names = tags if len(set(tags)) == len(tags) else stems
    if len(set(names)) != len(names):
        names = [str(path) for path in paths]
    runs = [replace(run, name=name) for (run, _), name in zip(loaded, names, strict=True)]
    records = {
        name: record for (_, record), name in zip(loaded, names, strict=True) if record is not None
    }
    return runs, records
