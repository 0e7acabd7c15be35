"""A page being filled: its picture, its body text's look, and the labels of what is on it."""

from dataclasses import dataclass, field

from PIL import Image, ImageDraw

from training.sight.assets import Assets, a_font, font, text_width
from training.sight.canvas import (
    BLACK,
    Box,
    Colour,
    Label,
    Random,
    Tile,
    between,
    blank,
    chance,
    ink_box,
    lay,
    pen,
    pick,
    random_colour,
)


@dataclass
class Sheet:
    """A page at about 96 dots an inch.

    Attributes:
        image, draw: the picture and its pen.
        face, size: font file and height of the body text in pixels.
        heading_face, heading_colour: of headings.
        leading: from line to line, in heights.
        labels: what has been drawn, in order.
    """

    image: Image.Image
    draw: ImageDraw.ImageDraw
    rng: Random
    assets: Assets
    face: str
    size: int
    heading_face: str
    heading_colour: Colour
    leading: float
    labels: list[Label] = field(default_factory=list)

    @property
    def line(self) -> float:
        """The height of a line of body text."""
        return self.size * self.leading

    def write(
        self,
        at: tuple[float, float],
        text: str,
        *,
        face: str | None = None,
        size: int | None = None,
        colour: Colour = BLACK,
        anchor: str = "la",
    ) -> None:
        """Write one line."""
        self.draw.text(at, text, colour, font(face or self.face, size or self.size), anchor=anchor)

    def width_of(self, text: str, size: int | None = None, face: str | None = None) -> float:
        """Return how wide a text is."""
        return text_width(self.draw, text, font(face or self.face, size or self.size))

    def mark(self, kind: str, box: Box, attributes: dict[str, bool] | None = None) -> None:
        """Note that something was drawn in a box, cut to the page."""
        left, top = max(0.0, box[0]), max(0.0, box[1])
        right, bottom = min(float(self.image.width), box[2]), min(float(self.image.height), box[3])
        if right - left >= 3 and bottom - top >= 3:
            self.labels.append(Label(kind, (left, top, right, bottom), attributes or {}))

    def put(self, tile: Tile, left: float, top: float) -> None:
        """Print a tile, and note it where its ink is."""
        lay(self.image, tile.image, left, top)
        box = ink_box(tile.image)
        if box is not None:
            x, y = round(left), round(top)
            self.mark(tile.kind, (x + box[0], y + box[1], x + box[2], y + box[3]),
                      dict(tile.attributes))  # fmt: skip


def new_sheet(rng: Random, assets: Assets, width: int, height: int) -> Sheet:
    """Return an empty page with a look of its own."""
    image = blank(width, height)
    typed = chance(rng, 0.07)  # as on a typewriter: no table, no code
    face = pick(rng, assets.fonts.mono) if typed else a_font(rng, assets.fonts)
    heading = a_font(rng, assets.fonts) if chance(rng, 0.4) else face
    colour = BLACK if chance(rng, 0.7) else random_colour(rng, value=(0.15, 0.5))
    size = int(between(rng, 9.5, 15))
    return Sheet(
        image, pen(image), rng, assets, face, size, heading, colour, between(rng, 1.1, 1.5)
    )
