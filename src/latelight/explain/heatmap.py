"""The page that was found with the light of its evidence on it, under a caption."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter

from latelight.errors import InputError
from latelight.explain import palette
from latelight.explain.caption import Legend, draw_caption
from latelight.explain.lighting import Lighting, RowSimilarities, lighting
from latelight.explain.words import QueryWord, query_words
from latelight.types import Float32Array, TokenEvidence, Unit

# Shorter and longer than this, a picture is scaled: letters of the caption must fit, and a PNG
# of a poster scan must stay sendable.
SHORTEST_WIDTH, LONGEST_SIDE = 900, 2000
# How much of the page's own colour is kept: enough to know the page, too little to be taken for
# light.
COLOUR_KEPT = 0.35
# Winners below this share of the strongest are lit but not outlined.
OUTLINED = 0.25
# Grounds darker than this are no paper; paper less grey than `JUST_SEEN` (of 255) is white.
GREY_PAPER, JUST_SEEN = 130, 6


# Level 3 writes a page in half the time of Pillow's own 6 and 3 % more bytes.
_OPTIONS = {"PNG": {"compress_level": 3}, "JPEG": {"quality": 90}}


@dataclass(frozen=True)
class HeatMap:
    """A drawn heat map.

    Attributes:
        image: the picture, RGB.
        peak: score at the brightest end of the colour scale.
    """

    image: Image.Image
    peak: float

    def save(self, path: str | Path) -> Path:
        """Write the picture in the format that the suffix names and return the path.

        Raises:
            InputError: the suffix names no format that can be written.
        """
        path = Path(path)
        kind = Image.registered_extensions().get(path.suffix.lower())
        if kind not in Image.SAVE:
            raise InputError(f"{path.name!r} names no picture format; end it with .png or .jpg.")
        path.parent.mkdir(parents=True, exist_ok=True)
        self.image.save(path, kind, **_OPTIONS.get(kind, {}))
        return path

    def to_png(self) -> bytes:
        """Return the picture as PNG bytes."""
        buffer = io.BytesIO()
        self.image.save(buffer, "PNG", **_OPTIONS["PNG"])
        return buffer.getvalue()

    def _repr_png_(self) -> bytes:
        return self.to_png()


def page_heatmap(
    picture: Image.Image,
    evidence: Sequence[TokenEvidence],
    legend: Legend,
    *,
    word: str | None = None,
    rows: Iterable[RowSimilarities] = (),
) -> HeatMap:
    """Return the page or picture of a hit with the places lit that answered the query.

    Args:
        picture: the page as an image of any size and mode.
        evidence: the hit's evidence.
        legend: the query, and what to say about the hit.
        word: one word of the query to show alone, in any case; None shows all together.
        rows: similarities of all rows, to let near wins glow; see `lighting`.

    Raises:
        InputError: `word` is not a word of the query that has evidence.
        ShapeError: `rows` do not fit their evidence.
    """
    words = query_words(evidence, legend.query)
    chosen = find_word(words, word) if word is not None else None
    page = fitted(picture)
    lit = lighting(evidence, (page.height, page.width), word=chosen, rows=rows)
    return draw_heatmap(page, lit, legend, words, chosen=chosen)


def draw_heatmap(
    picture: Image.Image,
    lit: Lighting,
    legend: Legend,
    words: Sequence[QueryWord] = (),
    *,
    chosen: QueryWord | None = None,
) -> HeatMap:
    """Return `picture` with light on it and the caption above.

    The scale begins at 0 (no colour) and ends at the map's brightest pixel, whose score the
    caption names. The page is drawn paler and nearly grey, so that colour means light and
    nothing else; print stays readable because light multiplies (on dark grounds it is added).

    Args:
        picture: the page.
        lit: what to draw; the map may have another size than the picture.
        legend: the caption's content.
        words: the query's words with their contributions, for the caption.
        chosen: the one that the map shows alone.
    """
    page = fitted(picture)
    peak = float(lit.light.max(initial=0.0))
    lamp = _lamp(lit, peak, page.size)
    dark = _dark_grounds(page)
    shone = _outlined(_shine(_muted(page), lamp, dark), lit, dark)
    caption = draw_caption(page.width, legend, words, peak=peak, chosen=chosen)
    whole = Image.new("RGB", (page.width, caption.height + page.height), palette.PAPER)
    whole.paste(caption, (0, 0))
    whole.paste(shone, (0, caption.height))
    return HeatMap(whole, peak)


def find_word(words: Sequence[QueryWord], name: str) -> QueryWord:
    """Return the query word called `name`, ignoring case.

    Raises:
        InputError: there is none; the message lists those that there are.
    """
    for word in words:
        if word.text.casefold() == name.strip().casefold():
            return word
    known = ", ".join(repr(word.text) for word in words)
    raise InputError(f"{name!r} is not a word of the query that found something here: {known}.")


def check_drawable(unit: Unit) -> None:
    """Refuse units that have no page to draw on.

    Raises:
        InputError: the unit is a passage.
    """
    if unit.kind == "passage":
        raise InputError(
            f"The unit {unit.unit_id!r} is of kind {unit.kind!r} and has no picture to light; "
            "use snippet() for its text."
        )


def fitted(picture: Image.Image) -> Image.Image:
    """Return the picture in RGB on white, at a size that can be captioned and sent."""
    if picture.mode in ("RGBA", "LA", "PA") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        picture = Image.new("RGBA", seen.size, palette.PAPER)
        picture.alpha_composite(seen)
    picture = picture.convert("RGB")
    scale = max(SHORTEST_WIDTH / picture.width, 1.0)
    scale = min(scale, LONGEST_SIDE / max(picture.size))
    if scale == 1.0:
        return picture
    size = (max(round(picture.width * scale), 1), max(round(picture.height * scale), 1))
    return picture.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)


def _muted(page: Image.Image) -> Image.Image:
    grey = page.convert("L").convert("RGB")
    return Image.blend(grey, page, COLOUR_KEPT)


def _lamp(lit: Lighting, peak: float, size: tuple[int, int]) -> Image.Image:
    """Return the light as a grey picture, 255 where it is brightest, with a soft edge."""
    scaled = np.rint(lit.light * (255 / peak if peak > 0 else 0)).astype(np.uint8)
    lamp = Image.fromarray(scaled)
    if lamp.size != size:
        lamp = lamp.resize(size, Image.Resampling.BILINEAR)
    return ImageChops.lighter(lamp, lamp.filter(ImageFilter.GaussianBlur(_softness(lit, size))))


def _softness(lit: Lighting, size: tuple[int, int]) -> float:
    """Return a blur radius in pixels: a fifth of the usual lit box's shorter side."""
    if not len(lit.outlines):
        return 0.0
    sides = np.stack(
        [
            (lit.outlines[:, 2] - lit.outlines[:, 0]) * size[0],
            (lit.outlines[:, 3] - lit.outlines[:, 1]) * size[1],
        ]
    )
    return float(min(max(0.2 * np.median(sides.min(axis=0)), 1.0), 24.0))


def _shine(page: Image.Image, lamp: Image.Image, dark: Image.Image) -> Image.Image:
    """Return the page under the light: multiplied on light grounds, added on dark ones."""
    tint = Image.merge("RGB", [lamp.point([c[i] for c in palette.RAMP]) for i in range(3)])
    shone = ImageChops.multiply(_whitened(page, lamp), tint)
    if not ImageChops.multiply(dark, lamp.resize(dark.size)).getbbox():
        return shone
    glow = Image.merge("RGB", [lamp.point(_added(i)) for i in range(3)])
    return Image.composite(ImageChops.screen(page, glow), shone, dark.resize(page.size))


def _dark_grounds(page: Image.Image) -> Image.Image:
    """Return an eighth of the page's size, 255 where most of the surroundings are dark."""
    usual = page.convert("L").reduce(8).filter(ImageFilter.MedianFilter(9))
    return usual.point([255 - min(max((v - 70) * 4, 0), 255) for v in range(256)])


def _whitened(page: Image.Image, lamp: Image.Image) -> Image.Image:
    """Return the page with grey paper made white where light falls: amber on grey is mud."""
    ground = page.convert("L").reduce(8).filter(ImageFilter.MaxFilter(3))
    ground = ground.filter(ImageFilter.GaussianBlur(2))
    greyness = ground.point([255 - v if v > GREY_PAPER else 0 for v in range(256)])
    lit = lamp.resize(ground.size)
    if np.asarray(ImageChops.multiply(greyness, lit)).max() < JUST_SEEN:
        return page
    behind = np.asarray(ground.resize(page.size), np.float32)
    gain = 255 / np.clip(behind, GREY_PAPER, 255)
    gain = 1 + (gain - 1) * np.minimum(np.asarray(lamp, np.float32) * (4 / 255), 1)
    white = np.minimum(np.asarray(page, np.float32) * gain[..., None], 255)
    return Image.fromarray(white.astype(np.uint8))


def _added(channel: int) -> list[int]:
    """Return what light of each strength adds to a dark ground."""
    return [round(palette.RAMP[v][channel] * 0.6 * v / 255) for v in range(256)]


def _outlined(page: Image.Image, lit: Lighting, dark: Image.Image) -> Image.Image:
    strongest = float(lit.strengths.max(initial=0.0))
    pen = max(round(page.width / 700), 1)
    draw = ImageDraw.Draw(page, "RGBA")
    for box, strength in zip(_pixels(lit.outlines, page.size), lit.strengths, strict=True):
        share = float(strength) / strongest
        if share >= OUTLINED:
            ink = palette.RAMP[255] if _is_dark(dark, box, page.size) else palette.OUTLINE
            draw.rounded_rectangle(
                box, radius=3 * pen, outline=(*ink, round(90 + 165 * share)), width=pen
            )
    return page


def _is_dark(
    dark: Image.Image, box: tuple[float, float, float, float], size: tuple[int, int]
) -> bool:
    x = min(int((box[0] + box[2]) / 2 * dark.width / size[0]), dark.width - 1)
    y = min(int((box[1] + box[3]) / 2 * dark.height / size[1]), dark.height - 1)
    return bool(np.asarray(dark)[y, x] > 127)


def _pixels(boxes: Float32Array, size: tuple[int, int]) -> list[tuple[float, float, float, float]]:
    width, height = size[0] - 1, size[1] - 1
    scaled = np.rint(boxes * np.array([width, height, width, height], np.float32))
    return [(a, b, max(c, a), max(d, b)) for a, b, c, d in scaled.tolist()]
