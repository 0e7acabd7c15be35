"""Small marks on pages: logos, signatures, stamps, handwriting, bar codes, QR codes, formulas."""

import functools

import numpy as np
from PIL import Image, ImageDraw

from training.sight.assets import Assets, a_font, amount, font, sentence, text_width, words
from training.sight.canvas import (
    BLACK,
    WHITE,
    Colour,
    Random,
    Tile,
    between,
    blank,
    chance,
    ink_box,
    lay,
    lighten,
    pen,
    pick,
    random_colour,
)

INKS: tuple[Colour, ...] = ((15, 15, 25), (20, 30, 110), (25, 60, 160), (60, 60, 70))


def fitted(path: str, text: str, width: float, height: float) -> int:
    """Return the largest size at which a text fits a box."""
    draw = pen(blank(8, 8))
    size = max(6, int(height * 0.9))
    while size > 6 and text_width(draw, text, font(path, size)) > width:
        size = int(size * 0.88)
    return size


def logo(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """A company's mark: a figure and a name in one or two colours."""
    image = blank(width, height)
    draw, colour = pen(image), random_colour(rng, value=(0.1, 0.85))
    if chance(rng, 0.25):
        colour = BLACK
    side = min(image.height, image.width * 0.45) * 0.92
    form = rng.random()
    if form < 0.72:
        _mark(rng, assets, draw, side, colour)
    if form > 0.25:
        left = side * 1.15 if form < 0.72 else 2.0
        name = words(rng, int(rng.integers(1, 3)))
        name = name.upper() if chance(rng, 0.5) else name
        face = a_font(rng, assets.fonts)
        size = fitted(face, name, image.width - left - 2, image.height * between(rng, 0.5, 0.95))
        other = colour if chance(rng, 0.5) else random_colour(rng, value=(0.1, 0.7))
        draw.text((left, image.height / 2), name, other, font(face, size), anchor="lm")
        if chance(rng, 0.3):
            y = image.height / 2 + size * 0.6
            draw.line((left, y, image.width * 0.95, y), colour, 2)
    if ink_box(image) is None:
        draw.ellipse((2, 2, side, side), colour)
    return Tile(image, "logo")


def _mark(rng: Random, assets: Assets, draw: ImageDraw.ImageDraw, side: float,
          colour: Colour) -> None:  # fmt: skip
    """Draw a figure in the left square of a logo."""
    form = rng.random()
    if form < 0.4 and assets.fonts.symbols:
        face = font(assets.fonts.symbols[0], int(side * 0.8))
        code = chr(int(pick(rng, (*range(0xF080, 0xF0B3), *range(0xF1A0, 0xF1D0)))))
        draw.text((side / 2, side / 2), code, colour, face, anchor="mm")
        return
    for _ in range(int(rng.integers(1, 4))):
        a, b = sorted(rng.uniform(0, side, 2))
        c, d = sorted(rng.uniform(0, side, 2))
        box = (a, c, max(b, a + side * 0.4), max(d, c + side * 0.4))
        shape = int(rng.integers(4))
        if shape == 0:
            draw.ellipse(box, colour)
        elif shape == 1:
            draw.polygon([(float(x), float(y)) for x, y in rng.uniform(0, side, (3, 2))], colour)
        elif shape == 2:
            draw.rectangle(box, colour)
        else:
            draw.arc(box, between(rng, 0, 180), between(rng, 190, 360), colour, int(side / 8) + 1)
        colour = colour if chance(rng, 0.6) else lighten(colour, 0.45)
    if chance(rng, 0.4):
        letter = words(rng, 1)[:1]
        face = font(a_font(rng, assets.fonts), int(side * 0.6))
        draw.text((side / 2, side / 2), letter, WHITE if chance(rng, 0.7) else BLACK, face, "mm")


def _spline(points: np.ndarray, n: int) -> list[tuple[float, float]]:
    """Return a smooth curve through points (Catmull and Rom, 1974)."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    found = []
    for i in range(len(points) - 1):
        p0, p1, p2, p3 = padded[i : i + 4]
        for t in np.linspace(0, 1, n, endpoint=False):
            at = 0.5 * (2 * p1 + (p2 - p0) * t + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                        + (3 * p1 - p0 - 3 * p2 + p3) * t**3)  # fmt: skip
            found.append((float(at[0]), float(at[1])))
    return found


def signature(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """A name signed: loops of a pen, or a name in a script font, slanted."""
    image, ink = blank(width, height), pick(rng, INKS)
    draw = pen(image)
    if chance(rng, 0.45):
        name = f"{words(rng, 1)} {words(rng, 1)}"
        path = pick(rng, assets.fonts.hand)
        size = fitted(path, name, image.width * 0.92, image.height * 0.9)
        draw.text((image.width / 2, image.height / 2), name, ink, font(path, size), anchor="mm")
    else:
        n = int(rng.integers(7, 16))
        xs = np.linspace(image.width * 0.06, image.width * 0.9, n)
        xs += rng.normal(0, image.width * 0.05, n)
        swing = np.where(np.arange(n) % 2, 1, -1) * image.height * 0.3 * rng.random(n)
        ys = image.height * 0.5 + swing * np.linspace(1.3, 0.6, n)
        points = np.stack([np.clip(xs, 2, image.width - 3), np.clip(ys, 2, image.height - 3)], 1)
        draw.line(_spline(points, 10), ink, int(rng.integers(1, 4)), joint="curve")
    if chance(rng, 0.4):
        y = image.height * between(rng, 0.6, 0.9)
        end = (image.width * 0.95, y - image.height * 0.1)
        draw.line((image.width * 0.1, y, *end), ink, 1)
    return Tile(image.rotate(between(rng, -6, 8), Image.Resampling.BILINEAR, fillcolor=WHITE),
                "signature")  # fmt: skip


def stamp(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """A rubber stamp: a ring or a frame with capitals, one colour, uneven and turned."""
    side = min(width, height)
    ink = pick(rng, ((190, 30, 40), (40, 50, 150), (90, 40, 130), (30, 110, 60), (40, 40, 40)))
    round_one = chance(rng, 0.5)
    image = blank(side if round_one else width, side if round_one else min(height, width * 0.5))
    draw, edge = pen(image), int(rng.integers(2, 5))
    box = (3, 3, image.width - 4, image.height - 4)
    text = pick(rng, ("APPROVED", "RECEIVED", "PAID", "COPY", "CONFIDENTIAL", "FILED", "DRAFT",
                      words(rng, 1).upper()))  # fmt: skip
    face = a_font(rng, assets.fonts)
    if round_one:
        draw.ellipse(box, None, ink, edge)
        inner = tuple(v + s * side * 0.13 for v, s in zip(box, (1, 1, -1, -1), strict=True))
        draw.ellipse(inner, None, ink, 1)
        _around(image, text + " * " + words(rng, 1).upper(), face, ink)
    else:
        draw.rectangle(box, None, ink, edge)
    size = fitted(face, text, image.width * (0.6 if round_one else 0.85), image.height * 0.4)
    middle = (image.width / 2, image.height * (0.5 if round_one else 0.42))
    draw.text(middle, text, ink, font(face, size), anchor="mm")
    if not round_one or chance(rng, 0.5):
        date = (
            f"{rng.integers(1, 29)} {pick(rng, ('JAN', 'MAY', 'OCT'))} {rng.integers(1970, 2025)}"
        )
        draw.text(
            (middle[0], middle[1] + size), date, ink, font(face, int(size * 0.5)), anchor="mm"
        )
    turned = image.rotate(between(rng, -25, 25), Image.Resampling.BILINEAR, True, fillcolor=WHITE)
    return Tile(_worn(rng, turned), "stamp")


def _around(image: Image.Image, text: str, face: str, ink: Colour) -> None:
    """Write letters around the middle, between the rings."""
    side = image.width
    shown = font(face, int(side * 0.09))
    for i, letter in enumerate(text[:24]):
        angle = -200 + 220 * i / max(1, len(text[:24]) - 1)
        tile = blank(side * 0.14, side * 0.14)
        pen(tile).text((tile.width / 2, tile.height / 2), letter, ink, shown, anchor="mm")
        turned = tile.rotate(-angle - 90, Image.Resampling.BILINEAR, fillcolor=WHITE)
        radius = side * 0.425
        x = side / 2 + radius * np.cos(np.deg2rad(angle)) - tile.width / 2
        y = side / 2 + radius * np.sin(np.deg2rad(angle)) - tile.height / 2
        lay(image, turned, float(x), float(y))


def _worn(rng: Random, image: Image.Image) -> Image.Image:
    """Return a print with thin places."""
    pixels = np.asarray(image, np.float32)
    coarse = rng.random((6, 6)).astype(np.float32)
    thin = np.asarray(Image.fromarray(coarse).resize(image.size, Image.Resampling.BICUBIC))
    share = np.clip(thin * between(rng, 0.2, 0.9), 0, 0.85)[..., None]
    share = np.where(rng.random(share.shape) < 0.08, 0.9, share)
    return Image.fromarray((pixels + (255 - pixels) * share).astype(np.uint8))


def handwriting(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Lines written by hand, sometimes on ruled lines, slightly uneven."""
    image, ink = blank(width, height), pick(rng, INKS)
    draw, path = pen(image), pick(rng, assets.fonts.hand)
    size = int(np.clip(min(width, height) * between(rng, 0.09, 0.3), 12, 34))
    ruled, y = chance(rng, 0.2), 2.0
    while y + size * 1.3 < image.height:
        shown, text = font(path, size), sentence(rng)
        if chance(rng, 0.2):
            text = f"{words(rng, 1)} {amount(rng)}"
        while text and text_width(draw, text, shown) > image.width - 8:
            text = text[:-3]
        draw.text((2 + between(rng, 0, size), y + between(rng, -1.5, 1.5)), text, ink, shown)
        if ruled:
            draw.line((0, y + size * 1.2, image.width, y + size * 1.2), (170, 190, 220), 1)
        y += size * between(rng, 1.2, 1.5)
    return Tile(image, "handwriting")


def barcode(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Upright bars of varied widths, often with digits below."""
    image = blank(width, min(height, width * between(rng, 0.25, 0.7)))
    draw, unit = pen(image), max(1, int(width / between(rng, 60, 120)))
    digits = chance(rng, 0.7)
    low = image.height - (12 if digits and image.height > 24 else 0)
    x = unit * 2
    while x < image.width - unit * 5:
        wide = unit * int(rng.integers(1, 4))
        draw.rectangle((x, 1, x + wide - 1, low), BLACK)
        x += wide + unit * int(rng.integers(1, 4))
    if low < image.height:
        text = "".join(str(d) for d in rng.integers(0, 10, 12))
        draw.text(
            (image.width / 2, image.height), text, BLACK, font(assets.fonts.mono[0], 10), "mb"
        )
    return Tile(image, "barcode")


def qr_code(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """Square modules with three finders, as in a QR code (it cannot be read)."""
    n = int(pick(rng, (21, 25, 29, 33, 41)))
    cells = rng.random((n, n)) < 0.5
    for top, left in ((0, 0), (0, n - 7), (n - 7, 0)):
        cells[max(0, top - 1) : top + 8, max(0, left - 1) : left + 8] = False
        cells[top : top + 7, left : left + 7] = True
        cells[top + 1 : top + 6, left + 1 : left + 6] = False
        cells[top + 2 : top + 5, left + 2 : left + 5] = True
    grid = Image.fromarray(np.where(cells, 0, 255).astype(np.uint8))
    side = max(n, int(min(width, height)))
    return Tile(grid.resize((side, side), Image.Resampling.NEAREST).convert("RGB"), "QR code")


_FORMULAS = (
    r"$\sum_{i=1}^{n} x_i^2 = \frac{n(n+1)}{2}$", r"$E = mc^2 + \frac{1}{2}mv^2$",
    r"$\int_0^\infty e^{-\alpha x^2}\,dx = \frac{1}{2}\sqrt{\frac{\pi}{\alpha}}$",
    r"$P(A|B) = \frac{P(B|A)P(A)}{P(B)}$", r"$\hat{\beta} = (X^T X)^{-1} X^T y$",
    r"$\frac{\partial u}{\partial t} = \kappa \nabla^2 u + f(x, t)$",
    r"$\sigma^2 = \frac{1}{N}\sum_{k=1}^{N}(x_k - \mu)^2$", r"$a_{n+1} = \lambda a_n (1 - a_n)$",
    r"$NPV = \sum_{t=0}^{T} \frac{C_t}{(1+r)^t}$", r"$\lim_{n\to\infty}(1+\frac{1}{n})^n = e$",
    r"$f(x) = \frac{1}{\sqrt{2\pi\sigma^2}} e^{-\frac{(x-\mu)^2}{2\sigma^2}}$",
    r"$\nabla \times B = \mu_0 J + \mu_0\epsilon_0 \frac{\partial E}{\partial t}$",
    r"$\| x - y \|_2 \leq \epsilon \quad \forall x \in \Omega$",
    r"$y_t = \phi_1 y_{t-1} + \epsilon_t$",
    r"$D_{KL}(p \| q) = \sum_x p(x) \log \frac{p(x)}{q(x)}$",
    r"$\alpha + \beta \geq 2\sqrt{\alpha\beta}$",
)  # fmt: skip


@functools.lru_cache(maxsize=128)
def _formula(text: str, family: str, size: int) -> Image.Image:
    import matplotlib as mpl
    from matplotlib import mathtext
    from matplotlib.font_manager import FontProperties

    with mpl.rc_context({"mathtext.fontset": family}):
        parsed = mathtext.MathTextParser("agg").parse(text, size * 2, FontProperties(size=size))
    alpha = np.asarray(parsed.image)
    return Image.fromarray((255 - alpha).astype(np.uint8)).convert("RGB")


def formula(rng: Random, assets: Assets, width: float, height: float) -> Tile:
    """One or several lines of mathematics, set by matplotlib; sometimes with a number."""
    image, y = blank(width, height), 2.0
    size = int(between(rng, 9, 22))
    family = pick(rng, ("cm", "stix", "dejavuserif", "dejavusans"))
    for _ in range(int(rng.integers(1, 4))):
        line = _formula(pick(rng, _FORMULAS), family, size)
        if y + line.height > image.height or line.width > image.width - 40:
            break
        left = (image.width - line.width) / 2 if chance(rng, 0.8) else 4
        image.paste(line, (int(left), int(y)))
        if chance(rng, 0.35):
            face = font(assets.fonts.serif[0], size)
            pen(image).text((image.width - 2, y), f"({rng.integers(1, 30)})", BLACK, face, "ra")
        y += line.height + size * 0.7
    return Tile(image, "formula")
