"""Colours and small drawing helps that the sample's pages share."""

from reportlab.lib.colors import Color, HexColor
from reportlab.lib.utils import simpleSplit
from reportlab.pdfgen.canvas import Canvas

NIGHT = HexColor("#0f2238")
DUSK = HexColor("#2c5673")
SEA = HexColor("#2a6f7b")
LAMP = HexColor("#f2b441")
BRICK = HexColor("#bf4a30")
STONE = HexColor("#e9e3d6")
CHALK = HexColor("#fbf8f1")
SLATE = HexColor("#5a6673")

PAGE = (595, 842)
LEFT, RIGHT = 62, 533


def paragraph(canvas: Canvas, text: str, top: float, *, size: float = 12) -> float:
    """Set `text` in Times between the margins from `top` down; return where it ends."""
    canvas.setFont("Times-Roman", size)
    canvas.setFillColor(NIGHT)
    for line in simpleSplit(text, "Times-Roman", size, RIGHT - LEFT):
        canvas.drawString(LEFT, top, line)
        top -= size * 1.4
    return top - size * 0.5


def heading(canvas: Canvas, text: str, top: float) -> float:
    """Set a section's title over a short amber rule; return where the text below begins."""
    canvas.setFont("Helvetica-Bold", 21)
    canvas.setFillColor(NIGHT)
    canvas.drawString(LEFT, top, text)
    canvas.setFillColor(LAMP)
    canvas.rect(LEFT, top - 12, 54, 3.4, stroke=0, fill=1)
    return top - 40


def subheading(canvas: Canvas, text: str, top: float) -> float:
    """Set a small title; return where the text below begins."""
    canvas.setFont("Helvetica-Bold", 11)
    canvas.setFillColor(SEA)
    canvas.drawString(LEFT, top, text)
    return top - 17


def beam(canvas: Canvas, lamp: tuple[float, float], ends: tuple[float, ...], alpha: float) -> None:
    """Draw a cone of light from `lamp` to the far points (x1, y1, x2, y2)."""
    path = canvas.beginPath()
    path.moveTo(*lamp)
    path.lineTo(ends[0], ends[1])
    path.lineTo(ends[2], ends[3])
    path.close()
    canvas.setFillColor(Color(LAMP.red, LAMP.green, LAMP.blue, alpha=alpha))
    canvas.drawPath(path, stroke=0, fill=1)


def tower(canvas: Canvas, x: float, foot: float, scale: float) -> tuple[float, float]:
    """Draw the lighthouse with its middle at `x`; return where its lamp is."""
    low, high, height = 30 * scale, 19 * scale, 190 * scale
    for i in range(5):
        y0, y1 = height * i / 5, height * (i + 1) / 5
        w0, w1 = (low + (high - low) * y / height for y in (y0, y1))
        path = canvas.beginPath()
        path.moveTo(x - w0, foot + y0)
        path.lineTo(x + w0, foot + y0)
        path.lineTo(x + w1, foot + y1)
        path.lineTo(x - w1, foot + y1)
        path.close()
        canvas.setFillColor(BRICK if i % 2 else CHALK)
        canvas.drawPath(path, stroke=0, fill=1)
    top = foot + height
    canvas.setFillColor(NIGHT)
    canvas.rect(x - 27 * scale, top, 54 * scale, 6 * scale, stroke=0, fill=1)
    canvas.setFillColor(LAMP)
    canvas.rect(x - 14 * scale, top + 6 * scale, 28 * scale, 30 * scale, stroke=0, fill=1)
    canvas.setStrokeColor(NIGHT)
    canvas.setLineWidth(1.6 * scale)
    for i in range(5):
        at = x + (i - 2) * 7 * scale
        canvas.line(at, top + 6 * scale, at, top + 36 * scale)
    canvas.setFillColor(BRICK)
    path = canvas.beginPath()
    path.moveTo(x - 19 * scale, top + 36 * scale)
    path.lineTo(x + 19 * scale, top + 36 * scale)
    path.lineTo(x, top + 58 * scale)
    path.close()
    canvas.drawPath(path, stroke=0, fill=1)
    return x, top + 21 * scale
