"""What a collection holds, as it is told."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

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
        spaces: by name: encoder, dim, store, bits of codes; what the self-check has seen in this
            process: recall (None before the first check), n_checks, widening.
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
