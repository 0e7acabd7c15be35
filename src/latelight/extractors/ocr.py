"""Pictures -> words with boxes, by RapidOCR (PP-OCRv6 small, carried by its package).

The engine is loaded at the first picture and kept for the life of the process.
"""

import math
import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from statistics import median
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from latelight.errors import ExtractionError
from latelight.extractors.layout import Word, reading_lines, text_of_lines
from latelight.types import WordBoxes

_MIN_SIDE = 8  # nothing smaller can be read
_MIN_EVIDENCE = 12  # characters, before a picture is suspected to be turned
_SURE = 0.85  # mean score of a picture that stands upright
_INK_SHARE = 0.4  # of the strongest difference from the ground
_MIN_PADDED_SIDE = 64
_MAX_ASPECT = 30  # the detector scales long sides down to 2,000 pixels
_LOCK = Lock()
_SETTINGS: dict[str, Any] = {
    "Global.log_level": "critical",
    "Global.return_word_box": True,
    "Global.text_score": 0.5,
    # The classifier of upside-down lines turns long upright ones; whole pages are tried instead.
    "Global.use_cls": False,
}
_THREADS = "EngineConfig.onnxruntime.intra_op_num_threads"
Quad = Sequence[Sequence[float]]


@dataclass(frozen=True)
class _Line:
    """A line as found: its text, its corners from the top left clockwise, its words."""

    text: str
    score: float
    corners: Quad
    words: Sequence[tuple[str, Quad]]

    @property
    def sides(self) -> tuple[float, float]:
        """Lengths along and across the line."""
        (x0, y0), (x1, y1), _, (x3, y3) = self.corners
        return math.hypot(x1 - x0, y1 - y0), math.hypot(x3 - x0, y3 - y0)

    @property
    def is_tall(self) -> bool:
        """Whether it runs up or down the picture."""
        along, across = self.sides
        return across > 1.5 * along


def read_picture(picture: Image.Image, n_threads: int = 0) -> tuple[str, WordBoxes]:
    """Return the words on an RGB picture in reading order, and their boxes.

    A picture on its side or head is read as it should stand; the boxes are those on the picture
    as given. `n_threads` of 0 uses the machine's cores, at most 4.

    Raises:
        ExtractionError: the OCR package is not installed or cannot be loaded.
    """
    if min(picture.size) < _MIN_SIDE:
        return "", WordBoxes.empty()
    engine = _engine(n_threads or min(os.cpu_count() or 1, 4))
    turned = _best_turn(engine, picture)
    words = list(_words(turned.lines))
    straight = _straightened(words, _slope(turned.lines))
    order = reading_lines(straight, ordered=False)
    grey = np.asarray(picture.convert("L"), np.int16)  # (height, width)
    placed = [_on_ink(_turned_back(w, turned.quarter, picture.size), grey) for w in words]
    return text_of_lines(placed, order, *picture.size)


@dataclass(frozen=True)
class _Reading:
    """The lines of a picture after some quarter turns anticlockwise."""

    quarter: int
    lines: list[_Line]

    @property
    def certainty(self) -> float:
        """Characters read, each weighted with how sure the model is."""
        return sum(line.score * len(line.text) for line in self.lines)

    def suspicion(self) -> tuple[int, ...]:
        """Return the other turns worth a try: a page on its side, or upside down."""
        n_characters = sum(len(line.text) for line in self.lines)
        n_upright = sum(len(line.text) for line in self.lines if not line.is_tall)
        if n_characters < _MIN_EVIDENCE:
            return ()
        if n_upright < 0.5 * n_characters:
            return (1, 3)
        return (2,) if self.certainty < _SURE * n_characters else ()


def _best_turn(engine: Any, picture: Image.Image) -> _Reading:
    first = _Reading(0, _found_lines(engine, picture))
    others = [
        _Reading(q, _found_lines(engine, picture.rotate(90 * q, expand=True)))
        for q in first.suspicion()
    ]
    best = max(others, key=lambda reading: reading.certainty, default=first)
    # Tall lines are read one by one either way, but only a turned page gives their order.
    needed = first.certainty * (0.9 if len(others) > 1 else 1.05)
    return best if best.certainty > needed else first


def _turned_back(word: Word, quarter: int, size: tuple[int, int]) -> Word:
    """Return a word found on a picture turned anticlockwise in the picture's own pixels."""
    (width, height), (left, top, right, bottom) = (
        size,
        (word.left, word.top, word.right, word.bottom),
    )
    if quarter == 1:
        left, top, right, bottom = width - bottom, left, width - top, right
    elif quarter == 2:
        left, top, right, bottom = width - right, height - bottom, width - left, height - top
    elif quarter == 3:
        left, top, right, bottom = top, height - right, bottom, height - left
    return replace(word, left=left, top=top, right=right, bottom=bottom)


def _padded(picture: Image.Image) -> Image.Image:
    """Return the picture with white to the right or below, so that it is not too narrow."""
    least = max(max(picture.size) // _MAX_ASPECT, _MIN_PADDED_SIDE)
    if min(picture.size) >= least:
        return picture
    page = Image.new("RGB", (max(picture.width, least), max(picture.height, least)), "white")
    page.paste(picture)
    return page


def _found_lines(engine: Any, picture: Image.Image) -> list[_Line]:
    pixels = np.asarray(_padded(picture))[:, :, ::-1]  # (height, width, BGR)
    with _LOCK:
        result = engine(np.ascontiguousarray(pixels))
    if not result.txts:
        return []
    words = result.word_results
    if len(words) != len(result.txts) or any(w[-1] is None for line in words for w in line):
        words = [()] * len(result.txts)
    return [
        _Line(text, float(score), corners.tolist(), [(w, quad) for w, _, quad in found])
        for text, score, corners, found in zip(
            result.txts, result.scores, result.boxes, words, strict=True
        )
    ]


def _words(lines: list[_Line]) -> Iterator[Word]:
    for line in lines:
        cursor = 0
        for text, corners in line.words or [(line.text, line.corners)]:
            place = line.text.find(text, cursor)
            glued = cursor > 0 and place == cursor
            cursor = place + len(text) if place >= 0 else cursor
            xs, ys = [p[0] for p in corners], [p[1] for p in corners]
            yield Word(text, min(xs), min(ys), max(xs), max(ys), glued=glued)


def _on_ink(word: Word, grey: npt.NDArray[np.int16]) -> Word:
    """Return the word with its box drawn in to the ink: the detector leaves room around lines."""
    left, top = max(int(word.left), 0), max(int(word.top), 0)
    crop = grey[top : math.ceil(word.bottom), left : math.ceil(word.right)]  # (height, width)
    if min(crop.shape) < _MIN_SIDE:
        return word
    ground = np.median(crop)
    away = np.abs(crop - ground)
    ink = away > max(_INK_SHARE * float(away.max()), 1.0)
    rows, columns = np.flatnonzero(ink.any(1)), np.flatnonzero(ink.any(0))
    if not len(rows):
        return word
    return replace(
        word,
        left=left + float(columns[0]),
        top=top + float(rows[0]),
        right=left + float(columns[-1]) + 1,
        bottom=top + float(rows[-1]) + 1,
    )


def _slope(lines: list[_Line]) -> float:
    """Return the radians by which the lines fall to the right: the scan's skew."""
    angles = []
    for line in lines:
        (x0, y0), (x1, y1) = line.corners[:2]
        along, across = line.sides
        if along > 4 * across:
            angles.append(math.atan2(y1 - y0, x1 - x0))
    return median(angles) if angles else 0.0


def _straightened(words: list[Word], slope: float) -> list[Word]:
    """Return the words turned back by the skew about their centres' common origin."""
    if abs(slope) < 0.002:
        return words
    turned = []
    for word in words:
        x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
        by_x = x * math.cos(slope) + y * math.sin(slope) - x
        by_y = y * math.cos(slope) - x * math.sin(slope) - y
        turned.append(
            replace(
                word,
                left=word.left + by_x,
                right=word.right + by_x,
                top=word.top + by_y,
                bottom=word.bottom + by_y,
            )
        )
    return turned


@cache
def _engine(n_threads: int) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from rapidocr import RapidOCR

            return RapidOCR(params={**_SETTINGS, _THREADS: n_threads})
    except Exception as error:
        raise ExtractionError(
            f"OCR cannot be loaded ({type(error).__name__}: {error}), expected the package "
            "rapidocr with its models; install rapidocr==3.10.0, or set ocr to 'never'."
        ) from error
