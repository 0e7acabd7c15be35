"""Drawing on pages: tiles with what they show, labels, palettes, and where the ink is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
from PIL import Image, ImageChops, ImageDraw

Box = tuple[float, float, float, float]  # left, top, right, bottom in pixels
Colour = tuple[int, int, int]
Random = np.random.Generator
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
INK = 12  # how much darker than paper a pixel of ink is
_T = TypeVar("_T")

PALETTES: tuple[tuple[Colour, ...], ...] = (
    ((31, 73, 125), (79, 129, 189), (149, 179, 215), (192, 80, 77), (155, 187, 89)),
    ((31, 119, 180), (255, 127, 14), (44, 160, 44), (214, 39, 40), (148, 103, 189)),
    ((0, 84, 147), (0, 150, 214), (118, 184, 42), (243, 146, 0), (130, 130, 130)),
    ((40, 40, 40), (110, 110, 110), (160, 160, 160), (205, 205, 205), (75, 75, 75)),
    ((0, 0, 0), (90, 90, 90), (140, 140, 140), (200, 200, 200), (60, 60, 60)),
    ((200, 16, 46), (64, 64, 64), (150, 150, 150), (230, 120, 130), (110, 10, 30)),
    ((0, 98, 65), (90, 160, 90), (170, 205, 150), (220, 180, 60), (80, 80, 80)),
    ((230, 159, 0), (86, 180, 233), (0, 158, 115), (0, 114, 178), (213, 94, 0)),
    ((102, 45, 145), (180, 100, 200), (240, 150, 60), (60, 60, 120), (220, 200, 230)),
)


@dataclass(frozen=True)
class Label:
    """Something on a page: its kind, its box in pixels, and which attributes it has or lacks."""

    kind: str
    box: Box
    attributes: Mapping[str, bool] = field(default_factory=dict)


@dataclass(frozen=True)
class Tile:
    """A picture of one thing on white paper."""

    image: Image.Image
    kind: str
    attributes: Mapping[str, bool] = field(default_factory=dict)


def pick(rng: Random, among: Sequence[_T]) -> _T:
    """Return one of `among`."""
    return among[int(rng.integers(len(among)))]


def weighted(rng: Random, weights: Mapping[str, float]) -> str:
    """Return a key of `weights`, drawn in proportion to its weight."""
    keys = list(weights)
    shares = np.array([weights[key] for key in keys], float)
    return keys[int(rng.choice(len(keys), p=shares / shares.sum()))]


def chance(rng: Random, share: float) -> bool:
    """Return True in `share` of the calls."""
    return bool(rng.random() < share)


def between(rng: Random, low: float, high: float) -> float:
    """Return a number between two others."""
    return float(rng.uniform(low, high))


def palette(rng: Random) -> list[Colour]:
    """Return eight colours: of a known palette, of random hues, or shades of one hue."""
    form = rng.random()
    if form < 0.55:
        base = list(pick(rng, PALETTES))
        if chance(rng, 0.4):
            base = [base[i] for i in rng.permutation(len(base))]
        return [*base, *(_shade(one, 1.35) for one in base[:3])]
    if form < 0.8:
        return [random_colour(rng) for _ in range(8)]
    hue = random_colour(rng)
    return [_shade(hue, between(rng, 0.5, 1.8)) for _ in range(8)]


def random_colour(rng: Random, *, value: tuple[float, float] = (0.35, 0.95)) -> Colour:
    """Return a colour of random hue."""
    import colorsys

    red, green, blue = colorsys.hsv_to_rgb(rng.random(), between(rng, 0.3, 1), between(rng, *value))
    return int(red * 255), int(green * 255), int(blue * 255)


def _shade(colour: Colour, by: float) -> Colour:
    red, green, blue = (min(245, int(part * by) + (20 if by > 1 else 0)) for part in colour)
    return red, green, blue


def lighten(colour: Colour, share: float) -> Colour:
    """Return a colour moved towards white by `share`."""
    red, green, blue = (int(part + (255 - part) * share) for part in colour)
    return red, green, blue


def blank(width: float, height: float, colour: Colour = WHITE) -> Image.Image:
    """Return an empty picture of at least 8 x 8 pixels."""
    return Image.new("RGB", (max(8, round(width)), max(8, round(height))), colour)


def pen(image: Image.Image) -> ImageDraw.ImageDraw:
    """Return what draws on a picture."""
    return ImageDraw.Draw(image)


def ink_box(image: Image.Image) -> Box | None:
    """Return the box of what is darker than white paper in a tile, or None on an empty one."""
    dark = image.convert("L").point(lambda value: 255 if value < 255 - INK else 0)
    box = dark.getbbox()
    return None if box is None else (float(box[0]), float(box[1]), float(box[2]), float(box[3]))


def lay(page: Image.Image, tile: Image.Image, left: float, top: float) -> None:
    """Print a tile on a page: its white lets the page through."""
    x, y = round(left), round(top)
    under = page.crop((x, y, x + tile.width, y + tile.height))
    page.paste(ImageChops.multiply(under, tile), (x, y))


def arrow(draw: ImageDraw.ImageDraw, points: Sequence[tuple[float, float]], colour: Colour,
          width: int = 2) -> None:  # fmt: skip
    """Draw a line through points that ends in an arrow head."""
    draw.line(list(points), fill=colour, width=width)
    (x0, y0), (x1, y1) = points[-2], points[-1]
    along = np.array([x1 - x0, y1 - y0], float)
    along /= max(1e-6, float(np.hypot(*along)))
    side = np.array([-along[1], along[0]])
    tip, size = np.array([x1, y1]), 4 + 2 * width
    corners = [tip, tip - size * along + size / 2 * side, tip - size * along - size / 2 * side]
    draw.polygon([(float(x), float(y)) for x, y in corners], fill=colour)
