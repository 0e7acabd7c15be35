import numpy as np
import pytest
from PIL import Image

from latelight.encoders.sight.picture import LONG, SHORT, fit


@pytest.mark.parametrize(
    ("size", "frame"), [((850, 1100), (SHORT, LONG)), ((1600, 900), (LONG, SHORT))]
)
def test_a_picture_fills_its_frame_in_one_direction(
    size: tuple[int, int], frame: tuple[int, int]
) -> None:
    fitted = fit(Image.new("RGB", size, "black"))
    assert fitted.pixels.shape == (frame[1], frame[0], 3)
    dark = np.argwhere(fitted.pixels[..., 0] < 128)
    assert dark.min(axis=0).tolist() == [0, 0]
    height, width = dark.max(axis=0) + 1
    assert width == frame[0] or height == frame[1]
    assert width / height == pytest.approx(size[0] / size[1], rel=0.01)


def test_boxes_go_into_the_frame_and_come_back_as_fractions() -> None:
    fitted = fit(Image.new("RGB", (1000, 500), "white"))
    box = fitted.to_pixels((100, 50, 900, 400))
    assert fitted.to_fractions(box) == pytest.approx((0.1, 0.1, 0.9, 0.8))


def test_fractions_stay_within_the_picture() -> None:
    fitted = fit(Image.new("RGB", (1000, 500), "white"))
    assert fitted.to_fractions((-5, -5, 10_000, 10_000)) == (0, 0, 1, 1)
