"""A picture as the patch encoder reads it: fitted into a fixed frame, upright or lying."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from latelight.errors import InputError

UInt8Array = npt.NDArray[np.uint8]
LONG, SHORT = 672, 512  # pixels; multiples of 32
_SMALLEST, _THINNEST = 16, 24  # shorter side in pixels; longer side over shorter
_REDUCING_GAP = 2.0

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True)
class Fitted:
    """A picture in its frame.

    Attributes:
        pixels: (height, width, 3) uint8, white where the picture does not reach.
        width, height: of the picture within the frame, from the top left, in pixels.
        scale: pixels of the frame per pixel of the picture.
    """

    pixels: UInt8Array
    width: float
    height: float
    scale: float

    def to_pixels(self, box: Box) -> Box:
        """Return a box of the original picture's pixels in the frame's."""
        left, top, right, bottom = (side * self.scale for side in box)
        return left, top, right, bottom

    def to_fractions(self, box: Box) -> Box:
        """Return a box of the frame's pixels as fractions of the picture, cut to it."""
        left, right = (min(1.0, max(0.0, side / self.width)) for side in (box[0], box[2]))
        top, bottom = (min(1.0, max(0.0, side / self.height)) for side in (box[1], box[3]))
        return left, top, right, bottom


def fit(image: Image.Image) -> Fitted:
    """Return a picture scaled into 512 x 672 pixels, or 672 x 512 when it is wider than high.

    Raises:
        InputError: the picture is too small or too thin to show anything.
    """
    width, height = image.size
    if min(width, height) < _SMALLEST or max(width, height) > _THINNEST * min(width, height):
        raise InputError(
            f"A picture of {width} x {height} pixels cannot be looked at; expected sides of "
            f"{_SMALLEST} pixels or more, neither over {_THINNEST} times the other. Leave it out."
        )
    frame = (LONG, SHORT) if width > height else (SHORT, LONG)
    scale = min(frame[0] / width, frame[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = image.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=_REDUCING_GAP)
    pixels = np.full((frame[1], frame[0], 3), 255, np.uint8)
    pixels[: size[1], : size[0]] = np.asarray(small)
    return Fitted(pixels, width * scale, height * scale, scale)
