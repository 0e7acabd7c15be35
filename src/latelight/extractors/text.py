"""Plain text, JSON and single records -> passages."""

from latelight.errors import EmptyFileError, UnsupportedMediaError
from latelight.extractors.decode import Decoded, decode_text, without_surrogates
from latelight.extractors.detect import detect_media_type
from latelight.extractors.limits import check_bytes, check_characters
from latelight.extractors.passages import Heading, Structure, cut_passages, passage_units
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.types import Extraction, ExtractorInfo, Source

TEXT_MEDIA_TYPES = ("text/plain", "application/json")
RECORD_MEDIA_TYPE = "text/plain"


def read_text(source: Source, options: ExtractionOptions) -> Decoded:
    """Return the characters of a text file.

    Raises:
        EmptyFileError: there are none but white space.
        FileTooLargeError: more bytes or characters than allowed.
        UnsupportedMediaError: the bytes are no text.
    """
    check_bytes(source, options)
    decoded = decode_text(source.data)
    if decoded is None:
        raise UnsupportedMediaError(
            f"{source.name}: the bytes are no text in UTF-8, UTF-16 or Latin-1; "
            "convert the file or leave it out."
        )
    check_characters(source.name, len(decoded.text), options)
    if not decoded.text.strip():
        raise EmptyFileError(
            f"{source.name}: {len(source.data):,} bytes of white space, expected some text; "
            "leave the file out."
        )
    return decoded


class TextExtractor:
    """Plain text: the document's text is the file's own, cut into passages."""

    info = ExtractorInfo(
        name="text",
        version="1",
        media_types=TEXT_MEDIA_TYPES,
        unit_kinds=("passage",),
        licence="Apache-2.0",
    )

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the text's passages, `c0`, `c1`, …; see `read_text` for the errors."""
        decoded = read_text(source, options)
        media_type = detect_media_type(source)
        return Extraction(
            media_type=media_type if media_type in TEXT_MEDIA_TYPES else "text/plain",
            text=decoded.text,
            units=passage_units(
                decoded.text, cut_passages(decoded.text, options.passage_characters)
            ),
            warnings=decoded.warnings,
        )


def extract_record(
    text: str, title: str = "", options: ExtractionOptions = DEFAULT_OPTIONS
) -> Extraction:
    """Return the passages of a record's text under its title.

    The document's text is the title, a line end and the text (or whichever of the two is not
    empty). Every passage has the title as its heading, so that encoders can see it.

    Raises:
        EmptyFileError: title and text hold only white space.
        FileTooLargeError: more characters than allowed.
    """
    title, text = without_surrogates(title).strip(), without_surrogates(text)
    joined = f"{title}\n{text}" if title and text.strip() else title or text
    check_characters(title or "record", len(joined), options)
    if not joined.strip():
        raise EmptyFileError(
            "A record's title and text are empty, expected characters in one of them; "
            "leave the record out."
        )
    structure = Structure((Heading(0, 1, title),)) if title else None
    passages = cut_passages(joined, options.passage_characters, structure)
    return Extraction(RECORD_MEDIA_TYPE, joined, passage_units(joined, passages), title=title)
