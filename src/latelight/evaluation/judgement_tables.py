"""Judgement sets from and to tables: one line for each judged document or place."""

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path

from latelight.errors import DamagedFileError, InputError
from latelight.evaluation.judgements import EvidenceJudgement, JudgementSet
from latelight.evaluation.runs import Qrels
from latelight.evaluation.texts import read_text
from latelight.types import Box, CharSpan, Locator, TimeRange

_PLACES = {
    "box": ("left", "top", "right", "bottom"),
    "span": ("start", "end"),
    "time": ("start_s", "end_s"),
}
_WHOLE = "a whole number"
_COLUMNS = ("topic", "text", "doc_id", "gain", "unit_id", "page",
            *(column for columns in _PLACES.values() for column in columns))  # fmt: skip


def read_csv(path: str | Path, name: str = "") -> JudgementSet:
    """Return the judgements of a table with a header.

    Columns `topic` and `doc_id` are needed. `text` is the topic's text (the topic itself without
    such a column), `gain` its gain (1 without), and places are given by `unit_id` or `page` with
    `left, top, right, bottom`, with `start, end` in characters or `start_s, end_s` in seconds.

    Raises:
        NotFoundError: there is no such file.
        DamagedFileError: a column is missing or a value malformed; the line is named.
    """
    file = Path(path)
    source = f"CSV file {file.name}"
    return _of_table(read_text(file), str(path), name or file.stem, source)


def write_csv(judgements: JudgementSet, path: str | Path) -> None:
    """Write judged topics, documents and places as a table that `read_csv` reads.

    Raises:
        InputError: the table would not hold all of it: a place is in a document that has no gain,
            or is one that has no columns here, such as a part of a file.
    """
    out = io.StringIO(newline="")
    table = csv.DictWriter(out, _COLUMNS, restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(_rows(judgements))
    text = out.getvalue()
    judged = judgements.only(_judged(judgements))
    if _of_table(text, str(path), judged.name, judged.source).digest != judged.digest:
        raise InputError(
            f"Judgement set {judgements.name!r} does not fit a table: it judges places in "
            "documents that have no gain, or names and places that columns cannot say. Save it as "
            "JSON instead."
        )
    Path(path).write_text(text, encoding="utf-8")


def _judged(judgements: JudgementSet) -> list[str]:
    """Return the topics with judgements, in their order."""
    judged = set(judgements.qrels.gains) | {one.topic for one in judgements.evidence}
    return [topic for topic in judgements.topics if topic in judged]


def _rows(judgements: JudgementSet) -> Iterator[dict[str, str]]:
    for topic in _judged(judgements):
        places = judgements.places(topic)
        for doc, gain in judgements.qrels.of(topic).items():
            row = {"topic": topic, "text": judgements.topics[topic], "doc_id": doc}
            own = [_cells(one) for one in places if one.doc_id == doc]
            for cells in own or [{}]:
                yield {**row, "gain": str(gain), **cells}


def _cells(one: EvidenceJudgement) -> dict[str, str]:
    """Return the columns that say a place."""
    parts = one.place.to_dict()
    kind = next(kind for kind in _PLACES if kind in parts)
    cells = dict(zip(_PLACES[kind], map(repr, parts[kind]), strict=True))
    page = {"page": str(parts["page"])} if "page" in parts else {}
    return {"unit_id": one.unit_id, **page, **cells}


def _of_table(text: str, origin: str, name: str, source: str) -> JudgementSet:
    texts: dict[str, str] = {}
    gains: dict[str, dict[str, int]] = {}
    evidence: list[EvidenceJudgement] = []
    for number, row in _lines(text):
        try:
            topic, doc = _needed(row, "topic"), _needed(row, "doc_id")
            said = row.get("text") or texts.get(topic, topic)
            if texts.setdefault(topic, said) != said:
                raise ValueError(
                    f"topic {topic!r} has the text {said!r} here and {texts[topic]!r} before; "
                    "give one text for each topic"
                )
            gain = _whole(row.get("gain") or "1", "gain")
            known = gains.setdefault(topic, {})
            known[doc] = max(gain, known.get(doc, gain))
            place = _place(row)
            if place is not None:
                evidence.append(EvidenceJudgement(topic, doc, place, row.get("unit_id", "")))
        except ValueError as error:
            why = str(error).removesuffix(".")
            raise DamagedFileError(f"{origin}, line {number}: {why}.") from error
    return JudgementSet(name, texts, Qrels(gains), tuple(evidence), source)


def _place(row: Mapping[str, str]) -> Locator | None:
    """Return the judged place of a table's row, None when it names none."""
    named = {kind: [row.get(c, "") for c in columns] for kind, columns in _PLACES.items()}
    given = [kind for kind, cells in named.items() if any(cells)]
    if not given:
        return None
    (kind, *others) = given
    if others or not all(named[kind]):
        raise ValueError(f"a place has the columns {', '.join(_PLACES[kind])}, and no others")
    cells = list(zip(named[kind], _PLACES[kind], strict=True))
    page = _whole(row["page"], "page") if row.get("page") else None
    if kind == "span":
        return Locator(page=page, span=CharSpan(*(_whole(*cell) for cell in cells)))
    values = [_number(*cell) for cell in cells]
    if kind == "box":
        return Locator(page=page, box=Box(*values))
    return Locator(page=page, time=TimeRange(*values))


def _whole(cell: str, column: str) -> int:
    """Return the whole number of a cell; `2.0` is one, as tables like to write it."""
    number = _number(cell, column, _WHOLE)
    if number != int(number):
        raise ValueError(_said(cell, column, _WHOLE))
    return int(number)


def _number(cell: str, column: str, wanted: str = "a number") -> float:
    try:
        number = float(cell)
        if abs(number) < 2**53:  # neither infinite nor no number at all
            return number
    except ValueError:
        pass
    raise ValueError(_said(cell, column, wanted))


def _said(cell: str, column: str, wanted: str) -> str:
    how = {
        "gain": "0 for judged and not relevant, 1, 2 … for relevant, empty for 1",
        "page": "pages count from 1, empty for none",
    }
    more = f" ({how[column]})" if column in how else ""
    return f"{column} is {cell!r}; give {wanted}{more}"


def _needed(row: Mapping[str, str], column: str) -> str:
    if not row.get(column):
        raise ValueError(f"the column {column!r} is missing or empty; topic and doc_id are needed")
    return row[column]


def _lines(text: str) -> Iterator[tuple[int, dict[str, str]]]:
    rows = csv.DictReader(io.StringIO(text, newline=""))
    for row in rows:
        yield rows.line_num, {k: (v or "").strip() for k, v in row.items() if isinstance(k, str)}
