"""Items, read and extracted in worker processes ahead of the encoder, in order."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from latelight.errors import EmptyFileError, InputError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.extractors.text import extract_record
from latelight.index import Snapshot
from latelight.index.rows import SpaceSpec
from latelight.pipelines.extracted import Extracted, Identity, Result
from latelight.pipelines.items import (
    BadItem,
    BytesItem,
    FileItem,
    Item,
    RecordItem,
    StoredItem,
    called,
    content_id,
    place_of,
    sha256_of,
)
from latelight.pipelines.reading import read_file
from latelight.pipelines.records import ONLY_SPACE, without_properties
from latelight.types import CharSpan, Extraction, Locator, MultiVector, Source, Unit


class Keep(Protocol):
    """Keeps a file's bytes; those of a document that is there may have been lost."""

    def __call__(self, sha256: str, data: bytes, *, is_there: bool) -> None:
        """Keep them durably."""
        ...


def is_there(known: Snapshot, identity: Identity) -> bool:
    """Return whether a document is there with the same content and metadata."""
    if not known.contains(identity.doc_id):
        return False
    before = known.document(identity.doc_id)
    given = without_properties(before.metadata)
    return before.sha256 == identity.sha256 and given == dict(identity.metadata)


class Reader:
    """Turns one item into what is to be done with it; safe to call from several threads."""

    def __init__(
        self,
        pool: ExtractionPool,
        keep: Keep,
        options: ExtractionOptions,
        spaces: Mapping[str, SpaceSpec],
        known: Callable[[], Snapshot],
    ) -> None:
        """Read with `pool`, give files to `keep`; `known` says what the collection holds by now."""
        self._pool = pool
        self._keep = keep
        self._options = options
        self._spaces = spaces
        self._known = known

    def __call__(self, item: Item) -> Result:
        """Return the item's document, or its identity when that is there already.

        Raises:
            ExtractionError: it cannot be read.
            InputError: its vectors do not fit the collection.
        """
        if isinstance(item, BadItem):
            raise item.error
        if isinstance(item, StoredItem):
            known = is_there(self._known(), item.identity)
            return item.identity if known else item.remade(self._pool.extract, self._options)
        data = self._bytes(item)
        identity = _identity(item, data)
        unchanged = is_there(self._known(), identity)
        if isinstance(item, RecordItem):
            return identity if unchanged else self._record(item, identity)
        extracted = None if unchanged else self._extract(item, identity, data)
        self._keep(identity.sha256, data, is_there=unchanged)
        return extracted or identity

    def _bytes(self, item: FileItem | BytesItem | RecordItem) -> bytes:
        if isinstance(item, RecordItem):
            return item.canonical_bytes()
        if isinstance(item, BytesItem):
            return item.data
        return read_file(item.path, self._options.max_bytes, follow_links=item.follow_links)

    def _extract(self, item: FileItem | BytesItem, identity: Identity, data: bytes) -> Extracted:
        name = called(item) if isinstance(item, FileItem) else item.name
        return Extracted(identity, self._pool.extract(Source(name, data), self._options))

    def _record(self, item: RecordItem, identity: Identity) -> Extracted:
        if not item.vectors:
            extraction = extract_record(item.text, item.title, self._options)
            return Extracted(identity, extraction)
        extraction = _as_one_unit(item, self._options)
        vectors = {name: (rows,) for name, rows in self._fitted(item.vectors).items()}
        return Extracted(identity, extraction, vectors)

    def _fitted(self, vectors: Mapping[str, MultiVector]) -> dict[str, MultiVector]:
        """Return given vectors by the collection's spaces."""
        if ONLY_SPACE in vectors and len(self._spaces) != 1:
            raise InputError(
                f"The vectors name no space, and the collection has {sorted(self._spaces)}; give "
                "{space: rows}."
            )
        named = {name or next(iter(self._spaces)): rows for name, rows in vectors.items()}
        for name, rows in named.items():
            if name not in self._spaces:
                raise InputError(f"No space {name!r}; the collection has {sorted(self._spaces)}.")
            if rows.dim != self._spaces[name].dim:
                raise InputError(
                    f"The vectors of {name!r} have {rows.dim} dims; the collection's have "
                    f"{self._spaces[name].dim}. Encode them with its own encoder."
                )
        return named


def _identity(item: FileItem | BytesItem | RecordItem, data: bytes) -> Identity:
    sha256 = sha256_of(data)
    is_record = isinstance(item, RecordItem)
    return Identity(
        source=item.source,
        place=place_of(item),
        doc_id=item.doc_id or content_id(sha256),
        sha256=sha256,
        n_bytes=item.n_bytes if is_record else len(data),
        metadata=item.metadata,
        is_record=is_record,
    )


def _as_one_unit(item: RecordItem, options: ExtractionOptions) -> Extraction:
    """Return a record whose vectors were given: one unit, that may have no text."""
    try:
        whole = extract_record(item.text, item.title, options)
    except EmptyFileError:
        return Extraction("text/plain", "", (Unit("c0", "passage", Locator()),))
    heading = (whole.title,) if whole.title else ()
    at = Locator(span=CharSpan(0, len(whole.text)))
    unit = Unit("c0", "passage", at, whole.text, heading=heading)
    return Extraction(whole.media_type, whole.text, (unit,), title=whole.title)


def read_ahead(
    items: Iterable[Item], read: Callable[[Item], Result], n_workers: int, cap_bytes: int
) -> Iterator[tuple[Item, Future[Result]]]:
    """Yield each item with its finished or failed future, in order; a few are read ahead.

    Whoever takes slowly is never far behind: at most `4 * n_workers + 4` items, or `cap_bytes` of
    their bytes (and one more), are under way.
    """
    most = 4 * n_workers + 4
    with ThreadPoolExecutor(n_workers, thread_name_prefix="latelight-read") as readers:
        waiting: deque[tuple[Item, Future[Result]]] = deque()
        n_bytes = 0
        try:
            for item in items:
                waiting.append((item, readers.submit(read, item)))
                n_bytes += item.n_bytes
                while waiting and (len(waiting) >= most or n_bytes > cap_bytes):
                    n_bytes -= waiting[0][0].n_bytes
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()
