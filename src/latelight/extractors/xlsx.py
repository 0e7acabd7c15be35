"""XLSX -> pieces of each sheet with their cells."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from latelight.extractors.composition import Composition
from latelight.extractors.docx import finished, int_of
from latelight.extractors.embedded import Pictures
from latelight.extractors.limits import check_bytes, check_characters
from latelight.extractors.opc import Package
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.tables import Row, plain_cell
from latelight.extractors.xml_reader import child, read_elements
from latelight.types import Extraction, ExtractorInfo, Source
from latelight.types.cells import column_number

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MAX_ROWS, _MAX_COLUMNS = 1_048_576, 16_384
_REFERENCE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")
_BUILT_IN_DATES = frozenset({*range(14, 23), *range(27, 37), *range(45, 48), *range(50, 59)})
_PERCENT = frozenset({9, 10})
_LITERAL = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.|\*.')
_LAST_DAY = 2_958_465  # 9999-12-31
_ROWS_A_SIGN = 20_000


class XlsxExtractor:
    """Sheets, hidden ones too, by the values that were last computed."""

    info = ExtractorInfo(
        name="xlsx",
        version="1",
        media_types=(XLSX,),
        unit_kinds=("passage", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return pieces of the sheets, `t0`, `t1`, …; see `DocxExtractor` for the errors."""
        check_bytes(source, options)
        package = Package(source, options)
        main = package.main_part()
        book = _Book.read(package, main, options)
        composition = Composition(source.name, options)
        drawings: list[str] = []
        for name, part in _sheets(package, main):
            composition.table(name, self._rows(package, part, book), (name,))
            drawing = package.related(part, "/drawing")
            drawings += [drawing] if drawing else []
        pictures = Pictures(composition, self.progress)
        pictures.add(package.pictures(drawings))
        return finished(composition, XLSX, package.metadata(), pictures.warnings())

    def _rows(self, package: Package, part: str, book: "_Book") -> Iterator[Row]:
        number = 0
        for count, row in enumerate(package.elements(part, frozenset({"row"}))):
            number = int_of(row.get("r"), number + 1)
            if 1 <= number <= _MAX_ROWS:
                yield number, _cells(row, book)
            if count % _ROWS_A_SIGN == 0:
                self.progress(count, count + _ROWS_A_SIGN)


@dataclass(frozen=True)
class _Book:
    """What all sheets share.

    Attributes:
        strings: by number.
        formats: `date`, `percent` or nothing, by a cell's style.
        epoch: day 0 of its dates.
    """

    strings: list[str]
    formats: list[str]
    epoch: datetime

    @classmethod
    def read(cls, package: Package, main: str, options: ExtractionOptions) -> "_Book":
        settings = next(package.elements(main, frozenset({"workbookPr"})), None)
        late = settings is not None and settings.get("date1904") in ("1", "true")
        epoch = datetime(1904, 1, 1) if late else datetime(1899, 12, 30)
        return cls(_shared_strings(package, main, options), _formats(package, main), epoch)

    def value(self, cell: Element) -> str:
        """Return what a cell shows."""
        kind = cell.get("t", "n")
        if kind == "inlineStr":
            return plain_cell(_string(child(cell, "is")))
        value = child(cell, "v")
        text = (value.text or "") if value is not None else ""
        if kind == "s":
            number = int_of(text, -1)
            return self.strings[number] if 0 <= number < len(self.strings) else ""
        if kind == "b":
            return "TRUE" if text == "1" else "FALSE"
        if kind != "n" or not text:
            return plain_cell(text)
        return self._number(text, int_of(cell.get("s"), 0))

    def _number(self, text: str, style: int) -> str:
        shown = self.formats[style] if 0 <= style < len(self.formats) else ""
        try:
            number = float(text)
        except ValueError:
            return plain_cell(text)
        if shown == "date" and 0 <= number <= _LAST_DAY:
            return _date(number, self.epoch)
        if shown == "percent":
            return f"{number * 100:.12g}%"
        return f"{number:.15g}"


def _sheets(package: Package, main: str) -> Iterator[tuple[str, str]]:
    relations = package.relations(main)
    for sheet in package.elements(main, frozenset({"sheet"})):
        kind, target = relations.get(sheet.get("r:id", ""), ("", ""))
        if kind.endswith("/worksheet") and target in package.archive:
            yield sheet.get("name", ""), target


def _cells(row: Element, book: _Book) -> list[str]:
    cells: list[str] = []
    column = 0
    for cell in row:
        if cell.tag != "c":
            continue
        reference = _REFERENCE.fullmatch(cell.get("r", ""))
        column = column_number(reference.group(1)) if reference else column + 1
        if not len(cells) < column <= _MAX_COLUMNS:
            continue
        value = book.value(cell)
        if value:
            cells += [""] * (column - len(cells))
            cells[column - 1] = value
    return cells


def _shared_strings(package: Package, main: str, options: ExtractionOptions) -> list[str]:
    part = package.related(main, "/sharedStrings")
    if part is None:
        return []
    strings: list[str] = []
    n_characters = 0
    for item in package.elements(part, frozenset({"si"})):
        strings.append(plain_cell(_string(item)))
        n_characters += len(strings[-1])
        check_characters(package.name, n_characters, options)
    return strings


def _string(item: Element | None) -> str:
    """Return a string's characters without the phonetic ones above them."""
    if item is None:
        return ""
    runs = (run for run in item if run.tag in ("t", "r"))
    return "".join(text.text or "" for run in runs for text in run.iter("t"))


def _formats(package: Package, main: str) -> list[str]:
    part = package.related(main, "/styles")
    if part is None:
        return []
    own: dict[int, str] = {}
    formats: list[str] = []
    where = f"{package.name}: {part}"
    wanted = frozenset({"numFmts", "cellXfs"})
    for group in read_elements(package.archive.chunks(part), wanted, where):
        for entry in group:
            number = int_of(entry.get("numFmtId"), 0)
            if entry.tag == "numFmt":
                own[number] = entry.get("formatCode", "")
            elif entry.tag == "xf":
                formats.append(_shown_as(number, own.get(number, "")))
    return formats


def _shown_as(number: int, code: str) -> str:
    bare = _LITERAL.sub("", code.split(";", 1)[0]).lower()
    if number in _BUILT_IN_DATES or (bare and set(bare) & set("ymdhs") and "general" not in bare):
        return "date"
    return "percent" if number in _PERCENT or "%" in bare else ""


def _date(number: float, epoch: datetime) -> str:
    """Return an ISO date, with the time where there is one; a time alone below day 1."""
    try:
        moment = epoch + timedelta(seconds=round(number * 86_400))
    except OverflowError:
        return f"{number:.15g}"
    if number < 1:
        return moment.strftime("%H:%M:%S")
    day = f"{moment.year:04d}-{moment.month:02d}-{moment.day:02d}"
    return day if number == int(number) else day + moment.strftime(" %H:%M:%S")
