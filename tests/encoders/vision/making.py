"""Pictures and units for the tests of visual encoders."""

import io
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from latelight.types import CharSpan, Locator, Unit, UnitKind

SIZES = ((300, 200), (170, 420))


@dataclass(frozen=True)
class Checkpoint:
    """A model's files as somebody else found them."""

    directory: Path
    layout: str = "retrieval"
    weights: dict[str, str] = field(default_factory=dict)


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


@lru_cache(maxsize=4)
def blank_png(width: int, height: int) -> bytes:
    return png(Image.new("1", (width, height)))


def pictures() -> list[Image.Image]:
    return [noise(*size, seed=i) for i, size in enumerate(SIZES)]


def unit(picture: Image.Image | bytes | None, kind: UnitKind = "page", text: str = "") -> Unit:
    data = png(picture) if isinstance(picture, Image.Image) else picture
    where = Locator(span=CharSpan(0, len(text)), page=1)
    return Unit("p1", kind, where, text, image=data)
