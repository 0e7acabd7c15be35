"""Tables as reports print them: ruled or bare, shaded, indented, with leaders and totals."""

from dataclasses import dataclass

from training.sight.assets import amount, words
from training.sight.canvas import (
    BLACK,
    WHITE,
    Colour,
    between,
    chance,
    lighten,
    pick,
    random_colour,
)
from training.sight.sheet import Sheet


@dataclass(frozen=True)
class Form:
    """How a table is drawn.

    Attributes:
        ruled: lines between all rows and columns; else only under heads and totals, or none.
        edges: right ends of its columns in pixels, the first column's included.
        pitch: height of a row.
    """

    ruled: bool
    edges: tuple[float, ...]
    pitch: float
    shaded: bool
    leaders: bool
    head: Colour | None
    rules: str
    prose: bool


def table(sheet: Sheet, x: float, y: float, width: float, room: float) -> float:
    """Draw a table and return its height."""
    rng = sheet.rng
    pitch = sheet.line * between(rng, 0.95, 1.6)
    n_rows = min(int(room / pitch) - 2, int(rng.integers(3, 34)))
    if n_rows < 3:
        return room
    width = width * (between(rng, 0.55, 1) if chance(rng, 0.35) else 1.0)
    form = _form(sheet, x, width, pitch)
    bottom = _rows(sheet, form, (x, y), n_rows)
    if form.ruled:
        _rules(sheet, form, (x, y, x + width, bottom))
    sheet.mark("ruled table" if form.ruled else "unruled table", (x, y, x + width, bottom))
    return bottom - y + sheet.line


def _form(sheet: Sheet, x: float, width: float, pitch: float) -> Form:
    rng = sheet.rng
    ruled = chance(rng, 0.38)
    prose = chance(rng, 0.12)
    n = int(rng.integers(2, 5)) if prose else int(rng.integers(1, max(2, int(width / 75)) + 1))
    first = between(rng, 0.2, 0.4) if prose else max(0.2, between(rng, 0.65, 1.1) - 0.13 * n)
    first = min(first, 0.72)
    rest = [(1 - first) / n] * n
    edges, at = [x + width * first], x + width * first
    for share in rest:
        at += width * share
        edges.append(at)
    head = None
    if chance(rng, 0.35):
        head = random_colour(rng, value=(0.2, 0.6)) if chance(rng, 0.5) else (225, 225, 225)
    leaders = not ruled and chance(rng, 0.35)
    rules = pick(rng, ("none", "totals", "totals", "rows", "ends"))
    return Form(ruled, tuple(edges), pitch, chance(rng, 0.35), leaders, head, rules, prose)


def _rows(sheet: Sheet, form: Form, at: tuple[float, float], n_rows: int) -> float:
    """Draw head and rows; return where they end."""
    rng, (x, y) = sheet.rng, at
    right = form.edges[-1]
    if form.head is not None:
        sheet.draw.rectangle((x, y, right, y + form.pitch), form.head)
    dark = form.head is not None and sum(form.head) < 450
    _head(sheet, form, at, WHITE if dark else BLACK)
    if form.rules != "none" and not form.ruled:
        _under(sheet, form, x, y + form.pitch)
    tint = lighten(random_colour(rng), 0.8) if chance(rng, 0.6) else (232, 232, 232)
    for i in range(1, n_rows + 1):
        top = y + i * form.pitch
        if form.shaded and i % 2:
            sheet.draw.rectangle((x, top, right, top + form.pitch), tint)
        _row(sheet, form, x, top)
    bottom = y + (n_rows + 1) * form.pitch
    if form.rules == "ends" and not form.ruled:
        sheet.draw.line((x, bottom, right, bottom), BLACK, 1)
        sheet.draw.line((x, y, right, y), BLACK, 1)
    return bottom


def _head(sheet: Sheet, form: Form, at: tuple[float, float], colour: Colour) -> None:
    rng, year = sheet.rng, int(sheet.rng.integers(1990, 2025))
    named = chance(rng, 0.4)
    for j, edge in enumerate(form.edges[1:], start=1):
        text = words(rng, 1) if named else str(year - j)
        middle = (form.edges[j - 1] + edge) / 2 if form.ruled else edge - 3
        sheet.write((middle, at[1] + 2), _cut(sheet, text, edge - form.edges[j - 1]),
                    colour=colour, anchor="ma" if form.ruled else "ra")  # fmt: skip
    if chance(rng, 0.5):
        text = _cut(sheet, "(in millions)", form.edges[0] - at[0])
        sheet.write((at[0] + 2, at[1] + 2), text, colour=colour)


def _cut(sheet: Sheet, text: str, width: float) -> str:
    while text and sheet.width_of(text) > width - 4:
        text = text[:-1]
    return text


def _row(sheet: Sheet, form: Form, x: float, y: float) -> None:
    rng = sheet.rng
    top = y + (form.pitch - sheet.size) * 0.35
    level = int(rng.integers(0, 3)) if chance(rng, 0.5) else 0
    left = x + 3 + level * sheet.size
    name = _cut(sheet, words(rng, int(rng.integers(1, 7))), form.edges[0] - left)
    sheet.write((left, top), name)
    if chance(rng, 0.1):
        return
    if form.leaders:
        _dots(sheet, left + sheet.width_of(name) + 3, form.edges[0] - 4, top)
    for j, edge in enumerate(form.edges[1:], start=1):
        if chance(rng, 0.05):
            continue
        wide = edge - form.edges[j - 1]
        if form.prose:
            text = _cut(sheet, words(rng, int(rng.integers(1, 8))), wide)
            sheet.write((form.edges[j - 1] + 3, top), text)
        else:
            sheet.write((edge - 3, top), _cut(sheet, amount(rng), wide), anchor="ra")
    if form.rules == "rows" or (form.rules == "totals" and chance(rng, 0.15)):
        _under(sheet, form, x, y + form.pitch)


def _dots(sheet: Sheet, left: float, right: float, y: float) -> None:
    n = int((right - left) / max(1.0, sheet.width_of(".")))
    if n > 2:
        sheet.write((left, y), "." * n, colour=(70, 70, 70))


def _under(sheet: Sheet, form: Form, x: float, y: float) -> None:
    """Draw a line under a row: across it, or under its numbers only."""
    if form.rules == "totals":
        for j, edge in enumerate(form.edges[1:], start=1):
            sheet.draw.line((form.edges[j - 1] + 8, y, edge, y), BLACK, 1)
    else:
        sheet.draw.line((x, y, form.edges[-1], y), (120, 120, 120), 1)


def _rules(sheet: Sheet, form: Form, box: tuple[float, float, float, float]) -> None:
    x, top, right, bottom = box
    colour = pick(sheet.rng, (BLACK, (90, 90, 90), (150, 150, 150)))
    y = top
    while y <= bottom + 1:
        sheet.draw.line((x, y, right, y), colour, 1)
        y += form.pitch
    for edge in (x, *form.edges):
        sheet.draw.line((edge, top, edge, bottom), colour, 1)
