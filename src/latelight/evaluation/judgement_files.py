"""Judgement sets from and to the files of others: BEIR folders, TREC qrels and topics."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from latelight.errors import DamagedFileError, InputError, NotFoundError
from latelight.evaluation.judgement_tables import read_csv
from latelight.evaluation.judgements import JudgementSet
from latelight.evaluation.runs import Qrels, read_qrels, write_qrels
from latelight.evaluation.texts import read_text

_TOPIC = re.compile(r"<top>(.*?)</top>", re.DOTALL | re.IGNORECASE)
_NUMBER = re.compile(r"<num>\s*(?:Number:)?\s*([^\s<]+)", re.IGNORECASE)
_TITLE = re.compile(r"<title>\s*(?:Topic:)?\s*(.*?)\s*(?=<|$)", re.DOTALL | re.IGNORECASE)


def read_judgements(path: str | Path, topics: str | Path | None = None) -> JudgementSet:
    """Return the judgements of a path: what it is, its content says.

    A folder is read as BEIR's, `.json` as a saved set, `.csv` as a table of judgements, anything
    else as TREC qrels, which need the file of topics.

    Raises:
        NotFoundError: there is nothing of that name.
        DamagedFileError: a file is malformed.
        InputError: TREC qrels without topics.
    """
    place = Path(path)
    if place.is_dir():
        return read_beir(place)
    if place.suffix == ".json":
        return JudgementSet.load(place)
    if place.suffix == ".csv":
        return read_csv(place)
    if topics is None:
        if not place.exists():
            raise NotFoundError(
                f"There is nothing at {str(place)!r}; give a BEIR folder, a judgement set in JSON, "
                "a CSV file, or TREC qrels with their topics."
            )
        raise InputError(f"{place}: qrels without texts; give the file of topics too (--topics).")
    return read_trec(place, topics)


def read_beir(folder: str | Path, split: str = "test") -> JudgementSet:
    """Return the judgements of a folder with `queries.jsonl` and `qrels/<split>.tsv`.

    Raises:
        NotFoundError: one of the files is missing.
        DamagedFileError: a line is malformed, or a judged topic has no text.
    """
    place = Path(folder)
    qrels = read_qrels(place / "qrels" / f"{split}.tsv")
    texts = {str(one["_id"]): str(one["text"]) for one in _json_lines(place / "queries.jsonl")}
    return _assembled(place.name, texts, qrels, f"BEIR folder {place.name}, split {split}")


def read_trec(qrels: str | Path, topics: str | Path, name: str = "") -> JudgementSet:
    """Return TREC judgements with their topics.

    Topics are `<top>` blocks with `<num>` and `<title>`, or lines of `number<TAB>text`.

    Raises:
        NotFoundError: one of the files is missing.
        DamagedFileError: a line is malformed, or a judged topic has no text.
    """
    texts = read_topics(topics)
    judged = read_qrels(qrels)
    return _assembled(name or Path(qrels).stem, texts, judged, f"TREC qrels {Path(qrels).name}")


def read_topics(path: str | Path) -> dict[str, str]:
    """Return text by topic, from TREC's `<top>` blocks or tab-separated lines.

    Raises:
        NotFoundError: there is no such file.
        DamagedFileError: a block or a line is malformed.
    """
    text = read_text(Path(path))
    if "<top>" in text.lower():
        return dict(_top_block(block, Path(path)) for block in _TOPIC.findall(text))
    topics: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            topic, tab, words = line.partition("\t")
            if not tab or not topic.strip() or not words.strip():
                raise DamagedFileError(
                    f"{path}, line {number}: expected `number<TAB>text`; got {line!r}."
                )
            topics[topic.strip()] = words.strip()
    return topics


def write_beir(judgements: JudgementSet, folder: str | Path, split: str = "test") -> None:
    """Write topics and qrels in BEIR's layout; judged places have no place in it."""
    place = Path(folder)
    (place / "qrels").mkdir(parents=True, exist_ok=True)
    lines = [json.dumps({"_id": t, "text": x}, ensure_ascii=False) for t, x in _texts(judgements)]
    (place / "queries.jsonl").write_text("".join(f"{x}\n" for x in lines), encoding="utf-8")
    with (place / "qrels" / f"{split}.tsv").open("w", encoding="utf-8") as out:
        out.write("query-id\tcorpus-id\tscore\n")
        for topic, docs in judgements.qrels.gains.items():
            for doc, gain in docs.items():
                _check_columns((topic, doc), folder)
                out.write(f"{topic}\t{doc}\t{gain}\n")


def write_trec(judgements: JudgementSet, qrels: str | Path, topics: str | Path) -> None:
    """Write TREC qrels, and topics as lines of `number<TAB>text`."""
    write_qrels(judgements.qrels, qrels)
    lines = [f"{topic}\t{' '.join(text.split())}\n" for topic, text in _texts(judgements)]
    Path(topics).write_text("".join(lines), encoding="utf-8")


def _assembled(name: str, texts: Mapping[str, str], qrels: Qrels, source: str) -> JudgementSet:
    """Return the set of the judged topics; more texts than judgements are usual (splits)."""
    missing = [topic for topic in qrels.gains if topic not in texts]
    if missing:
        raise DamagedFileError(
            f"{source}: {len(missing)} judged topics have no text, such as {missing[0]!r}; "
            "topics and qrels must be of one set."
        )
    return JudgementSet(name, {t: texts[t] for t in qrels.gains}, qrels, source=source)


def _top_block(block: str, path: Path) -> tuple[str, str]:
    number, title = _NUMBER.search(block), _TITLE.search(block)
    if not number or not title or not title.group(1).strip():
        raise DamagedFileError(
            f"{path}: a <top> block has no <num> or no <title>: {block.strip()[:80]!r}."
        )
    return number.group(1), " ".join(title.group(1).split())


def _json_lines(path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            if not isinstance(value, dict) or not {"_id", "text"} <= set(value):
                raise ValueError("an object with `_id` and `text` was expected")
        except ValueError as error:
            raise DamagedFileError(f"{path}, line {number}: {error}.") from error
        yield value


def _texts(judgements: JudgementSet) -> list[tuple[str, str]]:
    return [(topic, judgements.topics[topic]) for topic in judgements.qrels.gains]


def _check_columns(cells: tuple[str, ...], folder: str | Path) -> None:
    if any(re.search(r"\s", cell) for cell in cells):
        raise InputError(
            f"{cells!r} cannot be written to {folder}: columns are separated by white space. "
            "Save the set as JSON (JudgementSet.save) instead."
        )
