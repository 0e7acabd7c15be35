"""A poster with words in it: the tower cut open, its rooms named."""

import io
from pathlib import Path

import pypdfium2 as pdfium
from palette import BRICK, CHALK, DUSK, LAMP, NIGHT, SEA, STONE, beam
from PIL import Image
from reportlab.lib.colors import HexColor
from reportlab.pdfgen.canvas import Canvas

SIZE = (600, 840)
FOOT, TOP, MIDDLE = 118, 560, 205
ROOMS = (
    ("Watch room", "the clockwork, and one chair"),
    ("Bedroom", "four bunks, bent to the wall"),
    ("Kitchen", "stove, drawer of notes, the dog"),
    ("Store", "flour in the tin trunk"),
    ("Cistern", "2,400 litres of rain"),
)


def write_picture(path: Path) -> None:
    buffer = io.BytesIO()
    canvas = Canvas(buffer, pagesize=SIZE, invariant=1)
    _sky(canvas)
    _rooms(canvas)
    _lantern(canvas)
    _title(canvas)
    canvas.save()
    picture = pdfium.PdfDocument(buffer.getvalue())[0].render(scale=2).to_pil().convert("RGB")
    picture.quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)


def _sky(canvas: Canvas) -> None:
    canvas.linearGradient(0, SIZE[1], 0, 0, (NIGHT, DUSK), extend=True)
    beam(canvas, (MIDDLE, TOP + 50), (SIZE[0], TOP + 10, SIZE[0], TOP + 100), 0.22)
    beam(canvas, (MIDDLE, TOP + 50), (0, TOP + 20, 0, TOP + 84), 0.22)
    canvas.setFillColor(SEA)
    canvas.rect(0, 0, SIZE[0], 78, stroke=0, fill=1)
    canvas.setFillColor(HexColor("#1b2733"))
    canvas.ellipse(20, 40, 420, 150, stroke=0, fill=1)


def _half_width(y: float) -> float:
    return 92 - 36 * (y - FOOT) / (TOP - FOOT)


def _slab(canvas: Canvas, low: float, high: float, inset: float) -> None:
    path = canvas.beginPath()
    path.moveTo(MIDDLE - _half_width(low) + inset, low)
    path.lineTo(MIDDLE + _half_width(low) - inset, low)
    path.lineTo(MIDDLE + _half_width(high) - inset, high)
    path.lineTo(MIDDLE - _half_width(high) + inset, high)
    path.close()
    canvas.drawPath(path, stroke=0, fill=1)


def _rooms(canvas: Canvas) -> None:
    canvas.setFillColor(CHALK)
    _slab(canvas, FOOT, TOP, 0)
    height = (TOP - FOOT) / len(ROOMS)
    tints = (LAMP, STONE, HexColor("#e7c79b"), STONE, HexColor("#8fb8c4"))
    for i, (name, told) in enumerate(ROOMS):
        high = TOP - i * height
        canvas.setFillColor(tints[i])
        _slab(canvas, high - height + 5, high - 5, 12)
        _label(canvas, name, told, high - height / 2)


def _label(canvas: Canvas, name: str, told: str, y: float) -> None:
    canvas.setStrokeColor(CHALK)
    canvas.setLineWidth(1)
    canvas.line(MIDDLE + _half_width(y) - 30, y, 328, y)
    canvas.setFillColor(CHALK)
    canvas.circle(MIDDLE + _half_width(y) - 30, y, 2.6, stroke=0, fill=1)
    canvas.setFont("Helvetica-Bold", 19)
    canvas.drawString(338, y + 1, name)
    canvas.setFont("Helvetica", 13)
    canvas.drawString(338, y - 17, told)


def _lantern(canvas: Canvas) -> None:
    canvas.setFillColor(BRICK)
    canvas.rect(MIDDLE - 72, TOP, 144, 10, stroke=0, fill=1)
    canvas.setFillColor(LAMP)
    canvas.rect(MIDDLE - 38, TOP + 10, 76, 84, stroke=0, fill=1)
    canvas.setStrokeColor(NIGHT)
    canvas.setLineWidth(2)
    for i in range(5):
        canvas.line(MIDDLE - 38 + 19 * i, TOP + 10, MIDDLE - 38 + 19 * i, TOP + 94)
    canvas.setFillColor(CHALK)
    canvas.ellipse(MIDDLE - 17, TOP + 24, MIDDLE + 17, TOP + 80, stroke=1, fill=1)
    canvas.setFillColor(BRICK)
    canvas.wedge(MIDDLE - 52, TOP + 50, MIDDLE + 52, TOP + 140, 0, 180, stroke=0, fill=1)
    canvas.setFillColor(CHALK)
    canvas.setFont("Helvetica-Bold", 19)
    canvas.drawString(338, TOP + 56, "Lantern")
    canvas.setFont("Helvetica", 13)
    canvas.drawString(338, TOP + 38, "36 panes, a lens of the second order")
    canvas.drawString(338, TOP + 21, "one white flash every 12 seconds")


def _title(canvas: Canvas) -> None:
    canvas.setFillColor(LAMP)
    canvas.setFont("Helvetica-Bold", 38)
    canvas.drawString(48, SIZE[1] - 74, "Inside the tower")
    canvas.setFillColor(CHALK)
    canvas.setFont("Helvetica", 17)
    canvas.drawString(49, SIZE[1] - 102, "172 steps from the sea to the light")
    canvas.setFont("Helvetica", 13)
    canvas.drawString(48, 30, "Skerrin Light Trust. Please wipe your boots.")
