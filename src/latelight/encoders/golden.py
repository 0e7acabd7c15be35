"""What an encoder is asked to tell whether it is the one that it was.

By the lock of a generation, when that is made and whenever it is opened; by `latelight models
check`, against a file of golden rows: the one that this package has of carried encoders, or one
that was recorded where the model was known to be right.
"""

import base64
import io
import json
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

from latelight.encoders.protocol import Encoder
from latelight.errors import InputError
from latelight.types import SOUND_RATE, Float32Array, Int16Array, Locator, TimeRange, Unit

QUERY = "How much did the ferry's 2019 refit cost, and who paid for it?"
LEAST_COSINE = 0.97
_SIDE = 224
_SQUARE = 28
_MOST_ROWS = 16
_SOUND_S = 2
_LOUD = 16_000
_CARRIED = Path(__file__).parent / "golden.json"


@dataclass(frozen=True)
class GoldenRows:
    """What came out of an encoder, as it is kept.

    Attributes:
        name, version: the encoder's.
        dim: length of a row.
        query, picture, sound: rows as `to_text` writes them; empty where an encoder neither sees
            nor hears.
    """

    name: str
    version: str
    dim: int
    query: str
    picture: str = ""
    sound: str = ""


def record(encoder: Encoder) -> GoldenRows:
    """Return the golden rows of an encoder as it is now."""
    info = encoder.info
    query, picture, sound = (_told(rows) for rows in _all_rows(encoder))
    return GoldenRows(info.name, info.version, info.dim, query, picture, sound)


def compare(encoder: Encoder, then: GoldenRows) -> float:
    """Return the least cosine between rows now and then; -1 where their number or dim differs."""
    if encoder.info.dim != then.dim:
        return -1.0
    kept = (then.query, then.picture, then.sound)
    return min(
        least_cosine(now, from_text(text, then.dim))
        for now, text in zip(_all_rows(encoder), kept, strict=True)
        if text
    )


def _all_rows(encoder: Encoder) -> tuple[Float32Array, Float32Array, Float32Array]:
    return query_rows(encoder), picture_rows(encoder), sound_rows(encoder)


def _told(rows: Float32Array) -> str:
    return to_text(rows) if len(rows) else ""


def save(rows: GoldenRows, path: Path) -> None:
    """Write golden rows as JSON, a list of one."""
    path.write_text(json.dumps([asdict(rows)], indent=1) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, GoldenRows]:
    """Return the golden rows of a file, by the encoder's name.

    Raises:
        InputError: it is none of those that `save` writes.
    """
    try:
        found = [GoldenRows(**one) for one in json.loads(path.read_text("utf-8"))]
        return {one.name: one for one in found if len(from_text(one.query, one.dim))}
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"{path} holds no golden rows ({error}); expected what `latelight models check NAME "
            "--golden FILE` writes where there is no such file. Remove it, and record it where the "
            "model is known to be right."
        ) from error


def carried_rows(name: str) -> GoldenRows | None:
    """Return what is recorded in this package of a carried encoder, None of any other."""
    return read(_CARRIED).get(name)


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
