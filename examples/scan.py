"""A typed page as an old scanner saw it: grey paper, a little crooked, no text layer."""

import io
from pathlib import Path

import numpy as np
import pypdfium2 as pdfium
from PIL import Image, ImageFilter
from reportlab.lib.pagesizes import A5
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from words import LOG

DPI = 150
TILT = 0.9
SEED = 1962


def write_scan(path: Path) -> None:
    picture = _aged(_typed())
    jpeg = io.BytesIO()
    picture.save(jpeg, "JPEG", quality=62)
    canvas = Canvas(str(path), pagesize=A5, invariant=1)
    canvas.setTitle("Station log, December 1962")
    canvas.drawImage(ImageReader(jpeg), 0, 0, *A5)
    canvas.save()


def _typed() -> Image.Image:
    """Return the page as the typewriter left it, grey."""
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=A5, invariant=1)
    text = canvas.beginText(44, A5[1] - 62)
    text.setFont("Courier-Bold", 11.5)
    text.setLeading(17)
    for line in LOG.splitlines():
        text.textLine(line.removeprefix("   "))
    canvas.drawText(text)
    canvas.save()
    return pdfium.PdfDocument(buffer.getvalue())[0].render(scale=DPI / 72).to_pil().convert("L")


def _aged(page: Image.Image) -> Image.Image:
    rng = np.random.default_rng(SEED)
    tilted = page.rotate(TILT, Image.Resampling.BICUBIC, fillcolor=255)
    soft = np.asarray(tilted.filter(ImageFilter.GaussianBlur(0.7)), np.float32) / 255
    ink = (1 - soft) * _blotches(rng, soft.shape, 9, 0.62, 1.0)
    paper = _blotches(rng, soft.shape, 5, 0.80, 0.92) - _fold(soft.shape) - _cup(soft.shape)
    grey = paper * (1 - 0.86 * ink) + rng.normal(0, 0.018, soft.shape)
    return Image.fromarray((np.clip(grey, 0, 1) * 255).astype(np.uint8))


def _blotches(
    rng: np.random.Generator, shape: tuple[int, ...], n: int, low: float, high: float
) -> np.ndarray:
    """Return slowly changing values between `low` and `high`."""
    small = Image.fromarray(rng.random((n * 3, n * 2), np.float32))
    large = small.resize((shape[1], shape[0]), Image.Resampling.BICUBIC)
    return low + (high - low) * np.clip(np.asarray(large), 0, 1)


def _fold(shape: tuple[int, ...]) -> np.ndarray:
    """Return the shadow of a crease across the middle."""
    away = np.abs(np.arange(shape[0]) - shape[0] * 0.515)
    return np.repeat(0.10 * np.exp(-((away / 3) ** 2))[:, None], shape[1], axis=1)


def _cup(shape: tuple[int, ...]) -> np.ndarray:
    """Return the ring that a cup left."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    radius = np.hypot(y - shape[0] * 0.86, x - shape[1] * 0.24)
    return 0.11 * np.exp(-(((radius - 92) / 5) ** 2)) + 0.025 * (radius < 90)
