"""Where in a document a thing is: characters, a place on a page, a time."""

import math
from dataclasses import dataclass
from typing import Any

from latelight.types.cells import CellRange


@dataclass(frozen=True, slots=True, order=True)
class CharSpan:
    """Characters `[start, end)`, counted in Unicode code points."""

    start: int
    end: int

    def shifted(self, by: int) -> "CharSpan":
        """Return the same characters, counted from `by` characters earlier."""
        return CharSpan(self.start + by, self.end + by)


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle on a page or picture: fractions 0–1 of its width and height, origin top left."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Seconds `[start_s, end_s)` from the beginning of a recording."""

    start_s: float
    end_s: float

    @property
    def clock(self) -> str:
        """The range as a player shows it, such as `0:12–0:31`: whole seconds that cover it."""
        return f"{_clock(math.floor(self.start_s))}–{_clock(math.ceil(self.end_s))}"


def _clock(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass(frozen=True, slots=True)
class Locator:
    """A place in a document; the parts that do not apply are None.

    `span` counts characters of the document's readable text, `source_span` those of the file's
    own decoded text where the two differ (HTML), `page` counts from 1 (a slide's number is one),
    `cells` are those of a table, and `part` names the file within the file that all this is in,
    outermost first: an attachment, an embedded picture. `again` are later times, ascending, at
    which the same is shown once more: a slide that comes back.
    """

    span: CharSpan | None = None
    page: int | None = None
    box: Box | None = None
    time: TimeRange | None = None
    source_span: CharSpan | None = None
    cells: CellRange | None = None
    part: tuple[str, ...] = ()
    again: tuple[TimeRange, ...] = ()

    @property
    def clock(self) -> str:
        """All its times as a player shows them, such as `0:12–0:31, 2:05–2:10`; empty for none."""
        times = () if self.time is None else (self.time, *self.again)
        return ", ".join(time.clock for time in times)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: only the parts that are set, spans and boxes as lists."""
        parts: dict[str, Any] = {}
        if self.span is not None:
            parts["span"] = [self.span.start, self.span.end]
        if self.page is not None:
            parts["page"] = self.page
        if self.box is not None:
            parts["box"] = [self.box.left, self.box.top, self.box.right, self.box.bottom]
        if self.time is not None:
            parts["time"] = [self.time.start_s, self.time.end_s]
        if self.source_span is not None:
            parts["source_span"] = [self.source_span.start, self.source_span.end]
        if self.cells is not None:
            parts["cells"] = self.cells.to_dict()
        if self.part:
            parts["part"] = list(self.part)
        if self.again:
            parts["again"] = [[time.start_s, time.end_s] for time in self.again]
        return parts

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> "Locator":
        """Return the locator that `to_dict` wrote."""
        return cls(
            span=CharSpan(*parts["span"]) if "span" in parts else None,
            page=parts.get("page"),
            box=Box(*parts["box"]) if "box" in parts else None,
            time=TimeRange(*parts["time"]) if "time" in parts else None,
            source_span=CharSpan(*parts["source_span"]) if "source_span" in parts else None,
            cells=CellRange.from_dict(parts["cells"]) if "cells" in parts else None,
            part=tuple(parts.get("part", ())),
            again=tuple(TimeRange(*time) for time in parts.get("again", ())),
        )
