"""What a run of ingest is given: which items, what it fills, and how it works."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from latelight.encoders.protocol import Encoder
from latelight.extractors.protocol import ExtractionOptions
from latelight.index import Store
from latelight.pipelines.inputs import Entry
from latelight.pipelines.items import Item, LeftOut
from latelight.pipelines.originals import Originals


@dataclass(frozen=True)
class IngestOptions:
    """How a run works; none of it changes what is stored.

    Attributes:
        extraction: limits and manners of the extractors.
        lexical: whether terms are kept for BM25.
        commit_seconds: how often what is ready is published; 0: every batch.
        n_workers: processes that read files.
        queue_bytes: what may wait between two stages; a single larger document goes alone.
        niceness: 0 to 19, how far everybody else is preferred to its threads and processes.
        lock_seconds: how long to wait for other writers of the collection.
        clock: seconds, for the commits; monotonic.
    """

    extraction: ExtractionOptions = field(default_factory=ExtractionOptions)
    lexical: bool = True
    commit_seconds: float = 1.0
    n_workers: int = 1
    queue_bytes: int = 64 << 20
    niceness: int = 0
    lock_seconds: float = 600.0
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Scope:
    """Which items a run looks at.

    Attributes:
        only: sources of files, or None for all; records are always looked at.
        seen: doc_ids that earlier runs found wanted, and that this one may not come across.
    """

    only: frozenset[str] | None = None
    seen: frozenset[str] = frozenset()

    def covers(self, source: str, *, is_record: bool = False) -> bool:
        """Return whether a source is to be looked at."""
        return self.only is None or is_record or source in self.only


EVERYTHING = Scope()


class ItemSource(Protocol):
    """What a run is given."""

    def survey(self) -> Iterator[Entry]:
        """Yield every source of items with its size."""
        ...

    def items(self) -> Iterator[Item | LeftOut]:
        """Yield everything to add, one at a time, in an order that stays the same."""
        ...


Announce = Callable[[Iterable[str]], None]


def announce_to_nobody(doc_ids: Iterable[str]) -> None:
    """Take the ids of documents that are about to be written, and do nothing."""


@dataclass(frozen=True)
class Target:
    """What a run fills.

    Attributes:
        store: the index.
        encoders: by space, loaded.
        originals: the files of published documents.
        staging: holds the files of documents that are not published yet; the caller removes it.
        announce: is called with the ids of what is about to be committed, while nobody else can
            write; what it raises keeps the commit from happening.
    """

    store: Store
    encoders: Mapping[str, Encoder]
    originals: Originals
    staging: Path
    announce: Announce = announce_to_nobody
