"""A PDF page's text layer -> words with their boxes, as the page is shown."""

import ctypes
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pypdfium2 as pdfium
import pypdfium2.raw as c

from latelight.extractors.layout import (
    BREAK,
    Lines,
    Word,
    is_wide,
    reading_lines,
    text_of_lines,
)
from latelight.types import WordBoxes

_GRID = 1 << 20  # FPDF_PageToDevice answers in whole numbers: ask on a fine grid
_REPLACEMENT = "\ufffd"
# What PDFs spell with one character and readers with others.
_SPELT = {
    0x7F: " ",
    0xAD: "-",
    0xFB00: "ff",
    0xFB01: "fi",
    0xFB02: "fl",
    0xFB03: "ffi",
    0xFB04: "ffl",
    0xFB05: "st",
    0xFB06: "st",
}
_LEADERS = frozenset("._·…")
_MIN_LEADERS = 4


@dataclass(frozen=True)
class PageWords:
    """The text layer of one page.

    Attributes:
        words: in the file's order, in points from the page's top left corner as shown.
        quarters: for each word, how many quarter turns clockwise it is turned.
        width, height: of the page as shown, in points.
        n_broken: characters without a meaning (no Unicode, private use, controls).
    """

    words: list[Word]
    quarters: list[int]
    width: float
    height: float
    n_broken: int

    @property
    def texts(self) -> list[str]:
        """What the words say."""
        return [word.text for word in self.words]

    @property
    def n_characters(self) -> int:
        """Characters in words."""
        return sum(len(word.text) for word in self.words)

    def text(self) -> tuple[str, WordBoxes]:
        """Return the text in reading order and its words' boxes."""
        return text_of_lines(self.words, self._lines(), self.width, self.height)

    def _lines(self) -> Lines:
        """Upright words first (or whichever way most words stand), then the turned ones."""
        lines: Lines = []
        for quarter, _ in Counter(self.quarters).most_common():
            numbers = [i for i, q in enumerate(self.quarters) if q == quarter]
            turned = [_turned(self.words[i], quarter) for i in numbers]
            ordered = reading_lines(turned, ordered=True)
            lines += [[numbers[i] for i in line] for line in ordered]
        return lines


def page_words(page: pdfium.PdfPage) -> PageWords:
    """Return the words of a page's text layer that lie on the visible page."""
    width, height = page.get_size()
    text_page = page.get_textpage()
    try:
        reader = _TextPage(text_page.raw, Shown(page, width, height))
        placed = [found for found in reader.words() if _is_on_page(found[0], width, height)]
        return PageWords(
            [word for word, _ in placed],
            [quarter for _, quarter in placed],
            width,
            height,
            reader.n_broken,
        )
    finally:
        text_page.close()


class Shown:
    """User space -> points from the top left corner of the page as shown.

    PDFium itself applies the page's rotation and crop box; its mapping is affine, so three of
    its answers give all others.
    """

    def __init__(self, page: pdfium.PdfPage, width: float, height: float) -> None:
        reach = 1000.0
        x0, y0 = self._ask(page, 0, 0)
        x1, y1 = self._ask(page, reach, 0)
        x2, y2 = self._ask(page, 0, reach)
        across, down = width / _GRID, height / _GRID
        self.x = (x0 * across, (x1 - x0) * across / reach, (x2 - x0) * across / reach)
        self.y = (y0 * down, (y1 - y0) * down / reach, (y2 - y0) * down / reach)

    @staticmethod
    def _ask(page: pdfium.PdfPage, x: float, y: float) -> tuple[int, int]:
        device_x, device_y = ctypes.c_int(), ctypes.c_int()
        c.FPDF_PageToDevice(page.raw, 0, 0, _GRID, _GRID, 0, x, y, device_x, device_y)
        return device_x.value, device_y.value

    def box(self, left: float, bottom: float, right: float, top: float) -> tuple[float, ...]:
        """Return left, top, right, bottom as shown."""
        xs = sorted((self._x(left, bottom), self._x(right, top)))
        ys = sorted((self._y(left, bottom), self._y(right, top)))
        return xs[0], ys[0], xs[1], ys[1]

    def quarter(self, angle: float) -> int:
        """Return the quarter turns clockwise, as shown, of text that runs at `angle` radians."""
        across, up = math.cos(angle), math.sin(angle)
        x = self.x[1] * across + self.x[2] * up
        y = self.y[1] * across + self.y[2] * up
        return round(math.atan2(y, x) / (math.pi / 2)) % 4

    def _x(self, x: float, y: float) -> float:
        return self.x[0] + self.x[1] * x + self.x[2] * y

    def _y(self, x: float, y: float) -> float:
        return self.y[0] + self.y[1] * x + self.y[2] * y


class _TextPage:
    """Reads PDFium's characters and cuts them into words."""

    def __init__(self, raw: c.FPDF_TEXTPAGE, shown: Shown) -> None:
        self.raw = raw
        self.shown = shown
        self.n_broken = 0
        self._edges = tuple(ctypes.c_double() for _ in range(4))
        self._edge_pointers = tuple(ctypes.byref(edge) for edge in self._edges)

    def words(self) -> Iterator[tuple[Word, int]]:
        """Yield each word and its quarter turns, in the file's order."""
        characters = self._characters()
        for start, stop, glued in word_runs(characters):
            end = without_leaders(characters, start, stop)
            text = "".join(characters[start:end])
            box = self._box(start, end - start) if text else None
            if box is not None:
                angle = c.FPDFText_GetCharAngle(self.raw, start)
                yield Word(text, *box, glued=glued), self.shown.quarter(max(angle, 0.0))

    def _characters(self) -> list[str]:
        codes = [c.FPDFText_GetUnicode(self.raw, i) for i in range(c.FPDFText_CountChars(self.raw))]
        return [self._character(code) for code in codes]

    def _character(self, code: int) -> str:
        if 0x20 <= code < 0xD800:
            return _SPELT.get(code) or chr(code)
        if code in (0x02, 0x09, 0x0A, 0x0D):
            return BREAK if code == 0x02 else " "
        self.n_broken += 1
        # Private use, controls, lone surrogates and nothing at all mean nothing to a reader.
        outside = code < 0x20 or 0xD800 <= code < 0xF900 or code & 0xFFFE == 0xFFFE
        if outside or code > 0x10FFFF:
            return _REPLACEMENT if code > 0x20 else " "
        self.n_broken -= code != 0xFFFD
        return _SPELT.get(code) or chr(code)

    def _box(self, start: int, count: int) -> tuple[float, float, float, float] | None:
        """Return the box around the ink of some characters as shown, None if they have none."""
        left, top, right, bottom = self._edges
        low_x = low_y = math.inf
        high_x = high_y = -math.inf
        for number in range(max(c.FPDFText_CountRects(self.raw, start, count), 0)):
            c.FPDFText_GetRect(self.raw, number, *self._edge_pointers)
            low_x, high_x = min(low_x, left.value), max(high_x, right.value)
            low_y, high_y = min(low_y, bottom.value), max(high_y, top.value)
        if not all(map(math.isfinite, (low_x, low_y, high_x, high_y))):
            return None
        box = self.shown.box(low_x, low_y, high_x, high_y)
        return box[0], box[1], box[2], box[3]


def word_runs(characters: list[str]) -> Iterator[tuple[int, int, bool]]:
    """Yield (start, end, glued) of the words in a page's characters.

    White space parts words, and so does a hyphen at a line's end; in scripts without spaces
    every character is a word of its own, so that it has its own box.
    """
    start = -1
    glued = False
    for place, character in enumerate([*characters, " "]):
        space, wide = character.isspace(), is_wide(character)
        if start >= 0 and (space or wide):
            yield start, place, glued
            start, glued = -1, not space
        if wide and not space:
            yield place, place + 1, glued
            glued = True
        elif space:
            glued = False
        elif start < 0:
            start = place
        if character == BREAK and start >= 0:
            yield start, place + 1, glued
            start, glued = -1, True


def without_leaders(characters: list[str], start: int, end: int) -> int:
    """Return the end of a word without the dots that lead the eye across a table's row."""
    stop = end
    while stop > start and characters[stop - 1] in _LEADERS:
        stop -= 1
    alone = stop == start and characters[start : start + 1] == characters[start + 2 : start + 3]
    return stop if end - stop >= _MIN_LEADERS or alone else end


def _is_on_page(word: Word, width: float, height: float) -> bool:
    x, y = (word.left + word.right) / 2, (word.top + word.bottom) / 2
    return 0 <= x <= width and 0 <= y <= height


def _turned(word: Word, quarter: int) -> Word:
    """Return the word in coordinates in which its text runs to the right."""
    if quarter == 0:
        return word
    left, top, right, bottom = word.left, word.top, word.right, word.bottom
    if quarter == 1:  # runs down
        left, top, right, bottom = top, -right, bottom, -left
    elif quarter == 2:  # upside down
        left, top, right, bottom = -right, -bottom, -left, -top
    elif quarter == 3:  # runs up
        left, top, right, bottom = -bottom, left, -top, right
    return replace(word, left=left, top=top, right=right, bottom=bottom)
