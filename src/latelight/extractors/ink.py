"""Words drawn in to their ink: a recogniser knows where words stand only roughly."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latelight.extractors.layout import Word

Grey = npt.NDArray[np.int16]  # (height, width)

_MIN_SIDE = 8  # pixels of a crop whose ground can be told from its ink
_INK_SHARE = 0.4  # of the strongest difference from the ground
_REACH = 0.35  # of a line's height: how far a word's end may be off
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


def cut_apart(words: Sequence[Word], grey: Grey) -> list[Word]:
    """Return the words of a level line with their ends moved into the blanks around them."""
    if not words:
        return []
    top, bottom = min(w.top for w in words), max(w.bottom for w in words)
    ink = _ink(grey[max(int(top), 0) : math.ceil(bottom)]).any(0)  # (width,)
    height = bottom - top
    cuts = [_end(ink, words[0].left, -1, height)]
    for left, right in zip(words, words[1:], strict=False):
        cuts.append(_between(ink, left.right, right.left, height, right.glued))
    cuts.append(_end(ink, words[-1].right, 1, height))
    return [
        replace(word, left=start, right=end) if end > start else word
        for word, start, end in zip(words, cuts, cuts[1:], strict=False)
    ]


def inked(word: Word, grey: Grey) -> InkedWord:
    """Return the word drawn in to its ink."""
    left, top = max(int(word.left), 0), max(int(word.top), 0)
    crop = grey[top : math.ceil(word.bottom), left : math.ceil(word.right)]
    ys, xs = np.nonzero(_ink(crop) if min(crop.shape) >= _MIN_SIDE else crop[:0])
    if not len(xs):
        corners = [[x, y] for x in (word.left, word.right) for y in (word.top, word.bottom)]
        return InkedWord(word, np.asarray(corners, np.float64))
    outline = np.concatenate([np.stack([xs + dx, ys + dy], 1) for dx in (0, 1) for dy in (0, 1)])
    outline = outline + np.array([left, top], np.float64)
    (x0, y0), (x1, y1) = outline.min(0).tolist(), outline.max(0).tolist()
    return InkedWord(replace(word, left=x0, top=y0, right=x1, bottom=y1), outline)


def _ink(crop: Grey) -> npt.NDArray[np.bool_]:
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
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    runs = edges.reshape(-1, 2)
    if not len(runs):
        return 0, 0
    start, end = runs[np.argmax(runs[:, 1] - runs[:, 0])].tolist()
    return start, end
