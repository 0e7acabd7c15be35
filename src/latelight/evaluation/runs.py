"""Qrels and runs as values, and the files that TREC's tools read and write."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from latelight.errors import DamagedFileError, InputError, NotFoundError


@dataclass(frozen=True)
class Qrels:
    """Relevance judgements: for each topic, the gain of every judged document.

    A gain of 0 or less means judged and not relevant.
    """

    gains: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def topics(self) -> tuple[str, ...]:
        """Topics with at least one relevant document, in the order they were given."""
        return tuple(t for t, docs in self.gains.items() if any(g > 0 for g in docs.values()))

    def of(self, topic: str) -> Mapping[str, int]:
        """Return the topic's judged documents and gains; none for an unjudged topic."""
        return self.gains.get(topic, {})


@dataclass(frozen=True)
class Run:
    """Rankings: for each topic the documents that were found, best first.

    Attributes:
        rankings: (document, score) pairs by topic; no document twice in a topic.
        name: the run's tag in a TREC file.
    """

    rankings: Mapping[str, tuple[tuple[str, float], ...]] = field(default_factory=dict)
    name: str = "latelight"

    def __post_init__(self) -> None:
        for topic, ranking in self.rankings.items():
            if len({doc for doc, _ in ranking}) != len(ranking):
                raise InputError(
                    f"Topic {topic!r} of run {self.name!r} ranks a document more than once; "
                    "keep each document's best place only."
                )

    def of(self, topic: str) -> tuple[str, ...]:
        """Return the documents found for a topic, best first; none for an unknown topic."""
        return tuple(doc for doc, _ in self.rankings.get(topic, ()))


def read_qrels(path: str | Path) -> Qrels:
    """Return the judgements of a file, in TREC's four columns or BEIR's three with a header.

    Raises:
        NotFoundError: there is no such file.
        DamagedFileError: a line has another number of columns, or a gain that is no whole number.
    """
    gains: dict[str, dict[str, int]] = {}
    for number, columns in _lines(Path(path)):
        if number == 1 and columns[0] == "query-id":
            continue
        topic, doc, gain = _judgement(columns, f"{path}, line {number}")
        gains.setdefault(topic, {})[doc] = gain
    return Qrels(gains)


def write_qrels(qrels: Qrels, path: str | Path) -> None:
    """Write judgements in TREC's columns: topic, 0, document, gain."""
    rows = ((t, "0", d, str(g)) for t, docs in qrels.gains.items() for d, g in docs.items())
    _write_rows(rows, Path(path))


def read_run(path: str | Path) -> Run:
    """Return a run from TREC's six columns; scores decide the order, as in trec_eval.

    Equal scores are ordered by document name, descending, as trec_eval does. The rank column is
    ignored.

    Raises:
        NotFoundError: there is no such file.
        DamagedFileError: a line has another number of columns, or a score that is no number.
        InputError: a topic ranks a document more than once.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    name = "latelight"
    for number, columns in _lines(Path(path)):
        topic, doc, score, name = _ranked(columns, f"{path}, line {number}")
        found.setdefault(topic, []).append((doc, score))
    return in_trec_order(Run({t: tuple(docs) for t, docs in found.items()}, name))


def in_trec_order(run: Run) -> Run:
    """Return the run as trec_eval would order it: by score, equal ones by name, both descending.

    A run that is written and read again has this order, so that its measures stay what they were.
    """
    ordered = {
        topic: tuple(sorted(ranking, key=lambda pair: (pair[1], pair[0]), reverse=True))
        for topic, ranking in run.rankings.items()
    }
    return Run(ordered, run.name)


def write_run(run: Run, path: str | Path) -> None:
    """Write a run in TREC's columns: topic, Q0, document, rank from 1, score, run name."""
    rows = (
        (topic, "Q0", doc, str(rank), repr(float(score)), run.name)
        for topic, ranking in run.rankings.items()
        for rank, (doc, score) in enumerate(ranking, start=1)
    )
    _write_rows(rows, Path(path))


def _judgement(columns: list[str], where: str) -> tuple[str, str, int]:
    if len(columns) not in (3, 4) or not re.fullmatch(r"[+-]?\d+", columns[-1]):
        raise DamagedFileError(
            f"{where}: expected `topic 0 document gain` or `topic document gain` with a whole "
            f"number for the gain; got {' '.join(columns)!r}."
        )
    return columns[0], columns[-2], int(columns[-1])


def _ranked(columns: list[str], where: str) -> tuple[str, str, float, str]:
    try:
        topic, _, doc, _, score, name = columns
        if not isfinite(float(score)):
            raise ValueError
        return topic, doc, float(score), name
    except ValueError:
        raise DamagedFileError(
            f"{where}: expected `topic Q0 document rank score name` with a finite number "
            f"for the score; got {' '.join(columns)!r}."
        ) from None


def _lines(path: Path) -> Iterator[tuple[int, list[str]]]:
    if not path.is_file():
        raise NotFoundError(f"There is no file {path}; give the path of a qrels or run file.")
    with path.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if columns := line.split():
                yield number, columns


def _write_rows(rows: Iterable[tuple[str, ...]], path: Path) -> None:
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            if any(not cell or re.search(r"\s", cell) for cell in row):
                raise InputError(
                    f"{row!r} cannot be written to {path}: TREC's files separate columns by "
                    "white space, so that names must be non-empty and free of it. Rename these."
                )
            out.write(" ".join(row) + "\n")
