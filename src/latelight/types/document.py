"""What the user adds, and the pieces of it that are ranked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import numpy as np

from latelight.types.locator import Locator
from latelight.types.multivector import Float32Array, Int16Array, Int32Array

UnitKind = Literal["passage", "page", "image", "frame", "audio"]
UNIT_KINDS: tuple[UnitKind, ...] = get_args(UnitKind)
SOUND_RATE = 16_000
"""Samples a second of `Unit.sound`."""

MetadataValue = str | int | float | bool | None | list["str | int | float | bool"]
Metadata = Mapping[str, MetadataValue]


@dataclass(frozen=True)
class Document:
    """The user's object.

    Attributes:
        doc_id: the caller's stable name for it, else derived from the content's hash.
        source: where it came from (a path, a record's place in a file).
        media_type: as found in the content, such as `application/pdf`.
        sha256: hex digest of its bytes.
        metadata: filterable values by name.
        created_at: seconds since 1970-01-01 UTC when it was added.
        title: shown in results; may be empty.
        n_bytes: length of its bytes.
    """

    doc_id: str
    source: str
    media_type: str
    sha256: str
    metadata: Metadata = field(default_factory=dict)
    created_at: float = 0.0
    title: str = ""
    n_bytes: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "doc_id": self.doc_id,
            "title": self.title,
            "source": self.source,
            "media_type": self.media_type,
            "metadata": dict(self.metadata),
            "created_at": self.created_at,
            "sha256": self.sha256,
            "n_bytes": self.n_bytes,
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "Document":
        """Return the document that `to_dict` wrote; other names are passed over."""
        return cls(**{name: parts[name] for name in cls.__dataclass_fields__})


@dataclass(frozen=True, eq=False)
class WordBoxes:
    """The words of a page or picture: where they stand in its text and on it.

    Attributes:
        spans: (n_words, 2) int32, characters of the unit's text, ascending.
        boxes: (n_words, 4) float32, left, top, right, bottom in 0–1, origin top left.
    """

    spans: Int32Array  # (n_words, 2)
    boxes: Float32Array  # (n_words, 4)

    @classmethod
    def empty(cls) -> "WordBoxes":
        """Return no words."""
        return cls(np.zeros((0, 2), np.int32), np.zeros((0, 4), np.float32))


@dataclass(frozen=True, eq=False)
class WordTimes:
    """The words of a piece of sound: where they stand in its text and when they are said.

    Attributes:
        spans: (n_words, 2) int32, characters of the unit's text, ascending.
        times: (n_words, 2) float32, seconds from the beginning of the recording, start and end.
    """

    spans: Int32Array  # (n_words, 2)
    times: Float32Array  # (n_words, 2)


@dataclass(frozen=True)
class Unit:
    """The smallest ranked piece of a document.

    Attributes:
        unit_id: its name within the document (`c0`, `p3`); with the doc_id it names one unit.
        kind: what it is.
        locator: where it is; `locator.span` is its place in the document's text.
        text: its text, possibly empty.
        words: boxes of the words of `text`, for pages, pictures and frames.
        image: encoded picture (PNG or JPEG) for encoders that look at it, else None.
        heading: the titles above it, outermost first; context for encoders, never a locator.
        spoken: times of the words of `text`, for sound.
        sound: (n_samples,) int16, what is heard from `locator.time.start_s` on: one channel, 16,000
            samples a second, 32,768 for 1; for encoders that listen, else None.
    """

    unit_id: str
    kind: UnitKind
    locator: Locator
    text: str = ""
    words: WordBoxes | None = field(default=None, compare=False, repr=False)
    image: bytes | None = field(default=None, compare=False, repr=False)
    heading: tuple[str, ...] = ()
    spoken: WordTimes | None = field(default=None, compare=False, repr=False)
    sound: Int16Array | None = field(default=None, compare=False, repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form, without words and picture."""
        return {
            "unit_id": self.unit_id,
            "kind": self.kind,
            "locator": self.locator.to_dict(),
            "text": self.text,
            "heading": list(self.heading),
        }

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "Unit":
        """Return the unit that `to_dict` wrote; other names are passed over."""
        return cls(
            parts["unit_id"],
            parts["kind"],
            Locator.from_dict(parts["locator"]),
            parts["text"],
            heading=tuple(parts["heading"]),
        )
