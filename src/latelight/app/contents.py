"""What a collection holds, looked at: documents, units, files, numbers."""

from dataclasses import dataclass
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING

from latelight.app.opened import Versions
from latelight.app.pictures import draw_unit
from latelight.app.stats import Stats, StoredDocument, stats_of
from latelight.errors import NotFoundError, UnsupportedMediaError
from latelight.index import Problem
from latelight.types import Document

if TYPE_CHECKING:
    from PIL import Image


@dataclass(frozen=True)
class ListedDocument:
    """A document as lists show it."""

    document: Document
    n_units: int


class Contents:
    """The part of a collection that looks and changes nothing."""

    def __init__(self, versions: Versions) -> None:
        """Look at the live one of these versions."""
        self._versions = versions

    def get(self, doc_id: str) -> StoredDocument:
        """Return a document with its units.

        Raises:
            NotFoundError: there is no such document.
        """
        snapshot = self._versions.live().store.snapshot()
        units = tuple(snapshot.unit(i) for i in snapshot.find(doc_id))
        return StoredDocument(snapshot.document(doc_id), units)

    def documents(self) -> list[Document]:
        """Return every document, in the order of writing: what is replaced goes to the end."""
        return list(self._versions.live().store.snapshot().documents())

    def list_documents(self, *, after: str = "", limit: int = 50) -> list[ListedDocument]:
        """Return documents by ascending id, beginning behind `after`.

        Going on behind the last one's id sees every document once that is there all the while,
        whatever is written meanwhile.
        """
        snapshot = self._versions.live().store.snapshot()
        ids = nsmallest(limit, (one for one in snapshot.document_ids() if one > after))
        return [ListedDocument(snapshot.document(one), len(snapshot.find(one))) for one in ids]

    def preview(self, doc_id: str, unit_id: str) -> "Image.Image":
        """Return a unit's page, picture or frame, upright; the spectrogram of sound.

        Raises:
            NotFoundError: there is no such document or unit, or its original is no longer kept.
            UnsupportedMediaError: the unit is text alone.
        """
        live, found = self._versions.live(), self.get(doc_id)
        unit = next((one for one in found.units if one.unit_id == unit_id), None)
        if unit is None:
            raise NotFoundError(f"Document {doc_id!r} has no unit {unit_id!r}.")
        if unit.kind == "passage":
            raise UnsupportedMediaError(
                f"Unit {unit_id!r} of {doc_id!r} is text alone, without a picture; show its text."
            )
        return draw_unit(found.document, unit, live.originals, live.spec.extract)

    def original(self, doc_id: str) -> Path:
        """Return where a document's file lies, as it came; it is not to be changed.

        Raises:
            NotFoundError: there is no such document, or it has no file: it was a record.
        """
        live = self._versions.live()
        path = live.originals.path(live.store.snapshot().document(doc_id).sha256)
        if not path.is_file():
            raise NotFoundError(
                f"Document {doc_id!r} has no original: it was added as a record, or its file is no "
                "longer kept. Its text is with its units."
            )
        return path

    def stats(self) -> Stats:
        """Return what the collection holds."""
        return stats_of(self._versions.live(), self._versions.home)

    def load(self) -> None:
        """Load the live version's models now, so that the first search need not wait for them.

        Raises:
            ModelError, PipelineMismatchError: they are not those of the collection.
        """
        self._versions.live().loaded()

    def verify(self) -> list[Problem]:
        """Check every byte of every generation; return what is wrong, nothing when all is well."""
        stores = {one.store: one for one in self._versions.standing().versions.values()}
        found = (self._versions.open(one).store.verify() for one in stores.values())
        return [problem for problems in found for problem in problems]
