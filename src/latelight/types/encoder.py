"""What an encoder declares of itself."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from latelight.types.document import UnitKind

Similarity = Literal["sum", "mean"]


@dataclass(frozen=True)
class EncoderInfo:
    """Name, geometry and provenance of an encoder.

    Attributes:
        name: short and stable.
        version: changes whenever the same input could give other vectors.
        dim: length of a row.
        unit_kinds: the units that it covers.
        licence: SPDX name of the weights' licence.
        similarity: how the model was trained to add up row maxima.
        max_query_tokens: longer queries are cut here.
        weights: sha256 by file, as recorded; they are checked at load.
        sees_images: whether it looks at `Unit.image`, so that extractors must fill it.
        image_side: as many pixels of a picture's longer side as it needs; 0 for all there are.
        hears: whether it listens to `Unit.sound`, so that extractors must fill it.
        rendering: what else shapes its vectors, by name: prompts, lengths, dtype, rule of resizing,
            versions of libraries that render. Part of the pipeline's lock.
        libraries: packages whose code computes its rows; their versions are in the lock, and a
            change of one is told, since the rows may move within what is accepted.
    """

    name: str
    version: str
    dim: int
    unit_kinds: tuple[UnitKind, ...]
    licence: str
    similarity: Similarity = "sum"
    max_query_tokens: int = 128
    weights: Mapping[str, str] = field(default_factory=dict)
    sees_images: bool = False
    image_side: int = 0
    hears: bool = False
    rendering: Mapping[str, str] = field(default_factory=dict)
    libraries: tuple[str, ...] = ()
