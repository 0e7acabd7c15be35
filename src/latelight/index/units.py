"""The columns of a segment's units: names, kinds, places and texts."""

import json
from collections.abc import Callable, Sequence
from dataclasses import astuple
from typing import Any

import numpy as np

from latelight.index.sections import Array, SectionFile, SectionWriter
from latelight.index.strings import StringColumn, write_strings
from latelight.types import UNIT_KINDS, Box, CellRange, CharSpan, Locator, TimeRange, Unit

_NUMBERS = {
    "span": (np.int64, 2, -1),
    "source_span": (np.int64, 2, -1),
    "page": (np.int32, 1, 0),
    "box": (np.float64, 4, np.nan),
    "time": (np.float64, 2, np.nan),
    "cells": (np.int32, 5, -1),
}
_PARTS: dict[str, Callable[[Locator], tuple[float, ...] | None]] = {
    "span": lambda at: None if at.span is None else astuple(at.span),
    "source_span": lambda at: None if at.source_span is None else astuple(at.source_span),
    "page": lambda at: None if at.page is None else (at.page,),
    "box": lambda at: None if at.box is None else astuple(at.box),
    "time": lambda at: None if at.time is None else astuple(at.time),
    "cells": lambda at: None if at.cells is None else astuple(at.cells)[1:],
}


def write_units(writer: SectionWriter, units: Sequence[Unit]) -> None:
    """Write the unit sections; a column that no unit fills is left out."""
    kinds = [UNIT_KINDS.index(unit.kind) for unit in units]
    writer.add("unit.kind", np.array(kinds, np.uint8))
    write_strings(writer, "unit.id", (unit.unit_id for unit in units))
    write_strings(writer, "unit.text", (unit.text for unit in units))
    if any(unit.heading for unit in units):
        headings = (json.dumps(unit.heading, ensure_ascii=False) for unit in units)
        write_strings(writer, "unit.heading", headings)
    if any(unit.locator.part for unit in units):
        parts = (json.dumps(unit.locator.part, ensure_ascii=False) for unit in units)
        write_strings(writer, "unit.part", parts)
    if any(unit.locator.again for unit in units):
        write_strings(writer, "unit.again", (_again_of(unit.locator) for unit in units))
    if any(unit.locator.cells for unit in units):
        write_strings(writer, "unit.table", (_table_of(unit.locator) for unit in units))
    for name, part in _PARTS.items():
        _write_place(writer, name, [part(unit.locator) for unit in units])


def _table_of(at: Locator) -> str:
    return "" if at.cells is None else at.cells.table


def _again_of(at: Locator) -> str:
    return json.dumps([[time.start_s, time.end_s] for time in at.again])


def _write_place(writer: SectionWriter, name: str, places: Sequence[Any]) -> None:
    if any(place is not None for place in places):
        dtype, width, missing = _NUMBERS[name]
        rows = [(missing,) * width if place is None else place for place in places]
        writer.add(f"unit.{name}", np.array(rows, dtype))


class UnitColumns:
    """The units of one segment, decoded one at a time."""

    def __init__(self, file: SectionFile) -> None:
        self._file = file
        self._ids = StringColumn.read(file, "unit.id")
        self._texts = StringColumn.read(file, "unit.text")

    def unit(self, number: int) -> Unit:
        """Return one unit, without its words and picture."""
        return Unit(
            unit_id=self._ids[number],
            kind=UNIT_KINDS[int(self._file.array("unit.kind")[number])],
            locator=self._locator(number),
            text=self._texts[number],
            heading=tuple(self._list("unit.heading", number)),
        )

    def _locator(self, number: int) -> Locator:
        span, source_span = self._place("span", number), self._place("source_span", number)
        page, box = self._place("page", number), self._place("box", number)
        time, cells = self._place("time", number), self._place("cells", number)
        return Locator(
            span=None if span is None else CharSpan(*span.tolist()),
            page=None if page is None else int(page[0]),
            box=None if box is None else Box(*box.tolist()),
            time=None if time is None else TimeRange(*time.tolist()),
            source_span=None if source_span is None else CharSpan(*source_span.tolist()),
            cells=None
            if cells is None
            else CellRange(self._string("unit.table", number), *cells.tolist()),
            part=tuple(self._list("unit.part", number)),
            again=tuple(TimeRange(*time) for time in self._list("unit.again", number)),
        )

    def _place(self, name: str, number: int) -> Array | None:
        if f"unit.{name}" not in self._file:
            return None
        row: Array = self._file.array(f"unit.{name}")[number]
        missing = _NUMBERS[name][2]
        return None if row[0] == missing or row[0] != row[0] else row  # NaN differs from itself

    def _list(self, name: str, number: int) -> list[Any]:
        found: list[Any] = json.loads(self._string(name, number) or "[]")
        return found

    def _string(self, name: str, number: int) -> str:
        if f"{name}.offsets" not in self._file:
            return ""
        return StringColumn.read(self._file, name)[number]
