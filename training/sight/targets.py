"""What each cell of the grid should say: kind, attributes, distances to its region's edges."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from latelight.encoders.sight.vocabulary import ATTRIBUTES, ATTRIBUTES_OF, KINDS, UNMARKED
from training.sight.canvas import Label

STRIDE = 16
UNKNOWN = -1
PLAIN_WEIGHT = 0.4  # of a cell of paper or running text: most are
_COVERED = 0.5  # of a cell, or of a thing that is smaller than a cell
_NEAREST = 0.05  # cells; an edge that lies within a cell


@dataclass(frozen=True)
class Targets:
    """Of a page of h x w cells.

    Attributes:
        kinds: (h, w) int64, indices of KINDS.
        attributes: (n_attributes, h, w) int8: 1, 0, or UNKNOWN.
        boxes: (4, h, w) float32: log distances in cells; 0 where `is_boxed` is False.
        is_boxed: (h, w) bool: cells of things that regions are made of.
        weights: (h, w) float32: cells of small things weigh more.
    """

    kinds: np.ndarray
    attributes: np.ndarray
    boxes: np.ndarray
    is_boxed: np.ndarray
    weights: np.ndarray


def targets_of(labels: Sequence[Label], width: int, height: int) -> Targets:
    """Return the targets of a page of a size in pixels; smaller things lie over larger ones."""
    h, w = height // STRIDE, width // STRIDE
    found = Targets(
        np.zeros((h, w), np.int64),
        np.full((len(ATTRIBUTES), h, w), UNKNOWN, np.int8),
        np.zeros((4, h, w), np.float32),
        np.zeros((h, w), bool),
        np.full((h, w), PLAIN_WEIGHT, np.float32),
    )
    for label in sorted(labels, key=lambda one: -_area(one)):
        _paint(found, label)
    return found


def _area(label: Label) -> float:
    left, top, right, bottom = label.box
    return (right - left) * (bottom - top)


def _paint(found: Targets, label: Label) -> None:
    h, w = found.kinds.shape
    left, top, right, bottom = (side / STRIDE for side in label.box)
    columns, rows = _covered(left, right, w), _covered(top, bottom, h)
    if not len(columns) or not len(rows):
        return
    at = np.ix_(rows, columns)
    found.kinds[at] = KINDS.index(label.kind)
    asked = ATTRIBUTES_OF.get(label.kind, ())
    for i, name in enumerate(ATTRIBUTES):
        known = name in asked and name in label.attributes
        found.attributes[i][at] = label.attributes[name] if known else UNKNOWN
    marked = label.kind not in UNMARKED
    found.is_boxed[at] = marked
    n = len(rows) * len(columns)
    found.weights[at] = np.clip(8 / n**0.5, 0.7, 4) if marked else PLAIN_WEIGHT
    x, y = np.meshgrid(columns + 0.5, rows + 0.5)
    for i, distance in enumerate((x - left, y - top, right - x, bottom - y)):
        found.boxes[i][at] = np.log(np.maximum(distance, _NEAREST))


def _covered(low: float, high: float, n: int) -> np.ndarray:
    """Return the cells along one side of which enough is covered."""
    cells = np.arange(n)
    share = np.minimum(high, cells + 1) - np.maximum(low, cells)
    return cells[share >= _COVERED * min(1.0, high - low) - 1e-6]
