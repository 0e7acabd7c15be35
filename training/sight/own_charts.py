"""Charts drawn straight with lines and polygons, quick and unlike any plotting library's look."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from PIL import Image, ImageDraw

from training.sight.assets import Assets, a_font, amount, font, words
from training.sight.canvas import (
    BLACK,
    WHITE,
    Box,
    Colour,
    Random,
    Tile,
    between,
    blank,
    chance,
    lighten,
    palette,
    pen,
    pick,
)
from training.sight.plans import Plan

Point = tuple[float, float]


@dataclass
class Canvas:
    """A picture being drawn: its pen, its look, and the box of the plot within it."""

    image: Image.Image
    draw: ImageDraw.ImageDraw
    rng: Random
    plan: Plan
    colours: list[Colour]
    face: str
    size: int
    plot: Box
    line: int
    axis: Colour

    def text(self, at: Point, text: str, anchor: str = "mm", colour: Colour = (50, 50, 50)) -> None:
        """Write a short text."""
        self.draw.text(at, text, fill=colour, font=font(self.face, self.size), anchor=anchor)

    def x(self, share: float) -> float:
        """Return the pixel of a share of the plot's width."""
        return self.plot[0] + share * (self.plot[2] - self.plot[0])

    def y(self, share: float) -> float:
        """Return the pixel of a share of the plot's height, from below."""
        return self.plot[3] - share * (self.plot[3] - self.plot[1])


def draw_plan(rng: Random, assets: Assets, plan: Plan, width: float, height: float) -> Tile:
    """Return a chart as a picture of about `width` x `height` pixels."""
    canvas = _canvas(rng, assets, plan, width, height)
    _DRAWERS[plan.kind](canvas)
    if plan.has("legend"):
        _legend(canvas)
    return Tile(canvas.image, plan.kind, plan.flags)


def _canvas(rng: Random, assets: Assets, plan: Plan, width: float, height: float) -> Canvas:
    ground = WHITE if chance(rng, 0.85) else lighten(pick(rng, palette(rng)), 0.88)
    image = blank(width, height, ground)
    size = max(7, int(min(width, height) * between(rng, 0.035, 0.06)))
    top = size * 0.8 + (size * 2 if plan.title else 0)
    canvas = Canvas(
        image, pen(image), rng, plan, palette(rng), a_font(rng, assets.fonts), size,
        (size * between(rng, 2.2, 4.5), top, image.width - size, image.height - size * 2.4),
        int(rng.integers(1, 4)), pick(rng, (BLACK, (90, 90, 90), (150, 150, 150))),
    )  # fmt: skip
    if plan.has("legend"):
        _make_room(canvas)
    if plan.title:
        at = (image.width / 2, size * 1.2) if chance(rng, 0.7) else (size * 1.5, size * 1.2)
        canvas.text(at, plan.title, "mm" if at[0] > size * 2 else "lm", BLACK)
    return canvas


def _make_room(canvas: Canvas) -> None:
    left, top, right, bottom = canvas.plot
    if canvas.image.width > 1.2 * canvas.image.height:
        canvas.plot = (left, top, right - canvas.size * 6, bottom)
    else:
        canvas.plot = (left, top, right, bottom - canvas.size * 2)


def _legend(canvas: Canvas) -> None:
    n = _n_named(canvas.plan)
    beside = canvas.plot[2] < canvas.image.width - canvas.size * 4
    step = canvas.size * 1.5
    for i in range(min(n, 6)):
        if beside:
            x, y = canvas.plot[2] + canvas.size, canvas.plot[1] + step * (i + 0.7)
        else:
            x = canvas.plot[0] + i * (canvas.plot[2] - canvas.plot[0]) / n
            y = canvas.image.height - canvas.size * 1.1
        half = canvas.size * 0.35
        canvas.draw.rectangle((x - half, y - half, x + half, y + half), canvas.colours[i % 8])
        canvas.text((x + canvas.size * 0.7, y), canvas.plan.names[i][:9], "lm")


def _n_named(plan: Plan) -> int:
    return plan.values.shape[1] if plan.kind == "pie chart" else len(plan.values)


def _axes(canvas: Canvas, *, swap: bool = False, between_labels: bool = True) -> None:
    """Draw axes, grid lines and labels; `swap` puts the labels on the left."""
    left, top, right, bottom = canvas.plot
    rng, n_lines = canvas.rng, int(canvas.rng.integers(3, 7))
    for i in range(n_lines + 1):
        share = i / n_lines
        if canvas.plan.has("grid lines"):
            line = (canvas.x(share), top, canvas.x(share), bottom) if swap else (
                left, canvas.y(share), right, canvas.y(share))  # fmt: skip
            canvas.draw.line(line, (205, 205, 205), 1)
        text = f"{i * 10 ** int(rng.integers(0, 3)):,}"
        if swap:
            canvas.text((canvas.x(share), bottom + canvas.size), text)
        else:
            canvas.text((left - canvas.size * 0.5, canvas.y(share)), text, "rm")
    form = rng.random()
    if form < 0.5:
        canvas.draw.line((left, top, left, bottom, right, bottom), canvas.axis, 1)
    elif form < 0.75:
        canvas.draw.rectangle(canvas.plot, None, canvas.axis, 1)
    else:
        canvas.draw.line((left, bottom, right, bottom), canvas.axis, 1)
    _labels(canvas, swap, 0.5 if between_labels else 0.0)


def _labels(canvas: Canvas, swap: bool, middle: float) -> None:
    labels = canvas.plan.labels
    room = max(1, int((canvas.plot[2] - canvas.plot[0]) / (canvas.size * 3.4)))
    step = 1 if swap else max(1, -(-len(labels) // room))
    for i in range(0, len(labels), step):
        share = (i + middle) / max(1, len(labels) - 1 + 2 * middle)
        if swap:
            at = (canvas.plot[0] - canvas.size * 0.4, canvas.y(share))
            canvas.text(at, labels[i][:6], "rm")
        else:
            canvas.text((canvas.x(share), canvas.plot[3] + canvas.size), labels[i][:8])


def _scaled(values: np.ndarray) -> np.ndarray:
    """Return values as shares of the plot's height."""
    shares: np.ndarray = values / (values.max() * 1.08)
    return shares


def _bars(canvas: Canvas) -> None:
    swap, stacked = canvas.plan.has("horizontal bars"), "stacked" in canvas.plan.kind
    _axes(canvas, swap=swap)
    values = canvas.plan.values
    shares = values / (values.sum(axis=0).max() * 1.05) if stacked else _scaled(values)
    n_series, n = shares.shape
    pitch, fill = 1 / n, between(canvas.rng, 0.45, 0.9)
    base = np.zeros(n)
    for s in range(n_series):
        for i in range(n):
            thick = pitch * fill / (1 if stacked else n_series)
            start = pitch * (i + (1 - fill) / 2) + (0 if stacked else thick * s)
            low = base[i] if stacked else 0.0
            one_colour = canvas.colours[s % 8]
            _bar(canvas, (start, start + thick), (low, low + shares[s, i]), one_colour)
            if canvas.plan.has("value labels"):
                _value(canvas, (start + thick / 2, low + shares[s, i]), stacked)
        base = base + shares[s]


def _bar(canvas: Canvas, across: Point, along: Point, colour: Colour) -> None:
    if canvas.plan.has("horizontal bars"):
        box = (canvas.x(along[0]), canvas.y(across[1]), canvas.x(along[1]), canvas.y(across[0]))
    else:
        box = (canvas.x(across[0]), canvas.y(along[1]), canvas.x(across[1]), canvas.y(along[0]))
    left, top, right, bottom = box
    right, bottom = max(left + 1, right), max(top + 1, bottom)
    if canvas.plan.has("three-dimensional"):
        d = max(2.0, min(right - left, bottom - top) * 0.3)
        canvas.draw.polygon(((left, top), (left + d, top - d), (right + d, top - d), (right, top)),
                            lighten(colour, 0.4))  # fmt: skip
        canvas.draw.polygon(((right, top), (right + d, top - d), (right + d, bottom - d),
                             (right, bottom)), tuple(int(c * 0.7) for c in colour))  # fmt: skip
    outline = canvas.axis if canvas.line == 1 else None
    canvas.draw.rectangle((left, top, right, bottom), colour, outline)


def _value(canvas: Canvas, at: Point, inside: bool) -> None:
    text = amount(canvas.rng)[:6]
    if canvas.plan.has("horizontal bars"):
        canvas.text((canvas.x(at[1]) + 3, canvas.y(at[0])), text, "lm")
    elif inside:
        canvas.text((canvas.x(at[0]), canvas.y(at[1]) + canvas.size * 0.8), text, "mm", WHITE)
    else:
        canvas.text((canvas.x(at[0]), canvas.y(at[1]) - 2), text, "mb")


def _points(canvas: Canvas, shares: np.ndarray) -> list[Point]:
    n = len(shares)
    return [(canvas.x((i + 0.5) / n), canvas.y(float(share))) for i, share in enumerate(shares)]


def _lines(canvas: Canvas, *, axes: bool = True) -> None:
    if axes:
        _axes(canvas)
    dashed, marked = chance(canvas.rng, 0.3), chance(canvas.rng, 0.45)
    floor = between(canvas.rng, 0, 0.7) * canvas.plan.values.min()
    shares = _scaled(canvas.plan.values - floor)
    for s, row in enumerate(shares):
        points = _points(canvas, row)
        colour = canvas.colours[s % 8]
        if dashed and s:
            _dashes(canvas, points, colour)
        else:
            canvas.draw.line(points, colour, canvas.line, joint="curve")
        if marked and len(points) < 40:
            for point in points:
                _marker(canvas, point, colour, s)
        if canvas.plan.has("value labels") and len(points) < 13:
            for x, y in points:
                canvas.text((x, y - canvas.size * 0.6), amount(canvas.rng)[:5], "mb")


def _dashes(canvas: Canvas, points: Sequence[Point], colour: Colour) -> None:
    dense = 6
    xs = np.interp(np.arange(0, len(points) - 1, 1 / dense), range(len(points)),
                   [p[0] for p in points])  # fmt: skip
    ys = np.interp(xs, [p[0] for p in points], [p[1] for p in points])
    for i in range(0, len(xs) - 1, 2):
        canvas.draw.line((xs[i], ys[i], xs[i + 1], ys[i + 1]), colour, canvas.line)


def _marker(canvas: Canvas, at: Point, colour: Colour, form: int) -> None:
    r = canvas.line + 1.5
    x, y = at
    if form % 3 == 0:
        canvas.draw.ellipse((x - r, y - r, x + r, y + r), colour)
    elif form % 3 == 1:
        canvas.draw.rectangle((x - r, y - r, x + r, y + r), colour)
    else:
        canvas.draw.polygon(((x, y - r), (x + r, y + r), (x - r, y + r)), colour)


def _area(canvas: Canvas) -> None:
    values = canvas.plan.values
    total = np.cumsum(values, axis=0)
    shares = _scaled(total)
    for s in reversed(range(len(shares))):
        points = _points(canvas, shares[s])
        low = canvas.plot[3]
        canvas.draw.polygon([(points[0][0], low), *points, (points[-1][0], low)],
                            canvas.colours[s % 8])  # fmt: skip
    _axes(canvas)


def _combined(canvas: Canvas) -> None:
    whole = canvas.plan
    canvas.plan = replace(whole, values=whole.values[:1])
    _bars(canvas)
    canvas.plan = replace(whole, values=whole.values[1:])
    canvas.colours = canvas.colours[1:] + canvas.colours[:1]
    canvas.line = max(2, canvas.line)
    _lines(canvas, axes=False)
    canvas.plan, canvas.colours = whole, canvas.colours[-1:] + canvas.colours[:-1]


def _pie(canvas: Canvas) -> None:
    left, top, right, bottom = canvas.plot
    squash = between(canvas.rng, 0.45, 0.7) if canvas.plan.has("three-dimensional") else 1.0
    radius = min(right - left, (bottom - top) / squash) / 2 * between(canvas.rng, 0.75, 0.98)
    x, y = (left + right) / 2, (top + bottom) / 2
    box = (x - radius, y - radius * squash, x + radius, y + radius * squash)
    values = canvas.plan.values[0] + canvas.plan.values[0].max() * 0.15
    edges = np.cumsum(np.r_[between(canvas.rng, 0, 360), values / values.sum() * 360])
    outline = pick(canvas.rng, (WHITE, BLACK, None))
    for depth in range(int(radius * 0.25), -1, -1) if squash < 1 else (0,):
        for i, (a, b) in enumerate(pairwise(edges)):
            colour = canvas.colours[i % 8]
            if depth:
                colour = (int(colour[0] * 0.7), int(colour[1] * 0.7), int(colour[2] * 0.7))
            moved = (box[0], box[1] + depth, box[2], box[3] + depth)
            canvas.draw.pieslice(moved, a, b, colour, None if depth else outline)
    if canvas.plan.has("donut"):
        r = radius * between(canvas.rng, 0.4, 0.65)
        canvas.draw.ellipse((x - r, y - r * squash, x + r, y + r * squash), WHITE)
    if canvas.plan.has("value labels"):
        _pie_labels(canvas, (x, y, radius, squash), edges)


def _pie_labels(canvas: Canvas, at: tuple[float, float, float, float], edges: np.ndarray) -> None:
    x, y, radius, squash = at
    out = pick(canvas.rng, (0.7, 1.15))
    for a, b in pairwise(edges):
        angle = np.deg2rad((a + b) / 2)
        spot = (x + out * radius * np.cos(angle), y + out * radius * squash * np.sin(angle))
        canvas.text(spot, f"{int((b - a) / 3.6)}%", colour=WHITE if out < 1 else BLACK)


def _scatter(canvas: Canvas) -> None:
    _axes(canvas)
    rng, n = canvas.rng, canvas.plan.values.shape[1]
    loose = not (canvas.plan.has("rising") or canvas.plan.has("falling"))
    for s, row in enumerate(_scaled(canvas.plan.values)):
        at = np.sort(rng.random(n))
        shares = rng.random(n) * 0.9 if loose else row + rng.normal(0, 0.07, n)
        for share, y in zip(at, np.clip(shares, 0.02, 0.98), strict=True):
            spot = (canvas.x(share), canvas.y(float(y)))
            _marker(canvas, spot, canvas.colours[s % 8], s)
    if not loose and chance(rng, 0.4):
        row = _scaled(canvas.plan.values)[0]
        canvas.draw.line((canvas.x(0), canvas.y(row[:4].mean()), canvas.x(1),
                          canvas.y(row[-4:].mean())), canvas.axis, 1)  # fmt: skip


def _heat(canvas: Canvas) -> None:
    values = canvas.rng.random(canvas.plan.values.shape) ** between(canvas.rng, 0.6, 2)
    n_rows, n = values.shape
    low, high = lighten(canvas.colours[0], 0.9), canvas.colours[0]
    if chance(canvas.rng, 0.4):
        low = canvas.colours[1]
    for i in range(n_rows):
        for j in range(n):
            share = values[i, j]
            colour = tuple(int(a + (b - a) * share) for a, b in zip(low, high, strict=True))
            box = (canvas.x(j / n), canvas.y((i + 1) / n_rows), canvas.x((j + 1) / n),
                   canvas.y(i / n_rows))  # fmt: skip
            canvas.draw.rectangle(box, colour, WHITE if n < 9 else None)
    _labels(canvas, False, 0.5)
    for i in range(n_rows):
        at = (canvas.plot[0] - 3, canvas.y((i + 0.5) / n_rows))
        canvas.text(at, words(canvas.rng, 1)[:5], "rm")


def _boxes(canvas: Canvas) -> None:
    _axes(canvas)
    n = canvas.plan.values.shape[1]
    filled = chance(canvas.rng, 0.6)
    for i in range(n):
        low, first, middle, third, high = np.sort(canvas.rng.random(5) * 0.9 + 0.05)
        x, half = canvas.x((i + 0.5) / n), (canvas.plot[2] - canvas.plot[0]) / n * 0.28
        canvas.draw.line((x, canvas.y(low), x, canvas.y(high)), canvas.axis, 1)
        for end in (low, high):
            canvas.draw.line((x - half / 2, canvas.y(end), x + half / 2, canvas.y(end)), BLACK, 1)
        colour = canvas.colours[i % 3] if filled else WHITE
        canvas.draw.rectangle((x - half, canvas.y(third), x + half, canvas.y(first) + 1), colour,
                              BLACK)  # fmt: skip
        canvas.draw.line((x - half, canvas.y(middle), x + half, canvas.y(middle)), BLACK, 2)


def _gantt(canvas: Canvas) -> None:
    left, top, right, bottom = canvas.plot
    left = left + canvas.size * 4
    n = int(canvas.rng.integers(5, 14))
    columns = int(canvas.rng.integers(4, 13))
    for j in range(columns + 1):
        x = left + (right - left) * j / columns
        canvas.draw.line((x, top, x, bottom), (210, 210, 210), 1)
        if j < columns:
            canvas.text((x + 2, top - 1), f"{j + 1}", "lb")
    start = 0.0
    for i in range(n):
        pitch = (bottom - top) / n
        y = top + pitch * (i + 0.5)
        canvas.text((canvas.plot[0] - canvas.size * 2, y), words(canvas.rng, 2)[:12], "lm")
        length = between(canvas.rng, 0.08, 0.35)
        start = min(start + between(canvas.rng, -0.03, 0.14), 0.95 - length)
        x0 = left + (right - left) * max(0.0, start)
        box = (x0, y - pitch * 0.3, x0 + (right - left) * length, y + pitch * 0.3)
        canvas.draw.rectangle(box, canvas.colours[i % 2 if n % 2 else 0], None)
        start = max(0.0, start)


def _candles(canvas: Canvas) -> None:
    _axes(canvas)
    closes = _scaled(canvas.plan.values[0])
    n = len(closes)
    hollow = chance(canvas.rng, 0.3)
    up, down = ((40, 140, 70), (200, 40, 40)) if chance(canvas.rng, 0.7) else (WHITE, BLACK)
    for i in range(1, n):
        opened, closed = closes[i - 1], closes[i]
        spread = abs(canvas.rng.normal(0, 0.04, 2))
        x, half = canvas.x((i + 0.5) / n), (canvas.plot[2] - canvas.plot[0]) / n * 0.35
        top, low = max(opened, closed), min(opened, closed)
        canvas.draw.line((x, canvas.y(top + spread[0]), x, canvas.y(low - spread[1])), BLACK, 1)
        colour = up if closed >= opened else down
        box = (x - half, canvas.y(top), x + half, canvas.y(low) + 1)
        canvas.draw.rectangle(box, WHITE if hollow and colour == up else colour, BLACK)


_DRAWERS: Mapping[str, Callable[[Canvas], None]] = {
    "line chart": _lines,
    "bar chart": _bars,
    "stacked bar chart": _bars,
    "pie chart": _pie,
    "scatter plot": _scatter,
    "area chart": _area,
    "heat map": _heat,
    "box plot": _boxes,
    "Gantt chart": _gantt,
    "candlestick chart": _candles,
    "combined chart": _combined,
}
