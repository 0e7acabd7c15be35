"""The strip above a heat map: the query with each word's share, the score, and the scale."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from PIL import Image, ImageDraw

from latelight.explain import palette
from latelight.explain.faces import drawable
from latelight.explain.words import QueryWord
from latelight.types import CharSpan

MOST_LINES = 3
LONGEST_QUERY = 600
# Drawn at twice the size and reduced: Pillow does not smooth the edges of its shapes.
FINER = 2


@dataclass(frozen=True)
class Legend:
    """What the caption says.

    Attributes:
        query: the query's text.
        title: the document's title or file name.
        place: where in it, such as `page 3`.
        score: the hit's score, None to leave it out.
        score_norm: its mean over the query's tokens, None to leave it out.
    """

    query: str
    title: str = ""
    place: str = ""
    score: float | None = None
    score_norm: float | None = None


@dataclass(frozen=True)
class _Piece:
    """A word with evidence, or the text between two of them, set from `left` on."""

    text: str
    word: QueryWord | None
    left: int
    width: int


def draw_caption(
    width: int,
    legend: Legend,
    words: Sequence[QueryWord] = (),
    *,
    peak: float = 0.0,
    chosen: QueryWord | None = None,
) -> Image.Image:
    """Return a white strip of `width` pixels, as high as the query needs.

    Words of the query stand on the colour of their contribution, relative to the strongest word
    (which has the scale's last colour), with the number beneath; when one word is `chosen`, the
    others are plain. A long query is cut after three lines. `peak` is the score at the bright
    end of the page's own scale.
    """
    layout = _Layout(width * FINER)
    lines = _lines(layout, legend.query[:LONGEST_QUERY], words)
    strip = Image.new("RGB", (layout.width, layout.height(len(lines))), palette.PAPER)
    draw = ImageDraw.Draw(strip)
    strongest = max((word.contribution for word in words if word.span), default=0.0)
    for number, line in enumerate(lines):
        for piece in line:
            shown = piece.word if chosen is None or piece.word is chosen else None
            _draw_piece(draw, layout, number, replace(piece, word=shown), strongest)
    _draw_footer(draw, layout, _facts(legend, words), peak, strip.height)
    edge = strip.height - strip.height % FINER
    draw.rectangle((0, edge - FINER, layout.width, edge - 1), fill=palette.HAIRLINE)
    return strip.reduce(FINER, (0, 0, layout.width, edge))


class _Layout:
    """Sizes in pixels, all from the strip's width."""

    def __init__(self, width: int) -> None:
        self.width = width
        self.query = max(width // 50, 15)
        self.small = max(width // 82, 11)
        self.margin = width // 36
        self.pad = self.query // 4
        self.line = round(self.query * 1.5 + self.small * 1.45)

    def height(self, n_lines: int) -> int:
        return self.margin + n_lines * self.line + round(self.small * 2.9)

    def piece_width(self, text: str, word: QueryWord | None) -> int:
        """Return the width of a piece; a word's has room for its number."""
        if word is None:
            return text_width(text, self.query)
        number = text_width(f"{word.contribution:.2f}", self.small)
        return max(text_width(text, self.query) + 2 * self.pad, number)

    def top(self, line: int) -> int:
        return round(self.margin * 0.8) + line * self.line


def _atoms(query: str, words: Sequence[QueryWord]) -> Iterator[tuple[CharSpan, QueryWord | None]]:
    """Yield the query's words with evidence and what stands between them, without white space."""
    at = 0
    for word in words:
        if word.span is None or not at <= word.span.start < word.span.end <= len(query):
            continue
        yield from _plain_atoms(query, at, word.span.start)
        yield word.span, word
        at = word.span.end
    yield from _plain_atoms(query, at, len(query))


def _plain_atoms(query: str, start: int, end: int) -> Iterator[tuple[CharSpan, None]]:
    for match in re.compile(r"\S+").finditer(query, start, end):
        yield CharSpan(*match.span()), None


def _lines(layout: _Layout, query: str, words: Sequence[QueryWord]) -> list[list[_Piece]]:
    """Return the pieces set into lines, at most three; an ellipsis stands for the rest."""
    lines: list[list[_Piece]] = [[]]
    left = layout.margin
    for span, word in _atoms(query, words):
        text = query[span.start : span.end]
        width = layout.piece_width(text, word)
        if span.start and query[span.start - 1].isspace() and lines[-1]:
            left += layout.query // 3
        elif lines[-1]:
            left += layout.query // 10
        if left + width > layout.width - layout.margin and lines[-1]:
            if len(lines) == MOST_LINES:
                lines[-1].append(_Piece("…", None, left, layout.query))
                break
            lines.append([])
            left = layout.margin
        lines[-1].append(_Piece(text, word, left, width))
        left += width
    return lines


def _draw_piece(
    draw: ImageDraw.ImageDraw, layout: _Layout, number: int, piece: _Piece, strongest: float
) -> None:
    top = layout.top(number)
    middle = top + layout.query * 0.66
    if piece.word is not None:
        share = piece.word.contribution / strongest if strongest > 0 else 0.0
        chip = (piece.left, top, piece.left + piece.width, top + round(layout.query * 1.36))
        draw.rounded_rectangle(chip, radius=layout.query // 4, fill=palette.colour(share))
        _write(
            draw,
            (piece.left + piece.width / 2, chip[3] + layout.small * 0.72),
            f"{piece.word.contribution:.2f}",
            _Pen(layout.small, palette.QUIET, "mm"),
        )
    pen = _Pen(layout.query, palette.INK if piece.word else palette.QUIET, "mm")
    _write(draw, (piece.left + piece.width / 2, middle), piece.text, pen)


def _draw_footer(
    draw: ImageDraw.ImageDraw, layout: _Layout, facts: Iterator[str], peak: float, bottom: int
) -> None:
    middle = bottom - layout.small * 1.35
    scale = _draw_scale(draw, layout, peak, middle) if peak > 0 else layout.width - layout.margin
    told = "  ·  ".join(part for part in facts if part)
    room = scale - layout.margin - layout.small
    _write(
        draw,
        (layout.margin, middle),
        _shortened(told, layout.small, room),
        _Pen(layout.small, palette.QUIET, "lm"),
    )


def _facts(legend: Legend, words: Sequence[QueryWord]) -> Iterator[str]:
    yield legend.title
    yield legend.place
    if legend.score is not None:
        norm = f" ({legend.score_norm:.2f} a query token)" if legend.score_norm is not None else ""
        yield f"score {legend.score:.2f}{norm}"
    markers = sum(word.contribution for word in words if word.kind == "marker")
    if markers:
        yield f"{markers:.2f} of it from markers, not drawn"


def _draw_scale(draw: ImageDraw.ImageDraw, layout: _Layout, peak: float, middle: float) -> float:
    """Draw the colour scale at the right and return where it begins."""
    end = f"{peak:.2f}"
    right = float(layout.width - layout.margin)
    pen = _Pen(layout.small, palette.QUIET, "rm")
    _write(draw, (right, middle), end, pen)
    right -= text_width(end, layout.small) + layout.small * 0.5
    length, half = layout.small * 9, layout.small * 0.42
    for i in range(length):
        x = right - length + i
        draw.line((x, middle - half, x, middle + half), fill=palette.colour(i / (length - 1)))
    draw.rectangle((right - length, middle - half, right, middle + half), outline=palette.HAIRLINE)
    left = right - length - layout.small * 0.5
    _write(draw, (left, middle), "score on the page  0", pen)
    return float(left - text_width("score on the page  0", layout.small))


@dataclass(frozen=True)
class _Pen:
    size: int
    ink: palette.Colour
    anchor: str


def _write(draw: ImageDraw.ImageDraw, at: tuple[float, float], text: str, pen: _Pen) -> None:
    text, face = drawable(text, pen.size)
    draw.text(at, text, fill=pen.ink, font=face, anchor=pen.anchor)


def text_width(text: str, size: int) -> int:
    """Return how many pixels `text` takes in letters of `size`."""
    text, face = drawable(text, size)
    return math.ceil(face.getlength(text))


def _shortened(text: str, size: int, room: float) -> str:
    if text_width(text, size) <= room:
        return text
    while text and text_width(text + "…", size) > room:
        text = text[: -max(len(text) // 12, 1)]
    return f"{text.rstrip()}…"
