"""What `add` was given, packed for the way: files to stream, records as JSON.

Folders and patterns are walked here, by the rules of an embedded library. A server knows a file by
the name that it is sent under: its own for a single one, else the path from the folder that holds
everything that was given, so that files of one name stay apart and nothing else of this machine is
told.
"""

import base64
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latelight.client.sending import opened
from latelight.client.steps import FilePart
from latelight.errors import ExtractionError, InputError
from latelight.pipelines.inputs import Given
from latelight.pipelines.items import (
    BadItem,
    BytesItem,
    FileItem,
    Item,
    LeftOut,
    RecordItem,
    files_named,
    shown,
)
from latelight.pipelines.progress import Failure
from latelight.pipelines.spec import canonical_json
from latelight.types import Metadata, MultiVector

MOST_FILES = 200
MOST_BYTES = 256 << 20
"""Of the files of one request, but for a single larger one."""
MOST_RECORDS = 1000
MOST_RECORD_BYTES = 4 << 20
"""Of the JSON of one request, but for a single larger record; servers take 16 MiB."""
_PATTERN = frozenset("*?[")
_COLUMNS = ("spans", "boxes", "times")


@dataclass(frozen=True)
class Files:
    """Files for one request, with what they have in common."""

    parts: tuple[FilePart, ...]
    metadata: Metadata
    doc_id: str = ""


@dataclass(frozen=True)
class Records:
    """Records for one request."""

    values: tuple[Mapping[str, Any], ...]


Parcel = Files | Records


@dataclass
class Packed:
    """Parcels one after the other, and what stays here.

    Attributes:
        failures: what cannot be sent, with its reason.
        warnings: what was found and is deliberately left out, as `source: sentence`.
    """

    given: Given
    failures: list[Failure] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def parcels(self) -> Iterator[Parcel]:
        """Yield what to send, as soon as there is enough for a request.

        Raises:
            NotFoundError: a path names nothing.
            InputError: an item is malformed.
        """
        yield from _files(self._parts(), self.given)
        yield from self._loose()

    def _parts(self) -> Iterator[FilePart]:
        base = base_of(self.given.paths)
        for path in self.given.paths:
            for found in files_named(path):
                if isinstance(found, LeftOut):
                    self.warnings.append(f"{found.source}: {found.reason}")
                elif isinstance(found, BadItem):
                    self.failures.append(Failure.of(found.source, found.error))
                else:
                    yield from self._part(found, base)

    def _part(self, item: FileItem, base: Path) -> Iterator[FilePart]:
        """Yield a file when it can be read; otherwise note why not."""
        try:
            with opened(item.path, follow_links=item.follow_links) as file:
                n_bytes = os.fstat(file.fileno()).st_size
        except ExtractionError as error:
            self.failures.append(Failure.of(item.source, error))
            return
        name = name_of(item.path, base)
        yield FilePart("files", name, item.path, n_bytes, item.follow_links)

    def _loose(self) -> Iterator[Parcel]:
        """Yield records in groups, in their order; a large file among them on its own."""
        group: list[Mapping[str, Any]] = []
        n_bytes = 0
        for item in self.given.loose:
            for packed in self._packed(item):
                if isinstance(packed, Files):
                    yield packed
                    continue
                size = _size(packed)
                if group and (n_bytes + size > MOST_RECORD_BYTES or len(group) == MOST_RECORDS):
                    yield Records(tuple(group))
                    group, n_bytes = [], 0
                group.append(packed)
                n_bytes += size
        if group:
            yield Records(tuple(group))

    def _packed(self, item: Item) -> Iterator[Mapping[str, Any] | Files]:
        match item:
            case RecordItem():
                yield record_of(item)
            case BytesItem():
                part = FilePart("files", item.name, item.data, item.n_bytes)
                yield _alone(part, item.data, item)
            case FileItem():
                for part in self._part(item, item.path.absolute().parent):
                    small = part.n_bytes <= MOST_RECORD_BYTES
                    yield _alone(part, _content(item) if small else None, item)
            case BadItem():
                self.failures.append(Failure.of(item.source, item.error))


def base_of(paths: Iterable[str]) -> Path:
    """Return the folder from which names are counted: the deepest that holds all that was given."""
    homes = [_home(path) for path in paths]
    return Path(os.path.commonpath(homes)) if homes else Path()


def name_of(path: Path, base: Path) -> str:
    """Return what a file is called on the server."""
    absolute = path.absolute()
    inside = absolute.is_relative_to(base)
    return shown((absolute.relative_to(base) if inside else Path(absolute.name)).as_posix())


def record_of(item: RecordItem) -> Mapping[str, Any]:
    """Return a record as JSON has it."""
    own: dict[str, Any] = {"text": item.text, "title": item.title}
    if item.doc_id:
        own["id"] = item.doc_id
    if item.vectors:
        own["vectors"] = {name: rows.vectors.tolist() for name, rows in item.vectors.items()}
        own["locators"] = _locators(next(iter(item.vectors.values())))
        if "" in own["vectors"]:
            own["vectors"] = own["vectors"][""]
    return {**own, "metadata": dict(item.metadata)}


def _home(path: str) -> str:
    """Return the folder that holds a file or folder, or what comes before a pattern."""
    place = Path(path)
    if place.exists():
        return str(place.parent)
    fixed = Path(*_before_pattern(place.parts))
    return str(fixed.parent)


def _before_pattern(parts: tuple[str, ...]) -> Iterator[str]:
    for one in parts:
        if _PATTERN & set(one):
            return
        yield one


def _files(parts: Iterable[FilePart], given: Given) -> Iterator[Files]:
    group: list[FilePart] = []
    for part in parts:
        n_bytes = sum(one.n_bytes for one in group)
        if group and (n_bytes + part.n_bytes > MOST_BYTES or len(group) == MOST_FILES):
            yield Files(tuple(group), given.metadata, given.doc_id)
            group = []
        if all(one.name != part.name for one in group):  # named twice: a path and its folder
            group.append(part)
    if group:
        yield Files(tuple(group), given.metadata, given.doc_id)


def _alone(
    part: FilePart, data: bytes | None, item: BytesItem | FileItem
) -> Mapping[str, Any] | Files:
    """Return a file with metadata of its own: as a record, or by itself when it is long."""
    if data is None or len(data) > MOST_RECORD_BYTES:
        return Files((part,), item.metadata, item.doc_id)
    own = {"bytes": base64.b64encode(data).decode(), "name": part.name}
    named = {"id": item.doc_id} if item.doc_id else {}
    return {**own, **named, "metadata": dict(item.metadata)}


def _content(item: FileItem) -> bytes:
    with opened(item.path, follow_links=item.follow_links) as file:
        return file.read()


def _size(record: Mapping[str, Any]) -> int:
    try:
        return len(canonical_json(record))
    except (UnicodeEncodeError, ValueError, TypeError) as error:
        raise InputError(
            f"A record cannot be written as JSON ({error}); its texts have to be valid Unicode: "
            "decode them with errors='replace'."
        ) from error


def _locators(rows: MultiVector) -> Mapping[str, Any]:
    columns = {name: getattr(rows.locators, name) for name in _COLUMNS}
    return {
        name: [[None if np.isnan(x) else x for x in row] for row in column.tolist()]
        for name, column in columns.items()
        if column is not None
    }
