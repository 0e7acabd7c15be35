"""PPTX -> one unit for each slide, its page number the slide's, and the words of its pictures."""

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from latelight.extractors.composition import Composition
from latelight.extractors.docx import finished, run_text
from latelight.extractors.embedded import Pictures
from latelight.extractors.limits import check_bytes, check_pages
from latelight.extractors.opc import Package
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.tables import SEPARATOR, plain_cell
from latelight.extractors.xml_reader import child, outermost
from latelight.types import Extraction, ExtractorInfo, Locator, Source, Unit

PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_TITLES = ("title", "ctrTitle")
_FURNITURE = ("dt", "ftr", "sldNum", "hdr", "sldImg")
_SHAPES = frozenset({"sp", "graphicFrame"})
_NOTES = "Notes: "


class PptxExtractor:
    """Slides, hidden ones too, with their tables and speaker's notes."""

    info = ExtractorInfo(
        name="pptx",
        version="1",
        media_types=(PPTX,),
        unit_kinds=("page", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the slides, `s0`, `s1`, …, page 1, 2, …; see `DocxExtractor` for the errors."""
        check_bytes(source, options)
        package = Package(source, options)
        slides = list(_slides(package))
        check_pages(source.name, len(slides), options)
        composition = Composition(source.name, options)
        for number, slide in enumerate(slides, 1):
            _put_slide(package, slide, number, composition)
            self.progress(number, len(slides))
        pictures = Pictures(composition, self.progress)
        pictures.add(package.pictures(slides))
        metadata = package.metadata()
        return finished(composition, PPTX, metadata, pictures.warnings())


def _slides(package: Package) -> Iterator[str]:
    """Yield the slides' parts in the order in which they are shown."""
    main = package.main_part()
    relations = package.relations(main)
    for entry in package.elements(main, frozenset({"sldId"})):
        _, target = relations.get(entry.get("r:id", ""), ("", ""))
        if target in package.archive:
            yield target


def _put_slide(package: Package, slide: str, number: int, into: Composition) -> None:
    titles: list[str] = []
    blocks: list[str] = []
    for shape in package.elements(slide, _SHAPES):
        text = _shape_text(shape)
        if text and _placeholder(shape) not in _FURNITURE:
            (titles if _placeholder(shape) in _TITLES else blocks).append(text)
    notes = _notes(package, slide)
    blocks += [_NOTES + notes] if notes else []
    text = "\n".join([*titles, *blocks])
    if text:
        title = " ".join(" ".join(titles).split())
        into.first_heading = into.first_heading or title
        heading = (title,) if title else ()
        into.unit("s", Unit("", "page", Locator(page=number), text, heading=heading))


def _notes(package: Package, slide: str) -> str:
    part = package.related(slide, "/notesSlide")
    if part is None:
        return ""
    shapes = package.elements(part, _SHAPES)
    texts = [_shape_text(shape) for shape in shapes if _placeholder(shape) not in _FURNITURE]
    return "\n".join(filter(None, texts))


def _placeholder(shape: Element) -> str:
    """Return what a shape holds the place of: a title, a footer, the slide's number ..."""
    for element in shape.iter("ph"):
        return element.get("type", "")
    return ""


def _shape_text(shape: Element) -> str:
    table = next(shape.iter("tbl"), None)
    if table is not None:
        return "\n".join(filter(None, map(_table_line, outermost(table, "tr"))))
    paragraphs = ("".join(run_text(p)).strip() for p in shape.iter("p"))
    return "\n".join(filter(None, paragraphs))


def _table_line(row: Element) -> str:
    cells = (child(cell, "txBody") for cell in outermost(row, "tc"))
    texts = [plain_cell("".join(run_text(cell))) if cell is not None else "" for cell in cells]
    return SEPARATOR.join(texts).strip()
