"""Where on a page the query's tokens are answered, as arrays of pixels.

Three maps, from the raw number to what is shown:

* `similarity_map`: for each query token the similarity of the best row over each pixel.
* `light_map`: for each query token, its contribution over the winning row's boxes and a weak glow
  over other rows that came close.
* `summed_light_map`: what all tokens together brought to each pixel: contributions add up, glows
  do not, so a word that many tokens nearly chose never outshines one that won.

All work on boxes, so a grid of patches and the words of a page are the same case. Nothing is
scaled to 0–1 here: the unit of the light maps is score, and drawing divides by the brightest
pixel of what it is asked to show.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.explain.attribution import evidence_places, n_rows_of
from latelight.types import Float32Array, Int64Array, RowLocators, TokenEvidence

BoolArray = npt.NDArray[np.bool_]

# Light of a row that ties with the winner, as a fraction of the winner's: visible, never equal.
GLOW = 0.5
# Rows less similar than this, on the scale from a typical row of the unit (0) to the winner (1),
# stay dark: contextual tokens of one page are all somewhat alike.
FLOOR = 0.7
# Boxes above this part of the page (a chart, no word) can be lit along their edges alone, this
# wide in parts of the page's shorter side; their middle, which must stay readable, has this share.
LARGE, EDGE, MIDDLE = 0.03, 0.012, 0.3


def similarity_map(
    similarities: Float32Array, locators: RowLocators, size: tuple[int, int]
) -> Float32Array:
    """Return, for each query token, the similarity of the best row over each pixel.

    Args:
        similarities: (n_query, n_rows) float32.
        locators: where the rows come from; rows without boxes light nothing.
        size: (height, width) of the map in pixels.

    Returns:
        (n_query, height, width) float32; 0 where no row lies, or only rows that are less than
        orthogonal.

    Raises:
        ShapeError: the number of rows differs, or the size is not positive.
    """
    boxes, rows = _boxes_by_row(similarities, locators)
    return paint(boxes, similarities[:, rows], size)


def light_map(
    similarities: Float32Array,
    contributions: Float32Array,
    locators: RowLocators,
    size: tuple[int, int],
) -> Float32Array:
    """Return, for each query token, its contribution where it won and a glow where it nearly did.

    The boxes of the winning row hold the token's contribution (shared equally between them when
    the row was pooled). Rows that came close glow with at most half of it, see `row_glow`.
    Negative contributions are dark.

    Args:
        similarities: (n_query, n_rows) float32.
        contributions: (n_query,) float32, each token's part of the score.
        locators: where the rows come from.
        size: (height, width) of the map in pixels.

    Returns:
        (n_query, height, width) float32, in units of score.

    Raises:
        ShapeError: the arrays do not fit each other, or the size is not positive.
    """
    boxes, won, glow = box_light(similarities, contributions, locators)
    return paint(boxes, np.maximum(won, glow), size)


def summed_light_map(
    similarities: Float32Array,
    contributions: Float32Array,
    locators: RowLocators,
    size: tuple[int, int],
    glowing: BoolArray | None = None,
    *,
    hollow: bool = False,
) -> Float32Array:
    """Return what all query tokens together brought to each pixel: (height, width) float32.

    The contributions of all tokens that won a box are added; where that is less than the brightest
    glow of any one token, the glow shows. Where different boxes overlap, the brighter one.
    `glowing` (n_query,) says which tokens may glow, None means all; `hollow` is that of `paint`.
    Other arguments and errors as for `light_map`.
    """
    boxes, won, glow = box_light(similarities, contributions, locators)
    if glowing is not None:
        glow = glow[glowing]
    light = np.maximum(won.sum(axis=0), glow.max(axis=0, initial=0.0))
    total: Float32Array = paint(boxes, light[None], size, hollow=hollow)[0]
    return total


def evidence_map(
    evidence: Iterable[TokenEvidence], size: tuple[int, int], *, hollow: bool = False
) -> Float32Array:
    """Return the contributions over their places, from the evidence alone: (height, width) float32.

    For hits whose rows are not at hand. Each place has an equal share of its contribution; equal
    boxes add up. `hollow` is that of `paint`.

    Raises:
        ShapeError: the size is not positive.
    """
    total: dict[tuple[float, float, float, float], float] = {}
    for item in evidence:
        for place, share in evidence_places(item):
            if place.box is not None:
                key = (place.box.left, place.box.top, place.box.right, place.box.bottom)
                total[key] = total.get(key, 0.0) + share
    boxes = np.array(list(total), dtype=np.float32).reshape(-1, 4)
    light = np.array([list(total.values())], dtype=np.float32).clip(min=0)
    total_map: Float32Array = paint(boxes, light, size, hollow=hollow)[0]
    return total_map


def box_light(
    similarities: Float32Array, contributions: Float32Array, locators: RowLocators
) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return the distinct boxes, and what each query token won and nearly won there.

    Rows with the same box (the wordpieces of a word) share it: the brightest counts.

    Returns:
        boxes (n_boxes, 4), won (n_query, n_boxes) and glow (n_query, n_boxes), all float32.
    """
    if contributions.shape != similarities.shape[:1]:
        raise ShapeError(
            f"contributions has the shape {contributions.shape}, similarities "
            f"{similarities.shape}: there must be one contribution for each query token."
        )
    boxes, rows = _boxes_by_row(similarities, locators)
    if not boxes.size or not similarities.size:
        nothing = np.zeros((len(similarities), 0), np.float32)
        return boxes[:0], nothing, nothing
    n_places = np.maximum(_sources_per_row(locators, similarities), 1).astype(np.float32)
    shares: Float32Array = np.maximum(contributions, 0).astype(np.float32)[:, None] / n_places
    distinct, box_of = np.unique(boxes, axis=0, return_inverse=True)
    gather = _Gather(box_of, rows, len(distinct))
    won = gather.best(shares, _winners(similarities))
    return distinct, won, gather.best(shares, row_glow(similarities))


def row_glow(similarities: Float32Array) -> Float32Array:
    """Return how much each row glows for each query token, as a fraction of the winner's light.

    A row's closeness is 0 for the unit's median row and 1 for the winner. Below 0.7 it is dark;
    above, it glows with half the square of how far it came from 0.7 to 1.

    Args:
        similarities: (n_query, n_rows) float32, n_rows at least 1.

    Returns:
        (n_query, n_rows) float32, 0 to 0.5.
    """
    best = similarities.max(axis=1, keepdims=True)
    typical = np.median(similarities, axis=1, keepdims=True)
    closeness = (similarities - typical) / np.maximum(best - typical, 1e-6)
    glow: Float32Array = GLOW * np.clip((closeness - FLOOR) / (1 - FLOOR), 0, 1) ** 2
    return glow


def _winners(similarities: Float32Array) -> Float32Array:
    """Return 1 at each query token's winner (the lowest row among equals), else 0."""
    won = np.zeros(similarities.shape, np.float32)
    won[np.arange(len(won)), similarities.argmax(axis=1)] = 1.0
    return won


class _Gather:
    """From values of rows to the best value of each box."""

    def __init__(self, box_of: Int64Array, rows: Int64Array, n_boxes: int) -> None:
        order = np.argsort(box_of, kind="stable")
        self._rows = rows[order]
        self._starts = np.searchsorted(box_of[order], np.arange(n_boxes))

    def best(self, shares: Float32Array, parts: Float32Array) -> Float32Array:
        """Return the best `shares * parts`: (n_query, n_boxes) float32 from (n_query, n_rows)."""
        values = (shares * parts)[:, self._rows]
        most = np.maximum.reduceat(values, self._starts, axis=1)
        return most.astype(np.float32, copy=False)


def paint(
    boxes: Float32Array, values: Float32Array, size: tuple[int, int], *, hollow: bool = False
) -> Float32Array:
    """Return the boxes filled with their values, the higher one where they overlap.

    Args:
        boxes: (n_boxes, 4) float32, left, top, right, bottom in 0–1; clipped to the page.
        values: (n_layers, n_boxes) float32; values below 0 count as 0.
        size: (height, width) in pixels.
        hollow: give large boxes their values along their edges alone, and less in the middle.

    Returns:
        (n_layers, height, width) float32. Every box covers at least one pixel.
    """
    height, width = checked_size(size)
    out = np.zeros((len(values), height, width), np.float32)
    lit = np.flatnonzero(values.max(axis=0, initial=0.0) > 0)
    is_large = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1) > LARGE
    edge = max(round(EDGE * min(height, width)), 1)
    for i, (left, top, right, bottom) in zip(lit, pixel_boxes(boxes[lit], size), strict=True):
        region, value = out[:, top:bottom, left:right], values[:, i, None, None]
        if not (hollow and is_large[i]):
            np.maximum(region, value, out=region)
            continue
        np.maximum(region, MIDDLE * value, out=region)
        for strip in (region[:, :edge], region[:, -edge:], region[..., :edge], region[..., -edge:]):
            np.maximum(strip, value, out=strip)
    return out


def pixel_boxes(boxes: Float32Array, size: tuple[int, int]) -> list[list[int]]:
    """Return left, top, right, bottom in whole pixels, each box at least one pixel in size."""
    height, width = size
    limits = np.array([width, height, width, height], np.float64)
    scaled = np.clip(boxes.astype(np.float64), 0, 1) * limits
    low = np.minimum(np.floor(scaled[:, :2] + 1e-6), limits[:2] - 1)
    high = np.maximum(np.ceil(scaled[:, 2:] - 1e-6), low + 1)
    pixels: list[list[int]] = np.hstack([low, high]).astype(np.int64).tolist()
    return pixels


def checked_size(size: tuple[int, int]) -> tuple[int, int]:
    """Return `size`.

    Raises:
        ShapeError: a side is not positive.
    """
    if size[0] < 1 or size[1] < 1:
        raise ShapeError(f"The size {size} is not a picture; give (height, width) of at least 1.")
    return size


def _boxes_by_row(
    similarities: Float32Array, locators: RowLocators
) -> tuple[Float32Array, Int64Array]:
    """Return the boxes that rows have (n, 4), and the row of each (n,)."""
    n_rows = n_rows_of(locators)
    if n_rows is not None and similarities.shape[1:] != (n_rows,):
        raise ShapeError(
            f"similarities has the shape {similarities.shape}, but the unit has {n_rows} rows; "
            "it must be (n_query, n_rows)."
        )
    if locators.boxes is None:
        return np.zeros((0, 4), np.float32), np.zeros(0, np.int64)
    rows = np.repeat(np.arange(similarities.shape[1]), _sources_per_row(locators, similarities))
    placed = np.flatnonzero(~np.isnan(locators.boxes).any(axis=1))
    return locators.boxes[placed], rows[placed]


def _sources_per_row(locators: RowLocators, similarities: Float32Array) -> Int64Array:
    if locators.offsets is None:
        return np.ones(similarities.shape[1], np.int64)
    return np.diff(locators.offsets)
