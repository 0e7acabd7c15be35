"""Two heat maps of a document in one picture, each under what it shows."""

from PIL import Image, ImageDraw

from latelight.explain import palette
from latelight.explain.caption import text_width
from latelight.explain.faces import drawable
from latelight.explain.heatmap import HeatMap

GAP = 24
LONGEST_HEIGHT = 2000


def side_by_side(before: HeatMap | None, after: HeatMap | None, titles: tuple[str, str]) -> HeatMap:
    """Return both pictures beside each other at the same height, with a title over each.

    Each keeps its own scale of light, which its caption names: two versions' scores need not have
    one scale. A version that has nothing to draw leaves its half empty, and the title says why.

    Args:
        before, after: the drawn pages; at least one.
        titles: what stands above each.
    """
    drawn = [one.image for one in (before, after) if one is not None]
    height = min(max(image.height for image in drawn), LONGEST_HEIGHT)
    halves = [_half(one, drawn[0], height) for one in (before, after)]
    size = max(max(half.width for half in halves) // 42, 13)
    top = round(size * 2.4)
    whole = Image.new("RGB", (halves[0].width + GAP + halves[1].width, top + height), palette.PAPER)
    draw = ImageDraw.Draw(whole)
    left = 0
    for half, title in zip(halves, titles, strict=True):
        _write_title(draw, (left + size, top / 2), title, (size, half.width - 2 * size))
        whole.paste(half, (left, top))
        left += half.width + GAP
    middle = halves[0].width + GAP // 2
    draw.line((middle, 0, middle, whole.height), fill=palette.HAIRLINE, width=2)
    return HeatMap(whole, max(one.peak for one in (before, after) if one is not None))


def _half(heatmap: HeatMap | None, other: Image.Image, height: int) -> Image.Image:
    """Return one picture at a height: smaller when it was higher, on paper when it was lower."""
    if heatmap is None:
        scale = min(height / other.height, 1.0)
        return Image.new("RGB", (round(other.width * scale), height), palette.PAPER)
    image = heatmap.image
    if image.height > height:
        width = max(round(image.width * height / image.height), 1)
        image = image.resize((width, height), Image.Resampling.LANCZOS)
    half = Image.new("RGB", (image.width, height), palette.PAPER)
    half.paste(image, (0, 0))
    return half


def _write_title(
    draw: ImageDraw.ImageDraw, at: tuple[float, float], title: str, room: tuple[int, int]
) -> None:
    size, width = room
    while title and text_width(title, size) > width:
        title = f"{title[:-2].rstrip('…')}…" if len(title) > 2 else ""
    text, face = drawable(title, size)
    draw.text(at, text, fill=palette.INK, font=face, anchor="lm")
