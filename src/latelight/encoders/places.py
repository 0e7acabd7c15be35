"""Places of rows: characters of the unit's text, and boxes and times of the words they touch."""

import numpy as np
import numpy.typing as npt

from latelight.types import Float32Array, Int32Array, RowLocators, Unit, WordBoxes, WordTimes

NOWHERE = (-1, -1)


def row_locators(spans: Int32Array, unit: Unit) -> RowLocators:
    """Return the locators of a unit's rows with the given characters.

    Args:
        spans: (n_rows, 2) int32, characters of the unit's text; (-1, -1) for markers.
        unit: its words give rows their boxes, its spoken words their times.
    """
    return RowLocators(
        spans=spans,
        boxes=None if unit.words is None else boxes_of(spans, unit.words),
        times=None if unit.spoken is None else times_of(spans, unit.spoken),
    )


def boxes_of(spans: Int32Array, words: WordBoxes) -> Float32Array:
    """Return (n_rows, 4) float32: for each row the box around all words that it touches.

    Rows that touch no word, and markers, get NaN.
    """
    return _around(spans, words.spans, words.boxes)


def times_of(spans: Int32Array, spoken: WordTimes) -> Float32Array:
    """Return (n_rows, 2) float32: for each row the seconds in which its words are said.

    Rows that touch no word, and markers, get NaN.
    """
    return _around(spans, spoken.spans, spoken.times)


def _around(spans: Int32Array, word_spans: Int32Array, edges: Float32Array) -> Float32Array:
    """Return (n_rows, n_edges) float32: the least lower and largest upper edges of words touched.

    Args:
        spans: (n_rows, 2) int32.
        word_spans: (n_words, 2) int32, ascending.
        edges: (n_words, n_edges) float32, lower edges in the first half, upper ones in the other.
    """
    around = np.full((len(spans), edges.shape[1]), np.nan, np.float32)
    first = np.searchsorted(word_spans[:, 1], spans[:, 0], side="right")
    last = np.searchsorted(word_spans[:, 0], spans[:, 1], side="left")
    touches: npt.NDArray[np.bool_] = (first < last) & (spans[:, 0] >= 0)
    single = touches & (last - first == 1)
    around[single] = edges[first[single]]
    half = edges.shape[1] // 2
    for row in np.flatnonzero(touches & ~single):
        touched = edges[first[row] : last[row]]
        around[row] = np.concatenate([touched[:, :half].min(axis=0), touched[:, half:].max(axis=0)])
    return around
