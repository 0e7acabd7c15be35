"""What a collection holds, in numbers."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from latelight.app.opened import CollectionHome, OpenGeneration
from latelight.types import Document, Unit


@dataclass(frozen=True)
class StoredDocument:
    """A document with its units, as stored."""

    document: Document
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class Stats:
    """What a collection holds.

    Attributes:
        n_documents: live ones.
        n_units: live ones.
        n_rows: stored vectors of all spaces, deleted ones included until compaction.
        n_segments: immutable files.
        n_bytes: of the index on disk.
        n_original_bytes: of the kept files.
        pipeline: name of the pipeline's spec.
        digest: version of the pipeline.
        spaces: by name: encoder, dim, sight (whether what is seen has rows, too), store, bits of
            codes; what the self-check has seen in this process: recall (None before the first
            check), n_checks, widening.
    """

    n_documents: int
    n_units: int
    n_rows: int
    n_segments: int
    n_bytes: int
    n_original_bytes: int
    pipeline: str
    digest: str
    spaces: Mapping[str, Mapping[str, Any]]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


def stats_of(live: OpenGeneration, home: CollectionHome) -> Stats:
    """Return what the live version of a collection holds."""
    snapshot = live.store.snapshot()
    return Stats(
        n_documents=snapshot.n_documents,
        n_units=snapshot.n_live_units,
        n_rows=snapshot.n_rows,
        n_segments=len(snapshot.manifest.segments),
        n_bytes=_bytes_below(live.store.path),
        n_original_bytes=_bytes_below(home.originals),
        pipeline=live.spec.name,
        digest=live.version.digest,
        spaces={
            space: {
                "encoder": given.encoder,
                "dim": live.lock.encoders[space].dim,
                "sight": "sight" in live.lock.encoders[space].rendering,
                "store": given.store,
                "bits": snapshot.spaces[space].bits,
                **asdict(live.self_check.observed(space)),
            }
            for space, given in live.spec.spaces.items()
        },
    )


def _bytes_below(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
