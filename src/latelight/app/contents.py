"""What a collection holds, looked at: documents, units, files, sizes."""

from dataclasses import asdict, dataclass
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING

from latelight.app.opened import CollectionHome, OpenGeneration
from latelight.app.pictures import draw_unit
from latelight.app.stored import Stats, StoredDocument
from latelight.errors import NotFoundError, UnsupportedMediaError
from latelight.types import Document

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class ListedDocument:
    """A document as lists show it."""

    document: Document
    n_units: int


def stored(live: OpenGeneration, doc_id: str) -> StoredDocument:
    """Return a document with its units; errors as `Collection.get`."""
    snapshot = live.store.snapshot()
    units = tuple(snapshot.unit(i) for i in snapshot.find(doc_id))
    return StoredDocument(snapshot.document(doc_id), units)


def list_documents(live: OpenGeneration, after: str, limit: int) -> list[ListedDocument]:
    """Return documents by ascending id behind `after`, at most `limit`."""
    snapshot = live.store.snapshot()
    ids = nsmallest(limit, (one for one in snapshot.document_ids() if one > after))
    return [ListedDocument(snapshot.document(one), len(snapshot.find(one))) for one in ids]


def preview_of(live: OpenGeneration, doc_id: str, unit_id: str) -> "Image.Image":
    """Return a unit's picture; errors as `Collection.preview`."""
    found = stored(live, doc_id)
    units = [unit for unit in found.units if unit.unit_id == unit_id]
    if not units:
        raise NotFoundError(f"Document {doc_id!r} has no unit {unit_id!r}.")
    if units[0].kind == "passage":
        raise UnsupportedMediaError(
            f"Unit {unit_id!r} of {doc_id!r} is text alone, without a picture; show its text."
        )
    return draw_unit(found.document, units[0], live.originals, live.spec.extract)


def original_of(live: OpenGeneration, doc_id: str) -> Path:
    """Return where a document's file lies; errors as `Collection.original`."""
    path = live.originals.path(live.store.snapshot().document(doc_id).sha256)
    if not path.is_file():
        raise NotFoundError(
            f"Document {doc_id!r} has no original: it was added as a record, or its file is no "
            "longer kept. Its text is with its units."
        )
    return path


def stats_of(live: OpenGeneration, home: CollectionHome) -> Stats:
    """Return what a collection holds."""
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
                "store": given.store,
                "bits": snapshot.spaces[space].bits,
                **asdict(live.self_check.observed(space)),
            }
            for space, given in live.spec.spaces.items()
        },
    )


def _bytes_below(directory: Path) -> int:
    return sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
