"""What a file is, from its first bytes; its name only tells text formats apart."""

import re

from latelight.extractors.decode import BYTE_ORDER_MARKS, SAMPLE_BYTES, text_encoding
from latelight.extractors.delimiters import find_delimiter
from latelight.extractors.detect_zip import ZIP, zip_media_type
from latelight.extractors.mail_parts import MAIL, looks_like_mail
from latelight.extractors.media_types import media_type_of
from latelight.extractors.ole import OLE, ole_media_type
from latelight.types import Source

UNKNOWN = "application/octet-stream"

# (offset, bytes, media type). Formats that nothing reads yet are here so that errors name them.
_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"{\\rtf", "application/rtf"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (0, b"PK\x03\x04", "application/zip"),
    (0, b"PK\x05\x06", "application/zip"),
    (0, b"\x1f\x8b", "application/gzip"),
    (0, b"BZh", "application/x-bzip2"),
    (0, b"\xfd7zXZ\x00", "application/x-xz"),
    (0, b"(\xb5/\xfd", "application/zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (0, b"Rar!\x1a\x07", "application/vnd.rar"),
    (257, b"ustar", "application/x-tar"),
    (0, b"SQLite format 3\x00", "application/vnd.sqlite3"),
    (0, b"PAR1", "application/vnd.apache.parquet"),
    (0, b"\x7fELF", "application/x-elf"),
    (0, b"%!PS", "application/postscript"),
)
_RIFF = {b"WEBP": "image/webp", b"WAVE": "audio/wav", b"AVI ": "video/x-msvideo"}
_TEXT_SUFFIXES = {
    ".md": "text/markdown",
    ".markdown": "text/markdown",
    ".mdown": "text/markdown",
    ".html": "text/html",
    ".htm": "text/html",
    ".xhtml": "text/html",
    ".csv": "text/csv",
    ".tsv": "text/tab-separated-values",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".ndjson": "application/jsonl",
}
_CONTAINERS = {ZIP: zip_media_type, OLE: ole_media_type}
_TABLES = ("text/csv", "text/tab-separated-values")
_PDF_WINDOW = 1024
_HTML_START = re.compile(
    r"\s*(?:<\?xml[^>]{0,200}\?>\s*)?(?:<!--.{0,2000}?-->\s*){0,8}"
    r"<(?:!doctype\s+html|html|head|body|article|main|section|div|p|h[1-6]|table|ul|title|meta)\b",
    re.IGNORECASE | re.DOTALL,
)
_ANY_TAG = re.compile(r"</?[a-zA-Z][a-zA-Z0-9-]*[\s/>]|<!--|<!doctype", re.IGNORECASE)


def detect_media_type(source: Source) -> str:
    """Return the media type that the content shows; `application/octet-stream` when none does."""
    return _binary_type(source.data) or _text_type(source) or UNKNOWN


def _binary_type(data: bytes) -> str | None:
    for offset, magic, media_type in _MAGIC:
        if data.startswith(magic, offset):
            inside = _CONTAINERS.get(media_type)
            return inside(data) if inside else media_type
    if data.startswith(b"RIFF"):
        return _RIFF.get(data[8:12])
    if data.startswith(b"BM") and data[6:10] == b"\x00\x00\x00\x00":
        return "image/bmp"
    return "application/pdf" if _is_pdf(data) else media_type_of(data)


def _is_pdf(data: bytes) -> bool:
    """Whether the header stands where readers accept it: within the first 1,024 bytes."""
    place = data.find(b"%PDF-", 0, _PDF_WINDOW)
    return place == 0 or (place > 0 and data[:place].isspace()) or _is_late_pdf(data, place)


def _is_late_pdf(data: bytes, place: int) -> bool:
    # A text may talk about "%PDF-": after other bytes only a whole PDF counts.
    return place > 0 and b"%%EOF" in data[-_PDF_WINDOW:] and b"startxref" in data[-_PDF_WINDOW:]


def _text_type(source: Source) -> str | None:
    encoding = text_encoding(source.data)
    if encoding is None:
        return None
    mark = next((m for m, _ in BYTE_ORDER_MARKS if source.data.startswith(m)), b"")
    start = source.data[len(mark) : len(mark) + SAMPLE_BYTES].decode(encoding, errors="replace")
    named = _TEXT_SUFFIXES.get(source.suffix, "text/plain")
    if _HTML_START.match(start) and named in ("text/plain", "text/html"):
        return "text/html"
    if looks_like_mail(source.data[len(mark) : len(mark) + SAMPLE_BYTES]) and (
        named == "text/plain" or source.suffix == ".eml"
    ):
        return MAIL
    if named in _TABLES and find_delimiter(start.splitlines()) is None:
        return "text/plain"
    if named == "text/html" and not _ANY_TAG.search(start):
        return "text/plain"
    return named
