"""What printing, scanning and saving do to a page: skew, blur, noise, fading, paper, JPEG."""

import io

import numpy as np
from PIL import Image, ImageFilter

from training.sight.canvas import Box, Label, Random, between, chance, lighten, pick, random_colour


def worn(rng: Random, page: Image.Image, labels: list[Label]) -> tuple[Image.Image, list[Label]]:
    """Return a page as it is kept, and its labels moved with it: three in five stay clean."""
    if chance(rng, 0.55):
        return page, labels
    if chance(rng, 0.5):
        page, labels = _skewed(rng, page, labels)
    pixels: np.ndarray = np.asarray(page, np.float32)
    if chance(rng, 0.5):
        pixels = np.repeat(pixels.mean(axis=2, keepdims=True), 3, axis=2)
    if chance(rng, 0.4):
        pixels = _on_paper(rng, pixels)
    if chance(rng, 0.4):
        pixels = 255 - (255 - pixels) * between(rng, 0.45, 0.9)
    elif chance(rng, 0.2):  # not of a faded page: all of it might vanish
        pixels = np.where(pixels > between(rng, 110, 200), 255.0, 0.0)
    if chance(rng, 0.5):
        pixels = pixels + rng.standard_normal((*pixels.shape[:2], 1)) * between(rng, 2, 14)
    page = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    if chance(rng, 0.4):
        page = page.filter(ImageFilter.GaussianBlur(between(rng, 0.3, 1.2)))
    return (_as_jpeg(rng, page) if chance(rng, 0.5) else page), labels


def _on_paper(rng: Random, pixels: np.ndarray) -> np.ndarray:
    colour = np.array(lighten(random_colour(rng), between(rng, 0.75, 0.97)), np.float32) / 255
    shade = np.linspace(between(rng, 0.85, 1), 1, pixels.shape[1], dtype=np.float32)[None, :, None]
    toned: np.ndarray = pixels * colour * shade
    return toned


def _as_jpeg(rng: Random, page: Image.Image) -> Image.Image:
    stream = io.BytesIO()
    page.save(stream, "JPEG", quality=int(between(rng, 18, 75)))
    return Image.open(stream).convert("RGB")


def _skewed(rng: Random, page: Image.Image, labels: list[Label]) -> tuple[Image.Image, list[Label]]:
    angle = between(rng, -2.2, 2.2)
    ground = pick(rng, ((255, 255, 255), (255, 255, 255), (30, 30, 30), (200, 200, 200)))
    turned = page.rotate(angle, Image.Resampling.BILINEAR, fillcolor=ground)
    middle = (page.width / 2, page.height / 2)
    moved = [Label(one.kind, _turned(one.box, angle, middle), one.attributes) for one in labels]
    return turned, moved


def _turned(box: Box, angle: float, middle: tuple[float, float]) -> Box:
    """Return the box around a box turned by degrees, anticlockwise as on screen."""
    left, top, right, bottom = box
    corners = np.array([(left, top), (right, top), (right, bottom), (left, bottom)]) - middle
    c, s = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    at = corners @ np.array([[c, -s], [s, c]]) + middle
    (x0, y0), (x1, y1) = at.min(axis=0), at.max(axis=0)
    return float(x0), float(y0), float(x1), float(y1)
