"""What is known of an item once it was read, on its way to the encoders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from latelight.types import Document, Extraction, Metadata, MultiVector

RECORD_MEDIA_TYPE = "application/x-latelight-record"


@dataclass(frozen=True)
class Identity:
    """What an item is, known once its bytes are; light enough to keep.

    Attributes:
        place: its source when that holds one thing at a time, else empty.
        created_at: when its document was added, for one that the library holds already under
            another pipeline, whose original is kept; None for what comes from outside.
    """

    source: str
    place: str
    doc_id: str
    sha256: str
    n_bytes: int
    metadata: Metadata
    is_record: bool
    created_at: float | None = None


@dataclass(frozen=True)
class Extracted:
    """A document to encode.

    Attributes:
        vectors: rows that need no encoding, by space, one multi-vector for each unit.
    """

    identity: Identity
    extraction: Extraction
    vectors: Mapping[str, tuple[MultiVector, ...]] = field(default_factory=dict)

    @property
    def n_characters(self) -> int:
        """How much text there is to encode."""
        return sum(len(unit.text) for unit in self.extraction.units)

    @property
    def n_held_bytes(self) -> int:
        """About what it takes in memory."""
        own = sum(rows.vectors.nbytes for many in self.vectors.values() for rows in many)
        pictures = sum(len(unit.image or b"") for unit in self.extraction.units)
        boxes = sum(len(u.words.spans) * 24 for u in self.extraction.units if u.words is not None)
        # Texts are held twice, as the document's and as its units'; 4 bytes a character at most.
        return own + pictures + boxes + 4 * (len(self.extraction.text) + self.n_characters) + 1024


Result = Identity | Extracted
"""An identity alone: the document is there already, as it is."""


def has_original(document: Document) -> bool:
    """Return whether a document came as a file, which is kept; a record did not."""
    return document.media_type != RECORD_MEDIA_TYPE
