"""Documents of one generation, made anew for another from what the library keeps of them.

Files are read again from their originals; of a record the text is kept, or put together from its
passages. Rows that the other generation can take over are taken over.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from latelight.errors import ExtractionError, InputError, NotFoundError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import extract_record
from latelight.index import Snapshot
from latelight.pipelines.extracted import Extracted, Identity, has_original
from latelight.pipelines.inputs import Entry
from latelight.pipelines.items import Read, RecordItem, StoredItem, sha256_of
from latelight.pipelines.originals import Originals
from latelight.pipelines.records import FILE_PREFIX, without_properties
from latelight.types import Document, Extraction, Metadata, MultiVector, Source, Unit

RECORDS = "stored records"


@dataclass(frozen=True)
class Recipe:
    """What the other generation cannot take over.

    Attributes:
        extract: units are cut anew, and with them every row.
        encode: spaces whose rows have to be computed.
        spaces: all that the other generation has.
    """

    extract: bool
    encode: frozenset[str]
    spaces: tuple[str, ...]

    @property
    def kept_spaces(self) -> tuple[str, ...]:
        """Spaces whose rows can be taken over where the units stay."""
        return tuple(space for space in self.spaces if space not in self.encode)


class Rebuild:
    """What a run takes instead of inputs: the documents of a snapshot."""

    def __init__(
        self,
        snapshot: Snapshot,
        originals: Originals,
        recipe: Recipe,
        only: Collection[str] | None = None,
        without: Mapping[str, str] | None = None,
    ) -> None:
        """Take all documents of a snapshot.

        Args:
            snapshot: of the generation that has them.
            originals: their files.
            recipe: what has to be done.
            only: ids of those that are wanted, None for all; others are passed over.
            without: digests by id of those that are known not to succeed, as long as they stay.
        """
        self._snapshot = snapshot
        self._originals = originals
        self._recipe = recipe
        self._only = only
        self._without = without or {}

    def survey(self) -> Iterator[Entry]:
        """Yield every file, and the records as one."""
        n_records = n_bytes = 0
        for document in self._documents():
            if has_original(document):
                yield Entry(document.source, 1, document.n_bytes)
            else:
                n_records, n_bytes = n_records + 1, n_bytes + document.n_bytes
        if n_records:
            yield Entry(RECORDS, n_records, n_bytes, is_records=True)

    def items(self) -> Iterator[StoredItem]:
        """Yield the documents in their order."""
        for document in self._documents():
            yield StoredItem(document, identity_of(document), self._remake)

    def _documents(self) -> Iterator[Document]:
        if self._only is None:
            found = self._snapshot.documents()
        else:
            wanted = (one for one in self._only if self._snapshot.contains(one))
            found = map(self._snapshot.document, wanted)
        for document in found:
            if self._without.get(document.doc_id) != document.sha256:
                yield document

    def _remake(
        self, document: Document, identity: Identity, read: Read, options: ExtractionOptions
    ) -> Extracted:
        recipe = self._recipe
        if not (recipe.extract or recipe.encode):
            return self._as_stored(document, identity)
        if has_original(document):
            return self._from_file(document, identity, read, options)
        if recipe.extract and not self._came_with_rows(document):
            body, title = self._record(document)
            return Extracted(identity, extract_record(body, title, options))
        return self._with_text(self._as_stored(document, identity))

    def _from_file(
        self, document: Document, identity: Identity, read: Read, options: ExtractionOptions
    ) -> Extracted:
        try:
            data = self._originals.read(document.sha256)
        except NotFoundError:
            raise ExtractionError(
                f"{document.source}: its original is not in the library, so that it cannot be read "
                "for another pipeline. Add the file again."
            ) from None
        fresh = read(Source(Path(document.source).name, data), options)
        if self._recipe.extract:
            return Extracted(identity, fresh)
        stored = self._as_stored(document, identity)
        same = [unit.unit_id for unit in stored.extraction.units]
        if same != [unit.unit_id for unit in fresh.units]:
            return Extracted(identity, fresh)
        return Extracted(identity, fresh, stored.vectors)

    def _as_stored(self, document: Document, identity: Identity) -> Extracted:
        """Return a document with the units and rows that it has."""
        snapshot, ordinals = self._snapshot, self._snapshot.find(document.doc_id)
        extraction = Extraction(
            media_type=document.media_type,
            text=snapshot.text_of(document.doc_id),
            units=tuple(snapshot.unit(ordinal) for ordinal in ordinals),
            title=document.title,
            metadata=_properties(document.metadata),
            offsets=snapshot.offset_map(document.doc_id),
        )
        vectors = {
            space: tuple(self._rows(space, ordinal) for ordinal in ordinals)
            for space in self._recipe.kept_spaces
        }
        return Extracted(identity, extraction, vectors)

    def _rows(self, space: str, ordinal: int) -> MultiVector:
        values, scales = self._snapshot.rows(space, ordinal)
        rows = np.asarray(values, np.float32)
        rows = rows if scales is None else rows * scales[:, None]
        return MultiVector(rows, self._snapshot.row_locators(space, ordinal))

    def _with_text(self, stored: Extracted) -> Extracted:
        """Return a record to encode from its units, which hold all that encoders look at.

        Raises:
            InputError: it has no text; its rows came with it.
        """
        extraction = stored.extraction
        if self._recipe.encode and not any(unit.text.strip() for unit in extraction.units):
            raise InputError(
                f"{stored.identity.doc_id!r} came with its own vectors and no text, so that spaces "
                f"{sorted(self._recipe.encode)} cannot encode it. Add it again with vectors of the "
                "new pipeline, or delete it."
            )
        text = extraction.text or joined_text(extraction.units)
        return replace(stored, extraction=replace(extraction, text=text))

    def _record(self, document: Document) -> tuple[str, str]:
        """Return a record's text without its title, and the title."""
        units = [self._snapshot.unit(i) for i in self._snapshot.find(document.doc_id)]
        text = self._snapshot.text_of(document.doc_id) or joined_text(units)
        if text == document.title:
            return "", document.title
        return text.removeprefix(f"{document.title}\n"), document.title

    def _came_with_rows(self, document: Document) -> bool:
        """Return whether a record's digest is not that of its text: its one unit stays as it is."""
        if len(self._snapshot.find(document.doc_id)) != 1:
            return False
        body, title = self._record(document)
        plain = RecordItem(document.doc_id, title, body, document.source)
        return sha256_of(plain.canonical_bytes()) != document.sha256


def identity_of(document: Document) -> Identity:
    """Return the identity of a stored document: the same under every pipeline."""
    return Identity(
        source=document.source,
        place="",
        doc_id=document.doc_id,
        sha256=document.sha256,
        n_bytes=document.n_bytes,
        metadata=without_properties(document.metadata),
        is_record=not has_original(document),
        created_at=document.created_at,
    )


def joined_text(units: Sequence[Unit]) -> str:
    """Return the text that passages were cut from, but for the kind of white space between them.

    Records that were added before their texts were kept have nothing else. Spans stay true.
    """
    text = ""
    for unit in units:
        span = unit.locator.span
        gap = 1 if span is None else span.start - len(text)
        text += (" " if gap == 1 else "\n" * gap) + unit.text[max(-gap, 0) :]
    return text


def _properties(metadata: Metadata) -> Metadata:
    return {
        key.removeprefix(FILE_PREFIX): value
        for key, value in metadata.items()
        if key.startswith(FILE_PREFIX)
    }


__all__ = ["RECORDS", "Rebuild", "Recipe", "identity_of", "joined_text"]
