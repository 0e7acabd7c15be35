"""What `add` takes, as one stream of items: files, folders, globs, bytes, records."""

import glob
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from latelight.errors import ExtractionError, InputError, NotFoundError
from latelight.types import Metadata

LIBRARY_MARK = "latelight.json"
UNFINISHED_MARK = "latelight.unfinished"
"""In a directory that is being filled with a library's files, until all of them are there."""
RECORD_TEXT = "text"
RECORD_TITLE = "title"
RECORD_METADATA = "metadata"
RECORD_IDS = ("doc_id", "_id", "id")


@dataclass(frozen=True)
class FileItem:
    """A file to read when its turn comes."""

    path: Path
    metadata: Metadata = field(default_factory=dict)

    @cached_property
    def source(self) -> str:
        """The file's absolute path."""
        return str(self.path.resolve())

    @property
    def n_bytes(self) -> int:
        """The file's length now; 0 when it cannot be asked."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0


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
        return self.name

    @property
    def n_bytes(self) -> int:
        """Length of the bytes."""
        return len(self.data)


@dataclass(frozen=True)
class RecordItem:
    """A title and a text without a file of their own.

    Attributes:
        is_line: whether `source` is a line of a file, which holds one record at a time.
    """

    doc_id: str
    title: str
    text: str
    source: str
    metadata: Metadata = field(default_factory=dict)
    is_line: bool = False

    @property
    def n_bytes(self) -> int:
        """Length of title and text in UTF-8."""
        return len(self.title.encode()) + len(self.text.encode())

    def canonical_bytes(self) -> bytes:
        """Return the bytes that stand for the record: its digest and stored original."""
        value = {RECORD_TITLE: self.title, RECORD_TEXT: self.text}
        return json.dumps(value, ensure_ascii=False, sort_keys=True).encode(errors="surrogatepass")


@dataclass(frozen=True)
class BadItem:
    """Something that was named but cannot be an item; reported as a failure of its own."""

    source: str
    error: ExtractionError
    n_bytes: int = 0


Item = FileItem | BytesItem | RecordItem | BadItem
Addable = str | Path | bytes | Mapping[str, Any] | Iterable[str | Path | Mapping[str, Any]]


def items_from(
    what: Addable, metadata: Metadata, *, name: str = "", doc_id: str = ""
) -> list[Item]:
    """Return the items that `what` names: a path, folder, glob, bytes, record, or several.

    Folders are walked in name order; hidden files and folders, and libraries, are left out.
    A `.jsonl` file holds records, one a line.

    Raises:
        NotFoundError: a path or glob names nothing.
        InputError: bytes without a name, an id for more than one item, or another type.
    """
    items = list(_expand(what, metadata, name, doc_id))
    if doc_id and len(items) != 1:
        raise InputError(
            f"doc_id={doc_id!r} was given for {len(items)} items; give one file, or none."
        )
    return items


def _expand(what: Addable, metadata: Metadata, name: str, doc_id: str) -> Iterator[Item]:
    if isinstance(what, bytes):
        if not name:
            raise InputError("Bytes need a name, such as name='report.pdf', to say what they are.")
        yield BytesItem(name, what, metadata, doc_id)
    elif isinstance(what, Mapping):
        yield _record(what, metadata, source=name or "record")
    elif isinstance(what, str | Path):
        for item in _from_path(Path(what).expanduser(), metadata):
            yield _with_id(item, doc_id)
    elif isinstance(what, Iterable):
        for one in what:
            yield from _expand(one, metadata, name, doc_id)
    else:
        raise InputError(f"Cannot add a {type(what).__name__}; give paths, bytes or records.")


def _with_id(item: Item, doc_id: str) -> Item:
    if doc_id and isinstance(item, FileItem):
        return BytesItem(item.source, item.path.read_bytes(), item.metadata, doc_id)
    return item


def _from_path(path: Path, metadata: Metadata) -> Iterator[Item]:
    if path.is_dir():
        for child in _files_below(path):
            yield from _from_file(child, metadata)
    elif path.exists():
        yield from _from_file(path, metadata)
    else:
        yield from _from_glob(path, metadata)


def _files_below(folder: Path) -> Iterator[Path]:
    """Yield a folder's files in name order, without hidden ones and those of a library."""
    for child in sorted(folder.iterdir()):
        if child.name.startswith("."):
            continue
        if child.is_dir():
            # A linked folder may lead back up: only real ones are walked.
            if not child.is_symlink() and not _is_ours(child):
                yield from _files_below(child)
        elif child.is_file():
            yield child


def _is_ours(folder: Path) -> bool:
    """Return whether a folder is a library, or the beginning of one."""
    return any((folder / mark).is_file() for mark in (LIBRARY_MARK, UNFINISHED_MARK))


def _from_glob(path: Path, metadata: Metadata) -> Iterator[Item]:
    found = sorted(Path(p) for p in glob.glob(str(path), recursive=True))  # noqa: PTH207
    files = [p for p in found if p.is_file()]
    if not files:
        raise NotFoundError(f"{str(path)!r} names no file. Check the path or the pattern.")
    for file in files:
        yield from _from_file(file, metadata)


def _from_file(path: Path, metadata: Metadata) -> Iterator[Item]:
    if path.suffix.lower() == ".jsonl":
        with path.open("rb") as lines:
            for item in records_from(lines, metadata, source=str(path.resolve())):
                yield replace(item, is_line=True) if isinstance(item, RecordItem) else item
    else:
        yield FileItem(path, metadata)


def records_from(lines: IO[bytes], metadata: Metadata, *, source: str) -> Iterator[Item]:
    """Yield one record for each line of JSON; a line that is not one becomes a bad item."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        place = f"{source}:{number}"
        try:
            yield _record(json.loads(line), metadata, source=place)
        except (ValueError, InputError) as error:
            yield BadItem(place, ExtractionError(f"Line {number} is not a record: {error}"))


def _record(value: Any, metadata: Metadata, *, source: str) -> RecordItem:
    if not isinstance(value, Mapping):
        raise InputError(f"expected an object with a 'text', got {type(value).__name__}.")
    text, title = value.get(RECORD_TEXT, ""), value.get(RECORD_TITLE) or ""
    if not isinstance(text, str) or not isinstance(title, str):
        raise InputError("'text' and 'title' must be strings.")
    doc_id = next((str(value[key]) for key in RECORD_IDS if value.get(key) is not None), "")
    own = {
        key: item
        for key, item in value.items()
        if key not in (RECORD_TEXT, RECORD_TITLE, RECORD_METADATA, *RECORD_IDS)
    }
    nested = value.get(RECORD_METADATA) or {}
    if not isinstance(nested, Mapping):
        raise InputError("'metadata' must be an object.")
    joined = check_metadata({**own, **nested, **metadata})
    return RecordItem(doc_id, title, text, source, joined)


def check_metadata(metadata: Mapping[str, Any]) -> Metadata:
    """Return the metadata when every value can be filtered on.

    Raises:
        InputError: a value is not a string, number, boolean, null or a list of such.
    """
    for key, value in metadata.items():
        members = value if isinstance(value, list) else [value]
        if not all(isinstance(x, str | int | float | bool | None) for x in members):
            raise InputError(
                f"Metadata {key!r} holds a {type(value).__name__}; use strings, numbers, booleans, "
                "null, or a list of them."
            )
    return dict(metadata)


def place_of(item: Item) -> str:
    """Return the source when it holds one thing at a time, so that new content replaces the old.

    Empty for records that are no line of a file, and for those with an id of their own.
    """
    if isinstance(item, RecordItem):
        return item.source if item.is_line and not item.doc_id else ""
    return "" if isinstance(item, BadItem) else item.source


def content_id(sha256: str) -> str:
    """Return the doc_id of a document that its caller did not name: 20 hex digits of its hash."""
    return sha256[:20]


def sha256_of(data: bytes) -> str:
    """Return the hex digest of bytes."""
    return hashlib.sha256(data).hexdigest()
