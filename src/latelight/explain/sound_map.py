"""Times of sound as boxes on its spectrogram, so that a sound can be lit like a page.

A word is a band, a moment that a model heard a column from the highest pitch to the lowest.
"""

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from latelight.explain.lighting import RowSimilarities
from latelight.types import Box, Locator, TimeRange, TokenEvidence

# A word is shorter on the picture than it is high: a band in its middle is enough.
_TOP, _BOTTOM = 0.25, 0.75


def evidence_on_sound(
    evidence: Iterable[TokenEvidence], whole: TimeRange
) -> tuple[TokenEvidence, ...]:
    """Return evidence whose places have boxes on the picture of `whole`, by their times.

    Places as long as the whole say nothing about where, and get none.
    """
    return tuple(
        replace(one, locators=tuple(_boxed(place, whole) for place in one.locators))
        for one in evidence
    )


def rows_on_sound(rows: Iterable[RowSimilarities], whole: TimeRange) -> list[RowSimilarities]:
    """Return rows whose locators have boxes on the picture of `whole`, by their times."""
    boxed = []
    for one in rows:
        times = one.locators.times
        if times is not None:
            share = (times - whole.start_s) / _seconds(whole)
            spans = one.locators.spans
            has_words = np.zeros(len(share), np.bool_) if spans is None else spans[:, 0] >= 0
            top, bottom = np.where(has_words, _TOP, 0.0), np.where(has_words, _BOTTOM, 1.0)
            boxes = np.stack([share[:, 0], top, share[:, 1], bottom], axis=1)
            boxes = np.where(np.isnan(boxes).any(axis=1, keepdims=True), np.nan, boxes)
            one = replace(  # noqa: PLW2901
                one, locators=replace(one.locators, boxes=np.clip(boxes, 0, 1).astype(np.float32))
            )
        boxed.append(one)
    return boxed


def _boxed(place: Locator, whole: TimeRange) -> Locator:
    if place.time is None or place.time == whole:
        return place
    begin = (place.time.start_s - whole.start_s) / _seconds(whole)
    end = (place.time.end_s - whole.start_s) / _seconds(whole)
    top, bottom = (_TOP, _BOTTOM) if place.span is not None else (0.0, 1.0)
    return replace(place, box=Box(min(max(begin, 0), 1), top, min(max(end, 0), 1), bottom))


def _seconds(whole: TimeRange) -> float:
    return max(whole.end_s - whole.start_s, 1e-3)
