"""Places of rows: characters of the unit's text, and boxes of the words that they touch."""

import numpy as np

from latelight.types import Float32Array, Int32Array, RowLocators, WordBoxes

NOWHERE = (-1, -1)


def row_locators(spans: Int32Array, words: WordBoxes | None) -> RowLocators:
    """Return the locators of rows with the given characters.

    Args:
        spans: (n_rows, 2) int32, characters of the unit's text; (-1, -1) for markers.
        words: of the unit; None gives locators without boxes.
    """
    if words is None:
        return RowLocators(spans=spans)
    return RowLocators(spans=spans, boxes=boxes_of(spans, words))


def boxes_of(spans: Int32Array, words: WordBoxes) -> Float32Array:
    """Return (n_rows, 4) float32: for each row the box around all words that it touches.

    Rows that touch no word, and markers, get NaN.
    """
    boxes = np.full((len(spans), 4), np.nan, np.float32)
    first = np.searchsorted(words.spans[:, 1], spans[:, 0], side="right")
    last = np.searchsorted(words.spans[:, 0], spans[:, 1], side="left")
    touches = (first < last) & (spans[:, 0] >= 0)
    single = touches & (last - first == 1)
    boxes[single] = words.boxes[first[single]]
    for row in np.flatnonzero(touches & ~single):
        boxes[row] = _around(words.boxes[first[row] : last[row]])
    return boxes


def _around(boxes: Float32Array) -> Float32Array:
    low, high = boxes[:, :2].min(axis=0), boxes[:, 2:].max(axis=0)
    return np.concatenate([low, high])
