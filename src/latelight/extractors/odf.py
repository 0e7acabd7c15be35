"""ODT, ODS and ODP -> passages, cells of sheets, slides; and the words of their pictures."""

from collections.abc import Iterable, Iterator
from itertools import chain, groupby
from xml.etree.ElementTree import Element

from latelight.errors import EncryptedFileError
from latelight.extractors.archive import Archive
from latelight.extractors.composition import Composition
from latelight.extractors.docx import finished, int_of
from latelight.extractors.embedded import Pictures
from latelight.extractors.limits import check_bytes, check_pages
from latelight.extractors.opc import plain_value
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.tables import SEPARATOR, Row, plain_cell
from latelight.extractors.xml_reader import outermost, read_elements, text_of
from latelight.types import Extraction, ExtractorInfo, Locator, Source, Unit

_PREFIX = "application/vnd.oasis.opendocument."
ODT, ODS, ODP = (_PREFIX + kind for kind in ("text", "spreadsheet", "presentation"))
_CONTENT, _META, _MANIFEST = "content.xml", "meta.xml", "META-INF/manifest.xml"
_BLOCKS = frozenset({"h", "p", "list", "table", "tracked-changes"})
_LEFT_OUT = frozenset({"tracked-changes", "annotation", "note-citation", "desc", "title"})
_PARAGRAPHS = ("p", "h")
_FURNITURE = ("page-number", "date-time", "header", "footer")
_PREVIEW = ".svm"  # LibreOffice's own picture of a table or object
_MAX_REPEAT = 256  # of a value; a format may claim a million equal cells
_MAX_COLUMNS = 16_384
_METADATA = {
    "title": "title",
    "initial-creator": "author",
    "creator": "author",
    "subject": "subject",
    "keyword": "keywords",
    "creation-date": "created",
}


class OdfExtractor:
    """OpenDocument texts, spreadsheets and presentations, as LibreOffice writes them."""

    info = ExtractorInfo(
        name="odf",
        version="1",
        media_types=(ODT, ODS, ODP),
        unit_kinds=("passage", "page", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return what the DOCX, XLSX or PPTX extractor would; see those, and for the errors."""
        check_bytes(source, options)
        archive = Archive(source.data, source.name, options)
        _check_readable(archive)
        media_type = _media_type(archive)
        composition = Composition(source.name, options)
        if media_type == ODS:
            _read_sheets(archive, composition)
        elif media_type == ODP:
            self._read_slides(archive, composition)
        else:
            _read_text(archive, composition)
        pictures = Pictures(composition, self.progress)
        pictures.add(_pictures(archive))
        return finished(composition, media_type, _metadata(archive), pictures.warnings())

    def _read_slides(self, archive: Archive, into: Composition) -> None:
        for number, page in enumerate(_elements(archive, frozenset({"page"})), 1):
            check_pages(archive.name, number, into.options)
            _put_slide(page, number, into)
            self.progress(number, number)


def _elements(
    archive: Archive, wanted: frozenset[str], marks: frozenset[str] = frozenset()
) -> Iterator[Element]:
    where = f"{archive.name}: {_CONTENT}"
    return read_elements(archive.chunks(_CONTENT), wanted, where, marks)


def _media_type(archive: Archive) -> str:
    named = archive.read("mimetype").decode("ascii", "replace").strip()
    kind = named.removeprefix(_PREFIX).removesuffix("-template")
    return {"spreadsheet": ODS, "presentation": ODP}.get(kind, ODT)


def _check_readable(archive: Archive) -> None:
    if _MANIFEST in archive and b"encryption-data" in archive.read(_MANIFEST):
        raise EncryptedFileError(
            f"{archive.name}: its parts are encrypted, expected readable ones; "
            "save the file without a password."
        )


def _read_text(archive: Archive, into: Composition) -> None:
    n_tables = 0
    for block in _elements(archive, _BLOCKS):
        if block.tag == "table":
            n_tables += 1
            into.table(
                block.get("name") or f"table {n_tables}", _rows(outermost(block, "table-row"))
            )
        elif block.tag == "h":
            into.heading(max(int_of(block.get("outline-level"), 1), 1), _plain(block))
        elif block.tag != "tracked-changes":
            into.paragraph("\n".join(filter(None, map(_plain, _paragraphs(block)))))


def _read_sheets(archive: Archive, into: Composition) -> None:
    for (_, name), rows in groupby(_sheet_rows(archive), key=lambda row: row[0]):
        into.table(name, _rows(row for _, row in rows), (name,))


def _sheet_rows(archive: Archive) -> Iterator[tuple[tuple[int, str], Element]]:
    """Yield each row with its sheet's number and name; one row at a time is in memory."""
    sheet = (0, "")
    for element in _elements(archive, frozenset({"table-row"}), frozenset({"table"})):
        if element.tag == "table":
            sheet = (sheet[0] + 1, element.get("name", ""))
        else:
            yield sheet, element


def _put_slide(page: Element, number: int, into: Composition) -> None:
    titles: list[str] = []
    blocks: list[str] = []
    notes: list[str] = []
    for frame in page:
        if frame.tag == "notes":
            notes += _frame_lines(frame)
        elif frame.get("class") == "title":
            titles += _frame_lines(frame)
        else:
            blocks += _frame_lines(frame)
    lines = [*titles, *blocks]
    lines += ["Notes: " + "\n".join(notes)] if notes else []
    if lines:
        title = " ".join(titles)
        into.first_heading = into.first_heading or title
        heading = (title,) if title else ()
        text = "\n".join(lines)
        into.unit("s", Unit("", "page", Locator(page=number), text, heading=heading))


def _frame_lines(frame: Element) -> list[str]:
    if frame.tag == "notes":
        return [line for inner in frame for line in _frame_lines(inner)]
    if frame.get("class") in _FURNITURE:
        return []
    tables = list(outermost(frame, "table"))
    if tables:
        rows = chain.from_iterable(_rows(outermost(table, "table-row")) for table in tables)
        return [SEPARATOR.join(cells).strip() for _, cells in rows if any(cells)]
    return list(filter(None, map(_plain, _paragraphs(frame))))


def _rows(rows: Iterable[Element]) -> Iterator[Row]:
    number = 1
    for row in rows:
        cells = _cells(row)
        repeat = max(int_of(row.get("number-rows-repeated"), 1), 1)
        if any(cells):
            for again in range(min(repeat, _MAX_REPEAT)):
                yield number + again, cells
        number += repeat


def _cells(row: Element) -> list[str]:
    cells: list[str] = []
    n_empty = 0
    for cell in row:
        if cell.tag not in ("table-cell", "covered-table-cell"):
            continue
        repeat = max(int_of(cell.get("number-columns-repeated"), 1), 1)
        text = plain_cell(" ".join(map(_plain, _paragraphs(cell))))
        if not text:
            n_empty += repeat
            continue
        if len(cells) + n_empty >= _MAX_COLUMNS:
            break
        cells += [""] * n_empty + [text] * min(repeat, _MAX_REPEAT)
        n_empty = max(repeat - _MAX_REPEAT, 0)
    return cells


def _paragraphs(element: Element) -> Iterator[Element]:
    """Yield the outermost paragraphs of an element, itself if it is one."""
    if element.tag in _PARAGRAPHS:
        yield element
    elif element.tag not in _LEFT_OUT:
        for inner in element:
            yield from _paragraphs(inner)


def _plain(paragraph: Element) -> str:
    return "".join(_characters(paragraph)).strip()


def _characters(element: Element) -> Iterator[str]:
    """Yield the characters of a paragraph; white space in the file is one space."""
    yield _spaced(element.text)
    for inner in element:
        if inner.tag == "s":
            yield " " * min(max(int_of(inner.get("c"), 1), 1), 80)
        elif inner.tag in ("tab", "line-break"):
            yield "\t" if inner.tag == "tab" else "\n"
        elif inner.tag not in _LEFT_OUT:
            yield " " if inner.tag in ("note", "p") else ""
            yield from _characters(inner)
        yield _spaced(inner.tail)


def _spaced(text: str | None) -> str:
    if not text:
        return ""
    words = " ".join(text.split())
    before = " " if text[0].isspace() else ""
    after = " " if text[-1].isspace() and words else ""
    return f"{before}{words}{after}"


def _pictures(archive: Archive) -> Iterator[tuple[str, bytes]]:
    images = _elements(archive, frozenset({"image"}))
    names = (image.get("href", "").removeprefix("./") for image in images)
    for name in dict.fromkeys(names):
        if name in archive and not name.endswith(_PREVIEW):
            yield name, archive.read(name)


def _metadata(archive: Archive) -> dict[str, str]:
    if _META not in archive:
        return {}
    found: dict[str, str] = {}
    where = f"{archive.name}: {_META}"
    for element in read_elements(archive.chunks(_META), frozenset(_METADATA), where):
        name, value = _METADATA[element.tag], plain_value(text_of(element))
        if value:
            found.setdefault(name, value[:10] if name == "created" else value)
    return found
