import numpy as np
from PIL import Image, ImageDraw

from latelight.extractors.ink import inked_line
from latelight.extractors.layout import Word

BARS = ((40, 70), (90, 128))  # two words of upright strokes from 12 to 28, 2 wide and 2 apart


def line(*rules: tuple[int, int, int, int], ground: int = 255, ink: int = 0) -> np.ndarray:
    picture = Image.new("L", (240, 40), ground)
    draw = ImageDraw.Draw(picture)
    for left, right in BARS:
        for x in range(left, right, 4):
            draw.rectangle((x, 12, x + 1, 27), fill=ink)
    for rule in rules:
        draw.rectangle(rule, fill=ink)
    return np.asarray(picture, np.int16)


def rough(*ends: tuple[float, float]) -> list[Word]:
    return [Word(f"w{n}", left, 6, right, 34) for n, (left, right) in enumerate(ends)]


def boxes(words: list[Word], grey: np.ndarray) -> list[tuple[float, ...]]:
    found = [one.word for one in inked_line(words, grey)]
    return [(w.left, w.top, w.right, w.bottom) for w in found]


EXACT = [(40, 12, 70, 28), (90, 12, 128, 28)]


def test_ends_that_are_a_little_off_are_moved_to_the_ink() -> None:
    assert boxes(rough((46, 63), (97, 122)), line()) == EXACT
    assert boxes(rough((33, 80), (78, 138)), line()) == EXACT


def test_an_end_in_the_neighbour_is_moved_back_into_the_blank() -> None:
    assert boxes(rough((40, 95), (95, 130)), line()) == EXACT


def test_white_on_black_is_ink_too() -> None:
    assert boxes(rough((42, 68), (92, 128)), line(ground=10, ink=240)) == EXACT


def test_rules_above_below_and_beside_are_no_ink() -> None:
    ruled = line((0, 6, 239, 7), (0, 32, 239, 33), (30, 0, 31, 39))
    assert boxes(rough((42, 68), (92, 128)), ruled) == EXACT


def test_where_there_is_no_ink_the_rough_box_stays() -> None:
    assert boxes(rough((160, 190)), line()) == [(160, 6, 190, 34)]
    assert inked_line([], line()) == []


def test_the_outline_holds_the_corners_of_the_ink() -> None:
    first = inked_line(rough((42, 68), (92, 128)), line())[0]
    assert first.outline.min(0).tolist() == [40, 12]
    assert first.outline.max(0).tolist() == [70, 28]
