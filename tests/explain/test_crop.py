import numpy as np
import pytest
from PIL import Image

from latelight.explain.crop import LEAST_HEIGHT, LEAST_WIDTH, evidence_box, evidence_crop
from latelight.types import Box, CharSpan, Locator, TokenEvidence


def won(token: str, box: Box | None, contribution: float, **more: object) -> TokenEvidence:
    place = (Locator(page=1, box=box),)
    span = CharSpan(0, len(token))
    return TokenEvidence(token, span, "token", 0.9, contribution, place, **more)  # type: ignore[arg-type]


LEFT, RIGHT = Box(0.30, 0.40, 0.35, 0.42), Box(0.60, 0.44, 0.66, 0.46)
FAR = Box(0.90, 0.90, 0.95, 0.92)


def test_a_box_is_around_what_brought_most() -> None:
    evidence = [won("ferry", LEFT, 1.0), won("harbour", RIGHT, 0.5), won("tram", FAR, 0.2)]
    box = evidence_box(evidence)
    assert box is not None
    assert (box.left, box.right) == pytest.approx((0.48 - LEAST_WIDTH / 2, 0.48 + LEAST_WIDTH / 2))
    assert (box.top, box.bottom) == pytest.approx(
        (0.43 - LEAST_HEIGHT / 2, 0.43 + LEAST_HEIGHT / 2)
    )


def test_function_words_and_other_pages_are_not_looked_for() -> None:
    first = won("of", FAR, 2.0)
    other = won("tram", FAR, 2.0, part="document")
    assert evidence_box([first, other, won("ferry", LEFT, 1.0)]) == evidence_box(
        [won("ferry", LEFT, 1.0)]
    )
    assert evidence_box([first]) is not None


def test_a_place_at_the_edge_stays_on_the_page() -> None:
    box = evidence_box([won("ferry", Box(0.98, 0.0, 1.0, 0.01), 1.0)])
    assert box is not None
    assert (box.right, box.top) == (1.0, 0.0)
    assert box.left == pytest.approx(1 - LEAST_WIDTH)
    wide = evidence_box([won("ferry", Box(0.1, 0.4, 0.8, 0.5), 1.0)])
    assert wide is not None
    assert (wide.left, wide.right) == pytest.approx((0.06, 0.84))
    whole = evidence_box([won("ferry", Box(0, 0, 1, 1), 1.0)])
    assert whole == Box(0, 0, 1, 1)


def test_without_a_place_there_is_no_picture() -> None:
    assert evidence_box([won("ferry", None, 1.0)]) is None
    assert evidence_crop(Image.new("RGB", (10, 10)), [won("ferry", None, 1.0)]) is None


def test_the_part_is_cut_out_and_made_small_enough() -> None:
    pixels = np.zeros((2000, 1000, 3), np.uint8)
    pixels[800:840, 300:350] = 255
    part = evidence_crop(Image.fromarray(pixels), [won("ferry", LEFT, 1.0)], longest=100)
    assert part is not None
    assert max(part.size) == 100
    assert part.mode == "RGB"
    assert np.asarray(part).max() > 100
