"""Cells of a page to regions: cells that propose the same box are one thing."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latelight.encoders.sight.vocabulary import (
    ATTRIBUTES,
    ATTRIBUTES_OF,
    BACKGROUND,
    KINDS,
    UNMARKED,
)
from latelight.types import Float32Array

STRIDE = 16  # pixels of the frame per cell
MOST_REGIONS = 8
LEAST_CONFIDENCE = 0.3
_LIKELY = 0.5  # that a cell is part of something
_CASE_OF = {KINDS.index("stacked bar chart"): KINDS.index("bar chart")}
_NEARLY = 0.5  # as likely
_SAME_BOX = 0.45  # overlap of boxes that two cells of one thing propose
_JOINED = 0.45  # of the smaller of two boxes of one kind that lies in the other
_WORTH_JOINING = 0.6  # of the least confidence, for a part of something
_INSIDE = 0.7  # share of a box that lies in another, so that both cannot be one kind
_HAS_ATTRIBUTE = 0.5
_MARKED = np.array([name not in UNMARKED for name in KINDS])

PixelBox = tuple[float, float, float, float]


@dataclass(frozen=True)
class Cells:
    """What the network says of a frame of h x w cells.

    Attributes:
        kinds: (n_kinds, h, w) float32, probabilities that add up to 1 over the kinds.
        attributes: (n_attributes, h, w) float32, probabilities.
        distances: (4, h, w) float32: cells from a cell's middle to the left, top, right and bottom
            edge of what it is part of.
    """

    kinds: Float32Array
    attributes: Float32Array
    distances: Float32Array


@dataclass(frozen=True)
class Found:
    """A thing in a frame: its box in pixels, its kind, and how sure that is.

    Attributes:
        kind_probabilities: (n_kinds,) float32, the mean of its cells.
        attribute_probabilities: (n_attributes,) float32, the mean of its cells.
        confidence: 0 to 1.
    """

    box: PixelBox
    kind: str
    confidence: float
    kind_probabilities: Float32Array
    attribute_probabilities: Float32Array

    @property
    def attributes(self) -> tuple[str, ...]:
        """The attributes that its kind can have and that it more likely has than not."""
        asked = ATTRIBUTES_OF.get(self.kind, ())
        return tuple(
            name
            for name, share in zip(ATTRIBUTES, self.attribute_probabilities, strict=True)
            if name in asked and share > _HAS_ATTRIBUTE
        )


def find_regions(
    cells: Cells,
    width: float,
    height: float,
    *,
    most: int = MOST_REGIONS,
    least_confidence: float = LEAST_CONFIDENCE,
) -> list[Found]:
    """Return the things in a frame, the surest first.

    Args:
        cells: what the network says.
        width, height: the part of the frame, from the top left, that the picture fills.
        most: how many at most.
        least_confidence: what is less sure is left out.
    """
    left = _Left(cells, width, height)
    found: list[Found] = []
    while (group := left.take()) is not None:
        one = _merged(cells, left, group)
        left.drop_inside(one)
        if one.confidence >= _WORTH_JOINING * least_confidence:
            found.append(one)
    whole = [one for one in joined(found) if one.confidence >= least_confidence]
    whole.sort(key=lambda one: -one.confidence)
    return [one for i, one in enumerate(whole) if not _repeats(one, whole[:i])][:most]


def joined(found: list[Found]) -> list[Found]:
    """Return things where those of one kind that lie over each other are one.

    The ends of a long table propose boxes that do not reach the other end.
    """
    left, whole = list(found), []
    while left:
        one = left.pop(0)
        part = next((other for other in left if _is_part(one, other)), None)
        if part is None:
            whole.append(one)
        else:
            left.remove(part)
            left.insert(0, _union(one, part))
    return whole


def _is_part(one: Found, other: Found) -> bool:
    if one.kind != other.kind:
        return False
    a, b = np.array(one.box, np.float32), np.array(other.box, np.float32)
    return float(_common(a, b[None])[0]) > _JOINED * max(1.0, min(_area(a), _area(b)))


def _union(one: Found, other: Found) -> Found:
    a, b = one.box, other.box
    box = (min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3]))
    surer = one if one.confidence >= other.confidence else other
    return replace(surer, box=box)


class _Left:
    """The cells that no region has taken yet, with the boxes that they propose."""

    def __init__(self, cells: Cells, width: float, height: float) -> None:
        _, h, w = cells.kinds.shape
        marked = cells.kinds[_MARKED]
        likely = marked.sum(axis=0)
        rows, columns = np.mgrid[:h, :w] + 0.5
        inside = (columns * STRIDE < width) & (rows * STRIDE < height)
        self.at = np.flatnonzero((likely > _LIKELY) & inside)
        x, y = columns.ravel()[self.at], rows.ravel()[self.at]
        d = cells.distances.reshape(4, -1)[:, self.at]
        boxes = np.stack([x - d[0], y - d[1], x + d[2], y + d[3]], axis=1) * STRIDE
        self.boxes = np.clip(boxes, 0, [width, height, width, height])  # (n, 4)
        self.middles = np.stack([x, y], axis=1) * STRIDE  # (n, 2)
        self.scores = likely.ravel()[self.at] * _centredness(d)
        names = np.flatnonzero(_MARKED)
        self.kinds = names[marked.reshape(len(names), -1)[:, self.at].argmax(axis=0)]
        self.free = np.ones(len(self.at), bool)

    def take(self) -> npt.NDArray[np.intp] | None:
        """Return the cells that propose the same box as the best one left, or None at the end."""
        if not self.free.any():
            return None
        best = int(np.where(self.free, self.scores, -1.0).argmax())
        same = self.free & (overlaps(self.boxes[best], self.boxes) >= _SAME_BOX)
        same[best] = True
        self.free &= ~same
        return np.flatnonzero(same)

    def drop_inside(self, one: Found) -> None:
        """Take away what lies in a region and says the same kind, or no box of its own."""
        left, top, right, bottom = one.box
        x, y = self.middles.T
        inside = (x >= left) & (x <= right) & (y >= top) & (y <= bottom)
        self.free &= ~(inside & (self.kinds == KINDS.index(one.kind)))


def _centredness(d: Float32Array) -> Float32Array:
    """Return how near the middle of its box each cell lies, 0 to 1 (Tian et al., 2019)."""
    across = np.minimum(d[0], d[2]) / np.maximum(np.maximum(d[0], d[2]), 1e-6)
    along = np.minimum(d[1], d[3]) / np.maximum(np.maximum(d[1], d[3]), 1e-6)
    shares: Float32Array = np.sqrt(across * along).astype(np.float32)
    return shares


def _merged(cells: Cells, left: _Left, group: npt.NDArray[np.intp]) -> Found:
    scores = left.scores[group] + 1e-6
    weights = scores / scores.sum()
    box: Float32Array = (left.boxes[group] * weights[:, None]).sum(axis=0).astype(np.float32)
    at = left.at[group]
    kinds = cells.kinds.reshape(len(KINDS), -1)[:, at] @ weights
    attributes = cells.attributes.reshape(len(ATTRIBUTES), -1)[:, at] @ weights
    kind = _told(kinds)
    support = min(1.0, len(group) * STRIDE**2 / max(1.0, _area(box)) * 1.25)
    sure = float(1 - kinds[~_MARKED].sum())
    confidence = float(np.clip(sure * support * kinds[kind] ** 0.5, 0, 1))
    edges = (float(box[0]), float(box[1]), float(box[2]), float(box[3]))
    return Found(
        edges, KINDS[kind], confidence, kinds.astype(np.float32), attributes.astype(np.float32)
    )


def _told(kinds: Float32Array) -> int:
    """Return the likeliest kind; the one that it is a case of where that is nearly as likely."""
    kind = int(np.where(_MARKED, kinds, -1.0).argmax())
    wider = _CASE_OF.get(kind, kind)
    return wider if kinds[wider] > _NEARLY * kinds[kind] else kind


def _repeats(one: Found, found: list[Found]) -> bool:
    """Return whether a region is a part, or a second view, of one that was found before."""
    for other in found:
        common = _common(np.array(one.box), np.array(other.box)[None])[0]
        share = common / max(1.0, _area(np.array(one.box)))
        if share > _INSIDE and (one.kind == other.kind or one.confidence < other.confidence / 2):
            return True
    return False


def overlaps(box: Float32Array, boxes: Float32Array) -> Float32Array:
    """Return intersection over union of a box (4,) with each of others (n, 4)."""
    common = _common(box, boxes)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    union = np.maximum(_area(box) + areas - common, 1e-6)
    shares: Float32Array = (common / union).astype(np.float32)
    return shares


def _common(box: Float32Array, boxes: Float32Array) -> Float32Array:
    sides = np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])
    areas: Float32Array = np.maximum(sides, 0).prod(axis=1)
    return areas


def _area(box: Float32Array) -> float:
    return float(max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1]))


assert KINDS[0] == BACKGROUND  # the network's first output
