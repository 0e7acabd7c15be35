"""One immutable segment file: documents, units, rows, postings and metadata, memory-mapped."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import BinaryIO

import numpy as np

from latelight.index.codes import CodingOptions
from latelight.index.documents import DocumentColumns, write_documents, write_texts
from latelight.index.files import LOCAL_FILES, Files
from latelight.index.lexical import Postings
from latelight.index.manifest import FEATURES, LEVELS, SegmentEntry
from latelight.index.metadata import BoolArray, MetadataColumns, write_metadata
from latelight.index.postings import UnitTerms, read_postings, write_postings
from latelight.index.rows import SpaceRows, SpaceSpec, StoredRows, write_space
from latelight.index.sections import SectionFile, SectionWriter
from latelight.index.strings import starts
from latelight.index.units import UnitColumns, write_units
from latelight.types import Document, Int64Array, OffsetMap, Unit

KIND = "segment"
FILE_NAME = "segment.ll"


@dataclass(frozen=True, eq=False)
class StoredDocument:
    """Everything that a segment keeps of one document.

    Attributes:
        document: its record.
        units: in reading order.
        rows: its units' rows by space, one entry for every space of the index.
        terms: analysed terms of each unit.
        offset_map: how its text maps to its file's own.
        text: its readable text.
    """

    document: Document
    units: tuple[Unit, ...]
    rows: Mapping[str, StoredRows]
    terms: Sequence[Sequence[str]]
    offset_map: OffsetMap | None = None
    text: str = ""

    @property
    def n_rows(self) -> int:
        """How many rows in all spaces."""
        return sum(rows.n_rows for rows in self.rows.values())

    @property
    def n_bytes(self) -> int:
        """About how much memory it takes."""
        rows = sum(r.n_bytes + 36 * r.n_rows for r in self.rows.values())
        texts = len(self.text) + sum(len(unit.text) for unit in self.units)
        return rows + texts + sum(16 * len(terms) for terms in self.terms)


def segment_directory(root: Path, segment_id: str) -> Path:
    """Return where a segment's files lie."""
    return root / "segments" / segment_id


def write_segment(
    root: Path,
    segment_id: str,
    spaces: Mapping[str, SpaceSpec],
    documents: Sequence[StoredDocument],
    files: Files = LOCAL_FILES,
    coding: Mapping[str, CodingOptions] = MappingProxyType({}),
) -> SegmentEntry:
    """Write a new segment and return its entry; it is on the disk when this returns.

    Spaces that `coding` names get codes beside their rows.
    """
    directory = segment_directory(root, segment_id)
    files.make_directory(directory)
    with SectionWriter(directory / FILE_NAME, files) as writer:
        entry = _write_all(writer, segment_id, spaces, documents, coding)
    files.fsync_directory(directory)
    files.fsync_directory(directory.parent)
    return entry


def encode_segment(
    segment_id: str, spaces: Mapping[str, SpaceSpec], documents: Sequence[StoredDocument]
) -> bytes:
    """Return the bytes that `write_segment` would write."""
    memory = _Memory()
    with SectionWriter(Path(FILE_NAME), memory) as writer:
        _write_all(writer, segment_id, spaces, documents, {})
    return memory.file.getvalue()


class _Memory(Files):
    """Keeps the one file that is created in memory."""

    def __init__(self) -> None:
        self.file = _Kept()

    def create(self, path: Path) -> BinaryIO:
        return self.file

    def fsync(self, file: BinaryIO) -> None:
        pass


class _Kept(io.BytesIO):
    def close(self) -> None:
        """Keep the bytes."""


def _write_all(
    writer: SectionWriter,
    segment_id: str,
    spaces: Mapping[str, SpaceSpec],
    documents: Sequence[StoredDocument],
    coding: Mapping[str, CodingOptions],
) -> SegmentEntry:
    units = [unit for stored in documents for unit in stored.units]
    n_rows = {name: sum(d.rows[name].n_rows for d in documents) for name in spaces}
    _write_sections(writer, spaces, documents, units, coding)
    writer.finish(
        KIND,
        {
            "segment_id": segment_id,
            "n_documents": len(documents),
            "n_units": len(units),
            "n_rows": n_rows,
        },
        requires=(LEVELS,) if coding else (),
    )
    return SegmentEntry(segment_id, len(documents), len(units), n_rows, writer.n_bytes)


def _write_sections(
    writer: SectionWriter,
    spaces: Mapping[str, SpaceSpec],
    documents: Sequence[StoredDocument],
    units: Sequence[Unit],
    coding: Mapping[str, CodingOptions],
) -> None:
    for name, spec in spaces.items():
        parts = [stored.rows[name] for stored in documents]
        write_space(writer, name, spec, parts, coding.get(name))
    writer.add("document.unit_offsets", starts(np.array([len(d.units) for d in documents])))
    write_documents(writer, [stored.document for stored in documents])
    write_texts(writer, [d.text for d in documents], [d.offset_map for d in documents])
    write_units(writer, units)
    write_metadata(writer, [stored.document.metadata for stored in documents])
    write_postings(writer, [terms for stored in documents for terms in stored.terms])


class Segment:
    """A segment that is open for reading; units and documents are numbered from 0 within it."""

    def __init__(self, file: SectionFile, spaces: Mapping[str, SpaceSpec]) -> None:
        self.file = file
        self.segment_id = str(file.header.attributes["segment_id"])
        self.documents = DocumentColumns(file)
        self.unit_offsets: Int64Array = file.array("document.unit_offsets")
        self._specs = spaces

    @classmethod
    def open(cls, root: Path, segment_id: str, spaces: Mapping[str, SpaceSpec]) -> "Segment":
        """Return the segment; only its preamble and header are read.

        Raises:
            FileNotFoundError: it is not there.
            CorruptFileError, FormatVersionError: as `SectionFile.open`.
        """
        path = segment_directory(root, segment_id) / FILE_NAME
        return cls(SectionFile.open(path, KIND, FEATURES), spaces)

    @classmethod
    def over(cls, name: str, data: memoryview, spaces: Mapping[str, SpaceSpec]) -> "Segment":
        """Return a segment that lies in memory; `name` says where it came from.

        Raises:
            CorruptFileError, FormatVersionError: as `SectionFile.over`.
        """
        return cls(SectionFile.over(name, data, KIND, FEATURES), spaces)

    @property
    def n_documents(self) -> int:
        """How many documents, deleted ones included."""
        return int(self.file.header.attributes["n_documents"])

    @property
    def n_units(self) -> int:
        """How many units, those of deleted documents included."""
        return int(self.file.header.attributes["n_units"])

    @property
    def n_rows(self) -> int:
        """How many rows in all spaces, those of deleted documents included."""
        return sum(self.file.header.attributes["n_rows"].values())

    @cached_property
    def spaces(self) -> Mapping[str, SpaceRows]:
        """The rows by space."""
        return {name: SpaceRows(self.file, name, spec) for name, spec in self._specs.items()}

    @cached_property
    def units(self) -> UnitColumns:
        """The units' names, kinds, places and texts."""
        return UnitColumns(self.file)

    @cached_property
    def metadata(self) -> MetadataColumns:
        """The filterable metadata."""
        return MetadataColumns(self.file, self.n_documents)

    @cached_property
    def postings(self) -> Postings:
        """The lexical part."""
        return read_postings(self.file)

    @cached_property
    def _unit_terms(self) -> UnitTerms:
        return UnitTerms(self.postings)

    def document_of_unit(self, unit: int) -> int:
        """Return the number of the document that a unit belongs to."""
        return int(np.searchsorted(self.unit_offsets, unit, "right")) - 1

    def units_of(self, document: int) -> range:
        """Return the numbers of a document's units."""
        return range(int(self.unit_offsets[document]), int(self.unit_offsets[document + 1]))

    def per_unit(self, per_document: BoolArray) -> BoolArray:
        """Return a mark for every unit, given one for every document."""
        return np.repeat(per_document, np.diff(self.unit_offsets))

    def stored(self, document: int) -> StoredDocument:
        """Return all of one document, for a rewrite."""
        units = self.units_of(document)
        return StoredDocument(
            document=self.documents.document(document),
            units=tuple(self.units.unit(unit) for unit in units),
            rows={n: rows.stored(units.start, units.stop) for n, rows in self.spaces.items()},
            terms=[self._unit_terms.of(unit) for unit in units],
            offset_map=self.documents.offset_map(document),
            text=self.documents.text(document),
        )
