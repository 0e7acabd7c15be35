"""What is known of an item once it was read, on its way to the encoders."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from latelight.types import SOUND_RATE, Document, Extraction, Metadata, MultiVector, Unit

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
    def n_work(self) -> int:
        """How much there is to encode, in characters; see `work_of`."""
        return sum(map(work_of, self.extraction.units))

    @property
    def n_held_bytes(self) -> int:
        """About what it takes in memory."""
        own = sum(rows.vectors.nbytes for many in self.vectors.values() for rows in many)
        pictures = sum(len(unit.image or b"") for unit in self.extraction.units)
        sounds = sum(u.sound.nbytes for u in self.extraction.units if u.sound is not None)
        boxes = sum(len(u.words.spans) * 24 for u in self.extraction.units if u.words is not None)
        # Texts are held twice, as the document's and as its units'; 4 bytes a character at most.
        texts = 4 * (len(self.extraction.text) + self.n_characters)
        return own + pictures + sounds + boxes + texts + 1024


def work_of(unit: Unit) -> int:
    """Return how much of it there is to encode, as characters of text.

    A second of sound counts as 100: models make 25 rows of it, and a row of about 4 characters.
    """
    n_samples = 0 if unit.sound is None else len(unit.sound)
    return len(unit.text) + 100 * n_samples // SOUND_RATE


Result = Identity | Extracted
"""An identity alone: the document is there already, as it is."""


def has_original(document: Document) -> bool:
    """Return whether a document came as a file, which is kept; a record did not."""
    return document.media_type != RECORD_MEDIA_TYPE
