import numpy as np
import pytest

from latelight.encoders.sight.colours import name_colours

PAINTS = {
    "red": (200, 30, 30), "orange": (250, 140, 20), "yellow": (240, 220, 40),
    "green": (40, 150, 60), "blue": (40, 90, 180), "purple": (130, 50, 160),
    "brown": (120, 70, 25),
}  # fmt: skip


def picture(*parts: tuple[tuple[int, int, int], int]) -> np.ndarray:
    """Return a white picture with so many rows of each colour."""
    pixels = np.full((40, 20, 3), 255, np.uint8)
    at = 0
    for colour, n_rows in parts:
        pixels[at : at + n_rows] = colour
        at += n_rows
    return pixels


@pytest.mark.parametrize(("name", "colour"), PAINTS.items())
def test_a_colour_has_its_name(name: str, colour: tuple[int, int, int]) -> None:
    assert name_colours(picture((colour, 10))) == (name,)


def test_two_colours_are_named_with_the_commoner_first() -> None:
    pixels = picture((PAINTS["blue"], 12), (PAINTS["red"], 8), (PAINTS["green"], 2))
    assert name_colours(pixels) == ("blue", "red")


def test_black_on_white_is_grey_and_white_has_no_colour() -> None:
    assert name_colours(picture(((20, 20, 20), 6), ((128, 128, 128), 6))) == ("grey",)
    assert name_colours(picture()) == ()
