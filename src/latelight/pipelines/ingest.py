"""Items in, searchable documents out: extract, encode, write, commit.

Every step is keyed by content. A run that is stopped at any moment and started again with the
same items skips what has been published and goes on with the rest.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace

import numpy as np

from latelight.encoders.protocol import Encoder
from latelight.errors import ExtractionError, LatelightError, StorageError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.extractors.text import extract_record
from latelight.index import Snapshot, Store, Writer
from latelight.index.analyzer import analyze
from latelight.pipelines.items import (
    BadItem,
    BytesItem,
    FileItem,
    Item,
    RecordItem,
    content_id,
    place_of,
    sha256_of,
)
from latelight.pipelines.originals import Originals
from latelight.pipelines.progress import Failure, NoProgress, Progress
from latelight.types import Document, Extraction, MultiVector, Source, Unit

BATCH_CHARACTERS = 60_000
RECORD_MEDIA_TYPE = "application/x-latelight-record"


@dataclass(frozen=True)
class IngestOptions:
    """How a run works; none of it changes what is stored.

    Attributes:
        extraction: limits and manners of the extractors.
        lexical: whether terms are kept for BM25.
        commit_seconds: how often what is ready is published.
        n_workers: processes that read files.
        clock: seconds, for the commits; monotonic.
    """

    extraction: ExtractionOptions = field(default_factory=ExtractionOptions)
    lexical: bool = True
    commit_seconds: float = 20.0
    n_workers: int = 1
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class IngestReport:
    """What a run did.

    Attributes:
        n_added: documents that are new.
        n_replaced: documents whose content or metadata changed.
        n_unchanged: documents that were there already.
        n_units: units written.
        n_rows: vectors written, all spaces.
        failures: what could not be added, each with its reason.
        warnings: what was left out of added documents, as `source: sentence`.
        seconds: wall time.
    """

    n_added: int = 0
    n_replaced: int = 0
    n_unchanged: int = 0
    n_units: int = 0
    n_rows: int = 0
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True)
class _Read:
    """An item's bytes, known by their digest."""

    item: FileItem | BytesItem | RecordItem
    data: bytes
    sha256: str

    @property
    def doc_id(self) -> str:
        own = "" if isinstance(self.item, FileItem) else self.item.doc_id
        return own or content_id(self.sha256)


@dataclass(frozen=True)
class _Outcome:
    """`extraction` is None when the document is there already, as it is."""

    read: _Read
    extraction: Extraction | None


@dataclass(frozen=True)
class _Extracted:
    """A document to write."""

    read: _Read
    extraction: Extraction


class Ingest:
    """One run over one store."""

    def __init__(
        self,
        store: Store,
        encoders: Mapping[str, Encoder],
        originals: Originals,
        options: IngestOptions,
        progress: Progress | None = None,
    ) -> None:
        """Prepare a run; nothing is read or locked yet."""
        self._store = store
        self._encoders = encoders
        self._originals = originals
        self._options = options
        self._progress = progress or NoProgress()
        self._report = IngestReport()
        self._known: Snapshot = store.snapshot()
        self._by_source: dict[str, list[str]] = {}
        self._seen: set[str] = set()
        self._outdated: set[str] = set()

    def run(self, items: Sequence[Item]) -> IngestReport:
        """Add the items and return what happened; a failing item never stops the others.

        Stopping it (an exception, Ctrl-C) publishes what was ready first.

        Raises:
            WriterLockedError: another process is adding to this collection.
            StorageError: the library cannot be written.
        """
        began = self._options.clock()
        self._progress.started(len(items), sum(item.n_bytes for item in items))
        try:
            with self._store.writer() as writer:
                self._known = self._store.snapshot()
                self._write_all(writer, items)
        finally:
            self._progress.finished()
        return replace(self._report, seconds=self._options.clock() - began)

    def _write_all(self, writer: Writer, items: Sequence[Item]) -> None:
        self._by_source = self._documents_by_source(items)
        last = self._options.clock()
        try:
            for batch in batches(self._extracted(items)):
                self._write_batch(writer, batch)
                if self._options.clock() - last >= self._options.commit_seconds:
                    self._commit(writer)
                    last = self._options.clock()
            writer.delete(self._outdated - self._seen)
        except BaseException:
            # Whatever stopped it, what is ready stays; a store that failed says so by itself.
            with suppress(StorageError):
                self._commit(writer)
            raise
        self._commit(writer)

    def _documents_by_source(self, items: Sequence[Item]) -> dict[str, list[str]]:
        """Return the documents named by content that the items take the place of, by source."""
        by_source: dict[str, list[str]] = {}
        for document in self._known.documents_from(filter(None, map(place_of, items))):
            if document.doc_id == content_id(document.sha256):
                by_source.setdefault(document.source, []).append(document.doc_id)
        return by_source

    def _commit(self, writer: Writer) -> None:
        if writer.n_pending_documents:
            writer.commit()
            self._progress.committed(self._store.snapshot().n_documents)

    # -- read and extract ------------------------------------------------------------------

    def _extracted(self, items: Sequence[Item]) -> Iterator[_Extracted]:
        """Yield what changed, in order; a few files are read ahead of the one in hand."""
        n_ahead = 2 * self._options.n_workers
        with (
            ExtractionPool(n_workers=self._options.n_workers) as pool,
            ThreadPoolExecutor(self._options.n_workers) as readers,
        ):
            waiting: deque[tuple[Item, Future[_Outcome]]] = deque()
            for item in items:
                waiting.append((item, readers.submit(self._read_and_extract, pool, item)))
                if len(waiting) > n_ahead:
                    yield from self._result(*waiting.popleft())
            while waiting:
                yield from self._result(*waiting.popleft())

    def _result(self, item: Item, future: Future[_Outcome]) -> Iterator[_Extracted]:
        try:
            outcome = future.result()
        except LatelightError as error:
            self._fail(item.source, error)
        except OSError as error:
            self._fail(item.source, ExtractionError(f"Cannot be read: {error}."))
        else:
            self._note(outcome.read)
            if outcome.extraction is None:
                self._count(n_unchanged=1)
            else:
                yield _Extracted(outcome.read, outcome.extraction)
        self._progress.item_done(item.source, item.n_bytes)

    def _note(self, read: _Read) -> None:
        """Remember that a document is wanted, and that what its file held before is not."""
        self._seen.add(read.doc_id)
        self._outdated.update(self._by_source.get(place_of(read.item), ()))

    def _read_and_extract(self, pool: ExtractionPool, item: Item) -> _Outcome:
        read = self._read(item)
        if not self._is_unchanged(read):
            return _Outcome(read, self._extract(pool, read))
        self._keep_original(read)  # what was lost comes back
        return _Outcome(read, None)

    def _read(self, item: Item) -> _Read:
        if isinstance(item, BadItem):
            raise item.error
        if isinstance(item, RecordItem):
            data = item.canonical_bytes()
        elif isinstance(item, BytesItem):
            data = item.data
        else:
            data = item.path.read_bytes()
        return _Read(item, data, sha256_of(data))

    def _is_unchanged(self, read: _Read) -> bool:
        if not self._known.contains(read.doc_id):
            return False
        before = self._known.document(read.doc_id)
        return before.sha256 == read.sha256 and before.metadata == dict(read.item.metadata)

    def _extract(self, pool: ExtractionPool, read: _Read) -> Extraction:
        if isinstance(read.item, RecordItem):
            return extract_record(read.item.text, read.item.title, self._options.extraction)
        name = read.item.path.name if isinstance(read.item, FileItem) else read.item.name
        extraction = pool.extract(Source(name, read.data), self._options.extraction)
        self._keep_original(read)
        return extraction

    def _keep_original(self, read: _Read) -> None:
        if not isinstance(read.item, RecordItem):
            self._originals.keep(read.sha256, read.data)

    # -- encode and write ------------------------------------------------------------------

    def _write_batch(self, writer: Writer, batch: Sequence[_Extracted]) -> None:
        units = [unit for one in batch for unit in one.extraction.units]
        vectors = {space: self._encode(encoder, units) for space, encoder in self._encoders.items()}
        begin = 0
        for one in batch:
            end = begin + len(one.extraction.units)
            own = {space: rows[begin:end] for space, rows in vectors.items()}
            self._write(writer, one, own)
            begin = end

    def _encode(self, encoder: Encoder, units: Sequence[Unit]) -> list[MultiVector]:
        covered = [i for i, unit in enumerate(units) if unit.kind in encoder.info.unit_kinds]
        nothing = MultiVector(np.zeros((0, encoder.info.dim), np.float32))
        vectors = [nothing] * len(units)
        encoded = encoder.encode_documents([units[i] for i in covered])
        for i, rows in zip(covered, encoded, strict=True):
            vectors[i] = rows
        return vectors

    def _write(
        self, writer: Writer, one: _Extracted, vectors: Mapping[str, Sequence[MultiVector]]
    ) -> None:
        document = self._document(one)
        extraction = one.extraction
        terms = [terms_of(unit) for unit in extraction.units] if self._options.lexical else ()
        writer.add(document, extraction.units, vectors, terms, extraction.offsets)
        self._tell(document, place_of(one.read.item), extraction, vectors)

    def _document(self, one: _Extracted) -> Document:
        item, extraction = one.read.item, one.extraction
        is_record = isinstance(item, RecordItem)
        return Document(
            doc_id=one.read.doc_id,
            source=item.source,
            media_type=RECORD_MEDIA_TYPE if is_record else extraction.media_type,
            sha256=one.read.sha256,
            metadata=dict(item.metadata),
            created_at=time.time(),
            title=extraction.title,
            n_bytes=item.n_bytes,
        )

    def _tell(
        self,
        document: Document,
        place: str,
        extraction: Extraction,
        vectors: Mapping[str, Sequence[MultiVector]],
    ) -> None:
        n_units = len(extraction.units)
        n_rows = sum(rows.n_rows for own in vectors.values() for rows in own)
        replaces = self._known.contains(document.doc_id) or place in self._by_source
        self._count(
            n_added=int(not replaces), n_replaced=int(replaces), n_units=n_units, n_rows=n_rows
        )
        told = tuple(f"{document.source}: {warning}" for warning in extraction.warnings)
        self._report = replace(self._report, warnings=self._report.warnings + told)
        self._progress.rows_encoded(n_units, n_rows)

    def _fail(self, source: str, error: LatelightError) -> None:
        failure = Failure.of(source, error)
        self._report = replace(self._report, failures=(*self._report.failures, failure))
        self._progress.failed(failure)

    def _count(self, **more: int) -> None:
        totals = {name: getattr(self._report, name) + n for name, n in more.items()}
        self._report = replace(self._report, **totals)


def has_original(document: Document) -> bool:
    """Return whether a document came as a file, which is kept; a record did not."""
    return document.media_type != RECORD_MEDIA_TYPE


def terms_of(unit: Unit) -> list[str]:
    """Return the lexical terms of a unit, in order."""
    return [term.text for term in analyze(unit.text)]


def batches(extracted: Iterable[_Extracted]) -> Iterator[list[_Extracted]]:
    """Yield runs of documents that together hold enough text to keep the encoder busy."""
    batch: list[_Extracted] = []
    n_characters = 0
    for one in extracted:
        batch.append(one)
        n_characters += sum(len(unit.text) for unit in one.extraction.units)
        if n_characters >= BATCH_CHARACTERS:
            yield batch
            batch, n_characters = [], 0
    if batch:
        yield batch
