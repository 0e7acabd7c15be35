"""What a job was asked to add: paths to be walked each time it runs, and what came in memory."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from latelight.errors import InputError, NotFoundError, UnreadableFileError
from latelight.pipelines.items import (
    Addable,
    BadItem,
    BytesItem,
    FileItem,
    Item,
    LeftOut,
    Lines,
    Upload,
    UploadItem,
    check_names_something,
    files_named,
    is_records,
    n_lines,
    shown,
)
from latelight.pipelines.records import record_item, records_from
from latelight.pipelines.spec import canonical_json
from latelight.pipelines.spool import Spooled, read_spool
from latelight.types import Metadata

SPOOLED = "records in memory"


@dataclass(frozen=True)
class Entry:
    """A source of items, counted before work begins.

    Attributes:
        source: a file, or `records in memory`.
        n_items: documents in it: lines of records, else 1.
        n_bytes: its length.
        is_records: whether it holds records.
    """

    source: str
    n_items: int
    n_bytes: int
    is_records: bool = False


@dataclass(frozen=True)
class Inputs:
    """What to add, in a form that can be written down.

    Attributes:
        paths: absolute paths and patterns.
        metadata: of every document.
        doc_id: of a single document.
        spooled: what came in memory.
        spool: where that lies.
    """

    paths: tuple[str, ...] = ()
    metadata: Metadata = field(default_factory=dict)
    doc_id: str = ""
    spooled: Spooled = field(default_factory=Spooled)
    spool: Path | None = None

    @property
    def key(self) -> str:
        """The sha256 of what was asked; the same call gives the same."""
        asked = [self.paths, self.metadata, self.doc_id, self.spooled.digest]
        return sha256(canonical_json(asked).encode(errors="backslashreplace")).hexdigest()

    @property
    def said(self) -> str:
        """What was asked, in a line."""
        parts = list(self.paths[:3]) + ["…"] * (len(self.paths) > 3)
        parts += self.spooled.first
        if others := self.spooled.n_others:
            what = "more" if self.spooled.first else "record" if others == 1 else "records"
            parts.append(f"{others:,} {what}")
        return ", ".join(parts)

    def to_json(self) -> str:
        """Return the form that is written down; the spool's place is not part of it."""
        own = self.spooled
        spooled = {"n_items": own.n_items, "n_bytes": own.n_bytes, "digest": own.digest}
        return canonical_json(
            {
                "paths": [path.encode(errors="surrogateescape").hex() for path in self.paths],
                "metadata": self.metadata,
                "doc_id": self.doc_id,
                "spooled": spooled,
            }
        )

    @classmethod
    def from_dict(cls, value: Mapping[str, Any], spool: Path) -> "Inputs":
        """Return what `to_json` wrote."""
        paths = (bytes.fromhex(p).decode(errors="surrogateescape") for p in value["paths"])
        spooled = Spooled(**value["spooled"])
        return cls(
            tuple(paths),
            value["metadata"],
            value["doc_id"],
            spooled,
            spool if spooled.n_items else None,
        )

    def survey(self) -> Iterator[Entry]:
        """Yield every source of items with its size, reading no more than lines of records."""
        for found in self._files():
            if isinstance(found, FileItem):
                many = is_records(found)
                n_items = n_lines(found.path) if many else 1
                yield Entry(found.source, n_items, found.n_bytes, many)
            elif isinstance(found, BadItem):
                yield Entry(found.source, 1, 0)
        if self.spooled.n_items:
            yield Entry(SPOOLED, self.spooled.n_items, self.spooled.n_bytes, is_records=True)

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield everything to add, one at a time, in an order that stays the same."""
        for found in self._files():
            if isinstance(found, FileItem) and is_records(found):
                yield from _lines_of(found, self.metadata)
            else:
                yield found
        if self.spool is not None:
            yield from self._spooled_items(self.spool)

    @staticmethod
    def _spooled_items(spool: Path) -> Iterator[Item]:
        for item in read_spool(spool):
            if isinstance(item, UploadItem) and is_records(item):
                yield from _lines_of(item, item.metadata)
            else:
                yield item

    def _files(self) -> Iterator[FileItem | BadItem | LeftOut]:
        for path in self.paths:
            try:
                for found in files_named(path):
                    if isinstance(found, FileItem):
                        yield replace(found, metadata=self.metadata, doc_id=self.doc_id)
                    else:
                        yield found
            except NotFoundError as error:  # it went since the job was made
                yield BadItem(shown(path), UnreadableFileError(str(error)))


def _lines_of(file: FileItem, metadata: Metadata) -> Iterator[Item]:
    try:
        with file.path.open("rb") as lines:
            folder = file.path.resolve().parent
            yield from records_from(lines, metadata, source=file.source, folder=folder)
    except OSError:
        yield file  # is refused with its reason when it is read


# -- sorting what was given ------------------------------------------------------------------


@dataclass(frozen=True)
class Given:
    """What `add` was called with, sorted: paths, and items that exist only in memory."""

    paths: tuple[str, ...]
    loose: Iterable[Item]
    metadata: Metadata
    doc_id: str

    @property
    def is_paths_alone(self) -> bool:
        """Whether nothing came in memory."""
        return isinstance(self.loose, tuple) and not self.loose


def sort_given(what: Addable, metadata: Metadata, *, name: str = "", doc_id: str = "") -> Given:
    """Return what was given, checked as far as that needs no reading.

    Raises:
        NotFoundError: a path or pattern names nothing.
        InputError: bytes without a name, a record that is none, an id for more than one item, or
            something of another type.
    """
    if isinstance(what, str | Path):
        paths: tuple[str, ...] = (_absolute(what),)
        loose: Iterable[Item] = ()
    elif isinstance(what, list | tuple):
        paths = tuple(_absolute(one) for one in what if isinstance(one, str | Path))
        rest = [one for one in what if not isinstance(one, str | Path)]
        loose = _loose(rest, metadata, name, doc_id) if rest else ()
    else:
        paths, loose = (), _loose(what, metadata, name, doc_id)
    for path in paths:
        check_names_something(path)
    if doc_id:
        loose = tuple(loose)
        _check_one(doc_id, paths, loose)
    return Given(paths, loose, metadata, doc_id)


def _check_one(doc_id: str, paths: tuple[str, ...], loose: tuple[Item, ...]) -> None:
    listed = (found for path in paths for found in files_named(path))
    n_items = len(loose) + sum(not isinstance(found, LeftOut) for found in listed)
    if n_items != 1:
        raise InputError(
            f"doc_id={doc_id!r} was given for {n_items} items; give one file, or none."
        )


def _absolute(path: str | Path) -> str:
    # Not resolved: a link that was named stays what it is.
    return str(Path(path).expanduser().absolute())


def _loose(what: Any, metadata: Metadata, name: str, doc_id: str, at: str = "") -> Iterator[Item]:
    """Yield the items of what came in memory; paths among records are read as files."""
    if isinstance(what, bytes):
        if not name:
            raise InputError("Bytes need a name, such as name='report.pdf', to say what they are.")
        yield BytesItem(name, what, metadata, doc_id)
    elif isinstance(what, Lines):
        yield from records_from(
            what.stream, metadata, source=what.source, folder=Path.cwd(), is_file=False
        )
    elif isinstance(what, Upload):
        own = (what.n_bytes, what.name, what.sha256)
        yield UploadItem(what.path, metadata, doc_id, False, *own)
    elif isinstance(what, Mapping):
        yield record_item(what, metadata, f"{name or 'record'}{at}")
    elif isinstance(what, str | Path):
        yield FileItem(Path(_absolute(what)), metadata, doc_id)
    elif isinstance(what, Iterable):
        for number, one in enumerate(what, 1):
            yield from _loose(one, metadata, name, doc_id, f"{at}:{number}")
    else:
        raise InputError(f"Cannot add a {type(what).__name__}; give paths, bytes or records.")
