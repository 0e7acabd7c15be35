"""Blocks with figures: charts, marks and pictures placed in a column with titles and captions."""

from collections.abc import Callable, Mapping

from latelight.encoders.sight.vocabulary import CHARTS
from training.sight import figures, marks, mpl_charts, own_charts, tables, writing
from training.sight.assets import Assets, words
from training.sight.canvas import Random, Tile, between, chance, pick, weighted
from training.sight.plans import CHART_SHARES, plan_chart
from training.sight.sheet import Sheet

Draw = Callable[[Random, Assets, float, float], Tile]
_DRAWERS: Mapping[str, Draw] = {
    "photograph": figures.photo,
    "drawing": figures.drawing,
    "map": figures.a_map,
    "flow chart": figures.flow_chart,
    "organisation chart": figures.organisation_chart,
    "diagram": figures.diagram,
    "logo": marks.logo,
    "formula": marks.formula,
    "signature": marks.signature,
    "stamp": marks.stamp,
    "handwriting": marks.handwriting,
    "barcode": marks.barcode,
    "QR code": marks.qr_code,
}
SHARES: Mapping[str, float] = CHART_SHARES | {
    "photograph": 4.5, "drawing": 3.2, "map": 2.6, "flow chart": 2.2, "organisation chart": 1.7,
    "diagram": 1.8, "logo": 2.6, "formula": 2.0, "signature": 1.8, "stamp": 1.3,
    "handwriting": 1.6, "barcode": 1.2, "QR code": 1.2,
}  # fmt: skip
# Width in pixels, and height as a share of it; other kinds take the width of their column.
_SMALL: Mapping[str, tuple[float, float, float, float]] = {
    "logo": (50, 230, 0.25, 0.7),
    "signature": (80, 220, 0.25, 0.45),
    "stamp": (70, 170, 0.4, 1.0),
    "barcode": (80, 230, 0.3, 0.6),
    "QR code": (42, 150, 1.0, 1.0),
}
MATPLOTLIB_SHARE = 0.4


def draw(rng: Random, assets: Assets, kind: str, width: float, height: float) -> Tile:
    """Return a tile of a kind: a chart by one of two renderers, or a figure."""
    if kind not in CHARTS:
        return _DRAWERS[kind](rng, assets, width, height)
    plan = plan_chart(rng, kind)
    if chance(rng, MATPLOTLIB_SHARE):
        return mpl_charts.draw_plan(rng, assets.styles, plan, width, height)
    return own_charts.draw_plan(rng, assets, plan, width, height)


def figure(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a figure, or several side by side, with a title above or a caption below."""
    rng = sheet.rng
    kind = weighted(rng, SHARES)
    if kind in _SMALL:
        return _small(sheet, kind, x, y, width, room)
    n = pick(rng, (1, 1, 2, 3)) if width > 420 else pick(rng, (1, 1, 1, 2)) if width > 260 else 1
    share = between(rng, 0.45, 1) if n == 1 and chance(rng, 0.4) else 1.0
    lane = width * share / n
    height = lane * _ratio(rng, kind)
    if room < height + sheet.line * 5:
        height = room - sheet.line * 5
    if height < 70:
        return room
    top = y
    if chance(rng, 0.35):
        top += _line(sheet, "title", x, top, width)
    left = x + (width - lane * n) * pick(rng, (0.0, 0.5, 0.5, 1.0))
    for i in range(n):
        one = kind if chance(rng, 0.55) or kind not in CHARTS else weighted(rng, CHART_SHARES)
        gap = sheet.size * 0.5 if n > 1 else 0
        tile = draw(rng, sheet.assets, one, lane - 2 * gap, height)
        sheet.put(tile, left + i * lane + gap, top)
    top += height + sheet.line * 0.4
    if chance(rng, 0.5):
        top += _line(sheet, "text", x, top, width)
    return top - y + sheet.line * between(rng, 0.5, 1.5)


def _ratio(rng: Random, kind: str) -> float:
    if kind == "formula":
        return between(rng, 0.06, 0.2)
    if kind in ("handwriting", "flow chart"):
        return between(rng, 0.2, 1.1)
    return between(rng, 0.38, 0.95)


def _small(sheet: Sheet, kind: str, x: float, y: float, width: float, room: float) -> float:
    rng = sheet.rng
    low, high, flat, tall = _SMALL[kind]
    wide = min(between(rng, low, high), width)
    height = wide * between(rng, flat, tall)
    if room < height + sheet.line:
        return room
    tile = draw(rng, sheet.assets, kind, wide, height)
    left = x + (width - tile.image.width) * pick(rng, (0.0, 0.0, 0.5, 1.0))
    sheet.put(tile, left, y)
    below = y + tile.image.height
    if kind == "signature":
        if chance(rng, 0.6):
            sheet.draw.line((left, below, left + wide, below), (60, 60, 60), 1)
        sheet.write((left, below + 2), words(rng, int(rng.integers(1, 4)))[:28])
        below += sheet.line
    return below - y + sheet.line


def _line(sheet: Sheet, kind: str, x: float, y: float, width: float) -> float:
    """Draw the title or caption of a figure; return its height."""
    rng = sheet.rng
    text = words(rng, int(rng.integers(3, 13)))
    if chance(rng, 0.5):
        text = f"{pick(rng, ('Figure', 'Chart', 'Exhibit', 'Fig.'))} {rng.integers(1, 20)}. {text}"
    size = sheet.size if kind == "title" else max(7, int(sheet.size * 0.85))
    text = writing.wrapped(sheet, text, width)[0]
    wide = sheet.width_of(text, size)
    left = x + (width - wide) / 2 if chance(rng, 0.4) else x
    face = sheet.heading_face if kind == "title" else sheet.face
    sheet.write((left, y), text, size=size, face=face)
    sheet.mark(kind, (left, y, left + wide, y + size * 1.1))
    return size * 1.6


def performance(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw what annual reports compare returns with: a line chart and its data in a table below."""
    rng = sheet.rng
    height = min(width * between(rng, 0.4, 0.6), room * 0.6)
    if height < 110:
        return room
    plan = plan_chart(rng, "line chart")
    flags = dict(plan.flags)
    tile = (
        mpl_charts.draw_plan(rng, sheet.assets.styles, plan, width, height)
        if chance(rng, 0.5)
        else own_charts.draw_plan(rng, sheet.assets, plan, width, height)
    )
    sheet.put(Tile(tile.image, tile.kind, flags), x, y)
    used = height + sheet.line
    return used + tables.table(sheet, x, y + used, width, min(room - used, sheet.line * 9))
