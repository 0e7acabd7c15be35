"""The one writer of a generation: collects changes, publishes them in one manifest."""

import math
import os
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType

import numpy as np

from latelight.errors import InputError, ShapeError, StorageError
from latelight.index.codes import MAX_UNITS, CodingOptions
from latelight.index.documents import hash_ids
from latelight.index.files import LOCAL_FILES, Files
from latelight.index.garbage import collect_garbage
from latelight.index.lock import WriterLock
from latelight.index.manifest import (
    Manifest,
    SegmentEntry,
    manifest_numbers,
    publish_manifest,
    read_manifest,
)
from latelight.index.merge_policy import plan_compaction, plan_upkeep
from latelight.index.metadata import BoolArray, check_metadata
from latelight.index.rows import SpaceSpec, StoredRows, store_rows
from latelight.index.segment import Segment, StoredDocument, segment_directory, write_segment
from latelight.index.tombstones import read_tombstones, write_tombstones
from latelight.kernels.codec import BITS, Codebook
from latelight.types import Document, MultiVector, OffsetMap, Unit


@dataclass(frozen=True)
class WriterOptions:
    """How a writer works; none of it changes what is stored.

    Attributes:
        flush_bytes: pending documents beyond this are written to a segment of their own, which
            nothing names before the commit; bounds memory and the size of segments.
        merge_factor: a commit that finds so many segments of like size merges them.
        min_coded_rows: segments with fewer rows of a space get no codes of it; scoring them all
            is as fast.
        n_threads: for making codes.
        files: the disk operations.
    """

    flush_bytes: int = 256 << 20
    merge_factor: int = 10
    min_coded_rows: int = 50_000
    n_threads: int = field(default_factory=lambda: os.cpu_count() or 1)
    files: Files = LOCAL_FILES

    def __post_init__(self) -> None:
        if self.merge_factor < 2:
            raise InputError(f"merge_factor is 2 or more segments; got {self.merge_factor}.")


DEFAULT_OPTIONS = WriterOptions()


class _Held:
    """A segment as the writer sees it: its entry and which documents are dead by now."""

    def __init__(self, root: Path, entry: SegmentEntry, spaces: Mapping[str, SpaceSpec]) -> None:
        self.entry = entry
        self.segment = Segment.open(root, entry.segment_id, spaces)
        self.dead = _read_dead(root, entry)
        self.changed = False

    @property
    def n_dead(self) -> int:
        return int(self.dead.sum())

    def bury(self, doc_ids: Sequence[str]) -> set[str]:
        """Mark documents as deleted; return those that were alive here."""
        if not doc_ids:
            return set()
        found = self.segment.documents.find(doc_ids, hash_ids(doc_ids))
        alive = [(number, doc_id) for number, doc_id in found if not self.dead[number]]
        self.dead[[number for number, _ in alive]] = True
        self.changed |= bool(alive)
        return {doc_id for _, doc_id in alive}


def _read_dead(root: Path, entry: SegmentEntry) -> BoolArray:
    if entry.tombstones is None:
        return np.zeros(entry.n_documents, np.bool_)
    return read_tombstones(segment_directory(root, entry.segment_id) / entry.tombstones)


class Writer:
    """Adds and deletes documents; nothing is seen by readers before `commit`.

    A context manager: leaving it releases the lock and drops what was not committed.
    """

    def __init__(self, root: Path, options: WriterOptions = DEFAULT_OPTIONS) -> None:
        """Take the lock and read the newest manifest.

        Raises:
            WriterLockedError: another process, or another writer of this one, is writing.
        """
        self._root = root
        self._options = options
        self._lock = WriterLock(root)
        try:
            self._base = read_manifest(root, manifest_numbers(root)[-1])
            self._held = [_Held(root, e, self._base.spaces) for e in self._base.segments]
        except BaseException:
            self._lock.release()
            raise
        self._pending: dict[str, StoredDocument] = {}
        self._pending_bytes = 0
        self._pending_rows = 0
        self._pending_units = 0
        self._touched: set[str] = set()
        self._failed = False

    def __enter__(self) -> "Writer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the lock; what was not committed is dropped."""
        self._pending.clear()
        self._failed = True
        self._lock.release()

    @property
    def n_pending_documents(self) -> int:
        """How many documents were added, replaced or deleted since the last commit."""
        return len(self._touched)

    @property
    def n_pending_rows(self) -> int:
        """How many rows wait in memory for the next flush or commit, all spaces."""
        return self._pending_rows

    def add(
        self,
        document: Document,
        units: Sequence[Unit],
        vectors: Mapping[str, Sequence[MultiVector]],
        terms: Sequence[Sequence[str]] = (),
        offset_map: OffsetMap | None = None,
        text: str = "",
    ) -> None:
        """Add a document; one with the same `doc_id` is replaced by it at the commit.

        Args:
            document: its record.
            units: in reading order, `unit_id`s unique; may be empty.
            vectors: by space, one multi-vector per unit. A space that is left out, or a
                multi-vector of no rows, gives the units no rows there.
            terms: analysed terms of each unit for lexical search, or nothing.
            offset_map: how `text` maps to the file's own text.
            text: the readable text that `locator.span`s count in.

        Raises:
            InputError: an id, a metadata value or a text cannot be stored.
            ShapeError: vectors or terms do not fit the units or the spaces.
        """
        self._check_open()
        _check_document(document, units, text)
        per_unit = terms or [()] * len(units)
        if len(per_unit) != len(units):
            raise ShapeError(
                f"{document.doc_id!r}: {len(terms)} lists of terms, {len(units)} units"
            )
        rows = self._rows(document.doc_id, units, vectors)
        bare = tuple(replace(unit, words=None, image=None) for unit in units)
        self._put(StoredDocument(document, bare, rows, per_unit, offset_map, text))

    def delete(self, doc_ids: Iterable[str]) -> int:
        """Delete documents at the commit; return how many of them there were."""
        self._check_open()
        if isinstance(doc_ids, str):
            raise InputError(
                f"doc_ids is a list of ids; got the text {doc_ids!r}. Write [{doc_ids!r}]."
            )
        wanted = list(dict.fromkeys(doc_ids))
        gone = {doc_id for doc_id in wanted if self._drop_pending(doc_id)}
        for held in self._held:
            gone |= held.bury(wanted)
        self._touched |= gone
        return len(gone)

    def commit(self) -> int:
        """Publish everything since the last commit at once; return the manifest's number.

        When this returns, the changes are on the disk. Without changes nothing is written.

        Raises:
            CommitConflictError: another writer published in between; nothing of ours was.
        """
        self._check_open()
        if not self._touched:
            return self._base.number
        with self._failing_for_good():
            self._flush()
            options = self._options
            crowd = plan_upkeep(self._entries(), options.flush_bytes, options.merge_factor)
            self._merge(crowd)
            entries = [self._published_entry(h) for h in self._held if h.n_dead < len(h.dead)]
            manifest = replace(self._base, number=self._base.number + 1, segments=tuple(entries))
            publish_manifest(self._root, manifest, options.files)
            self._settle(manifest)
        if crowd:
            with suppress(OSError):  # the commit stands; what is left over goes next time
                collect_garbage(self._root, manifest, options.files)
        return manifest.number

    def compact(self) -> int:
        """Rewrite small segments and those with tombstones into few, and publish.

        Returns:
            The manifest's number; it is the old one when nothing had to be done.
        """
        self._check_open()
        with self._failing_for_good():
            chosen = plan_compaction(self._entries(), self._options.flush_bytes)
            self._merge(chosen)
            self._touched.update(chosen)
        return self.commit()

    @contextmanager
    def _failing_for_good(self) -> Iterator[None]:
        # After a failed write nobody knows what reached the disk: only a new writer, which
        # reads the newest manifest again, may go on.
        try:
            yield
        except BaseException:
            self._failed = True
            raise

    def _check_open(self) -> None:
        if self._failed:
            raise StorageError(
                "This writer is closed, or its last commit failed half way. Open a new one with "
                "store.writer(); the index is as the last successful commit left it."
            )

    def _rows(
        self, doc_id: str, units: Sequence[Unit], vectors: Mapping[str, Sequence[MultiVector]]
    ) -> dict[str, StoredRows]:
        unknown = sorted(set(vectors) - set(self._base.spaces))
        if unknown:
            raise InputError(
                f"{doc_id!r} has vectors for the spaces {unknown}; the index has "
                f"{sorted(self._base.spaces)}."
            )
        wrong = {name: len(v) for name, v in vectors.items() if len(v) != len(units)}
        if wrong:
            raise ShapeError(f"{doc_id!r} has {len(units)} units but multi-vectors {wrong}.")
        return {
            name: store_rows(spec, vectors.get(name, [_no_rows(spec)] * len(units)))
            for name, spec in self._base.spaces.items()
        }

    def _put(self, stored: StoredDocument) -> None:
        self._drop_pending(stored.document.doc_id)
        self._pending[stored.document.doc_id] = stored
        self._pending_bytes += stored.n_bytes
        self._pending_rows += stored.n_rows
        self._touched.add(stored.document.doc_id)
        self._pending_units += len(stored.units)
        if self._pending_bytes >= self._options.flush_bytes or self._pending_units >= MAX_UNITS:
            with self._failing_for_good():
                self._flush()

    def _drop_pending(self, doc_id: str) -> bool:
        stored = self._pending.pop(doc_id, None)
        if stored is not None:
            self._pending_bytes -= stored.n_bytes
            self._pending_rows -= stored.n_rows
            self._pending_units -= len(stored.units)
        return stored is not None

    def _flush(self) -> None:
        """Write pending documents to a segment, burying the versions that they replace."""
        if not self._pending:
            return
        segment_id = f"{self._base.number + 1:08d}-{secrets.token_hex(4)}"
        documents = list(self._pending.values())
        for held in self._held:
            held.bury(list(self._pending))
        files = self._options.files
        coding = self._coding(documents)
        entry = write_segment(self._root, segment_id, self._base.spaces, documents, files, coding)
        self._held.append(_Held(self._root, entry, self._base.spaces))
        self._pending, self._pending_bytes = {}, 0
        self._pending_rows = self._pending_units = 0

    def _coding(self, documents: Sequence[StoredDocument]) -> dict[str, CodingOptions]:
        """Return the spaces of a new segment that get codes, and how."""
        n_units = sum(len(stored.units) for stored in documents)
        found = {}
        for name, spec in self._base.spaces.items():
            n_rows = sum(stored.rows[name].n_rows for stored in documents)
            bits = next((bits for bits in BITS if bits == spec.bits), None)
            if bits and n_rows >= self._options.min_coded_rows and n_units <= MAX_UNITS:
                found[name] = CodingOptions(bits, self._options.n_threads, self._codebook(name))
        return found

    def _codebook(self, space: str) -> Codebook | None:
        """Return the codebook of the largest coded segment."""
        by_size = sorted(self._held, key=lambda held: -held.entry.n_rows.get(space, 0))
        coded = (held.segment.spaces[space].coded for held in by_size)
        return next((one.book for one in coded if one is not None), None)

    def _entries(self) -> list[SegmentEntry]:
        return [held.entry for held in self._held]

    def _merge(self, segment_ids: Sequence[str]) -> None:
        """Rewrite the live documents of some segments into new ones that take their place."""
        old = [held for held in self._held if held.entry.segment_id in segment_ids]
        self._held = [held for held in self._held if held.entry.segment_id not in segment_ids]
        for held in old:
            for number in np.flatnonzero(~held.dead).tolist():
                self._put(held.segment.stored(number))
        self._flush()

    def _published_entry(self, held: _Held) -> SegmentEntry:
        """Return the segment's entry, with its tombstones on the disk."""
        if not held.changed:
            return held.entry
        name = f"tombstones-{self._base.number + 1:08d}-{secrets.token_hex(4)}.ll"
        directory = segment_directory(self._root, held.entry.segment_id)
        write_tombstones(directory / name, held.dead, self._options.files)
        self._options.files.fsync_directory(directory)
        held.entry = replace(held.entry, tombstones=name, n_dead=held.n_dead)
        held.changed = False
        return held.entry

    def _settle(self, manifest: Manifest) -> None:
        self._base = manifest
        named = {entry.segment_id for entry in manifest.segments}
        self._held = [held for held in self._held if held.entry.segment_id in named]
        self._touched = set()


def _no_rows(spec: SpaceSpec) -> MultiVector:
    return MultiVector(np.zeros((0, spec.dim), np.float32))


def _check_document(document: Document, units: Sequence[Unit], text: str) -> None:
    if not document.doc_id:
        raise InputError("A document's doc_id is empty; give it a name of its own.")
    if len({unit.unit_id for unit in units}) != len(units):
        raise InputError(f"{document.doc_id!r} has two units with one unit_id; make them unique.")
    check_metadata(document.doc_id, document.metadata)
    if not math.isfinite(document.created_at):
        raise InputError(f"{document.doc_id!r} was created at {document.created_at}: not a time.")
    _check_encodable(document.doc_id, (text, *_strings(document), *_unit_strings(units)))


def _strings(document: Document) -> Iterator[str]:
    yield from (document.doc_id, document.source, document.media_type, document.title)
    for key, value in document.metadata.items():
        elements = value if isinstance(value, list) else [value]
        yield from (key, *(element for element in elements if isinstance(element, str)))


def _unit_strings(units: Sequence[Unit]) -> Iterator[str]:
    for unit in units:
        yield from (unit.unit_id, unit.text, *unit.heading)


def _check_encodable(doc_id: str, strings: Iterable[str]) -> None:
    try:
        "".join(strings).encode()
    except UnicodeEncodeError as error:
        bad = error.object[error.start : error.end]
        raise InputError(
            f"{doc_id!r} holds text that is not valid Unicode ({bad!r}: {error.reason}); decode it "
            "with errors='replace'."
        ) from error
