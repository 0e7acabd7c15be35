"""A picture as it should be read: turned upright and straight, and the way back to the page."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

Matrix = npt.NDArray[np.float64]  # (2, 3)
Points = npt.NDArray[np.float64]  # (n, 2)

_MIN_PADDED_SIDE = 64
_MAX_ASPECT = 30  # detectors scale long sides down
_EDGE_SAMPLE = 4  # pixels of each edge that tell the ground's colour


@dataclass(frozen=True)
class View:
    """A turned picture.

    Attributes:
        picture: RGB, as it is read.
        to_page: (2, 3) float64, takes a point (x, y, 1) of it to the picture as it was given;
            both in pixels from the top left corner, so that pixel 0 reaches from 0 to 1.
    """

    picture: Image.Image
    to_page: Matrix

    @classmethod
    def of(cls, picture: Image.Image) -> "View":
        """Return the picture as it is given."""
        return cls(picture, np.eye(2, 3))

    def turned(self, quarter: int) -> "View":
        """Return it turned by quarter turns anticlockwise."""
        width, height = self.picture.size
        matrix = {
            0: [[1, 0, 0], [0, 1, 0]],
            1: [[0, -1, width], [1, 0, 0]],
            2: [[-1, 0, width], [0, -1, height]],
            3: [[0, 1, 0], [-1, 0, height]],
        }[quarter % 4]
        turned = self.picture.rotate(90 * (quarter % 4), expand=True)
        return View(turned, self._after(np.asarray(matrix, np.float64)))

    def straightened(self, slope: float) -> "View":
        """Return it with lines that fall by `slope` radians to the right made level."""
        width, height = self.picture.size
        cos, sin = math.cos(slope), math.sin(slope)
        size = (
            math.ceil(width * cos + height * abs(sin)),
            math.ceil(height * cos + width * abs(sin)),
        )
        turn = np.array([[cos, -sin], [sin, cos]])
        shift = np.array([width, height]) / 2 - turn @ (np.array(size) / 2)
        matrix = np.column_stack([turn, shift])
        picture = self.picture.transform(
            size,
            Image.Transform.AFFINE,
            tuple(matrix.ravel()),
            Image.Resampling.BICUBIC,
            fillcolor=_ground(self.picture),
        )
        return View(picture, self._after(matrix))

    def padded(self) -> "View":
        """Return it with white to the right or below, so that it is not too narrow to be read."""
        width, height = self.picture.size
        least = max(max(width, height) // _MAX_ASPECT, _MIN_PADDED_SIDE)
        if min(width, height) >= least:
            return self
        page = Image.new("RGB", (max(width, least), max(height, least)), "white")
        page.paste(self.picture)
        return View(page, self.to_page)

    def on_page(self, points: Points) -> Points:
        """Return the points (n, 2) of this view on the picture as it was given."""
        return points @ self.to_page[:, :2].T + self.to_page[:, 2]

    def _after(self, matrix: Matrix) -> Matrix:
        """Return the way to the page of a view from which `matrix` leads to this one."""
        linear = self.to_page[:, :2]
        return np.column_stack([linear @ matrix[:, :2], linear @ matrix[:, 2] + self.to_page[:, 2]])


def _ground(picture: Image.Image) -> tuple[int, ...]:
    """Return the colour that most of the picture's edge has."""
    pixels = np.asarray(picture)  # (height, width, 3)
    n = _EDGE_SAMPLE
    edges = (pixels[:n], pixels[-n:], pixels[:, :n], pixels[:, -n:])
    return tuple(int(v) for v in np.median(np.concatenate([e.reshape(-1, 3) for e in edges]), 0))
