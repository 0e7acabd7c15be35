"""Words drawn in to their ink: a recogniser knows where words stand only roughly."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from latelight.extractors.layout import Word

Ink = npt.NDArray[np.bool_]  # (height, width)
Grey = npt.NDArray[np.int16]  # (height, width)

_MIN_SIDE = 8  # pixels of a crop whose ground can be told from its ink
_INK_SHARE = 0.4  # of the strongest difference from the ground
_REACH = 0.35  # of a line's height: how far a word's end may be off
_RULE = 2.5  # heights of a line: no stroke of a letter is so long
_GAP = 0.12  # of a line's height: blank columns that end a word


@dataclass(frozen=True)
class InkedWord:
    """A word and its ink.

    Attributes:
        word: its box drawn in to the ink.
        outline: (n, 2) float64, corners of the ink's pixels; those of the box where no ink is.
    """

    word: Word
    outline: npt.NDArray[np.float64]  # (n, 2)


def inked_line(words: Sequence[Word], grey: Grey) -> list[InkedWord]:
    """Return the words of a level line with their ends in the blanks around them, on their ink.

    Rules above, below and between words, and underlines longer than a few letters, are no ink.
    """
    if not words:
        return []
    top = max(int(min(w.top for w in words)), 0)
    band = grey[top : math.ceil(max(w.bottom for w in words))]
    ink = _ink(band)
    rules = _rules(ink)
    columns = np.asarray((ink & ~rules).any(0))  # (width,)
    placed = _cut_apart(words, columns, float(len(band)))
    return [_inked(word, band, rules, top) for word in placed]


def _cut_apart(
    words: Sequence[Word], columns: npt.NDArray[np.bool_], height: float
) -> Iterator[Word]:
    cuts = [_end(columns, words[0].left, -1, height)]
    for left, right in pairwise(words):
        cuts.append(_between(columns, left.right, right.left, height, right.glued))
    cuts.append(_end(columns, words[-1].right, 1, height))
    for word, (start, end) in zip(words, pairwise(cuts), strict=True):
        yield replace(word, left=start, right=end) if end > start else word


def _inked(word: Word, band: Grey, rules: Ink, top: int) -> InkedWord:
    left, high, low = max(int(word.left), 0), max(int(word.top) - top, 0), word.bottom - top
    part = slice(high, math.ceil(low)), slice(left, math.ceil(word.right))
    crop = band[part]
    enough = min(crop.shape) >= _MIN_SIDE
    ys, xs = np.nonzero(_ink(crop) & ~rules[part] if enough else crop[:0])
    if not len(xs):
        corners = [[x, y] for x in (word.left, word.right) for y in (word.top, word.bottom)]
        return InkedWord(word, np.asarray(corners, np.float64))
    outline = np.concatenate([np.stack([xs + dx, ys + dy], 1) for dx in (0, 1) for dy in (0, 1)])
    outline = outline + np.array([left, top + high], np.float64)
    (x0, y0), (x1, y1) = outline.min(0).tolist(), outline.max(0).tolist()
    return InkedWord(replace(word, left=x0, top=y0, right=x1, bottom=y1), outline)


def _rules(ink: Ink) -> Ink:
    """Return which ink is a rule: far too long for a letter, or as high as the whole band."""
    height = len(ink)
    rules = np.zeros_like(ink)
    for row in range(height):
        for start, end in _runs(ink[row]):
            rules[row, start:end] = end - start > _RULE * height
    # The rim of a rule is paler than it is and may be ink or not: it goes along.
    rules[1:] |= rules[:-1].copy()
    rules[:-1] |= rules[1:].copy()
    return rules | ink.all(0)


def _ink(crop: Grey) -> Ink:
    """Return which pixels differ from the ground, which most of them belong to."""
    if not crop.size:
        return np.zeros(crop.shape, np.bool_)
    away = np.abs(crop - np.median(crop))
    return np.asarray(away > max(_INK_SHARE * float(away.max()), 1.0))


def _between(
    ink: npt.NDArray[np.bool_], end: float, start: float, height: float, glued: bool
) -> float:
    """Return the middle of the widest blank between two words' rough ends."""
    middle = (end + start) / 2
    reach = 0.0 if glued else _REACH * height
    low, high = int(min(end, start) - reach), math.ceil(max(end, start) + reach)
    low, high = max(low, 0), min(high, len(ink))
    blank = _longest_run(~ink[low:high])
    return low + (blank[0] + blank[1]) / 2 if blank[1] > blank[0] else middle


def _end(ink: npt.NDArray[np.bool_], place: float, step: int, height: float) -> float:
    """Return where the ink that goes on beyond a line's rough end comes to an end itself."""
    gap, n_blank = max(_GAP * height, 2.0), 0
    column, last = int(place), place
    while abs(column - place) <= _REACH * height and 0 <= column < len(ink) and n_blank < gap:
        n_blank = 0 if ink[column] else n_blank + 1
        last = column + (step > 0) if ink[column] else last
        column += step
    return max(last, place) if step > 0 else min(last, place)


def _longest_run(flags: npt.NDArray[np.bool_]) -> tuple[int, int]:
    """Return start and end of the longest run of true values, (0, 0) if there is none."""
    return max(_runs(flags), key=lambda run: run[1] - run[0], default=(0, 0))


def _runs(flags: npt.NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return start and end of every run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]
