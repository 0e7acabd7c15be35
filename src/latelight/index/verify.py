"""Every checksum, length and cross reference of a generation, looked at without trusting any."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latelight.errors import StorageError
from latelight.index.buffer import added_ids
from latelight.index.documents import hash_ids
from latelight.index.log import Record
from latelight.index.log_file import LogReader
from latelight.index.manifest import (
    Manifest,
    SegmentEntry,
    is_newest,
    manifest_numbers,
    manifest_path,
    read_manifest,
)
from latelight.index.rows import SpaceSpec
from latelight.index.sections import Array
from latelight.index.segment import Segment, segment_directory
from latelight.index.strings import StringColumn
from latelight.index.tombstones import read_tombstones
from latelight.kernels.search import CodedSegment

_ATTEMPTS = 5

Progress = Callable[[int, int], None]
"""Called with how many bytes of how many have been looked at."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: where, relative to the generation's directory.
        section: the part of the file, empty when it concerns the whole.
        message: what was found and what was expected.
    """

    file: str
    section: str
    message: str


def NO_PROGRESS(done: int, total: int) -> None:  # noqa: N802
    """Report nothing."""


def verify_directory(root: Path, progress: Progress = NO_PROGRESS) -> list[Problem]:
    """Return everything that is wrong with a generation; damage is reported, never raised.

    A writer that publishes meanwhile may clean up what is being looked at: that is no damage, and
    all is looked at again.
    """
    problems: list[Problem] = []
    for _ in range(_ATTEMPTS):
        numbers = manifest_numbers(root) if root.is_dir() else []
        if not numbers:
            return [Problem("MANIFEST", "", f"{root} holds no manifest")]
        problems = _problems(root, numbers, progress)
        if not problems or is_newest(root, numbers[-1]):
            break
    return problems


def _problems(root: Path, numbers: Sequence[int], progress: Progress) -> list[Problem]:
    problems = [p for number in numbers[:-1] for p in _manifest_problems(root, number)]
    newest = _manifest_problems(root, numbers[-1])
    if newest:
        return problems + newest
    return problems + _live_problems(root, read_manifest(root, numbers[-1]), progress)


def _manifest_problems(root: Path, number: int) -> list[Problem]:
    path = manifest_path(root, number)
    try:
        manifest = read_manifest(root, number)
    except (StorageError, OSError, ValueError, KeyError, TypeError) as error:
        return [Problem(path.name, "", str(error))]
    if manifest.number != number:
        return [Problem(path.name, "", f"says that it is number {manifest.number}")]
    return []


def _live_problems(root: Path, manifest: Manifest, progress: Progress) -> list[Problem]:
    total, done = sum(entry.n_bytes for entry in manifest.segments), 0
    commits: list[_Commit] = []
    problems = [
        problem
        for name in manifest.logs
        for problem in _guarded(f"wal/{name}", _read_log(root, name, commits))
    ]
    seen = _LiveIds([commit.record for commit in commits])
    for entry in manifest.segments:
        problems += _guarded(_path_name(entry), _entry_problems(root, manifest, entry, seen))
        done += entry.n_bytes
        progress(done, total)
    for commit in commits:
        problems += _guarded(commit.log, _commit_problems(commit, manifest.spaces, seen))
    return problems


@dataclass(frozen=True)
class _Commit:
    """A record, and the file that it is in."""

    log: str
    record: Record


def _read_log(root: Path, name: str, commits: list[_Commit]) -> Iterator[Problem]:
    """Add the log's commits; what one left that was never acknowledged is no problem."""
    with LogReader(root, name) as reader:
        commits += [_Commit(f"wal/{name}", record) for record in reader.read(reader.start())]
    yield from ()


def _commit_problems(
    commit: _Commit, spaces: Mapping[str, SpaceSpec], seen: "_LiveIds"
) -> Iterator[Problem]:
    log, record = commit.log, commit.record
    seen.begin_next()
    if record.segment is None:
        return
    segment = Segment.over(f"{log} record {record.sequence}", record.segment, spaces)
    n_rows = segment.file.header.attributes["n_rows"]
    counts = (segment.n_documents, segment.n_units, n_rows, segment.file.n_bytes)
    entry = SegmentEntry(segment.segment_id, *counts)
    for section, message in (*segment.file.problems(), *_segment_problems(segment, entry, spaces)):
        yield Problem(log, f"record {record.sequence} {section}", message)
    for doc_id in seen.repeated(list(segment.documents.ids)):
        yield Problem(log, f"record {record.sequence}", f"{doc_id!r} is live in two places")


def _path_name(entry: SegmentEntry) -> str:
    return f"segments/{entry.segment_id}/segment.ll"


def _guarded(name: str, problems: Iterator[Problem]) -> list[Problem]:
    """Return the problems; one that ends the search for more is the last."""
    found: list[Problem] = []
    try:
        for problem in problems:
            found.append(problem)
    except (StorageError, OSError, ValueError, KeyError, TypeError, IndexError) as error:
        found.append(Problem(name, "", f"{type(error).__name__}: {error}"))
    return found


class _LiveIds:
    """The ids of live documents met so far, by hash, and which a log deletes or replaces later."""

    def __init__(self, records: Sequence[Record]) -> None:
        self._hashes: set[int] = set()
        self._last: dict[str, int] = {}  # the last of the records that deletes or replaces an id
        for number, record in enumerate(records, 1):
            self._last.update(dict.fromkeys((*record.deleted, *added_ids(record)), number))
        self._number = 0  # of the record whose ids are to come, 0 for segments

    def begin_next(self) -> None:
        """Say that the ids to come are those of the next record."""
        self._number += 1

    def repeated(self, doc_ids: list[str]) -> list[str]:
        """Return those of the ids that live here and elsewhere."""
        doc_ids = [d for d in doc_ids if self._last.get(d, 0) <= self._number]
        hashes: list[int] = hash_ids(doc_ids).tolist()
        repeated = []
        for doc_id, doc_hash in zip(doc_ids, hashes, strict=True):
            if doc_hash in self._hashes:
                repeated.append(doc_id)
            self._hashes.add(doc_hash)
        return repeated


def _entry_problems(
    root: Path, manifest: Manifest, entry: SegmentEntry, seen: _LiveIds
) -> Iterator[Problem]:
    name = _path_name(entry)
    segment = Segment.open(root, entry.segment_id, manifest.spaces)
    damaged = [Problem(name, section, text) for section, text in segment.file.problems()]
    yield from damaged
    if damaged:
        return  # what the bytes say means nothing then
    for section, message in _segment_problems(segment, entry, manifest.spaces):
        yield Problem(name, section, message)
    dead = _dead(root, entry)
    if len(dead) != entry.n_documents or int(dead.sum()) != entry.n_dead:
        yield Problem(
            f"segments/{entry.segment_id}/{entry.tombstones}",
            "document.dead",
            f"{int(dead.sum())} of {len(dead)} dead; the manifest says {entry.n_dead} of "
            f"{entry.n_documents}",
        )
        return
    live = [segment.documents.ids[n] for n in np.flatnonzero(~dead).tolist()]
    for doc_id in seen.repeated(live):
        yield Problem(name, "document.id", f"{doc_id!r} is live in two places")


def _dead(root: Path, entry: SegmentEntry) -> Array:
    if entry.tombstones is None:
        return np.zeros(entry.n_documents, np.bool_)
    return read_tombstones(segment_directory(root, entry.segment_id) / entry.tombstones)


def _segment_problems(
    segment: Segment, entry: SegmentEntry, spaces: Mapping[str, SpaceSpec]
) -> Iterator[tuple[str, str]]:
    counts = (segment.segment_id, segment.n_documents, segment.n_units)
    if counts != (entry.segment_id, entry.n_documents, entry.n_units):
        yield "", f"holds (id, documents, units) {counts}, unlike what the manifest says"
        return
    yield from _offset_problems("document.unit_offsets", segment.unit_offsets, segment.n_units)
    yield from _document_problems(segment)
    for name, spec in spaces.items():
        yield from _space_problems(segment, name, spec, entry.n_rows[name])
    yield from _posting_problems(segment)
    yield from _column_problems(segment)


def _offset_problems(name: str, offsets: Array, end: int) -> Iterator[tuple[str, str]]:
    if offsets[0] != 0 or offsets[-1] != end or (np.diff(offsets) < 0).any():
        yield name, f"offsets should ascend from 0 to {end}"


def _document_problems(segment: Segment) -> Iterator[tuple[str, str]]:
    ids = list(segment.documents.ids)
    if len(ids) != segment.n_documents:
        yield "document.id.offsets", f"{len(ids)} ids for {segment.n_documents} documents"
        return
    yield from _hash_problems(segment, "document.id", ids)
    sources = [segment.documents.document(number).source for number in range(len(ids))]
    if "document.source_hash" in segment.file:
        yield from _hash_problems(segment, "document.source", sources)


def _hash_problems(segment: Segment, name: str, texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    order = segment.file.array(f"{name}_order")
    hashes = segment.file.array(f"{name}_hash")
    if sorted(order.tolist()) != list(range(len(texts))):
        yield f"{name}_order", "is not an order of the documents"
    elif not np.array_equal(hash_ids(texts)[order], hashes) or (hashes[1:] < hashes[:-1]).any():
        yield f"{name}_hash", "does not hold the hashes in ascending order"


def _space_problems(
    segment: Segment, name: str, spec: SpaceSpec, n_rows: int
) -> Iterator[tuple[str, str]]:
    rows = segment.spaces[name]
    prefix = f"space.{name}"
    if len(rows.offsets) != segment.n_units + 1:
        yield f"{prefix}.row_offsets", f"{len(rows.offsets)} offsets for {segment.n_units} units"
    yield from _offset_problems(f"{prefix}.row_offsets", rows.offsets, n_rows)
    if rows.has_values:
        yield from _value_problems(segment, prefix, spec, n_rows)
    elif rows.coded is None:
        yield f"{prefix}.codes", "is not there, and the values are not either"
    if rows.coded is not None:
        yield from _code_problems(rows.coded, prefix)
    yield from _locator_problems(segment, prefix, n_rows)


def _value_problems(
    segment: Segment, prefix: str, spec: SpaceSpec, n_rows: int
) -> Iterator[tuple[str, str]]:
    values = segment.file.array(f"{prefix}.values")
    if values.shape != (n_rows, spec.dim) or values.dtype != spec.dtype:
        yield f"{prefix}.values", f"is {values.dtype} {values.shape}, not {n_rows} x {spec.dim}"
    if spec.has_scales:
        scales = segment.file.array(f"{prefix}.scales")
        if scales.shape != (n_rows,) or not np.isfinite(scales).all():
            yield f"{prefix}.scales", f"should be {n_rows} finite numbers"


def _code_problems(coded: CodedSegment, prefix: str) -> Iterator[tuple[str, str]]:
    n_centroids, n_listed = len(coded.book.centroids), len(coded.lists)
    if int(coded.coded.centroid_of.max(initial=0)) >= n_centroids:
        yield f"{prefix}.centroid_of", f"names centroids that are not among {n_centroids}"
    yield from _offset_problems(f"{prefix}.list_offsets", coded.list_offsets, n_listed)
    if int(coded.lists.max(initial=0)) >= max(coded.n_units, 1):
        yield f"{prefix}.lists", f"names units that are not among {coded.n_units}"
    scales = {"mean_scales": coded.coded.mean_scales, "book.scales": coded.book.scales}
    for name, numbers in scales.items():
        if not np.isfinite(numbers).all():
            yield f"{prefix}.{name}", "should be finite numbers"


def _locator_problems(segment: Segment, prefix: str, n_rows: int) -> Iterator[tuple[str, str]]:
    file, n_sources = segment.file, n_rows
    if f"{prefix}.source_offsets" in file:
        offsets = file.array(f"{prefix}.source_offsets")
        n_sources = int(offsets[-1])
        if len(offsets) != n_rows + 1:
            yield f"{prefix}.source_offsets", f"{len(offsets)} offsets for {n_rows} rows"
        yield from _offset_problems(f"{prefix}.source_offsets", offsets, n_sources)
    for column in ("spans", "boxes", "times"):
        name = f"{prefix}.{column}"
        if name in file and len(file.array(name)) != n_sources:
            yield name, f"{len(file.array(name))} places for {n_sources} sources"


def _posting_problems(segment: Segment) -> Iterator[tuple[str, str]]:
    postings = segment.postings
    n = len(postings.ordinals)
    yield from _offset_problems("lexical.postings_offsets", postings.postings_offsets, n)
    if len(postings.unit_lengths) != segment.n_units:
        yield "lexical.unit_lengths", f"{postings.n_units} lengths for {segment.n_units} units"
    elif n and int(postings.ordinals.max()) >= segment.n_units:
        yield "lexical.ordinals", f"unit {int(postings.ordinals.max())} of {segment.n_units}"
    elif int(postings.frequencies.sum()) != int(postings.unit_lengths.sum()):
        yield "lexical.frequencies", "do not add up to the units' lengths"


def _column_problems(segment: Segment) -> Iterator[tuple[str, str]]:
    file = segment.file
    for name in sorted(file.header.sections):
        base, _, part = name.rpartition(".")
        if part == "offsets" and f"{base}.bytes" in file:
            column = StringColumn.read(file, base)
            yield from _offset_problems(name, column.offsets, len(column.data))
            for _ in column:
                pass
        if name.startswith("metadata.") and part == "documents":
            last = int(file.array(name).max(initial=-1))
            if last >= segment.n_documents:
                yield name, f"document {last} of {segment.n_documents}"
