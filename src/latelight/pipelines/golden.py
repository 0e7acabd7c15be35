"""What every encoder is asked when a generation is made, and again whenever it is opened."""

import base64
import io
from functools import cache

import numpy as np
from PIL import Image

from latelight.encoders.protocol import Encoder
from latelight.types import SOUND_RATE, Float32Array, Int16Array, Locator, TimeRange, Unit

QUERY = "How much did the ferry's 2019 refit cost, and who paid for it?"
LEAST_COSINE = 0.97
_SIDE = 224
_SQUARE = 28
_MOST_ROWS = 16
_SOUND_S = 2
_LOUD = 16_000


def query_rows(encoder: Encoder) -> Float32Array:
    """Return the rows of the golden query."""
    return encoder.encode_query(QUERY).vectors


def picture_rows(encoder: Encoder) -> Float32Array:
    """Return some rows of the golden picture, evenly spread; none of an encoder that sees nothing.

    (n_rows, dim) float32.
    """
    if not encoder.info.sees_images:
        return np.zeros((0, encoder.info.dim), np.float32)
    return _some_rows(encoder, Unit("golden", "image", Locator(), image=picture()))


def sound_rows(encoder: Encoder) -> Float32Array:
    """Return some rows of the golden sound, as `picture_rows`; none of an encoder that is deaf."""
    if not encoder.info.hears:
        return np.zeros((0, encoder.info.dim), np.float32)
    at = Locator(time=TimeRange(0, _SOUND_S))
    return _some_rows(encoder, Unit("golden", "audio", at, sound=sound()))


def _some_rows(encoder: Encoder, unit: Unit) -> Float32Array:
    rows = encoder.encode_documents([unit])[0].vectors
    step = max(len(rows) // _MOST_ROWS, 1)
    return rows[::step][:_MOST_ROWS]


@cache
def picture() -> bytes:
    """Return a checkerboard with a slope of colours across it, as PNG: the same pixels always."""
    y, x = np.mgrid[:_SIDE, :_SIDE]
    board = ((x // _SQUARE + y // _SQUARE) % 2 * 255).astype(np.uint8)
    slope = (x * 255 // (_SIDE - 1)).astype(np.uint8)
    levels = np.stack([board, slope, (y * 255 // (_SIDE - 1)).astype(np.uint8)], axis=-1)
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()


@cache
def sound() -> Int16Array:
    """Return two seconds of a rising tone that stops every quarter: (n_samples,) int16."""
    at = np.arange(_SOUND_S * SOUND_RATE) / SOUND_RATE
    tone = np.sin(2 * np.pi * (200 + 900 * at) * at) * (at * 4 % 2 < 1)
    samples: Int16Array = np.rint(tone * _LOUD).astype(np.int16)
    return samples


def to_text(rows: Float32Array) -> str:
    """Return rows as they are kept: float16, base64."""
    return base64.b64encode(rows.astype("<f2").tobytes()).decode()


def from_text(text: str, dim: int) -> Float32Array:
    """Return the rows that `to_text` wrote."""
    return np.frombuffer(base64.b64decode(text), "<f2").reshape(-1, dim).astype(np.float32)


def least_cosine(now: Float32Array, then: Float32Array) -> float:
    """Return how near each row is to what it was, of the one that is farthest; -1 for others."""
    if now.shape != then.shape:
        return -1.0
    return float((now * then).sum(axis=1).min()) if len(now) else 1.0
