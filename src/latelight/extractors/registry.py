"""Media type -> extractor, and the one call that reads any file."""

from functools import cache, partial

from latelight.errors import (
    DamagedFileError,
    ExtractionError,
    ExtractionTimeoutError,
    UnsupportedMediaError,
)
from latelight.extractors.audio import AudioExtractor
from latelight.extractors.csv_table import CsvExtractor
from latelight.extractors.detect import UNKNOWN, detect_media_type
from latelight.extractors.docx import DocxExtractor
from latelight.extractors.eml import EmlExtractor
from latelight.extractors.epub import EpubExtractor
from latelight.extractors.html import HtmlExtractor
from latelight.extractors.image import ImageExtractor
from latelight.extractors.legacy import LegacyExtractor
from latelight.extractors.limits import check_bytes
from latelight.extractors.markdown import MarkdownExtractor
from latelight.extractors.odf import OdfExtractor
from latelight.extractors.pdf import PdfExtractor
from latelight.extractors.plugin_choice import plugin_extractor, with_told_trouble
from latelight.extractors.pptx import PptxExtractor
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions, Extractor
from latelight.extractors.records import JsonlExtractor
from latelight.extractors.rtf import RtfExtractor
from latelight.extractors.text import TextExtractor
from latelight.extractors.video import VideoExtractor
from latelight.extractors.xlsx import XlsxExtractor
from latelight.types import Extraction, Source

__all__ = ["all_extractors", "detect_media_type", "extract", "extractor_for"]


def all_extractors(progress: Progress = silent, depth: int = 0) -> tuple[Extractor, ...]:
    """Return every built-in extractor.

    Args:
        progress: hears of each page that is finished.
        depth: how many mails the file is in.
    """
    return (
        TextExtractor(),
        MarkdownExtractor(),
        HtmlExtractor(progress),
        PdfExtractor(progress),
        ImageExtractor(progress),
        AudioExtractor(progress),
        VideoExtractor(progress),
        DocxExtractor(progress),
        PptxExtractor(progress),
        XlsxExtractor(progress),
        OdfExtractor(progress),
        EpubExtractor(progress),
        RtfExtractor(progress),
        CsvExtractor(progress),
        JsonlExtractor(progress),
        LegacyExtractor(progress),
        EmlExtractor(partial(_extract, progress=progress), progress, depth),
    )


def extractor_for(media_type: str, progress: Progress = silent, depth: int = 0) -> Extractor:
    """Return the built-in extractor that reads `media_type`.

    Raises:
        UnsupportedMediaError: none does.
    """
    extractors = all_extractors(progress, depth)
    for extractor in extractors:
        if media_type in extractor.info.media_types:
            return extractor
    readable = sorted(kind for e in extractors for kind in e.info.media_types)
    raise UnsupportedMediaError(
        f"No extractor reads {media_type}; convert the file to one of: {', '.join(readable)}."
    )


def extract(
    source: Source,
    options: ExtractionOptions = DEFAULT_OPTIONS,
    progress: Progress = silent,
) -> Extraction:
    """Return a file's text and units, whatever its name says it is.

    Raises:
        ExtractionError: the file cannot be read; its subclass and message say why.
    """
    return _extract(source, options, 0, progress=progress)


def _extract(
    source: Source, options: ExtractionOptions, depth: int, *, progress: Progress
) -> Extraction:
    """Return what `extract` does of a file that is in `depth` mails."""
    check_bytes(source, options)
    extractor = _extractor_of(source, options, progress, depth)
    try:
        return with_told_trouble(extractor.extract(source, options), options)
    except ExtractionError:
        raise
    except MemoryError as error:
        raise ExtractionTimeoutError(
            f"{source.name}: reading it needs more memory than this process may have; "
            "split the file, or raise memory_bytes."
        ) from error
    except Exception as error:  # whatever a parser throws at hostile bytes
        raise DamagedFileError(
            f"{source.name}: the {extractor.info.name} extractor stopped with "
            f"{type(error).__name__}: {error}; open and save the file anew, or leave it out."
        ) from error


def _extractor_of(
    source: Source, options: ExtractionOptions, progress: Progress, depth: int
) -> Extractor:
    media_type = detect_media_type(source)
    plugin = plugin_extractor(source, media_type, options, _readable_types())
    if plugin is not None:
        return plugin
    try:
        return extractor_for(media_type, progress, depth)
    except UnsupportedMediaError as error:
        found = "of an unknown format" if media_type == UNKNOWN else media_type
        raise UnsupportedMediaError(f"{source.name}: the content is {found}. {error}") from None


@cache
def _readable_types() -> frozenset[str]:
    return frozenset(kind for e in all_extractors() for kind in e.info.media_types)
