"""Records: `{"id", "text" | "path" | "bytes" | "vectors", "metadata"}`, from JSON lines or Python.

A record with a text is cut into passages like any text. One with a path or with bytes is that
file, under the record's id and metadata. One with vectors has a single unit, whose rows they are.
"""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from latelight.errors import ExtractionError, InputError, LatelightError
from latelight.pipelines.items import BadItem, BytesItem, FileItem, Item, RecordItem
from latelight.types import Metadata, MultiVector, RowLocators

TEXT, TITLE, METADATA = "text", "title", "metadata"
PATH, BYTES, NAME, VECTORS, LOCATORS = "path", "bytes", "name", "vectors", "locators"
IDS = ("doc_id", "_id", "id")
FILE_PREFIX = "file."
"""What a file says of itself is stored as metadata under names with this before them."""
ONLY_SPACE = ""
"""Under which vectors come whose record names no space."""

MAX_LINE_BYTES = 256 << 20
_COLUMNS: dict[str, tuple[Any, int]] = {
    "spans": (np.int32, 2),
    "boxes": (np.float32, 4),
    "times": (np.float32, 2),
}


def records_from(
    lines: IO[bytes], metadata: Metadata, *, source: str, folder: Path, is_file: bool = True
) -> Iterator[Item]:
    """Yield one item for each line of JSON, read one at a time.

    A line that is no record becomes a bad item. A record's `path` has to lie in `folder`. Lines of
    a file hold one record at a time; those of a stream replace nothing.
    """
    for number, line in enumerate(_lines(lines), 1):
        if not line.strip():
            continue
        place = f"{source}:{number}"
        try:
            if len(line) > MAX_LINE_BYTES:
                raise InputError(f"longer than {MAX_LINE_BYTES >> 20} MiB; split it.")
            value = json.loads(line)
            yield record_item(value, metadata, place, is_line=is_file, folder=folder)
        except (ValueError, RecursionError, LatelightError) as error:
            failure = ExtractionError(f"Line {number} is not a record: {error}")
            yield BadItem(place, failure, n_bytes=len(line))


def _lines(lines: IO[bytes]) -> Iterator[bytes]:
    """Yield lines, cutting those that are too long instead of holding them."""
    while line := lines.readline(MAX_LINE_BYTES + 1):
        rest = line
        while len(rest) > MAX_LINE_BYTES and not rest.endswith(b"\n"):
            rest = lines.readline(MAX_LINE_BYTES + 1)
        yield line


def record_item(
    value: Any,
    metadata: Metadata,
    source: str,
    *,
    is_line: bool = False,
    folder: Path | None = None,
) -> Item:
    """Return the item that a record stands for.

    Args:
        value: a mapping; keys that mean nothing here are metadata, as those under `metadata` are.
        metadata: of the whole call; goes before the record's own.
        source: where it came from.
        is_line: whether that place holds one record at a time.
        folder: where its `path` has to lie; None trusts the caller.

    Raises:
        InputError: it is no record; the message says why.
    """
    if not isinstance(value, Mapping):
        raise InputError(f"expected an object with a 'text', got {type(value).__name__}.")
    doc_id = next((str(value[key]) for key in IDS if value.get(key) is not None), "")
    kind = _kind(value)
    joined = _metadata(value, metadata, _OWN[kind])
    if kind == PATH:
        return _file(value[PATH], joined, doc_id, folder)
    if kind == BYTES:
        name = str(value.get(NAME) or doc_id or source)
        return BytesItem(name, _bytes(value[BYTES]), joined, doc_id)
    text, title = value.get(TEXT) or "", value.get(TITLE) or ""
    if not isinstance(text, str) or not isinstance(title, str):
        raise InputError("'text' and 'title' must be strings.")
    vectors = parse_vectors(value[VECTORS], value.get(LOCATORS)) if kind == VECTORS else {}
    return RecordItem(doc_id, title, text, source, joined, is_line, vectors)


_OWN: dict[str, tuple[str, ...]] = {
    TEXT: (TEXT, TITLE),
    PATH: (PATH,),
    BYTES: (BYTES, NAME),
    VECTORS: (TEXT, TITLE, VECTORS, LOCATORS),
}


def names_a_file(value: Mapping[str, Any]) -> bool:
    """Return whether a record is a file of this machine, by its path."""
    return _kind(value) == PATH


def _kind(value: Mapping[str, Any]) -> str:
    """Return which key says what the record is; beside a text, `path` and `bytes` are metadata."""
    if value.get(VECTORS) is not None:
        return VECTORS
    if value.get(TEXT) is not None:
        return TEXT
    return next((key for key in (PATH, BYTES) if value.get(key) is not None), TEXT)


def _metadata(value: Mapping[str, Any], metadata: Metadata, own: tuple[str, ...]) -> Metadata:
    rest = {k: v for k, v in value.items() if k not in (METADATA, *own, *IDS)}
    nested = value.get(METADATA) or {}
    if not isinstance(nested, Mapping):
        raise InputError("'metadata' must be an object.")
    return check_metadata({**rest, **nested, **metadata})


def with_properties(metadata: Metadata, properties: Metadata) -> Metadata:
    """Return the caller's metadata, and what the file says of itself (`file.author`)."""
    return {**metadata, **{f"{FILE_PREFIX}{name}": properties[name] for name in properties}}


def without_properties(metadata: Metadata) -> Metadata:
    """Return the caller's metadata alone."""
    return {key: metadata[key] for key in metadata if not key.startswith(FILE_PREFIX)}


def check_metadata(metadata: Mapping[str, Any]) -> Metadata:
    """Return the metadata when every value can be filtered on.

    Raises:
        InputError: a value is not a string, number, boolean, null or a list of such, or a name is
            one of those that files' own properties are stored under.
    """
    for key, value in metadata.items():
        if key.startswith(FILE_PREFIX):
            raise InputError(
                f"Metadata {key!r}: names that begin with {FILE_PREFIX!r} hold what files say of "
                "themselves; give it another name."
            )
        members = value if isinstance(value, list) else [value]
        if not all(isinstance(x, str | int | float | bool | None) for x in members):
            raise InputError(
                f"Metadata {key!r} holds a {type(value).__name__}; use strings, numbers, booleans, "
                "null, or a list of them."
            )
    return dict(metadata)


def _file(path: Any, metadata: Metadata, doc_id: str, folder: Path | None) -> FileItem:
    if not isinstance(path, str | Path):
        raise InputError(f"'path' must be a string, got {type(path).__name__}.")
    if folder is None:
        return FileItem(Path(path).expanduser(), metadata, doc_id)
    found = (folder / path).resolve()
    if not found.is_relative_to(folder.resolve()):
        raise InputError(
            f"the path {str(path)!r} leads out of {folder}, where the records are; records of a "
            "file may name only files in its own folder. Copy the file there."
        )
    return FileItem(found, metadata, doc_id, follow_links=False)


def _bytes(data: Any) -> bytes:
    """Return bytes, given as such or, in JSON, as base64."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    try:
        return base64.b64decode(data, validate=True)
    except (TypeError, ValueError, binascii.Error) as error:
        raise InputError(f"'bytes' must be bytes, or base64 in JSON ({error}).") from error


# -- vectors ---------------------------------------------------------------------------------


def parse_vectors(value: Any, locators: Any = None) -> dict[str, MultiVector]:
    """Return precomputed multi-vectors by space.

    Args:
        value: `{space: rows}`, or rows alone for the only space; rows are (n_rows, dim) numbers,
            of length 1 each.
        locators: `{"spans": (n_rows, 2), "boxes": (n_rows, 4), "times": (n_rows, 2)}`, each
            optional: characters of the text, boxes in 0–1, seconds. None: rows have no places.

    Raises:
        InputError: they are no such thing.
    """
    by_space = value if isinstance(value, Mapping) else {ONLY_SPACE: value}
    if not by_space:
        raise InputError("'vectors' names no space; give {space: rows}, or leave it out.")
    return {str(space): _multivector(space, rows, locators) for space, rows in by_space.items()}


def _multivector(space: str, rows: Any, locators: Any) -> MultiVector:
    what = f"'vectors' of {space!r}" if space else "'vectors'"
    try:
        array = np.ascontiguousarray(rows, np.float32)
    except (TypeError, ValueError) as error:
        raise InputError(f"{what} are no array of numbers ({error}).") from error
    if array.ndim != 2 or not array.size:
        raise InputError(f"{what} have shape {array.shape}; give (n_rows, dim), at least one row.")
    _check_rows(what, array)
    return MultiVector(array, _locators(locators, len(array)))


def _check_rows(what: str, rows: np.ndarray[Any, Any]) -> None:
    lengths = np.linalg.norm(rows, axis=1)
    wrong = np.flatnonzero(~(np.isclose(lengths, 1, atol=0.02) | (lengths == 0)))
    if len(wrong):
        raise InputError(
            f"{what}: row {wrong[0]} has length {lengths[wrong[0]]:.4g}, expected 1; divide each "
            "row by its length."
        )


def _locators(value: Any, n_rows: int) -> RowLocators:
    if value is None:
        return RowLocators()
    if not isinstance(value, Mapping) or set(value) - set(_COLUMNS):
        raise InputError(f"'locators' must be an object with some of {', '.join(_COLUMNS)}.")
    return RowLocators(**{name: _column(name, given, n_rows) for name, given in value.items()})


def _column(name: str, given: Any, n_rows: int) -> np.ndarray[Any, Any]:
    kind, width = _COLUMNS[name]
    try:
        column = np.ascontiguousarray(given, kind)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"locators.{name} are no array of numbers ({error}).") from error
    if column.shape != (n_rows, width):
        raise InputError(
            f"locators.{name} have shape {column.shape}; the vectors have {n_rows} rows, so give "
            f"({n_rows}, {width})."
        )
    return column
