"""Pages from disk, varied anew each time that they are shown."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from latelight.encoders.sight.vocabulary import TABLES, UNMARKED
from training.sight.canvas import Label, Random, between, chance
from training.sight.targets import Targets, targets_of

PLAIN_SHARE = 0.45  # of pages without a figure that a round shows
_LEFT = 0.3  # of a thing must be left for it to be the same thing


@dataclass(frozen=True)
class Page:
    """A page on disk with its labels."""

    path: Path
    form: str
    size: tuple[int, int]
    labels: tuple[Label, ...]

    def pixels(self) -> Image.Image:
        """Return its picture."""
        return Image.open(self.path).convert("RGB")


def read_pages(directory: Path) -> list[Page]:
    """Return the pages of every finished folder, in order."""
    pages = []
    for listing in sorted(directory.glob("[0-9]*/labels.jsonl")):
        for line in listing.read_text().splitlines():
            record = json.loads(line)
            labels = tuple(
                Label(one["kind"], tuple(one["box"]), one["attributes"]) for one in record["labels"]
            )
            path = listing.parent / f"{record['page']:07d}.jpg"
            pages.append(Page(path, record["form"], tuple(record["size"]), labels))
    return pages


def batches(pages: list[Page], rng: Random, size: int) -> Iterator[list[Page]]:
    """Yield pages in random order, upright and lying ones apart: all with figures, some without."""
    pages = [page for page in pages if _has_figure(page) or chance(rng, PLAIN_SHARE)]
    upright = [page for page in pages if page.size[0] < page.size[1]]
    lying = [page for page in pages if page.size[0] >= page.size[1]]
    groups = []
    for group in (upright, lying):
        order = rng.permutation(len(group))
        groups += [
            [group[i] for i in order[at : at + size]]
            for at in range(0, len(group) - size + 1, size)
        ]
    for i in rng.permutation(len(groups)):
        yield groups[i]


def _has_figure(page: Page) -> bool:
    return any(one.kind not in UNMARKED and one.kind not in TABLES for one in page.labels)


def varied(page: Page, rng: Random) -> tuple[np.ndarray, Targets]:
    """Return a page moved, scaled and recoloured: pixels (h, w, 3) uint8 and its targets."""
    image, labels = page.pixels(), list(page.labels)
    if chance(rng, 0.7):
        image, labels = _moved(rng, image, labels)
    pixels = _recoloured(rng, np.asarray(image, np.float32))
    return pixels, targets_of(labels, image.width, image.height)


def plain(page: Page) -> tuple[np.ndarray, Targets]:
    """Return a page as it is."""
    image = page.pixels()
    return np.asarray(image), targets_of(page.labels, image.width, image.height)


def _moved(rng: Random, image: Image.Image, labels: list[Label]) -> tuple[Image.Image, list[Label]]:
    """Return a part of a page enlarged, or the whole made smaller on white."""
    w, h = image.size
    zoom = between(rng, 0.75, 1) if chance(rng, 0.35) else between(rng, 1, 1.5)
    scale = (zoom * between(rng, 0.93, 1.07), zoom * between(rng, 0.93, 1.07))
    left = between(rng, min(0.0, 1 - 1 / scale[0]), max(0.0, 1 - 1 / scale[0])) * w
    top = between(rng, min(0.0, 1 - 1 / scale[1]), max(0.0, 1 - 1 / scale[1])) * h
    shown = image.transform(
        (w, h), Image.Transform.AFFINE, (1 / scale[0], 0, left, 0, 1 / scale[1], top),
        Image.Resampling.BILINEAR, fillcolor=(255, 255, 255),
    )  # fmt: skip
    return shown, [one for label in labels if (one := _shift(label, scale, (left, top), (w, h)))]


def _shift(label: Label, scale: tuple[float, float], at: tuple[float, float],
           size: tuple[int, int]) -> Label | None:  # fmt: skip
    x0, x1 = ((side - at[0]) * scale[0] for side in (label.box[0], label.box[2]))
    y0, y1 = ((side - at[1]) * scale[1] for side in (label.box[1], label.box[3]))
    cut = (max(0.0, x0), max(0.0, y0), min(float(size[0]), x1), min(float(size[1]), y1))
    area = max(0.0, cut[2] - cut[0]) * max(0.0, cut[3] - cut[1])
    whole = (x1 - x0) * (y1 - y0)
    if area < _LEFT * whole or area < 1:
        return None
    kept = label.attributes if area > 0.85 * whole else {}
    return Label(label.kind, cut, kept)


def _recoloured(rng: Random, pixels: np.ndarray) -> np.ndarray:
    """Return pixels with other colours, contrast and brightness, now and then grey or noisy."""
    if chance(rng, 0.3):
        pixels = pixels[..., rng.permutation(3)]
    if chance(rng, 0.12):
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    if chance(rng, 0.4):
        pixels = 255 * (pixels / 255) ** between(rng, 0.7, 1.5)
    if chance(rng, 0.3):
        pixels = pixels * between(rng, 0.8, 1) + between(rng, 0, 20)
    if chance(rng, 0.2):
        pixels = pixels + rng.standard_normal((*pixels.shape[:2], 1)) * between(rng, 1, 9)
    changed: np.ndarray = np.clip(pixels, 0, 255).astype(np.uint8)
    return changed
