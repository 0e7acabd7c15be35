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
from latelight.types import Float32Array, Locator, Unit

QUERY = "How much did the ferry's 2019 refit cost, and who paid for it?"
LEAST_COSINE = 0.97
_SIDE = 224
_SQUARE = 28
_MOST_ROWS = 16
_CARRIED = Path(__file__).parent / "golden.json"


@dataclass(frozen=True)
class GoldenRows:
    """What came out of an encoder, as it is kept.

    Attributes:
        name, version: the encoder's.
        dim: length of a row.
        query, picture: rows as `to_text` writes them; no picture of encoders that see nothing.
    """

    name: str
    version: str
    dim: int
    query: str
    picture: str = ""


def record(encoder: Encoder) -> GoldenRows:
    """Return the golden rows of an encoder as it is now."""
    picture, info = picture_rows(encoder), encoder.info
    shown = to_text(picture) if len(picture) else ""
    return GoldenRows(info.name, info.version, info.dim, to_text(query_rows(encoder)), shown)


def compare(encoder: Encoder, then: GoldenRows) -> float:
    """Return the least cosine between rows now and then; -1 where their number or dim differs."""
    if encoder.info.dim != then.dim:
        return -1.0
    found = least_cosine(query_rows(encoder), from_text(then.query, then.dim))
    if not then.picture:
        return found
    return min(found, least_cosine(picture_rows(encoder), from_text(then.picture, then.dim)))


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
    unit = Unit("golden", "image", Locator(), image=picture())
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
