"""Media type -> extractor, and the one call that reads any file."""

from latelight.errors import (
    DamagedFileError,
    ExtractionError,
    ExtractionTimeoutError,
    UnsupportedMediaError,
)
from latelight.extractors.audio import AudioExtractor
from latelight.extractors.detect import UNKNOWN, detect_media_type
from latelight.extractors.html import HtmlExtractor
from latelight.extractors.image import ImageExtractor
from latelight.extractors.limits import check_bytes
from latelight.extractors.markdown import MarkdownExtractor
from latelight.extractors.pdf import PdfExtractor
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions, Extractor
from latelight.extractors.text import TextExtractor
from latelight.extractors.video import VideoExtractor
from latelight.types import Extraction, Source

__all__ = ["all_extractors", "detect_media_type", "extract", "extractor_for"]


def all_extractors(progress: Progress = silent) -> tuple[Extractor, ...]:
    """Return every built-in extractor; `progress` hears of what is finished."""
    return (
        TextExtractor(),
        MarkdownExtractor(),
        HtmlExtractor(),
        PdfExtractor(progress),
        ImageExtractor(progress),
        AudioExtractor(progress),
        VideoExtractor(progress),
    )


def extractor_for(media_type: str, progress: Progress = silent) -> Extractor:
    """Return the extractor that reads `media_type`.

    Raises:
        UnsupportedMediaError: none does.
    """
    extractors = all_extractors(progress)
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
    check_bytes(source, options)
    extractor = _extractor_of(source, progress)
    try:
        return extractor.extract(source, options)
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


def _extractor_of(source: Source, progress: Progress) -> Extractor:
    media_type = detect_media_type(source)
    try:
        return extractor_for(media_type, progress)
    except UnsupportedMediaError as error:
        found = "of an unknown format" if media_type == UNKNOWN else media_type
        raise UnsupportedMediaError(f"{source.name}: the content is {found}. {error}") from None
