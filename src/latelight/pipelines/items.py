"""What `add` takes, as one stream of items: files, folders, globs, bytes, records."""

import glob
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Protocol

from latelight.errors import ExtractionError, NotFoundError, UnreadableFileError
from latelight.extractors.protocol import ExtractionOptions
from latelight.pipelines.extracted import Extracted, Identity
from latelight.pipelines.reading import kind_of
from latelight.pipelines.walk import LIBRARY_MARK, LINK_REASON, UNFINISHED_MARK, NotWalked, walk
from latelight.types import Document, Extraction, Metadata, MultiVector, Source

__all__ = [
    "LIBRARY_MARK",
    "UNFINISHED_MARK",
    "Addable",
    "BadItem",
    "BytesItem",
    "FileItem",
    "Item",
    "LeftOut",
    "Lines",
    "RecordItem",
    "StoredItem",
    "Upload",
    "UploadItem",
    "content_id",
    "files_named",
    "place_of",
    "sha256_of",
]

RECORDS_SUFFIXES = (".jsonl", ".ndjson")


@dataclass(frozen=True)
class FileItem:
    """A file to read when its turn comes.

    Attributes:
        doc_id: the caller's id for it, else empty.
        follow_links: whether the path may be a symbolic link: only where the caller named it.
        known_bytes: its length when it was found; -1 when nobody looked.
    """

    path: Path
    metadata: Metadata = field(default_factory=dict)
    doc_id: str = ""
    follow_links: bool = True
    known_bytes: int = -1

    @cached_property
    def source(self) -> str:
        """The file's absolute path; what is no valid Unicode in it is written as escapes."""
        return shown(self.path.resolve())

    @property
    def n_bytes(self) -> int:
        """The file's length when it was found; 0 when it cannot be asked."""
        if self.known_bytes >= 0:
            return self.known_bytes
        try:
            return self.path.stat().st_size
        except (OSError, ValueError):
            return 0


@dataclass(frozen=True)
class Upload:
    """A file on the disk that is handed over, under the name that it had elsewhere.

    Attributes:
        name: what it is called; what it is stored under says nothing.
        path: where it lies now; whoever adds it moves it away.
        sha256: hex digest of its bytes.
        n_bytes: its length.
    """

    name: str
    path: Path
    sha256: str
    n_bytes: int


@dataclass(frozen=True)
class UploadItem(FileItem):
    """A file that was handed over, kept until its job is done.

    Attributes:
        name: what it is called.
        sha256: of its bytes, so that the same upload again is known as such.
    """

    name: str = ""
    sha256: str = ""

    @cached_property
    def source(self) -> str:
        """The name that the file came under."""
        return shown(self.name)


@dataclass(frozen=True)
class BytesItem:
    """Bytes under a name, with an optional id of the caller's."""

    name: str
    data: bytes = field(repr=False)
    metadata: Metadata = field(default_factory=dict)
    doc_id: str = ""

    @property
    def source(self) -> str:
        """The name that the bytes came under."""
        return shown(self.name)

    @property
    def n_bytes(self) -> int:
        """Length of the bytes."""
        return len(self.data)


@dataclass(frozen=True)
class RecordItem:
    """A title and a text without a file of their own, or vectors that the caller computed.

    Attributes:
        is_line: whether `source` is a line of a file, which holds one record at a time.
        vectors: by space, the rows of the record's one unit; empty: the encoders make them.
    """

    doc_id: str
    title: str
    text: str
    source: str
    metadata: Metadata = field(default_factory=dict)
    is_line: bool = False
    vectors: Mapping[str, MultiVector] = field(default_factory=dict, compare=False, repr=False)

    @property
    def n_bytes(self) -> int:
        """Length of title and text in UTF-8, and of the vectors."""
        n_rows_bytes = sum(rows.vectors.nbytes for rows in self.vectors.values())
        return n_rows_bytes + sum(
            len(part.encode(errors="surrogatepass")) for part in (self.title, self.text)
        )

    def canonical_bytes(self) -> bytes:
        """Return the bytes that stand for the record: its digest."""
        value = {"title": self.title, "text": self.text}
        text = json.dumps(value, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass")
        return text + b"".join(_canonical_rows(name, rows) for name, rows in _sorted(self.vectors))


@dataclass(frozen=True)
class BadItem:
    """Something that was named but cannot be an item; reported as a failure of its own."""

    source: str
    error: ExtractionError
    metadata: Metadata = field(default_factory=dict)
    n_bytes: int = 0


@dataclass(frozen=True)
class LeftOut:
    """Something that was found and is deliberately not added; reported as a note."""

    source: str
    reason: str


Read = Callable[[Source, ExtractionOptions], Extraction]
"""Reads one file, in whatever process."""


class Remake(Protocol):
    """Makes a document anew from what the library keeps of it."""

    def __call__(
        self, document: Document, identity: Identity, read: Read, options: ExtractionOptions
    ) -> Extracted:
        """Return what is to be encoded.

        Raises:
            ExtractionError, InputError: what is kept does not suffice.
        """
        ...


@dataclass(frozen=True)
class StoredItem:
    """A document that the library holds under another pipeline.

    Attributes:
        identity: under which it is known here too.
        remake: makes it anew.
    """

    document: Document
    identity: Identity
    remake: Remake = field(compare=False, repr=False)

    @property
    def source(self) -> str:
        """The document's."""
        return self.document.source

    @property
    def n_bytes(self) -> int:
        """The document's."""
        return self.document.n_bytes

    def remade(self, read: Read, options: ExtractionOptions) -> Extracted:
        """Return what is to be encoded; errors as `Remake`."""
        return self.remake(self.document, self.identity, read, options)


Item = FileItem | BytesItem | RecordItem | BadItem | StoredItem


@dataclass(frozen=True)
class Lines:
    """A stream of records, one JSON object a line, such as standard input."""

    stream: IO[bytes]
    source: str


Addable = (
    str
    | Path
    | bytes
    | Lines
    | Upload
    | Mapping[str, Any]
    | Iterable[str | Path | bytes | Lines | Upload | Mapping[str, Any]]
)


def files_named(path: str) -> Iterator[FileItem | BadItem | LeftOut]:
    """Yield the files that a path, a folder or a glob pattern names, without reading them.

    Folders are walked in name order; hidden files and folders, and libraries, are passed over.

    Raises:
        NotFoundError: it names nothing.
    """
    place = Path(path)
    try:
        if place.is_dir():
            yield from _files_below(place)
        elif place.exists():
            yield FileItem(place)
        else:
            yield from _files_matching(path)
    except (OSError, ValueError) as error:  # too long, not permitted, with a NUL in it
        yield _unreadable(place, f"cannot be looked at ({error}).")


def check_names_something(path: str) -> None:
    """Raise NotFoundError unless a path or pattern names at least one thing."""
    next(files_named(path), None)


def _files_below(folder: Path) -> Iterator[FileItem | BadItem | LeftOut]:
    for found in walk(folder):
        if not isinstance(found, NotWalked):
            yield FileItem(found.path, follow_links=False, known_bytes=found.n_bytes)
        elif found.failed:
            yield _unreadable(found.path, found.reason)
        else:
            yield LeftOut(shown(found.path), found.reason)


def _files_matching(pattern: str) -> Iterator[FileItem | BadItem | LeftOut]:
    matches = sorted(Path(p) for p in glob.glob(pattern, recursive=True))  # noqa: PTH207
    files = [p for p in matches if p.is_symlink() or p.is_file()]
    if not files:
        raise NotFoundError(f"{pattern!r} names no file. Check the path or the pattern.")
    for file in files:
        if not file.is_symlink():
            yield FileItem(file, follow_links=False)
        elif not file.is_dir():
            yield LeftOut(shown(file), LINK_REASON)


def _unreadable(path: Path, reason: str) -> BadItem:
    return BadItem(shown(path), UnreadableFileError(f"{shown(path)}: {reason}"))


def is_records(item: FileItem) -> bool:
    """Return whether a file holds records, one a line; one with an id is a document itself."""
    return Path(called(item)).suffix.lower() in RECORDS_SUFFIXES and not item.doc_id


def called(item: FileItem) -> str:
    """Return a file's name."""
    return item.name if isinstance(item, UploadItem) else item.path.name


def n_lines(path: Path) -> int:
    """Return how many lines hold something; 1 when the file cannot be read."""
    try:
        if kind_of(path.stat().st_mode):
            return 1
        with path.open("rb") as lines:
            return sum(not line.isspace() for line in lines)
    except OSError:
        return 1


def shown(path: str | Path) -> str:
    """Return a path as valid Unicode without control characters."""
    text = str(path).encode(errors="backslashreplace").decode()
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def place_of(item: Item) -> str:
    """Return the source when it holds one thing at a time, so that new content replaces the old.

    Empty for records that are no line of a file, and for those with an id of their own.
    """
    if isinstance(item, RecordItem):
        return item.source if item.is_line and not item.doc_id else ""
    return "" if isinstance(item, BadItem | StoredItem) else item.source


def content_id(sha256: str) -> str:
    """Return the doc_id of a document that its caller did not name: 20 hex digits of its hash."""
    return sha256[:20]


def sha256_of(data: bytes) -> str:
    """Return the hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()


def _sorted(vectors: Mapping[str, MultiVector]) -> list[tuple[str, MultiVector]]:
    return sorted(vectors.items())


def _canonical_rows(space: str, rows: MultiVector) -> bytes:
    at = rows.locators
    arrays = [a for a in (rows.vectors, at.spans, at.boxes, at.times, at.offsets) if a is not None]
    head = json.dumps([space, [[str(a.dtype), a.shape] for a in arrays]]).encode()
    return b"\x00" + head + b"".join(a.tobytes() for a in arrays)
