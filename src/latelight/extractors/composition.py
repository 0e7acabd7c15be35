"""Headings, paragraphs, tables and slides in -> a document's text and its units out.

Extractors of formats without a readable text of their own (office files, books, mails) put their
blocks in reading order; what is in the text and what is a unit is decided here once.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from latelight.extractors.decode import without_surrogates
from latelight.extractors.limits import check_characters
from latelight.extractors.passages import Heading, Structure, cut_passages
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.tables import Row, table_pieces
from latelight.types import CharSpan, Extraction, Locator, Unit

BREAK = "\n\n"
_MAX_TITLE = 300


@dataclass
class Composition:
    """A document under construction.

    Attributes:
        name: the file's, for errors.
        options: length of passages, and limits.
        units: so far, in reading order.
    """

    name: str
    options: ExtractionOptions
    units: list[Unit] = field(default_factory=list)
    _parts: list[str] = field(default_factory=list)
    _length: int = 0
    _run: list[str] = field(default_factory=list)  # blocks of text that are no passages yet
    _run_length: int = 0
    _run_headings: list[Heading] = field(default_factory=list)
    _run_wholes: list[CharSpan] = field(default_factory=list)
    _open: list[Heading] = field(default_factory=list)  # the titles that the next block is under
    _counts: dict[str, int] = field(default_factory=dict)
    first_heading: str = ""

    @property
    def text(self) -> str:
        """The document's text so far; complete after `end_passages`."""
        return "".join(self._parts)

    @property
    def length(self) -> int:
        """Characters so far, those of unfinished passages included."""
        return self._length + self._run_length

    def heading(self, level: int, title: str) -> None:
        """Append a title; 1 is the outermost level."""
        title = " ".join(title.split())
        if title:
            start = self._append(title)
            self._run_headings.append(Heading(start, level, title[:_MAX_TITLE]))
            self.first_heading = self.first_heading or title[:_MAX_TITLE]

    def paragraph(self, text: str) -> None:
        """Append text."""
        if text.strip():
            self._append(text.strip())

    def passages(self, text: str, structure: Structure) -> None:
        """Append a text whose headings and wholes are known."""
        if text.strip():
            start = self._append(text)
            self._run_headings += [replace(h, start=h.start + start) for h in structure.headings]
            self._run_wholes += [whole.shifted(start) for whole in structure.wholes]
            first = next((h.title for h in structure.headings if h.title), "")
            self.first_heading = self.first_heading or first

    def table(self, table: str, rows: Iterable[Row], heading: tuple[str, ...] = ()) -> None:
        """Append a table as units of its own, `t0`, `t1`, …; see `table_pieces`."""
        self.end_passages()
        for piece in table_pieces(table, rows, self.options.passage_characters):
            text = without_surrogates(piece.text)
            place = Locator(cells=piece.cells)
            self.unit("t", Unit("", "passage", place, text, heading=heading))

    def unit(self, prefix: str, unit: Unit) -> None:
        """Append a unit as it is: `prefix` and a number become its id, its span its place here."""
        self.end_passages()
        start = self._take(unit.text)
        number = self._counts.get(prefix, 0)
        self._counts[prefix] = number + 1
        place = replace(unit.locator, span=CharSpan(start, start + len(unit.text)))
        heading = unit.heading or tuple(h.title for h in self._open)
        self.units.append(
            replace(unit, unit_id=f"{prefix}{number}", locator=place, heading=heading)
        )

    def end_passages(self, part: tuple[str, ...] = ()) -> None:
        """Cut the text since the last unit into passages, `c0`, `c1`, …"""
        if not self._run:
            return
        text = BREAK.join(self._run)
        headings = [replace(h, start=0) for h in self._open] + self._run_headings
        structure = Structure(tuple(headings), tuple(self._run_wholes))
        start = self._take(text)
        for passage in cut_passages(text, self.options.passage_characters, structure):
            number = self._counts.get("c", 0)
            self._counts["c"] = number + 1
            body = text[passage.span.start : passage.span.end]
            place = Locator(span=passage.span.shifted(start), part=part)
            self.units.append(Unit(f"c{number}", "passage", place, body, heading=passage.heading))
        for heading in self._run_headings:
            self._open = [h for h in self._open if h.level < heading.level]
            self._open.append(heading)
        self._run, self._run_length = [], 0
        self._run_headings, self._run_wholes = [], []

    def begin_part(self) -> None:
        """End what is open: the next block is under no title so far."""
        self.end_passages()
        self._open = []

    def include(self, found: Extraction, prefix: str, part: str, title: str) -> None:
        """Append the units of a file within this one; `prefix` goes before their ids."""
        self.end_passages()
        if not found.text and not found.units:
            return
        start = self._take(found.text)
        for unit in found.units:
            moved = moved_unit(unit, start)
            place = replace(moved.locator, source_span=None, part=(part, *unit.locator.part))
            named = not title or unit.heading[:1] == (title,)
            heading = unit.heading if named else (title, *unit.heading)
            own_id = f"{prefix}{unit.unit_id}"
            self.units.append(replace(moved, unit_id=own_id, locator=place, heading=heading))

    def _append(self, text: str) -> int:
        """Add a block to the passages under way and return where it starts among them."""
        text = without_surrogates(text)
        start = self._run_length + (len(BREAK) if self._run else 0)
        self._run.append(text)
        self._run_length = start + len(text)
        check_characters(self.name, self.length, self.options)
        return start

    def _take(self, text: str) -> int:
        """Add finished text and return where it starts."""
        if self._length:
            self._parts.append(BREAK)
            self._length += len(BREAK)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        check_characters(self.name, self._length, self.options)
        return start


def moved_unit(unit: Unit, by: int) -> Unit:
    """Return a unit whose document's text begins `by` characters later in another's."""
    at = unit.locator
    span = CharSpan(by, by) if at.span is None else at.span.shifted(by)
    return replace(unit, locator=replace(at, span=span))
