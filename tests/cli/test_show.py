import pytest

from latelight.app.hits import ExplainedHit
from latelight.types import CellRange, CharSpan, Document, Locator, TimeRange, Unit


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (Locator(page=3), "page 3"),
        (Locator(span=CharSpan(2, 9)), "characters 2–9"),
        (Locator(time=TimeRange(1, 2.5)), "0:01–0:03"),
        (Locator(cells=CellRange("Sales", 2, 1, 9, 3)), "Sales A2:C9"),
        (Locator(cells=CellRange("", 2, 1, 2, 1)), "cells A2"),
        (Locator(page=2, part=("Offer.eml", "plan.pdf")), "Offer.eml › plan.pdf › page 2"),
        (Locator(), "passage"),
    ],
)
def test_a_place_is_told_in_words(where: Locator, words: str) -> None:
    document, unit = Document("d", "s", "text/plain", "h"), Unit("c0", "passage", where)
    assert ExplainedHit(1, 0.0, 0.0, document, unit).place == words
