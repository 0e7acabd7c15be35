"""Does each row look where its box says? Drawn pictures tell.

A picture of noise is encoded, then once more with the pixels inside one row's box changed. What
changed most must be that row: in the pixels that the model is given, behind the layer that embeds
patches, and, for a trained model, in the row itself.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from latelight.encoders.vision.encoder import PatchProbe, VisualEncoder, VisualParts
from latelight.encoders.vision.geometry import MARKER, THUMBNAIL
from latelight.encoders.vision.inputs import Prepared
from latelight.errors import ModelError
from latelight.types import Float32Array, Int64Array

SIZES = ((640, 480), (330, 700))
N_PROBES = 6
LEAST_RIGHT = 0.75
"""Share of a trained model's rows that must change most: attention carries changes around."""


@dataclass(frozen=True)
class SelfTest:
    """What the test found.

    Attributes:
        n_probes: boxes that were painted.
        n_pixels: of them, how often the row's own input changed most.
        n_embedded: how often its patch embedding did.
        n_rows: how often the row itself did.
    """

    n_probes: int
    n_pixels: int
    n_embedded: int
    n_rows: int

    def __str__(self) -> str:
        return (
            f"of {self.n_probes} painted boxes, the row that lies there changed most in "
            f"{self.n_pixels} by its pixels, {self.n_embedded} by its patch embedding and "
            f"{self.n_rows} by its vector"
        )


def self_test(encoder: VisualEncoder, *, is_trained: bool | None = None) -> SelfTest:
    """Return how the geometry of a visual encoder stands up; loads it.

    Args:
        encoder: any of `open_visual`.
        is_trained: whether vectors must follow the pixels, too: those of random weights need not.
            None takes the encoder's word: published models are trained.

    Raises:
        ModelError: a box shows another place than its row looks at.
    """
    parts = encoder.loaded()
    if parts.probe is None:
        raise ModelError(f"{encoder.info.name} has no test of its geometry.")
    found = [_probe_picture(encoder, parts, parts.probe, _noise(size)) for size in SIZES]
    n_probes, n_pixels, n_embedded, n_rows = (int(n) for n in np.sum(found, axis=0))
    told = SelfTest(n_probes, n_pixels, n_embedded, n_rows)
    trained = encoder.is_published if is_trained is None else is_trained
    vectors_fit = not trained or n_rows >= LEAST_RIGHT * n_probes
    if n_pixels < n_probes or n_embedded < n_probes or not vectors_fit:
        raise ModelError(
            f"{encoder.info.name} looks elsewhere than its boxes say: {told}. Heat maps would show "
            "wrong places. Install the transformers that the extra `models` asks for."
        )
    return told


def _probe_picture(
    encoder: VisualEncoder, parts: VisualParts, probe: PatchProbe, picture: Image.Image
) -> tuple[int, int, int, int]:
    before = parts.picture(picture)
    placed = np.flatnonzero(before.places.roles != MARKER)
    first = _look(encoder, parts, probe, before)
    right = np.zeros(3, np.int64)
    numbers = np.unique(np.linspace(0, len(placed) - 1, N_PROBES).astype(np.int64))
    for number in numbers:
        changed = parts.picture(_painted(picture, before.places.boxes[placed[number]]))
        second = _look(encoder, parts, probe, changed)
        rivals = _rivals(before, placed, int(number))
        for level, (old, new) in enumerate(zip(first, second, strict=True)):
            right[level] += rivals[_change(old, new)[rivals].argmax()] == number
    return len(numbers), int(right[0]), int(right[1]), int(right[2])


def _look(
    encoder: VisualEncoder, parts: VisualParts, probe: PatchProbe, given: Prepared
) -> tuple[Any, Any, Float32Array]:
    """Return what image rows have: pixels, patch embeddings, vectors; each (n_image_rows, n)."""
    with _watched(parts, probe.module) as outputs:
        rows = encoder.rows([given])[0]
    placed = np.flatnonzero(given.places.roles != MARKER)
    return probe.pixels(given), probe.embedded(outputs[0].cpu(), given), rows[placed]


@contextmanager
def _watched(parts: VisualParts, module: str) -> Iterator[list[Any]]:
    """Yield a list that gets the output of the module of that name, wherever it is in the model."""
    outputs: list[Any] = []
    hooks = [
        found.register_forward_hook(lambda _, __, output: outputs.append(output))
        for replica in parts.runner.replicas
        for name, found in replica.model.named_modules()
        if name.split(".")[-1] == module
    ]
    try:
        yield outputs
    finally:
        for hook in hooks:
            hook.remove()


def _rivals(given: Prepared, placed: Int64Array, number: int) -> Int64Array:
    """Return which rows can be mistaken for this one: a thumbnail shows every place once more."""
    roles = given.places.roles[placed]
    is_thumbnail = roles == THUMBNAIL
    return np.flatnonzero(is_thumbnail == is_thumbnail[number])


def _change(old: Any, new: Any) -> Any:
    return np.linalg.norm(np.asarray(new, np.float64) - np.asarray(old, np.float64), axis=1)


def _noise(size: tuple[int, int]) -> Image.Image:
    """Return coarse noise: squares of 8 pixels, that no scaling wipes out."""
    width, height = size
    chance = np.random.default_rng(width * height)
    coarse = chance.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return Image.fromarray(coarse.repeat(8, axis=0).repeat(8, axis=1)[:height, :width])


def _painted(picture: Image.Image, box: Float32Array) -> Image.Image:
    """Return the picture with the inside of a box turned into its negative."""
    sides = box * np.array([picture.width, picture.height] * 2)
    left, top = (int(side) for side in np.ceil(sides[:2]))
    right, bottom = (int(side) for side in np.floor(sides[2:]))
    pixels = np.asarray(picture).copy()
    pixels[top : max(bottom, top + 1), left : max(right, left + 1)] ^= 255
    return Image.fromarray(pixels)
