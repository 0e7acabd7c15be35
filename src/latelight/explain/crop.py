"""The part of a page or picture that answered the query."""

from collections.abc import Sequence

from PIL import Image

from latelight.explain.attribution import evidence_places
from latelight.explain.words import is_telling
from latelight.types import Box, TokenEvidence

MARGIN = 0.04
"""Space around the winning places, as a part of the page."""
LEAST_WIDTH, LEAST_HEIGHT = 0.6, 0.18
"""Of a crop, as parts of the page: a word alone tells nothing, and lines are read whole."""
SHARE = 0.25
"""Places that brought less than this part of the strongest one are not looked for."""


def evidence_box(evidence: Sequence[TokenEvidence]) -> Box | None:
    """Return the smallest rectangle around the places that brought most of a hit's score.

    None where no winning row has a place on the page. Only query tokens with a meaning of their
    own count, unless there is none.
    """
    own = [one for one in evidence if one.part != "document"]
    shares = _shares([one for one in own if is_telling(one)]) or _shares(own)
    if not shares:
        return None
    least = SHARE * max(shares.values())
    boxes = [box for box, share in shares.items() if share >= least]
    left, right = _widened(min(b.left for b in boxes), max(b.right for b in boxes), LEAST_WIDTH)
    top, bottom = _widened(min(b.top for b in boxes), max(b.bottom for b in boxes), LEAST_HEIGHT)
    return Box(left, top, right, bottom)


def evidence_crop(
    picture: Image.Image, evidence: Sequence[TokenEvidence], *, longest: int = 1024
) -> Image.Image | None:
    """Return the part of a page that answered the query, RGB; None where no place is known.

    Args:
        picture: the whole page.
        evidence: the hit's.
        longest: pixels of the longer side at most.
    """
    box = evidence_box(evidence)
    if box is None:
        return None
    width, height = picture.size
    left, right = round(box.left * width), round(box.right * width)
    top, bottom = round(box.top * height), round(box.bottom * height)
    part = picture.crop((left, top, right, bottom)).convert("RGB")
    part.thumbnail((longest, longest), Image.Resampling.LANCZOS)
    return part


def _shares(evidence: Sequence[TokenEvidence]) -> dict[Box, float]:
    """Return what each place on the page brought."""
    total: dict[Box, float] = {}
    for item in evidence:
        for place, share in evidence_places(item):
            if place.box is not None and share > 0:
                total[place.box] = total.get(place.box, 0.0) + share
    return total


def _widened(low: float, high: float, least: float) -> tuple[float, float]:
    """Return a range with its margin, at least so wide, within 0 to 1."""
    missing = max(least - (high - low), 2 * MARGIN) / 2
    low, high = low - missing, high + missing
    low, high = (0.0, high - low) if low < 0 else (low, high)
    low, high = (low - (high - 1), 1.0) if high > 1 else (low, high)
    return max(low, 0.0), min(high, 1.0)
