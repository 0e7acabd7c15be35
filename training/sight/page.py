"""Whole pages: columns of blocks in the proportions of filings, reports, papers, slides, covers."""

from collections.abc import Callable, Mapping

from training.sight import blocks, tables, writing
from training.sight.assets import Assets, sentence, words
from training.sight.canvas import (
    WHITE,
    Label,
    Random,
    between,
    blank,
    chance,
    ink_box,
    lay,
    lighten,
    pick,
    random_colour,
    weighted,
)
from training.sight.sheet import Sheet, new_sheet

Block = Callable[[Sheet, float, float, float, float], float]
_BLOCKS: Mapping[str, Block] = {
    "heading": writing.heading,
    "paragraph": writing.paragraph,
    "list": writing.bullets,
    "contents": writing.contents,
    "form": writing.form,
    "code": writing.code,
    "table": tables.table,
    "figure": blocks.figure,
    "performance": blocks.performance,
}
_MIXES: Mapping[str, Mapping[str, float]] = {
    "prose": {"heading": 2, "paragraph": 8, "list": 1},
    "filing": {"heading": 1.5, "paragraph": 4, "table": 4, "list": 0.6},
    "statement": {"table": 6, "heading": 0.7, "paragraph": 0.7},
    "figures": {"figure": 5, "paragraph": 3, "heading": 1.2, "table": 0.6, "list": 0.4},
    "gallery": {"figure": 8, "paragraph": 0.8, "heading": 0.6},
    "contents": {"contents": 5, "heading": 1},
    "form": {"form": 5, "heading": 1, "paragraph": 1.2},
    "manual": {"code": 4, "paragraph": 4, "heading": 1.5, "list": 1.5, "figure": 0.5},
    "performance": {"performance": 4, "paragraph": 3, "heading": 1.5},
}
_PORTRAIT: Mapping[str, float] = {
    "prose": 13, "filing": 15, "statement": 8, "figures": 24, "gallery": 14, "contents": 3.5,
    "form": 3.5, "manual": 5, "performance": 4, "cover": 5,
}  # fmt: skip


def draw_page(rng: Random, assets: Assets) -> tuple[Sheet, str]:
    """Return a page with labels, and which form of page it is."""
    form = rng.random()
    if form < 0.78:
        return _portrait(rng, assets)
    return (_slide(rng, assets), "slide") if form < 0.88 else (_picture(rng, assets), "picture")


def _portrait(rng: Random, assets: Assets) -> tuple[Sheet, str]:
    width, height = pick(rng, ((816, 1056), (816, 1056), (794, 1123), (760, 1040)))
    sheet = new_sheet(rng, assets, width, height)
    kind = weighted(rng, _PORTRAIT)
    if kind == "cover":
        _cover(sheet)
    else:
        _columns(sheet, _MIXES[kind], kind)
        _extras(sheet)
    return sheet, kind


def _columns(sheet: Sheet, mix: Mapping[str, float], kind: str) -> None:
    rng = sheet.rng
    margin = between(rng, 40, 105)
    width = sheet.image.width - 2 * margin
    y, bottom = between(rng, 40, 100), sheet.image.height - between(rng, 40, 110)
    if chance(rng, 0.6):
        _running_heads(sheet, margin, width)
    if kind in ("prose", "figures", "gallery", "filing") and chance(rng, 0.15):
        y += _band(sheet, y * 0.3)
    if chance(rng, 0.35):
        y += writing.heading(sheet, margin, y, width, bottom - y)
    wide_kinds = ("contents", "form", "statement", "performance", "manual")
    n = 1 if kind in wide_kinds else pick(rng, (1, 1, 1, 2, 2, 3))
    if n > 1 and chance(rng, 0.3):
        y += blocks.figure(sheet, margin, y, width, min(bottom - y, 420))
    gap = between(rng, 16, 34)
    lane = (width - gap * (n - 1)) / n
    for i in range(n):
        stop = bottom if i < n - 1 or chance(rng, 0.75) else y + (bottom - y) * rng.random()
        _fill(sheet, mix, (margin + i * (lane + gap), y, lane, stop))


def _fill(sheet: Sheet, mix: Mapping[str, float], at: tuple[float, float, float, float]) -> None:
    """Fill a column (left, top, width, bottom) with blocks."""
    x, y, width, bottom = at
    while bottom - y > sheet.line * 3:
        name = weighted(sheet.rng, mix)
        y += _BLOCKS[name](sheet, x, y, width, bottom - y)


def _running_heads(sheet: Sheet, margin: float, width: float) -> None:
    rng = sheet.rng
    small = max(7, int(sheet.size * 0.8))
    for y in (22.0, sheet.image.height - 32.0):
        if chance(rng, 0.7):
            text = words(rng, int(rng.integers(1, 6)))
            at = margin if chance(rng, 0.5) else margin + width / 2
            sheet.write((at, y), text, size=small, anchor="la" if at == margin else "ma")
            if chance(rng, 0.3):
                sheet.draw.line((margin, y + 16, margin + width, y + 16), (90, 90, 90), 1)
    sheet.write((margin + width, sheet.image.height - 32.0), str(rng.integers(1, 200)), size=small,
                anchor="ra")  # fmt: skip


def _band(sheet: Sheet, y: float) -> float:
    """Draw a dark band with a title across the page; return its height."""
    rng, height = sheet.rng, between(sheet.rng, 34, 110)
    colour = random_colour(rng, value=(0.1, 0.6))
    sheet.draw.rectangle((0, y, sheet.image.width, y + height), colour)
    size, text = int(height * between(rng, 0.3, 0.5)), words(rng, int(rng.integers(1, 5)))
    wide = min(sheet.width_of(text, size, sheet.heading_face), sheet.image.width - 60)
    top = y + (height - size) / 2
    sheet.write((50, top), text, face=sheet.heading_face, size=size, colour=WHITE)
    sheet.mark("title", (50, top, 50 + wide, top + size * 1.1))
    return height + sheet.line


def _extras(sheet: Sheet) -> None:
    """Put on a page, now and then, what lies over or beside its columns."""
    rng, (w, h) = sheet.rng, sheet.image.size
    for kind, share in (("stamp", 0.06), ("logo", 0.08), ("handwriting", 0.03), ("barcode", 0.03),
                        ("signature", 0.03), ("QR code", 0.02)):  # fmt: skip
        if not chance(rng, share):
            continue
        side = between(rng, 60, 190)
        tile = blocks.draw(rng, sheet.assets, kind, side, side * between(rng, 0.35, 0.6))
        if kind in ("stamp", "handwriting", "signature"):
            at = (between(rng, 20, w - side - 40), between(rng, 20, h - side))
        else:
            at = (pick(rng, (30.0, w - side - 30)), pick(rng, (8.0, h - side * 0.7 - 8)))
            box = ink_box(tile.image)
            if box is None or not _is_free(sheet, (at[0], at[1], at[0] + side, at[1] + side * 0.6)):
                continue
        sheet.put(tile, *at)


def _is_free(sheet: Sheet, box: tuple[float, float, float, float]) -> bool:
    """Return whether nothing is drawn in a box yet."""
    part = sheet.image.crop(tuple(int(v) for v in box))  # type: ignore[arg-type]
    return ink_box(part) is None


def _cover(sheet: Sheet) -> None:
    """Draw a cover: a logo, a large title, a photograph or a ground of colour, few lines."""
    rng, (w, h) = sheet.rng, sheet.image.size
    margin = between(rng, 50, 110)
    if chance(rng, 0.8):
        side = between(rng, 90, 300)
        logo = blocks.draw(rng, sheet.assets, "logo", side, side * between(rng, 0.3, 0.6))
        sheet.put(logo, margin, between(rng, 30, 120))
    y = between(rng, 200, 330)
    size = int(between(rng, 26, 60))
    for _ in range(int(rng.integers(1, 4))):
        text = words(rng, int(rng.integers(1, 4)))
        wide = min(sheet.width_of(text, size, sheet.heading_face), w - margin)
        sheet.write((margin, y), text, face=sheet.heading_face, size=size,
                    colour=sheet.heading_colour)  # fmt: skip
        sheet.mark("title", (margin, y, margin + wide, y + size * 1.1))
        y += size * 1.3
    if chance(rng, 0.65):
        kind = pick(rng, ("photograph", "photograph", "photograph", "drawing"))
        left = 0 if chance(rng, 0.4) else margin
        tile = blocks.draw(rng, sheet.assets, kind, w - 2 * left, between(rng, 200, h - y - 130))
        sheet.put(tile, left, y + 30)
    else:
        for i in range(int(rng.integers(2, 7))):
            sheet.write((margin, y + 60 + i * sheet.line), sentence(rng)[:60])
        sheet.mark("text", (margin, y + 60, w - margin * 1.5, y + 60 + 4 * sheet.line))


def _slide(rng: Random, assets: Assets) -> Sheet:
    """Draw a slide: a title, then bullets, figures or tables in one to three panels."""
    width, height = pick(rng, ((1056, 816), (1056, 594), (1056, 792)))
    sheet = new_sheet(rng, assets, width, height)
    sheet.size = int(between(rng, 13, 22))
    y = 24.0
    y += _band(sheet, 0) if chance(rng, 0.4) else writing.heading(sheet, 50, y, width - 100, height)
    n = pick(rng, (1, 2, 2, 3))
    lane = (width - 80) / n
    for i in range(n):
        name = weighted(rng, {"figure": 6, "list": 2, "table": 2, "paragraph": 0.5})
        at = (40 + i * lane, y + 10, lane - 24, height - y - 50)
        used = _BLOCKS[name](sheet, *at)
        if at[3] - used > 160:
            _fill(
                sheet,
                {"figure": 5, "list": 2, "table": 1},
                (at[0], y + 10 + used, at[2], height - 40.0),
            )
    return sheet


def _picture(rng: Random, assets: Assets) -> Sheet:
    """Draw one thing that fills the picture, as charts and photographs saved alone do."""
    long = between(rng, 500, 1000)
    ratio = between(rng, 0.5, 1)
    width, height = (long, long * ratio) if chance(rng, 0.7) else (long * ratio, long)
    sheet = new_sheet(rng, assets, int(width), int(height))
    margin = pick(rng, (0.0, 8.0, 30.0))
    kind = weighted(rng, {**blocks.SHARES, "logo": 1.5, "formula": 1.0})
    if kind != "photograph" and chance(rng, 0.12):
        lay(sheet.image, blank(*sheet.image.size, lighten(random_colour(rng), 0.85)), 0, 0)
    tile = blocks.draw(rng, assets, kind, width - 2 * margin, height - 2 * margin)
    tile.image.thumbnail(sheet.image.size)
    sheet.put(tile, margin, margin)
    return sheet


def cut_labels(labels: list[Label], width: int, height: int) -> list[Label]:
    """Return labels within a page of a size, those that lie outside left out."""
    found = []
    for label in labels:
        left, top, right, bottom = label.box
        box = (max(0.0, left), max(0.0, top), min(width, right), min(height, bottom))
        if box[2] - box[0] >= 2 and box[3] - box[1] >= 2:
            found.append(Label(label.kind, box, label.attributes))
    return found
