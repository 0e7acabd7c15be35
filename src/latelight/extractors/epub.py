"""EPUB -> passages of its chapters under their headings, and the words of its pictures."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from latelight.errors import DamagedFileError, EncryptedFileError
from latelight.extractors.archive import Archive
from latelight.extractors.composition import Composition
from latelight.extractors.decode import decode_text
from latelight.extractors.docx import finished
from latelight.extractors.embedded import Pictures
from latelight.extractors.html import read_html
from latelight.extractors.limits import check_bytes, check_pages
from latelight.extractors.opc import plain_value
from latelight.extractors.pictures import FORMATS
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.xml_reader import read_root, text_of
from latelight.types import Extraction, ExtractorInfo, Source

EPUB = "application/epub+zip"
_CONTAINER, _ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
_CHAPTER_TYPES = ("application/xhtml+xml", "text/html", "application/html+xml")
_METADATA = {"title": "title", "creator": "author", "subject": "subject", "date": "created"}


class EpubExtractor:
    """Books without copy protection, chapter by chapter in reading order."""

    info = ExtractorInfo(
        name="epub",
        version="1",
        media_types=(EPUB,),
        unit_kinds=("passage", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return passages `c0`, `c1`, …; their locators' `part` is the chapter's file.

        See `DocxExtractor` for the errors.
        """
        check_bytes(source, options)
        archive = Archive(source.data, source.name, options)
        book = _read_book(archive)
        _check_readable(archive, book)
        check_pages(source.name, len(book.chapters), options)
        composition = Composition(source.name, options)
        for number, chapter in enumerate(book.chapters, 1):
            _put_chapter(archive, chapter, composition)
            self.progress(number, len(book.chapters))
        pictures = Pictures(composition, self.progress)
        pictures.add((name, archive.read(name)) for name in book.pictures if name in archive)
        return finished(composition, EPUB, book.metadata, pictures.warnings())


@dataclass(frozen=True)
class _Book:
    """What the package file says: members in reading order, and metadata."""

    chapters: tuple[str, ...]
    pictures: tuple[str, ...]
    metadata: dict[str, str]


def _read_book(archive: Archive) -> _Book:
    part = _package_part(archive)
    root = read_root(archive.chunks(part), f"{archive.name}: {part}")
    folder = posixpath.dirname(part)
    items = {item.get("id", ""): item for item in root.iter("item")}
    spine = [items[ref.get("idref", "")] for ref in root.iter("itemref") if _names(ref, items)]
    chapters = dict.fromkeys(_member(folder, item) for item in spine if _is_chapter(item))
    pictures = [i for i in items.values() if i.get("media-type") in FORMATS]
    return _Book(
        tuple(name for name in chapters if name in archive),
        tuple(_member(folder, item) for item in pictures),
        _metadata(root),
    )


def _names(reference: Element, items: dict[str, Element]) -> bool:
    return reference.get("idref", "") in items


def _is_chapter(item: Element) -> bool:
    is_contents = "nav" in item.get("properties", "").split()
    return item.get("media-type") in _CHAPTER_TYPES and not is_contents


def _package_part(archive: Archive) -> str:
    root = read_root(archive.chunks(_CONTAINER), f"{archive.name}: {_CONTAINER}")
    for element in root.iter("rootfile"):
        path = element.get("full-path", "")
        if path in archive:
            return path
    raise DamagedFileError(
        f"{archive.name}: {_CONTAINER} names no package file, expected a book; "
        "copy the file again, or leave it out."
    )


def _check_readable(archive: Archive, book: _Book) -> None:
    """Refuse protected chapters; fonts may be obfuscated, which harms nobody."""
    if _ENCRYPTION not in archive:
        return
    root = read_root(archive.chunks(_ENCRYPTION), f"{archive.name}: {_ENCRYPTION}")
    locked = {unquote(element.get("URI", "")) for element in root.iter("CipherReference")}
    if locked & set(book.chapters):
        raise EncryptedFileError(
            f"{archive.name}: its chapters are copy-protected, expected readable ones; "
            "add an unprotected copy."
        )


def _member(folder: str, item: Element) -> str:
    return posixpath.normpath(posixpath.join(folder, unquote(item.get("href", ""))))


def _put_chapter(archive: Archive, chapter: str, into: Composition) -> None:
    decoded = decode_text(archive.read(chapter))
    if decoded is None:
        raise DamagedFileError(
            f"{archive.name}: {chapter} is no text, expected a chapter; "
            "copy the file again, or leave it out."
        )
    page = read_html(decoded.text)
    into.passages(page.text, page.structure)
    into.end_passages((chapter,))
    into.begin_part()


def _metadata(root: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for group in root.iter("metadata"):
        for name, value in _values(group):
            found.setdefault(name, value[:10] if name == "created" else value)
    return found


def _values(group: Element) -> Iterator[tuple[str, str]]:
    for element in group:
        name, value = _METADATA.get(element.tag), plain_value(text_of(element))
        if name and value:
            yield name, value
