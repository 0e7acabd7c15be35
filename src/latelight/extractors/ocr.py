"""Pictures -> words with boxes, by RapidOCR (PP-OCRv6 small, carried by its package).

Lines are found first; they tell how the picture is turned and skewed. It is then read upright and
straight, and the words' ink is carried back to the picture as it was given.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from latelight.extractors.ink import InkedWord, inked_line
from latelight.extractors.layout import Word, reading_lines, text_of_lines
from latelight.extractors.memo import Memo, key_of
from latelight.extractors.ocr_engine import Layout, Line, OcrEngine, load_engine
from latelight.extractors.ocr_models import DEFAULT_CHOICE, OcrChoice
from latelight.extractors.pictures import is_blank
from latelight.extractors.views import View
from latelight.types import WordBoxes

_MIN_SIDE = 8  # nothing smaller can be read
_MIN_EVIDENCE = 12  # characters, before a picture is suspected to be turned
_SURE = 0.85  # mean score of a picture that stands upright
_SAMPLE = 8  # lines that are read both ways
_MIN_SLOPE = math.radians(0.4)  # lines of a page's width then climb by half their height
_MAX_SLOPE = math.radians(30)  # more is no scan's skew


@dataclass(frozen=True)
class PictureWords:
    """What was read on a picture.

    Attributes:
        words: in pixels of the picture as it was given.
        lines: the words' numbers, line by line in reading order.
    """

    words: list[Word]
    lines: list[list[int]]


def read_picture(picture: Image.Image, choice: OcrChoice = DEFAULT_CHOICE) -> tuple[str, WordBoxes]:
    """Return the words on an RGB picture in reading order, and their boxes.

    A picture on its side or head, or skewed, is read as it should stand; the boxes are those on
    the picture as given.

    Raises:
        ExtractionError: the OCR package is not installed or cannot be loaded.
        SettingError: the model of the language that was chosen is not at hand.
    """
    memo = Memo(choice.memo)
    key = _key(picture, choice) if memo.is_kept else ""
    kept = memo.get(key) if key else None
    if kept is not None:
        return kept["text"], WordBoxes(
            np.array(kept["spans"], np.int32).reshape(-1, 2),
            np.array(kept["boxes"], np.float32).reshape(-1, 4),
        )
    found = picture_words(picture, choice)
    text, words = text_of_lines(found.words, found.lines, *picture.size)
    memo.put(key, {"text": text, "spans": words.spans.tolist(), "boxes": words.boxes.tolist()})
    return text, words


def _key(picture: Image.Image, choice: OcrChoice) -> str:
    return key_of("ocr", choice.language, picture.size, picture.mode, picture.tobytes())


def picture_words(picture: Image.Image, choice: OcrChoice) -> PictureWords:
    """Return the words on an RGB picture; raises as `read_picture` does."""
    if min(picture.size) < _MIN_SIDE or is_blank(picture):
        return PictureWords([], [])
    engine = load_engine(replace(choice, memo=""))
    view, lines = _read_upright(engine, View.of(picture).padded())
    grey = np.asarray(view.picture.convert("L"), np.int16)  # (height, width)
    found = [one for line in lines for one in inked_line(_words(line), grey)]
    order = reading_lines([one.word for one in found], ordered=False)
    return PictureWords([_on_page(one, view) for one in found], order)


def _read_upright(engine: OcrEngine, view: View) -> tuple[View, list[Line]]:
    layout = engine.detect(view.picture)
    if layout.is_on_its_side:
        left, right = engine.certainty(view.picture, layout, layout.longest(_SAMPLE))
        view = view.turned(1 if left >= right else 3)
        layout = engine.detect(view.picture)
    view, layout = _straightened(engine, view, layout)
    sample = layout.longest(_SAMPLE)
    lines = engine.read(view.picture, layout.only(sample))
    if _is_doubtful(lines):
        upright, turned = engine.certainty(view.picture, layout, sample)
        if turned > 1.05 * upright:
            view = view.turned(2)
            return view, engine.read(view.picture, engine.detect(view.picture))
    return view, lines + engine.read(view.picture, layout.without(sample))


def _straightened(engine: OcrEngine, view: View, layout: Layout) -> tuple[View, Layout]:
    if not _MIN_SLOPE <= abs(layout.slope) <= _MAX_SLOPE:
        return view, layout
    straight = view.straightened(layout.slope)
    return straight, engine.detect(straight.picture)


def _is_doubtful(lines: Sequence[Line]) -> bool:
    """Whether a picture reads so badly that it may stand on its head."""
    n_characters = sum(len(line.text) for line in lines)
    certainty = sum(line.score * len(line.text) for line in lines)
    return n_characters >= _MIN_EVIDENCE and certainty < _SURE * n_characters


def _words(line: Line) -> list[Word]:
    words: list[Word] = []
    cursor = 0
    for text, corners in line.words or [(line.text, line.corners)]:
        place = line.text.find(text, cursor)
        glued = cursor > 0 and place == cursor
        cursor = place + len(text) if place >= 0 else cursor
        xs, ys = [p[0] for p in corners], [p[1] for p in corners]
        words.append(Word(text, min(xs), min(ys), max(xs), max(ys), glued=glued))
    return words


def _on_page(found: InkedWord, view: View) -> Word:
    """Return the word with the box of its ink on the picture as it was given."""
    there = view.on_page(found.outline)
    (left, top), (right, bottom) = there.min(0).tolist(), there.max(0).tolist()
    return replace(found.word, left=left, top=top, right=right, bottom=bottom)
