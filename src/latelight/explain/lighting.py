"""What to light on a page for one hit: the map, and the outlines of the places that won."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from latelight.explain.attribution import evidence_places
from latelight.explain.similarity_map import evidence_map, summed_light_map
from latelight.explain.words import QueryWord, is_telling
from latelight.types import Box, Float32Array, Locator, RowLocators, TokenEvidence

# Space around a word's own box, as a fraction of its height: a mark that touches the letters
# looks like a mistake.
MARGIN = 0.16
# At most this part of the page's height: a chart needs no more than a heading.
MOST_MARGIN = 0.008
# And at least this part of the page's height: the box of "new" is as low as its letters.
LEAST_MARGIN = 0.003
# A column from top to bottom is a moment of sound, which has no letters: two pixels of a
# spectrogram, so that a 25th of a second can be seen and stays one.
COLUMN_MARGIN = 0.008
# How much less similar a row is made that must not win.
TIE = 1e-3


@dataclass(frozen=True, eq=False)
class RowSimilarities:
    """All similarities between a query and a unit's rows in one space, for the glow of near wins.

    Attributes:
        space: the encoder's space, as the evidence names it.
        similarities: (n_evidence, n_rows) float32, in the order of that space's evidence, as
            `by_evidence` gives them.
        locators: where the rows come from.
    """

    space: str
    similarities: Float32Array  # (n_evidence, n_rows)
    locators: RowLocators


def by_evidence(similarities: Float32Array, evidence: Sequence[TokenEvidence]) -> Float32Array:
    """Return the similarities for each evidence of a space: (n_evidence, n_rows) float32.

    Where another row than the unit's winner won in its best window, rows that are more like the
    token (they lie outside) become typical ones: so the evidence's winner is the winner here too.

    Args:
        similarities: (n_query, n_rows) float32.
        evidence: of the space and of the unit's own rows.
    """
    rows: Float32Array = similarities[[item.query_row for item in evidence]]
    for row, item in zip(rows, evidence, strict=True):
        if item.part == "window":
            closer = row >= row[item.row]
            closer[item.row] = False
            row[closer] = min(float(np.median(row)), float(row[item.row]) - TIE)
    return rows


@dataclass(frozen=True, eq=False)
class Lighting:
    """Light on one page.

    Attributes:
        light: (height, width) float32, what the query tokens brought to each pixel, in score.
        outlines: (n_places, 4) float32, the boxes to outline, in 0–1.
        strengths: (n_places,) float32, what each of them brought.
    """

    light: Float32Array  # (height, width)
    outlines: Float32Array  # (n_places, 4)
    strengths: Float32Array  # (n_places,)


def lighting(
    evidence: Sequence[TokenEvidence],
    size: tuple[int, int],
    *,
    word: QueryWord | None = None,
    rows: Iterable[RowSimilarities] = (),
) -> Lighting:
    """Return the light of a hit's evidence on its page.

    Every winner is lit but those of markers, which say nothing to a reader (the caption gives
    their part of the score). Only query tokens with a meaning of their own glow where they nearly
    won and are outlined where they won. A `word` that is asked for is shown whatever it is.

    Args:
        evidence: the hit's evidence.
        size: (height, width) of the map in pixels.
        word: one word of the query to show alone; None shows all together.
        rows: similarities of all rows; without them only the winners are lit.

    Raises:
        ShapeError: the size is not positive, or `rows` do not fit their evidence.
    """
    aspect = size[1] / size[0]
    evidence = [e for e in evidence if e.part != "document"]  # that lies on another page
    own = [e for e in word.evidence if e.part != "document"] if word else evidence
    shown = own if word else [e for e in own if e.kind != "marker"]
    glowing = list(rows)
    spaces = {one.space for one in glowing}
    placed = [_with_margin(e, aspect) for e in shown]
    light = evidence_map([e for e in placed if _space(e) not in spaces], size, hollow=True)
    for one in glowing:
        wider = replace(one.locators, boxes=_wider(one.locators.boxes, aspect))
        mine = [e for e in evidence if _space(e) == one.space]
        shares = _contributions(mine, shown)
        may_glow = np.array([word is not None or is_telling(e) for e in mine], np.bool_)
        light += summed_light_map(one.similarities, shares, wider, size, may_glow, hollow=True)
    return Lighting(light, *_winners(e for e in placed if word is not None or is_telling(e)))


def _space(item: TokenEvidence) -> str | None:
    return item.space if item.signal == "maxsim" else None


def _contributions(mine: Sequence[TokenEvidence], shown: Sequence[TokenEvidence]) -> Float32Array:
    """Return the contribution of each query token of one space, 0 where it is not shown."""
    wanted = {id(e) for e in shown}
    return np.array([e.contribution if id(e) in wanted else 0.0 for e in mine], np.float32)


def _winners(placed: Iterable[TokenEvidence]) -> tuple[Float32Array, Float32Array]:
    total: dict[Box, float] = {}
    for item in placed:
        for place, share in evidence_places(item):
            if place.box is not None and share > 0:
                total[place.box] = total.get(place.box, 0.0) + share
    corners = [(box.left, box.top, box.right, box.bottom) for box in total]
    return (
        np.array(corners, np.float32).reshape(-1, 4),
        np.array(list(total.values()), np.float32),
    )


def _with_margin(item: TokenEvidence, aspect: float) -> TokenEvidence:
    places = (_place_with_margin(place, aspect) for place in item.locators)
    return replace(item, locators=tuple(places))


def _place_with_margin(place: Locator, aspect: float) -> Locator:
    if place.box is None:
        return place
    box = np.array([[place.box.left, place.box.top, place.box.right, place.box.bottom]], np.float32)
    wider = _wider(box, aspect)
    assert wider is not None
    return replace(place, box=Box(*(float(side) for side in wider[0])))


def _wider(boxes: Float32Array | None, aspect: float) -> Float32Array | None:
    """Return the boxes grown by the same number of pixels on each side, within the page."""
    if boxes is None:
        return None
    height = boxes[:, 3] - boxes[:, 1]
    words = np.clip(MARGIN * height, LEAST_MARGIN, MOST_MARGIN)
    down = np.where(height < 1, words, COLUMN_MARGIN)
    along = down / aspect
    grown = np.stack(
        [boxes[:, 0] - along, boxes[:, 1] - down, boxes[:, 2] + along, boxes[:, 3] + down], axis=1
    )
    clipped: Float32Array = np.clip(grown, 0, 1)
    return clipped
