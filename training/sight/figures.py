"""Larger figures: photographs, drawings, maps, flow charts, organisation charts, diagrams."""

from collections.abc import Mapping

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from training.sight.assets import Assets, a_font, font, photograph, words
from training.sight.canvas import (
    BLACK,
    WHITE,
    Box,
    Colour,
    Random,
    Tile,
    arrow,
    between,
    blank,
    chance,
    lighten,
    palette,
    pen,
    pick,
    random_colour,
)

_SEA = (205, 222, 240)
_STEPS = (
    ("box",), ("round",), ("box", "diamond", "oval"), ("round", "diamond"),
    ("box", "box", "diamond"),
)  # fmt: skip
Point = tuple[float, float]


def photo(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """A part of a photograph, flipped and recoloured; else a landscape of noise."""
    size = (max(8, round(width)), max(8, round(height)))
    if not assets.photographs or chance(rng, 0.12):
        return Tile(_landscape(rng, size), "photograph")
    whole = photograph(pick(rng, assets.photographs))
    share = between(rng, 0.3, 1)
    wide = whole.width * share
    high = min(whole.height, wide * size[1] / size[0])
    wide = high * size[0] / size[1]
    left, top = between(rng, 0, whole.width - wide), between(rng, 0, whole.height - high)
    part = whole.resize(size, Image.Resampling.BILINEAR, (left, top, left + wide, top + high))
    if chance(rng, 0.5):
        part = ImageOps.mirror(part)
    part = ImageEnhance.Brightness(part).enhance(between(rng, 0.6, 1.3))
    part = ImageEnhance.Contrast(part).enhance(between(rng, 0.6, 1.4))
    part = ImageEnhance.Color(part).enhance(0 if chance(rng, 0.25) else between(rng, 0.4, 1.6))
    if chance(rng, 0.3):
        hue = np.asarray(part.convert("HSV")).copy()
        hue[..., 0] += np.uint8(rng.integers(0, 255))
        part = Image.fromarray(hue, "HSV").convert("RGB")
    return Tile(part, "photograph")


def _clouds(rng: Random, size: tuple[int, int], coarse: int) -> np.ndarray:
    """Return smooth noise in 0 to 1 of a size, from octaves of coarser noise."""
    total = np.zeros((size[1], size[0]), np.float32)
    for octave in range(5):
        cells = coarse * 2**octave
        noise = Image.fromarray(rng.random((cells, cells)).astype(np.float32))
        total += np.asarray(noise.resize(size, Image.Resampling.BICUBIC)) / 2**octave
    low, high = float(total.min()), float(total.max())
    scaled: np.ndarray = (total - low) / (high - low + 1e-6)
    return scaled


def _landscape(rng: Random, size: tuple[int, int]) -> Image.Image:
    sky, ground = (np.array(random_colour(rng), np.float32) for _ in range(2))
    sky = sky * 0.4 + 150
    clouds = _clouds(rng, size, 2)[..., None]
    image = sky * (0.6 + 0.4 * clouds)
    relief = _clouds(rng, size, 4)
    horizon = size[1] * (0.35 + 0.4 * relief[size[1] // 2])  # (width,)
    below = np.arange(size[1])[:, None] > horizon[None]
    grain = (0.4 + 0.8 * _clouds(rng, size, 16))[..., None]
    image = np.where(below[..., None], ground * grain, image) + rng.normal(
        0, 5, (*image.shape[:2], 1)
    )
    return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))


def drawing(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Clip art, or plain shapes and strokes; in colour, grey or as lines."""
    image = blank(width, height)
    if assets.clip_art and chance(rng, 0.75):
        for _ in range(1 if chance(rng, 0.7) else 3):
            _clip(rng, assets, image)
    else:
        _shapes(rng, image)
    if chance(rng, 0.25):
        image = image.convert("L").convert("RGB")
    if chance(rng, 0.2):
        edges = image.convert("L").filter(ImageFilter.FIND_EDGES)
        image = ImageOps.invert(edges.point(lambda v: min(255, v * 3))).convert("RGB")
        ImageDraw.Draw(image).rectangle((0, 0, image.width - 1, image.height - 1), None, WHITE, 2)
    return Tile(image, "drawing")


def _clip(rng: Random, assets: Assets, image: Image.Image) -> None:
    try:
        with Image.open(pick(rng, assets.clip_art)) as found:
            art = found.convert("RGBA")
    except OSError:  # a few files of the package are damaged
        _shapes(rng, image)
        return
    art.thumbnail((image.width, image.height))
    grow = min(image.width / art.width, image.height / art.height) * between(rng, 0.7, 1)
    art = art.resize((max(1, int(art.width * grow)), max(1, int(art.height * grow))))
    at = (int(between(rng, 0, image.width - art.width + 1)), (image.height - art.height) // 2)
    image.paste(art, at, art)


def _shapes(rng: Random, image: Image.Image) -> None:
    draw, inks = pen(image), palette(rng)
    w, h = image.size
    for i in range(int(rng.integers(6, 26))):
        x, y, r = between(rng, 0, w), between(rng, 0, h), between(rng, 0.05, 0.3) * min(w, h)
        box = (x - r, y - r * between(rng, 0.4, 1), x + r, y + r * between(rng, 0.4, 1))
        fill = inks[i % 8] if chance(rng, 0.7) else None
        form = int(rng.integers(4))
        if form == 0:
            draw.ellipse(box, fill, BLACK)
        elif form == 1:
            draw.polygon(
                [(x + float(a), y + float(b)) for a, b in rng.normal(0, r, (5, 2))], fill, BLACK
            )
        elif form == 2:
            draw.rounded_rectangle(box, r / 4, fill, BLACK)
        else:
            points = [
                (x + float(a), y + float(b)) for a, b in np.cumsum(rng.normal(0, r / 2, (6, 2)), 0)
            ]
            draw.line(points, BLACK, 2, joint="curve")


def a_map(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Countries of a part of the world, or invented districts; coloured by value, with names."""
    image = blank(width, height)
    draw, inks = pen(image), palette(rng)
    if chance(rng, 0.4):
        draw.rectangle((0, 0, *image.size), _SEA if chance(rng, 0.7) else (235, 235, 235))
    one_hue = chance(rng, 0.6)
    rings = _rings(rng, assets, image.size)
    edge = pick(rng, (WHITE, (120, 120, 120), BLACK))
    for i, ring in enumerate(rings):
        fill = lighten(inks[0], between(rng, 0, 0.85)) if one_hue else inks[i % 8]
        if not one_hue and chance(rng, 0.5):
            fill = (215, 215, 215)
        draw.polygon([(float(x), float(y)) for x, y in ring], fill, edge)
    face = font(a_font(rng, assets.fonts), max(7, int(min(image.size) * 0.04)))
    for ring in rings:
        if chance(rng, 0.25):
            x, y = ring.mean(axis=0)
            if chance(rng, 0.5):
                draw.ellipse((x - 2, y - 2, x + 2, y + 2), (200, 30, 30))
            draw.text((float(x), float(y)), words(rng, 1), BLACK, face, anchor="mm")
    _map_lines(rng, draw, image.size)
    return Tile(image, "map")


def _rings(rng: Random, assets: Assets, size: tuple[int, int]) -> list[np.ndarray]:
    """Return polygons (n, 2) in pixels."""
    if not assets.countries or chance(rng, 0.4):
        return _districts(rng, size)
    span = pick(rng, (360.0, 360.0, 120.0, 60.0, 40.0))
    west = -180.0 if span == 360 else between(rng, -120, 140 - span / 2)
    north = 84.0 if span == 360 else between(rng, 0, 60)
    scale = size[0] / span
    found = []
    for record in assets.countries:
        for ring in record:
            at = np.stack([(ring[:, 0] - west) * scale, (north - ring[:, 1]) * scale * 1.2], 1)
            inside = (at > -20).all(axis=1) & (at < np.array(size) + 20).all(axis=1)
            if inside.any():
                found.append(at)
    return found if len(found) > 3 else _districts(rng, size)


def _districts(rng: Random, size: tuple[int, int]) -> list[np.ndarray]:
    """Return cells of a bent grid with ragged borders: invented districts of an invented land."""
    n = int(rng.integers(3, 8))
    w, h = size
    knots = np.stack(np.meshgrid(np.linspace(0.06, 0.94, n + 1), np.linspace(0.06, 0.94, n + 1)), 2)
    knots += rng.normal(0, 0.22 / n, knots.shape)
    middle = knots - 0.5
    knots = 0.5 + middle * (1 - 0.35 * np.linalg.norm(middle, axis=2, keepdims=True))
    edges: dict[tuple[int, ...], np.ndarray] = {}

    def side(a: tuple[int, int], b: tuple[int, int]) -> np.ndarray:
        key = (*min(a, b), *max(a, b))
        if key not in edges:
            t = np.linspace(0, 1, 7)[:, None]
            line = knots[key[0], key[1]] * (1 - t) + knots[key[2], key[3]] * t
            line[1:-1] += rng.normal(0, 0.06 / n, (5, 2))
            edges[key] = line
        return edges[key] if a == min(a, b) else edges[key][::-1]

    found = []
    for i in range(n):
        for j in range(n):
            on_rim = i in (0, n - 1) or j in (0, n - 1)
            if on_rim and chance(rng, 0.35):
                continue
            corners = [(i, j), (i, j + 1), (i + 1, j + 1), (i + 1, j)]
            ring = [
                side(a, b)[:-1] for a, b in zip(corners, [*corners[1:], corners[0]], strict=True)
            ]
            found.append(np.concatenate(ring) * np.array([w, h]))
    return found


def _map_lines(rng: Random, draw: ImageDraw.ImageDraw, size: tuple[int, int]) -> None:
    """Draw rivers or roads across a map, now and then."""
    for _ in range(int(rng.integers(0, 4))):
        start = rng.random(2) * size
        steps = np.cumsum(rng.normal(0, 1, (12, 2)) + rng.normal(0, 1, 2), axis=0)
        points = start + steps * min(size) * 0.06
        colour: Colour = pick(rng, ((80, 130, 200), (220, 80, 60), (140, 140, 140)))
        draw.line([(float(x), float(y)) for x, y in points], colour, int(rng.integers(1, 4)))


def _box(rng: Random, draw: ImageDraw.ImageDraw, assets: Assets, box: Box, look: "_Boxes") -> None:
    form = look.forms[int(rng.integers(len(look.forms)))]
    left, top, right, bottom = box
    if form == "diamond":
        x, y = (left + right) / 2, (top + bottom) / 2
        draw.polygon(((x, top), (right, y), (x, bottom), (left, y)), look.fill, look.edge)
    elif form == "oval":
        draw.ellipse(box, look.fill, look.edge)
    elif form == "round":
        draw.rounded_rectangle(box, (bottom - top) * 0.3, look.fill, look.edge)
    else:
        draw.rectangle(box, look.fill, look.edge)
    size = max(6, int(min((bottom - top) * 0.24, (right - left) * 0.16)))
    n_lines = 2 if bottom - top > 4 * size and chance(rng, 0.6) else 1
    for i in range(n_lines):
        y = (top + bottom) / 2 + (i - (n_lines - 1) / 2) * size * 1.2
        text = words(rng, int(rng.integers(1, 3)))[: max(3, int((right - left) / size * 1.6))]
        draw.text(((left + right) / 2, y), text, look.ink, font(look.face, size), anchor="mm")


class _Boxes:
    """How the boxes of one figure look."""

    def __init__(self, rng: Random, assets: Assets, forms: tuple[str, ...]) -> None:
        self.forms = forms
        base = random_colour(rng)
        self.fill: Colour = pick(rng, (WHITE, lighten(base, 0.7), base, (225, 225, 225)))
        self.edge: Colour | None = pick(rng, (BLACK, BLACK, (90, 90, 90), None))
        if self.fill == WHITE:
            self.edge = self.edge or BLACK
        self.ink: Colour = WHITE if sum(self.fill) < 330 else BLACK
        self.face = a_font(rng, assets.fonts)
        self.line: Colour = pick(rng, (BLACK, (90, 90, 90), base))


def flow_chart(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Steps and decisions joined by arrows, downwards or to the right."""
    image = blank(width, height)
    draw = pen(image)
    look = _Boxes(rng, assets, pick(rng, _STEPS))
    down = height > width * 0.8 or chance(rng, 0.3)
    n, lanes = int(rng.integers(3, 6)), int(rng.integers(1, 4))
    long, wide = (image.height, image.width) if down else (image.width, image.height)
    pitch, lane = long / n, wide / lanes
    middles: dict[tuple[int, int], tuple[float, float]] = {}
    half = (pitch * between(rng, 0.24, 0.34), lane * between(rng, 0.28, 0.42))
    for i in range(n):
        for j in range(lanes):
            if j and chance(rng, 0.35):
                continue
            at = (pitch * (i + 0.5), lane * (j + 0.5))
            x, y = (at[1], at[0]) if down else at
            rx, ry = (half[1], half[0]) if down else half
            middles[i, j] = (x, y)
            _box(rng, draw, assets, (x - rx, y - ry, x + rx, y + ry), look)
    _flows(draw, look, middles, half, down)
    return Tile(image, "flow chart")


def _flows(draw: ImageDraw.ImageDraw, look: _Boxes, middles: Mapping[tuple[int, int], Point],
           half: Point, down: bool) -> None:  # fmt: skip
    """Draw arrows from each step to the next, and across to the next lane."""
    for (i, j), (x, y) in middles.items():
        along, across = (half[0], half[1])
        if (i + 1, j) in middles:
            a, b = middles[i + 1, j]
            ends = [(x, y + along), (a, b - along)] if down else [(x + along, y), (a - along, b)]
            arrow(draw, ends, look.line, 1)
        if (i, j + 1) in middles:
            a, b = middles[i, j + 1]
            ends = (
                [(x + across, y), (a - across, b)] if down else [(x, y + across), (a, b - across)]
            )
            arrow(draw, ends, look.line, 1)


def organisation_chart(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """A tree of boxes: one on top, two or three levels below, joined by right-angled lines."""
    image = blank(width, height)
    draw, look = pen(image), _Boxes(rng, assets, pick(rng, (("box",), ("round",))))
    levels = [1, int(rng.integers(2, 6))]
    if chance(rng, 0.6):
        levels.append(levels[1] * int(rng.integers(1, 3)))
    pitch = image.height / len(levels)
    above: list[tuple[float, float]] = []
    for depth, n in enumerate(levels):
        lane, here = image.width / n, []
        for i in range(n):
            x, y = lane * (i + 0.5), pitch * (depth + 0.42)
            rx, ry = min(lane * 0.43, image.width * 0.15), pitch * between(rng, 0.24, 0.26)
            if above:
                parent = above[i * len(above) // n]
                turn = (parent[1] + y) / 2
                draw.line((parent[0], parent[1], parent[0], turn, x, turn, x, y - ry), look.line, 1)
            _box(rng, draw, assets, (x - rx, y - ry, x + rx, y + ry), look)
            here.append((x, y + ry))
        above = here
    return Tile(image, "organisation chart")


def diagram(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Parts and links: overlapping circles, a cycle, a layered block, or a network."""
    image = blank(width, height)
    draw, inks = pen(image), palette(rng)
    look = _Boxes(rng, assets, pick(rng, (("oval",), ("box", "oval"), ("round", "box"))))
    w, h = image.size
    form = int(rng.integers(4))
    n = int(rng.integers(3, 7))
    if form == 0:
        for i in range(min(n, 4)):
            angle = 2 * np.pi * i / min(n, 4)
            x, y, r = (
                w / 2 + w * 0.15 * np.cos(angle),
                h / 2 + h * 0.15 * np.sin(angle),
                min(w, h) * 0.28,
            )
            draw.ellipse(
                (x - r, y - r, x + r, y + r), None if i % 2 else lighten(inks[i], 0.6), BLACK, 2
            )
            draw.text(
                (x, y), words(rng, 1), BLACK, font(look.face, max(7, int(r * 0.16))), anchor="mm"
            )
        return Tile(image, "diagram")
    if form == 1:
        for i in range(n):
            box = (w * 0.08, h * (i + 0.1) / n, w * 0.92, h * (i + 0.9) / n)
            look.fill = lighten(inks[i % 8], 0.5)
            look.ink = BLACK
            _box(rng, draw, assets, box, look)
        return Tile(image, "diagram")
    angles = 2 * np.pi * np.arange(n) / n + rng.random()
    spots = [
        (w / 2 + w * 0.36 * float(np.cos(a)), h / 2 + h * 0.36 * float(np.sin(a))) for a in angles
    ]
    for i, spot in enumerate(spots):
        others = [spots[(i + 1) % n]] if form == 2 else [s for s in spots if chance(rng, 0.5)]
        for other in others:
            if other != spot:
                draw.line((*spot, *other), look.line, 1)
    rx, ry = w * min(0.13, 0.5 / n), h * min(0.12, 0.5 / n)
    for x, y in spots:
        _box(rng, draw, assets, (x - rx, y - ry, x + rx, y + ry), look)
    return Tile(image, "diagram")
