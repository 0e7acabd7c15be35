"""DOCX -> passages under their headings, tables with their cells, pictures with their words."""

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from latelight.errors import EmptyFileError
from latelight.extractors.composition import Composition
from latelight.extractors.embedded import Pictures
from latelight.extractors.limits import check_bytes
from latelight.extractors.opc import Package
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.tables import Row, plain_cell
from latelight.extractors.xml_reader import child, outermost
from latelight.types import Extraction, ExtractorInfo, Source

DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_BLOCKS = frozenset({"p", "tbl"})
_LEFT_OUT_WORDS = "Fallback del moveFrom instrText delText rPr pPr tcPr fld"  # fld: slide numbers
_LEFT_OUT = frozenset(_LEFT_OUT_WORDS.split())
_CHARACTERS = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_NOTES = (("/footnotes", "Footnotes"), ("/endnotes", "Endnotes"))
_MAX_COLUMNS = 1024
_MAX_LEVEL = 9


class DocxExtractor:
    """Word documents; headers, footers, comments and deleted text are left out."""

    info = ExtractorInfo(
        name="docx",
        version="1",
        media_types=(DOCX,),
        unit_kinds=("passage", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return passages `c0`, …, pieces of tables `t0`, … and the words of pictures `i1.i1`, …

        Raises:
            DamagedFileError: it is no whole document.
            EmptyFileError: there is nothing to read in it.
            EncryptedFileError: a password is needed.
            FileTooLargeError: beyond a limit.
        """
        check_bytes(source, options)
        package = Package(source, options)
        main = package.main_part()
        composition = Composition(source.name, options)
        _read_body(package, main, composition)
        for kind, title in _NOTES:
            _read_notes(package, main, kind, title, composition)
        pictures = Pictures(composition, self.progress)
        pictures.add(package.pictures([main]))
        return finished(composition, DOCX, package.metadata(), pictures.warnings())


def finished(
    composition: Composition,
    media_type: str,
    metadata: dict[str, str],
    warnings: tuple[str, ...] = (),
) -> Extraction:
    """Return what was composed; its title is the file's own, else its first heading.

    Raises:
        EmptyFileError: nothing was.
    """
    composition.end_passages()
    if not composition.units:
        raise EmptyFileError(
            f"{composition.name}: {media_type} without any text, expected some words or a picture "
            "with words; leave the file out."
        )
    return Extraction(
        media_type=media_type,
        text=composition.text,
        units=tuple(composition.units),
        title=metadata.get("title", "") or composition.first_heading,
        metadata=metadata,
        warnings=warnings,
    )


def _read_body(package: Package, main: str, into: Composition) -> None:
    levels = _heading_levels(package, main)
    n_tables = 0
    for block in package.elements(main, _BLOCKS):
        if block.tag == "p":
            _put_paragraph(block, levels, into)
            continue
        rows = list(_rows(block))
        if sum(bool(cell) for _, cells in rows for cell in cells) <= 1:
            into.paragraph("\n".join(cell for _, cells in rows for cell in cells if cell))
        else:
            n_tables += 1
            into.table(f"table {n_tables}", rows)


def _put_paragraph(paragraph: Element, levels: dict[str, int], into: Composition) -> None:
    text = "".join(run_text(paragraph))
    level = _level(paragraph, levels)
    if level:
        into.heading(level, text)
    else:
        into.paragraph(text)


def _read_notes(package: Package, main: str, kind: str, title: str, into: Composition) -> None:
    part = package.related(main, kind)
    if part is None:
        return
    texts = ["".join(run_text(p)).strip() for p in package.elements(part, frozenset({"p"}))]
    if any(texts):
        into.heading(1, title)
        for text in texts:
            into.paragraph(text)


def run_text(element: Element) -> Iterator[str]:
    """Yield the readable characters below an element of WordprocessingML or DrawingML."""
    for inner in element:
        if inner.tag == "t":
            yield inner.text or ""
        elif inner.tag in _CHARACTERS:
            yield _CHARACTERS[inner.tag]
        elif inner.tag not in _LEFT_OUT:
            yield from run_text(inner)
            if inner.tag == "p":  # of a text box
                yield "\n"


def _rows(table: Element) -> Iterator[Row]:
    for number, row in enumerate(outermost(table, "tr"), 1):
        cells: list[str] = []
        for cell in outermost(row, "tc"):
            properties = child(cell, "tcPr", "gridSpan")
            width = int_of(properties.get("val") if properties is not None else None, 1)
            cells.append(plain_cell(_cell_text(cell)))
            cells += [""] * (min(max(width, 1), _MAX_COLUMNS) - 1)
        yield number, cells[:_MAX_COLUMNS]


def _cell_text(cell: Element) -> str:
    return " ".join("".join(run_text(p)) for p in outermost(cell, "p"))


def int_of(value: str | None, default: int) -> int:
    """Return a whole number written in a file, the default where there is none."""
    try:
        return int(value) if value is not None else default
    except ValueError:
        return default


@dataclass(frozen=True)
class _Style:
    level: int  # 0: none of its own
    parent: str


def _heading_levels(package: Package, main: str) -> dict[str, int]:
    """Return the heading level of each style that has one, its ancestors' where it has none."""
    part = package.related(main, "/styles")
    if part is None:
        return {}
    styles = {s.get("styleId", ""): _style(s) for s in package.elements(part, frozenset({"style"}))}
    levels = {name: _inherited(name, styles) for name in styles}
    return {name: level for name, level in levels.items() if level}


def _style(style: Element) -> _Style:
    name = child(style, "name")
    words = (name.get("val", "") if name is not None else "").lower().split()
    parent = child(style, "basedOn")
    above = parent.get("val", "") if parent is not None else ""
    if words == ["title"]:
        return _Style(1, above)
    if len(words) == 2 and words[0] == "heading" and words[1].isdecimal():
        return _Style(min(int(words[1]), _MAX_LEVEL), above)
    outline = child(style, "pPr", "outlineLvl")
    return _Style(_outline(outline), above)


def _inherited(name: str, styles: dict[str, _Style]) -> int:
    for _ in range(10):
        style = styles.get(name)
        if style is None or style.level:
            return style.level if style else 0
        name = style.parent
    return 0


def _level(paragraph: Element, levels: dict[str, int]) -> int:
    own = _outline(child(paragraph, "pPr", "outlineLvl"))
    style = child(paragraph, "pPr", "pStyle")
    return own or (levels.get(style.get("val", ""), 0) if style is not None else 0)


def _outline(element: Element | None) -> int:
    level = int_of(element.get("val"), _MAX_LEVEL) if element is not None else _MAX_LEVEL
    return level + 1 if 0 <= level < _MAX_LEVEL else 0
