"""Does the evidence point to the right place? Beside ranking, which only asks for the document."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from latelight.errors import InputError, NotFoundError
from latelight.evaluation.judgements import EvidenceJudgement, JudgementSet
from latelight.types import Hit, Locator, TokenEvidence, Unit

PlaceKind = Literal["box", "time", "span"]
_KINDS: tuple[PlaceKind, ...] = ("box", "time", "span")
Explain = Callable[[str, str], Sequence[Hit]]
_Rectangle = tuple[float, float, float, float]
_ByPage = dict[int | None, list[_Rectangle]]


@dataclass(frozen=True)
class Localisation:
    """How well one hit's evidence lies on the judged places.

    Attributes:
        pointing: whether the strongest evidence lies in a judged place; a share when its row
            stands for several places (Zhang et al., 2016, the pointing game).
        iou: intersection over union of the evidence above the threshold and all judged places.
        kind: what was compared: boxes, times or characters.
    """

    pointing: float
    iou: float
    kind: PlaceKind


def localise(
    evidence: Sequence[TokenEvidence],
    judged: Sequence[EvidenceJudgement],
    *,
    unit: Unit | None = None,
    threshold: float = 0.5,
) -> Localisation:
    """Return how well a hit's evidence lies on the judged places of its document.

    Contributions of tokens that found the same place add up. Evidence without a place points
    nowhere, which is wrong. When places of several kinds are judged, boxes come first, then times.

    Args:
        evidence: of one hit.
        judged: places of this topic in this document, at least one.
        unit: the hit's; places judged elsewhere in the document are left out.
        threshold: evidence counts as region from this share of the strongest on.

    Raises:
        InputError: no judged place is in this unit, or the threshold lies outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise InputError(f"The threshold is {threshold!r}; give a share above 0 and at most 1.")
    here = [one.place for one in judged if unit is None or lies_in(one, unit)]
    if not here:
        raise InputError("No place is judged in this unit; leave such hits out.")
    kind = next(kind for kind in _KINDS if any(_has(place, kind) for place in here))
    # Characters and times count through the whole document; boxes lie on a page where one is named.
    paged = kind == "box" and all(place.page is not None for place in here if place.box)
    right = _by_page(here, kind, paged=paged)
    strength = _strengths(evidence)
    if not strength:
        return Localisation(0.0, 0.0, kind)
    strongest = max(strength.values())
    pointed = max(strength, key=lambda places: strength[places])
    region = [p for places, s in strength.items() if s >= threshold * strongest for p in places]
    lit = _by_page(region, kind, paged=paged)
    return Localisation(_pointing(pointed, kind, right), _iou(lit, right), kind)


def localise_topics(
    explain: Explain, judgements: JudgementSet, *, threshold: float = 0.5
) -> dict[str, dict[str, float]]:
    """Return `pointing` and `iou` by topic, over the judged units of each topic.

    Every judged unit is explained, however it ranks: localisation is asked for beside ranking, not
    after it. A judged document that is not there counts 0.

    Args:
        explain: the hits with evidence of a document for a text, one for each of its units.
        judgements: with judged places.
        threshold: as for `localise`.
    """
    found: dict[str, dict[str, float]] = {"pointing": {}, "iou": {}}
    for topic in dict.fromkeys(one.topic for one in judgements.evidence):
        rows = _of_topic(explain, judgements, topic, threshold)
        found["pointing"][topic] = sum(row.pointing for row in rows) / len(rows)
        found["iou"][topic] = sum(row.iou for row in rows) / len(rows)
    return found


def _of_topic(
    explain: Explain, judgements: JudgementSet, topic: str, threshold: float
) -> list[Localisation]:
    """Return one value for each judged unit, at least one for each judged document."""
    rows: list[Localisation] = []
    places = judgements.places(topic)
    for doc_id in dict.fromkeys(one.doc_id for one in places):
        judged = [one for one in places if one.doc_id == doc_id]
        try:
            hits = explain(judgements.topics[topic], doc_id)
        except NotFoundError:
            hits = ()
        of_document = [
            localise(hit.evidence, judged, unit=hit.unit, threshold=threshold)
            for hit in hits
            if any(lies_in(one, hit.unit) for one in judged)
        ]
        rows += of_document or [Localisation(0.0, 0.0, "span")]
    return rows


def lies_in(one: EvidenceJudgement, unit: Unit) -> bool:
    """Return whether a judged place is at least partly in a unit."""
    mine, its = unit.locator, one.place
    if one.unit_id not in ("", unit.unit_id):
        return False
    if None not in (mine.page, its.page) and mine.page != its.page:
        return False
    if mine.span and its.span:
        return mine.span.start < its.span.end and its.span.start < mine.span.end
    if mine.time and its.time:
        return mine.time.start_s < its.time.end_s and its.time.start_s < mine.time.end_s
    return True


def _strengths(evidence: Sequence[TokenEvidence]) -> dict[tuple[Locator, ...], float]:
    """Return the contribution of each place that helped."""
    found: dict[tuple[Locator, ...], float] = {}
    for one in evidence:
        found[one.locators] = found.get(one.locators, 0.0) + one.contribution
    return {places: strength for places, strength in found.items() if strength > 0}


def _pointing(places: tuple[Locator, ...], kind: PlaceKind, right: _ByPage) -> float:
    """Return the share of places whose middle lies in a judged one."""
    hits = [_is_inside(place, kind, right) for place in places]
    return sum(hits) / len(hits) if hits else 0.0


def _is_inside(place: Locator, kind: PlaceKind, right: _ByPage) -> bool:
    mine = _rectangle(place, kind)
    if mine is None:
        return False
    x, y = (mine[0] + mine[2]) / 2, (mine[1] + mine[3]) / 2
    page = None if None in right else place.page
    return any(a <= x <= c and b <= y <= d for a, b, c, d in right.get(page, []))


def _iou(region: _ByPage, right: _ByPage) -> float:
    """Return the intersection over union, summed over pages."""
    common = whole = 0.0
    for page in set(region) | set(right):
        both, either = _areas(region.get(page, []), right.get(page, []))
        common, whole = common + both, whole + either
    return common / whole if whole else 0.0


def _areas(a: Sequence[_Rectangle], b: Sequence[_Rectangle]) -> tuple[float, float]:
    """Return the exact areas of the intersection and union of two sets of rectangles.

    The plane is cut at every edge; within a cell everything is covered or nothing is.
    """
    every = np.array([*a, *b], np.float64).reshape(-1, 4)
    xs, ys = np.unique(every[:, (0, 2)]), np.unique(every[:, (1, 3)])
    cells = np.outer(np.diff(xs), np.diff(ys))
    in_a, in_b = _covered(a, xs, ys), _covered(b, xs, ys)
    return float(cells[in_a & in_b].sum()), float(cells[in_a | in_b].sum())


def _covered(
    rectangles: Sequence[_Rectangle],
    xs: npt.NDArray[np.float64],
    ys: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    inside = np.zeros((max(len(xs) - 1, 0), max(len(ys) - 1, 0)), np.bool_)
    for left, top, right, bottom in rectangles:
        columns = slice(*np.searchsorted(xs, (left, right)))
        inside[columns, slice(*np.searchsorted(ys, (top, bottom)))] = True
    return inside


def _by_page(places: Sequence[Locator], kind: PlaceKind, *, paged: bool) -> _ByPage:
    """Return rectangles by page; under None all of them where pages do not tell them apart."""
    found: _ByPage = {}
    for place in places:
        rectangle = _rectangle(place, kind)
        if rectangle is not None:
            found.setdefault(place.page if paged else None, []).append(rectangle)
    return found


def _rectangle(place: Locator, kind: PlaceKind) -> _Rectangle | None:
    """Return a place as a rectangle; times and characters are one unit high."""
    if kind == "box":
        box = place.box
        return (box.left, box.top, box.right, box.bottom) if box else None
    if kind == "time":
        return (place.time.start_s, 0.0, place.time.end_s, 1.0) if place.time else None
    return (float(place.span.start), 0.0, float(place.span.end), 1.0) if place.span else None


def _has(place: Locator, kind: PlaceKind) -> bool:
    return _rectangle(place, kind) is not None
