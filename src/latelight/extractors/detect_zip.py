"""What a zip archive is, by the member that says so."""

import re

from latelight.errors import ExtractionError
from latelight.extractors.archive import Archive
from latelight.extractors.protocol import DEFAULT_OPTIONS

ZIP = "application/zip"
_OFFICE = "application/vnd.openxmlformats-officedocument"
_WORD = f"{_OFFICE}.wordprocessingml.document"
_SLIDES = f"{_OFFICE}.presentationml.presentation"
_SHEETS = f"{_OFFICE}.spreadsheetml.sheet"
_ODF = "application/vnd.oasis.opendocument."
_EPUB = "application/epub+zip"
_TYPES = "[Content_Types].xml"
# Documents, templates, slide shows, and those with macros, which are not run.
_MAIN = (
    (re.compile(rb"wordprocessingml\.(?:document|template)\.main|ms-word\.\w+\.macro"), _WORD),
    (
        re.compile(
            rb"presentationml\.(?:presentation|template|slideshow)\.main|ms-powerpoint\.\w+"
        ),
        _SLIDES,
    ),
    (re.compile(rb"spreadsheetml\.(?:sheet|template)\.main|ms-excel\.\w+\.macro"), _SHEETS),
)
_PARTS = ((b"word/", _WORD), (b"ppt/", _SLIDES), (b"xl/", _SHEETS))
_SAMPLE = 65_536
_MAX_SAID = 1 << 20


def zip_media_type(data: bytes) -> str:
    """Return the media type of a zip archive; a damaged one is told by the names in it."""
    try:
        archive = Archive(data, "archive", DEFAULT_OPTIONS)
        return _said_type(archive) or ZIP
    except ExtractionError:
        return _guess(data)


def _said_type(archive: Archive) -> str | None:
    if "mimetype" in archive:
        return _named(_head(archive, "mimetype"))
    if _TYPES in archive:
        types = _head(archive, _TYPES)
        return next((kind for pattern, kind in _MAIN if pattern.search(types)), None)
    return None


def _head(archive: Archive, member: str) -> bytes:
    head = b""
    for chunk in archive.chunks(member):
        head += chunk
        if len(head) >= _MAX_SAID:
            break
    return head


def _named(mimetype: bytes) -> str | None:
    name = mimetype.decode("ascii", "replace").strip().removesuffix("-template")
    kinds = [_ODF + kind for kind in ("text", "spreadsheet", "presentation")]
    return name if name in (_EPUB, *kinds) else None


def _guess(data: bytes) -> str:
    names = data[:_SAMPLE] + data[-_SAMPLE:]
    if names[30:38] == b"mimetype":
        return _named(re.split(rb"[^a-z.+/-]", names[38:140])[0]) or ZIP
    return next((kind for part, kind in _PARTS if part in names), ZIP)
