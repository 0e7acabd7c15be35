"""A file within a file, by the names in a locator's `part`."""

from collections.abc import Iterator

from latelight.errors import NotFoundError
from latelight.extractors.archive import Archive
from latelight.extractors.decode import decode_text
from latelight.extractors.detect import detect_media_type
from latelight.extractors.docx import DOCX
from latelight.extractors.epub import EPUB
from latelight.extractors.html_pictures import data_pictures
from latelight.extractors.mail_parts import MAIL, read_mail
from latelight.extractors.odf import ODP, ODS, ODT
from latelight.extractors.pptx import PPTX
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.extractors.rtf import RTF, rtf_pictures
from latelight.extractors.xlsx import XLSX
from latelight.types import Source

_ARCHIVES = (DOCX, PPTX, XLSX, ODT, ODS, ODP, EPUB)


def open_part(
    source: Source, part: tuple[str, ...], options: ExtractionOptions = DEFAULT_OPTIONS
) -> Source:
    """Return the file that `part` names within a source, outermost name first.

    Raises:
        ExtractionError: a file on the way cannot be read.
        NotFoundError: there is no such part.
    """
    for name in part:
        source = Source(name, _inner(source, name, options))
    return source


def _inner(source: Source, name: str, options: ExtractionOptions) -> bytes:
    for own, data in _parts(source, name, options):
        if own == name:
            return data
    raise NotFoundError(f"{source.name} holds no part {name!r}; add the file again.")


def _parts(source: Source, name: str, options: ExtractionOptions) -> Iterator[tuple[str, bytes]]:
    media_type = detect_media_type(source)
    if media_type in _ARCHIVES:
        archive = Archive(source.data, source.name, options)
        if name in archive:
            yield name, archive.read(name)
    elif media_type == MAIL:
        yield from ((one.name, one.data) for one in read_mail(source.data, source.name).attachments)
    elif media_type == RTF:
        yield from rtf_pictures(source.data)
    elif media_type == "text/html":
        decoded = decode_text(source.data)
        yield from data_pictures(decoded.text if decoded else "")
