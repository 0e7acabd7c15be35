"""What was handed over in memory, kept on the disk until its job is done.

A file of frames, each a length of eight bytes (little-endian) and a MessagePack map. What a job
was given is here before the job is acknowledged, so that a killed one can go on without its caller.
"""

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from latelight.errors import CorruptFileError, ExtractionError, InputError
from latelight.pipelines.items import (
    BadItem,
    BytesItem,
    FileItem,
    Item,
    RecordItem,
    UploadItem,
    is_records,
    n_lines,
)
from latelight.types import MultiVector, RowLocators

NAMED = 3
_COLUMNS = ("spans", "boxes", "times", "offsets")


@dataclass(frozen=True)
class Spooled:
    """What a spool holds.

    Attributes:
        n_items: how many documents: a file of records is as many as it has lines.
        n_bytes: of their contents.
        digest: sha256 of the file.
        first: what the first few files and bytes are called; records have no names.
        n_others: what else was given.
    """

    n_items: int = 0
    n_bytes: int = 0
    digest: str = ""
    first: tuple[str, ...] = field(default=(), compare=False)
    n_others: int = field(default=0, compare=False)


def write_spool(path: Path, items: Iterable[Item]) -> Spooled:
    """Write items to a new file, durably; return what it holds.

    Uploads have to lie in the same folder, or below it.
    """
    n_items = n_bytes = n_given = 0
    first: list[str] = []
    digest = sha256()
    with path.open("xb") as file:
        for item in items:
            body = _encode(item, path.parent)
            frame = len(body).to_bytes(8, "little") + body
            file.write(frame)
            digest.update(frame)
            n_items, n_bytes = n_items + _n_documents(item), n_bytes + item.n_bytes
            n_given += 1
            if len(first) < NAMED and isinstance(item, BytesItem | UploadItem):
                first.append(item.source)
        file.flush()
        os.fsync(file.fileno())
    named = tuple(first)
    return Spooled(n_items, n_bytes, digest.hexdigest(), named, n_given - len(named))


def read_spool(path: Path) -> Iterator[Item]:
    """Yield the items of a spool, one at a time.

    Raises:
        CorruptFileError: it is cut off, or not a spool.
    """
    with path.open("rb") as file:
        while head := file.read(8):
            length = int.from_bytes(head, "little")
            body = file.read(length)
            if len(head) < 8 or len(body) < length:
                raise CorruptFileError(f"{path} is cut off. Add its documents again.")
            try:
                yield _from_frame(msgspec.msgpack.decode(body), path.parent)
            except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
                raise CorruptFileError(
                    f"{path} is not readable ({error}). Add its documents again."
                ) from error


def _encode(item: Item, folder: Path) -> bytes:
    try:
        return msgspec.msgpack.encode(_to_frame(item, folder))
    except UnicodeEncodeError as error:
        raise InputError(
            f"{item.source}: an id, a name or metadata are not valid Unicode ({error.reason}); "
            "decode them with errors='replace'."
        ) from error


def _to_frame(item: Item, folder: Path) -> dict[str, Any]:
    match item:
        case BytesItem(name, data, metadata, doc_id):
            return _frame("bytes", name, metadata, doc_id, data=data)
        case RecordItem():
            texts = [_raw(item.title), _raw(item.text)]
            vectors = {space: _pack(rows) for space, rows in item.vectors.items()}
            own = {"texts": texts, "is_line": item.is_line, "vectors": vectors}
            return _frame("record", item.source, item.metadata, item.doc_id, **own)
        case UploadItem(path, metadata, doc_id):
            # Named from here, so that the same upload again makes the same frame.
            place = path.relative_to(folder).as_posix()
            own = {"path": place, "sha256": item.sha256, "n_bytes": item.n_bytes}
            return _frame("upload", item.name, metadata, doc_id, **own)
        case FileItem(path, metadata, doc_id, follow_links):
            own = {"path": os.fsencode(path), "follow_links": follow_links}
            return _frame("file", "", metadata, doc_id, **own)
        case BadItem(source, error):
            return _frame("bad", source, {}, "", message=str(error), n_bytes=item.n_bytes)
    raise AssertionError(f"{type(item).__name__} cannot be spooled")


def _n_documents(item: Item) -> int:
    return n_lines(item.path) if isinstance(item, UploadItem) and is_records(item) else 1


def _frame(kind: str, source: str, metadata: Any, doc_id: str, **own: Any) -> dict[str, Any]:
    return {"kind": kind, "source": source, "metadata": metadata, "doc_id": doc_id, **own}


def _from_frame(frame: dict[str, Any], folder: Path) -> Item:
    source, metadata, doc_id = frame["source"], frame["metadata"], frame["doc_id"]
    if frame["kind"] == "bytes":
        return BytesItem(source, frame["data"], metadata, doc_id)
    if frame["kind"] == "upload":
        place = folder / frame["path"]
        own = {"follow_links": False, "known_bytes": frame["n_bytes"], "sha256": frame["sha256"]}
        return UploadItem(place, metadata, doc_id, name=source, **own)
    if frame["kind"] == "file":
        path = Path(os.fsdecode(frame["path"]))
        return FileItem(path, metadata, doc_id, frame["follow_links"])
    if frame["kind"] == "bad":
        return BadItem(source, ExtractionError(frame["message"]), n_bytes=frame["n_bytes"])
    title, text = (part.decode(errors="surrogatepass") for part in frame["texts"])
    vectors = {space: _unpack(packed) for space, packed in frame["vectors"].items()}
    return RecordItem(doc_id, title, text, source, metadata, frame["is_line"], vectors)


def _raw(text: str) -> bytes:
    """Return a text's bytes; lone surrogates, which UTF-8 has not, are kept."""
    return text.encode(errors="surrogatepass")


def _pack(rows: MultiVector) -> dict[str, Any]:
    columns = {name: getattr(rows.locators, name) for name in _COLUMNS}
    return {
        "vectors": _pack_array(rows.vectors),
        **{name: _pack_array(array) for name, array in columns.items() if array is not None},
    }


def _unpack(packed: dict[str, Any]) -> MultiVector:
    arrays = {name: _unpack_array(array) for name, array in packed.items()}
    return MultiVector(arrays.pop("vectors"), RowLocators(**arrays))


def _pack_array(array: np.ndarray[Any, Any]) -> list[Any]:
    return [array.dtype.str, list(array.shape), array.tobytes()]


def _unpack_array(packed: list[Any]) -> np.ndarray[Any, Any]:
    dtype, shape, data = packed
    return np.frombuffer(data, np.dtype(dtype)).reshape(shape)
