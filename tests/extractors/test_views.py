import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from latelight.extractors.views import View

SIZE = (120, 80)
DOT = (30, 20)  # the dot's left top pixel; it is 6 pixels wide and high


def dotted() -> Image.Image:
    picture = Image.new("RGB", SIZE, (250, 240, 230))
    picture.paste((0, 0, 0), (*DOT, DOT[0] + 6, DOT[1] + 6))
    return picture


def dot_in(view: View) -> np.ndarray:
    grey = np.asarray(view.picture.convert("L"))
    ys, xs = np.nonzero(grey < 128)
    return np.array([[xs.mean() + 0.5, ys.mean() + 0.5]])


@given(st.integers(0, 3), st.floats(-20, 20))
@settings(max_examples=40, deadline=None)
def test_a_point_of_any_view_is_found_again_on_the_page(quarter: int, degrees: float) -> None:
    view = View.of(dotted()).turned(quarter).straightened(math.radians(degrees))
    found = view.on_page(dot_in(view))
    assert np.abs(found - [DOT[0] + 3, DOT[1] + 3]).max() < 0.6


def test_turns_add_up_to_none() -> None:
    view = View.of(dotted())
    for quarter in (1, 2, 3, 2):
        view = view.turned(quarter)
    assert view.picture.tobytes() == dotted().tobytes()
    assert np.allclose(view.to_page, np.eye(2, 3))


def test_a_straightened_picture_is_filled_with_its_own_ground() -> None:
    view = View.of(dotted()).straightened(0.1)
    assert view.picture.size[0] > SIZE[0]
    assert view.picture.getpixel((0, 0)) == (250, 240, 230)


@pytest.mark.parametrize(("size", "padded"), [((1, 1), (64, 64)), ((4000, 9), (4000, 133))])
def test_narrow_pictures_are_padded_to_the_right_and_below(
    size: tuple[int, int], padded: tuple[int, int]
) -> None:
    view = View.of(Image.new("RGB", size)).padded()
    assert view.picture.size == padded
    assert view.on_page(np.array([[1.0, 1.0]])).tolist() == [[1.0, 1.0]]
