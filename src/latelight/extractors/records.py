"""JSONL -> passages of each record: its title above its text and other fields."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from latelight.errors import DamagedFileError
from latelight.extractors.composition import Composition
from latelight.extractors.docx import finished
from latelight.extractors.passages import Heading, Structure
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import read_text
from latelight.types import Extraction, ExtractorInfo, Source

JSONL = "application/jsonl"
_TITLE, _TEXT, _METADATA = "title", "text", "metadata"
_MAX_TOLD = 5
_RECORDS_A_SIGN = 5_000


class JsonlExtractor:
    """Files of records that come as bytes or attachments; by path, `add` makes each a document."""

    info = ExtractorInfo(
        name="jsonl",
        version="1",
        media_types=(JSONL,),
        unit_kinds=("passage",),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return passages `c0`, `c1`, …, none of them of two records.

        A line that is no JSON is left out with a warning. See `read_text` for the errors.

        Raises:
            DamagedFileError: no line is JSON.
        """
        decoded = read_text(source, options)
        composition = Composition(source.name, options)
        wrong: list[int] = []
        for number, line in enumerate(decoded.text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                _put_record(json.loads(line), composition)
            except (ValueError, RecursionError):
                wrong.append(number)
            if number % _RECORDS_A_SIGN == 0:
                self.progress(number, number + _RECORDS_A_SIGN)
        if wrong and not composition.units:
            raise DamagedFileError(
                f"{source.name}: none of {len(wrong):,} lines is a JSON record, expected one "
                "object on each line; export it again, or leave it out."
            )
        found = finished(composition, JSONL, {}, (*decoded.warnings, *_warnings(wrong)))
        return replace(found, title="")  # the first record's is not the file's


def _put_record(record: Any, into: Composition) -> None:
    title, text = "", _plain(record)
    if isinstance(record, Mapping):
        title = " ".join(_plain(record.get(_TITLE, "")).split())
        rest = {k: v for k, v in record.items() if k not in (_TITLE, _TEXT)}
        text = "\n".join(filter(None, [_plain(record.get(_TEXT, "")), *_fields(rest)]))
    whole = f"{title}\n{text}" if title and text else title or text
    into.passages(whole, Structure((Heading(0, 1, title),)) if title else Structure())
    into.begin_part()


def _fields(record: Mapping[str, Any]) -> Iterator[str]:
    for name, value in record.items():
        if name == _METADATA and isinstance(value, Mapping):
            yield from _fields(value)
        elif text := _plain(value):
            yield f"{name}: {text}"


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    if value is None:
        return ""
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))
    return json.dumps(value, ensure_ascii=False)


def _warnings(wrong: list[int]) -> tuple[str, ...]:
    if not wrong:
        return ()
    shown = ", ".join(map(str, wrong[:_MAX_TOLD])) + (", …" if len(wrong) > _MAX_TOLD else "")
    return (f"{len(wrong):,} lines are no JSON and were left out: {shown}.",)
