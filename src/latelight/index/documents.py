"""The columns of a segment's documents: records, texts, offset maps, and lookup by id."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import CorruptFileError
from latelight.index.sections import Array, SectionFile, SectionWriter
from latelight.index.strings import StringColumn, starts, write_strings
from latelight.types import Document, OffsetMap

UInt64Array = npt.NDArray[np.uint64]

_FIELDS = ("source", "media_type", "sha256", "metadata", "created_at", "title", "n_bytes")


def hash_ids(doc_ids: Iterable[str]) -> UInt64Array:
    """Return (n,) uint64: the first 8 bytes of each id's, or source's, blake2b, little-endian."""
    encoded = (doc_id.encode("utf-8", "surrogatepass") for doc_id in doc_ids)  # any text may ask
    digests = [hashlib.blake2b(data, digest_size=8).digest() for data in encoded]
    return np.frombuffer(b"".join(digests), "<u8")


@dataclass(frozen=True, eq=False)
class HashedIds:
    """Ids of documents that are looked up in several segments.

    Attributes:
        ids: each once.
        hashes: (n,) uint64, theirs.
    """

    ids: Sequence[str]
    hashes: UInt64Array

    @classmethod
    def of(cls, doc_ids: Iterable[str]) -> "HashedIds":
        """Return the ids, repeated ones once, with their hashes."""
        ids = list(dict.fromkeys(doc_ids))
        return cls(ids, hash_ids(ids))


def write_documents(writer: SectionWriter, documents: Sequence[Document]) -> None:
    """Write records, ids and the sorted hash indexes of ids and sources."""
    ids = [document.doc_id for document in documents]
    write_strings(writer, "document.id", ids)
    write_strings(writer, "document.record", map(_record, documents))
    _write_hashes(writer, "document.id", ids)
    _write_hashes(writer, "document.source", [document.source for document in documents])


def _write_hashes(writer: SectionWriter, name: str, texts: Sequence[str]) -> None:
    hashes = hash_ids(texts)
    order = np.argsort(hashes, kind="stable")
    writer.add(f"{name}_hash", hashes[order])
    writer.add(f"{name}_order", order.astype(np.int32))


def _record(document: Document) -> str:
    parts = {name: getattr(document, name) for name in _FIELDS}
    parts["metadata"] = dict(document.metadata)
    return json.dumps(parts, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def write_texts(
    writer: SectionWriter, texts: Sequence[str], maps: Sequence[OffsetMap | None]
) -> None:
    """Write the documents' texts and offset maps; what no document has is left out."""
    if any(texts):
        write_strings(writer, "document.text", texts)
    if any(offset_map is not None for offset_map in maps):
        runs = [np.zeros((0, 3), np.int32) if m is None else m.runs for m in maps]
        present = np.array([m is not None for m in maps], np.uint8)
        writer.add("document.offset_map.present", present)
        writer.add("document.offset_map.offsets", starts(np.array([len(r) for r in runs])))
        writer.add("document.offset_map.runs", np.concatenate(runs).astype(np.int32))


class HashIndex:
    """Which documents have a text, by sorted hashes of the texts."""

    def __init__(self, file: SectionFile, name: str) -> None:
        self._hashes: Array = file.array(f"{name}_hash")
        self._order: Array = file.array(f"{name}_order")

    def find(self, hashes: UInt64Array) -> Iterator[tuple[int, int]]:
        """Yield (which of `hashes`, document number); equal hashes may be of different texts."""
        first = np.searchsorted(self._hashes, hashes, "left")
        stop = np.searchsorted(self._hashes, hashes, "right")
        for i in np.flatnonzero(first < stop).tolist():
            for number in self._order[first[i] : stop[i]].tolist():
                yield i, number


class DocumentColumns:
    """The documents of one segment, decoded one at a time."""

    def __init__(self, file: SectionFile) -> None:
        self._file = file
        self.ids = StringColumn.read(file, "document.id")
        self._records = StringColumn.read(file, "document.record")
        self._by_id = HashIndex(file, "document.id")

    def __len__(self) -> int:
        return len(self.ids)

    def document(self, number: int) -> Document:
        """Return one document.

        Raises:
            CorruptFileError: its record is not readable.
        """
        try:
            parts: dict[str, Any] = json.loads(self._records[number])
        except json.JSONDecodeError as error:
            raise CorruptFileError(
                f"{self._file.name}: the record of document {number} is not JSON ({error}). "
                "Restore the file from a copy; `latelight verify` lists all damage."
            ) from error
        return Document(self.ids[number], **{k: v for k, v in parts.items() if k in _FIELDS})

    def find(self, doc_ids: Sequence[str], hashes: UInt64Array) -> list[tuple[int, str]]:
        """Return (number, doc_id) of those documents that are here, given their ids' hashes."""
        found = self._by_id.find(hashes)
        return [(number, doc_ids[i]) for i, number in found if self.ids[number] == doc_ids[i]]

    def from_sources(
        self, sources: Sequence[str], hashes: UInt64Array
    ) -> Iterator[tuple[int, Document]]:
        """Yield (number, document) of those that came from given sources, in no order.

        Args:
            sources: without repetition.
            hashes: their hashes.
        """
        if self._by_source is not None:
            candidates: Iterable[tuple[int, int]] = self._by_source.find(hashes)
        else:
            candidates = self._scanned_sources(sources)
        for i, number in candidates:
            document = self.document(number)
            if document.source == sources[i]:
                yield number, document

    @cached_property
    def _by_source(self) -> HashIndex | None:
        """None for a segment from before there was one."""
        name = "document.source"
        return HashIndex(self._file, name) if f"{name}_hash" in self._file else None

    def _scanned_sources(self, sources: Sequence[str]) -> Iterator[tuple[int, int]]:
        places = {source: i for i, source in enumerate(sources)}
        for number, source in enumerate(self._sources):
            if source in places:
                yield places[source], number

    @cached_property
    def _sources(self) -> list[str]:
        return [self.document(number).source for number in range(len(self))]

    def text(self, number: int) -> str:
        """Return one document's readable text, empty when none was kept."""
        if "document.text.offsets" not in self._file:
            return ""
        return StringColumn.read(self._file, "document.text")[number]

    def offset_map(self, number: int) -> OffsetMap | None:
        """Return how one document's text maps to its file's, None when they are the same."""
        name = "document.offset_map"
        if f"{name}.present" not in self._file or not self._file.array(f"{name}.present")[number]:
            return None
        offsets = self._file.array(f"{name}.offsets")
        span = slice(int(offsets[number]), int(offsets[number + 1]))
        return OffsetMap(self._file.array(f"{name}.runs")[span])
