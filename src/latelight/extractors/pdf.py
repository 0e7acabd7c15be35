"""PDF -> one unit for each page: its text and the box of every word."""

import math
import re
from dataclasses import dataclass, field

import pypdfium2 as pdfium
import pypdfium2.raw as c

from latelight.errors import DamagedFileError
from latelight.extractors.decode import without_surrogates
from latelight.extractors.hyphens import mended, vocabulary
from latelight.extractors.limits import check_bytes, check_characters, check_pages
from latelight.extractors.ocr import read_picture
from latelight.extractors.pdf_file import POINTS_PER_INCH, draw_page, opened_pdf
from latelight.extractors.pdf_pictures import unread_pictures, with_picture_words
from latelight.extractors.pdf_words import PageWords, page_words
from latelight.extractors.pictures import encoded
from latelight.extractors.plausibility import is_plausible
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import CharSpan, Extraction, ExtractorInfo, Locator, Source, Unit, WordBoxes

PAGE_BREAK = "\f"
_MAX_BROKEN_SHARE = 0.3
_FEW_CHARACTERS = 100  # a stamp or page number on a scan
_HARDLY_ANY = 16
_SCAN_COVER = 0.5  # of the page, by its largest picture
_DRAWN_TEXT_PATHS = 20  # letters drawn as outlines
_DATE = re.compile(r"D:(\d{4})(\d{2})?(\d{2})?")


@dataclass
class _Page:
    """What was read of one page."""

    text: str = ""
    words: WordBoxes = field(default_factory=WordBoxes.empty)
    picture: bytes | None = None
    failed: bool = False
    by_ocr: bool = False
    pictures_read: bool = False


class PdfExtractor:
    """PDF pages by their text layer; by OCR where there is none, and on large pictures beside."""

    info = ExtractorInfo(
        name="pdf",
        version="3",
        media_types=("application/pdf",),
        unit_kinds=("page",),
        licence="Apache-2.0 AND BSD-3-Clause",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the pages, `p1`, `p2`, …; their texts are joined with form feeds.

        Raises:
            EncryptedFileError: a password is needed.
            DamagedFileError: no page can be read.
            FileTooLargeError: too many bytes, pages or characters.
        """
        check_bytes(source, options)
        with opened_pdf(source.data, source.name) as document:
            check_pages(source.name, len(document), options)
            pages = self._pages(document, source, options)
            metadata = pdf_metadata(document)
        pages = _with_whole_words(pages)
        return Extraction(
            media_type="application/pdf",
            text=PAGE_BREAK.join(page.text for page in pages),
            units=_units(pages),
            title=str(metadata.get("title", "")),
            metadata=metadata,
            warnings=_warnings(pages),
        )

    def _pages(
        self, document: pdfium.PdfDocument, source: Source, options: ExtractionOptions
    ) -> list[_Page]:
        n_pages = len(document)
        pages: list[_Page] = []
        n_characters = 0
        for number in range(n_pages):
            pages.append(_read_page(document, number, options))
            n_characters += len(pages[-1].text) + 1
            check_characters(source.name, n_characters, options)
            self.progress(number + 1, n_pages)
        if all(page.failed for page in pages):
            raise DamagedFileError(
                f"{source.name}: announces {n_pages:,} pages and none of them can be read; "
                "copy the file again, or repair it (for example: qpdf in.pdf out.pdf)."
            )
        return pages


def pdf_metadata(document: pdfium.PdfDocument) -> dict[str, str | int]:
    """Return n_pages and, where the file gives them, title, author and created (ISO date)."""
    fields = {key: _clean(value) for key, value in document.get_metadata_dict().items()}
    found: dict[str, str | int] = {"n_pages": len(document)}
    for name, key in (("title", "Title"), ("author", "Author"), ("subject", "Subject")):
        if fields.get(key):
            found[name] = fields[key]
    date = _DATE.match(fields.get("CreationDate", ""))
    if date:
        found["created"] = "-".join(part for part in date.groups() if part)
    return found


def needs_ocr(page: pdfium.PdfPage, found: PageWords) -> bool:
    """Whether the page shows text that its text layer does not hold."""
    n_characters = found.n_characters
    if found.n_broken > _MAX_BROKEN_SHARE * max(n_characters, 1):
        return True
    if n_characters >= _FEW_CHARACTERS:
        return False
    cover, n_paths = _drawn(page, found.width * found.height)
    few = n_characters < _HARDLY_ANY
    return cover >= _SCAN_COVER or (few and (cover > 0.02 or n_paths >= _DRAWN_TEXT_PATHS))


def _read_page(document: pdfium.PdfDocument, number: int, options: ExtractionOptions) -> _Page:
    try:
        page = document[number]
    except pdfium.PdfiumError:
        return _Page(failed=True)
    try:
        return _page_content(page, options)
    finally:
        page.close()


def _page_content(page: pdfium.PdfPage, options: ExtractionOptions) -> _Page:
    try:
        found = page_words(page)
    except pdfium.PdfiumError:
        return _Page(failed=True)
    read_it = options.ocr == "always" or (options.ocr == "auto" and needs_ocr(page, found))
    doubted = options.ocr == "auto" and not read_it and not is_plausible(found.texts)
    content = _Page() if read_it else _Page(*found.text())
    beside = [] if read_it or doubted or options.ocr != "auto" else unread_pictures(page, found)
    if not (read_it or doubted or beside or options.render_images):
        return content
    looked_at_alone = not (read_it or doubted or beside)
    dpi = _dpi_to_look(page, options) if looked_at_alone else options.dpi
    picture = draw_page(page, dpi, options.max_pixels)
    if beside:
        choice = options.ocr_choice
        text, words = with_picture_words(content.text, content.words, picture, beside, choice)
        content = _Page(text, words, pictures_read=text != content.text)
    if read_it or doubted:
        text, words = read_picture(picture, options.ocr_choice)
        # What reads no better stays as the file has it: some pages are made of codes.
        if read_it or (text and is_plausible(text.split())):
            content = _Page(text, words, by_ocr=True)
    content.picture = encoded(picture, options.image_side) if options.render_images else None
    return content


def _dpi_to_look(page: pdfium.PdfPage, options: ExtractionOptions) -> int:
    """Return the resolution for encoders that look, where nobody reads the picture."""
    longest: float = max(page.get_size()) / POINTS_PER_INCH
    if not options.image_side or longest <= 0:
        return options.dpi
    return max(min(options.dpi, math.ceil(options.image_side / longest)), 1)


def _drawn(page: pdfium.PdfPage, area: float) -> tuple[float, int]:
    """Return the share of the page that its largest picture covers, and the number of paths."""
    cover, n_paths = 0.0, 0
    for item in page.get_objects(max_depth=3):
        if item.type == c.FPDF_PAGEOBJ_IMAGE:
            left, bottom, right, top = item.get_bounds()
            cover = max(cover, abs((right - left) * (top - bottom)) / max(area, 1.0))
        n_paths += item.type == c.FPDF_PAGEOBJ_PATH
    return cover, n_paths


def _with_whole_words(pages: list[_Page]) -> list[_Page]:
    known = vocabulary(page.text for page in pages)
    for page in pages:
        page.text, page.words = mended(page.text, page.words, known)
    return pages


def _units(pages: list[_Page]) -> tuple[Unit, ...]:
    units: list[Unit] = []
    start = 0
    for number, page in enumerate(pages, 1):
        span = CharSpan(start, start + len(page.text))
        start = span.end + len(PAGE_BREAK)
        place = Locator(span=span, page=number)
        units.append(Unit(f"p{number}", "page", place, page.text, page.words, page.picture))
    return tuple(units)


def _warnings(pages: list[_Page]) -> tuple[str, ...]:
    numbered = list(enumerate(pages, 1))
    groups = (
        ("could not be read: {}.", [n for n, p in numbered if p.failed]),
        ("were read by OCR: {}.", [n for n, p in numbered if p.by_ocr]),
        ("have pictures with words, read by OCR: {}.", [n for n, p in numbered if p.pictures_read]),
        ("hold no text: {}.", [n for n, p in numbered if not p.failed and not p.text]),
    )
    return tuple(
        f"{len(numbers):,} of {len(pages):,} pages " + sentence.format(_listed(numbers))
        for sentence, numbers in groups
        if numbers
    )


def _listed(numbers: list[int], most: int = 12) -> str:
    shown = ", ".join(map(str, numbers[:most]))
    return shown + (", …" if len(numbers) > most else "")


def _clean(value: str) -> str:
    return " ".join(without_surrogates(value).replace("\x00", " ").split())[:500]
