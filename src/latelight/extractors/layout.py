"""Words on a page -> lines in reading order, by geometry alone.

Words that stand at one height form a row, so tables read row by row. Where a run of rows has a
gutter with prose on both sides of it, the two sides are columns and are read one after the other
(a cut of the page as in Nagy and Seth's XY-cut, 1984, but tried on rows and tested for prose).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import numpy as np

from latelight.types import WordBoxes

_MIN_ROWS = 4  # fewer rows are no column
_MIN_PROSE_WORDS = 3.0  # mean words of a row, on both sides of a gutter
_MIN_PROSE_LETTERS = 0.75  # share of words with a letter
_MIN_DISTINCT = 0.7  # share of rows that no other repeats, as cells of a table do
_MIN_FILLED = 0.5  # share of rows that fill most of their column
_APART = 2.0  # heights of a line between two blocks
_MAX_DEPTH = 6
BREAK = "\x02"  # the hyphen of a word that goes on in the next line
_MAX_HEIGHT_RATIO = 3.0  # a drop capital does not pull lines together


@dataclass(frozen=True, slots=True)
class Word:
    """A word on a page in units that are equal in both directions, origin top left.

    `glued` says that no white space stands between it and the word before it in the file's order.
    """

    text: str
    left: float
    top: float
    right: float
    bottom: float
    glued: bool = False

    @property
    def height(self) -> float:
        """Bottom less top."""
        return self.bottom - self.top


Lines = list[list[int]]


def reading_lines(words: Sequence[Word], ordered: bool) -> Lines:
    """Return the numbers of the words, line by line in reading order.

    `ordered` says that the words come in an order that carries meaning (a PDF's own), which then
    has to agree before a page is cut into columns.
    """
    return _ordered(words, list(range(len(words))), ordered, 0)


def text_of_lines(
    words: Sequence[Word], lines: Lines, width: float, height: float
) -> tuple[str, WordBoxes]:
    """Return the text of the lines and the place of every word in it and on the page.

    Where a word was broken at a line's end the text holds `BREAK` between its two parts.
    """
    order = [number for line in lines for number in line]
    line_starts = {line[0] for line in lines if line}
    parts: list[str] = []
    spans: list[tuple[int, int]] = []
    length = 0
    for before, number in zip([-1, *order], order, strict=False):
        gap = _gap(words, before, number, number in line_starts)
        text = words[number].text
        if text.endswith(BREAK) and not _goes_on(words, order, len(spans)):
            text = text[:-1] + "-"
        start = length + len(gap)
        length = start + len(text)
        parts += (gap, text)
        spans.append((start, length))
    return "".join(parts), word_boxes([words[i] for i in order], spans, width, height)


def word_boxes(
    words: Sequence[Word], spans: Sequence[tuple[int, int]], width: float, height: float
) -> WordBoxes:
    """Return the words' boxes as fractions of the page, cut at its edges."""
    corners = [(w.left / width, w.top / height, w.right / width, w.bottom / height) for w in words]
    boxes = np.asarray(corners, np.float32).reshape(-1, 4)
    return WordBoxes(np.asarray(spans, np.int32).reshape(-1, 2), np.clip(boxes, 0.0, 1.0))


def is_wide(character: str) -> bool:
    """Whether the character is of a script that writes no spaces between words."""
    return character >= "\u3000" and any(low <= character <= high for low, high in _WIDE)


_WIDE = (
    ("\u3040", "\u30ff"),
    ("\u3400", "\u4dbf"),
    ("\u4e00", "\u9fff"),
    ("\uf900", "\ufaff"),
    ("\u3000", "\u303f"),
    ("\uff00", "\uffef"),
    ("\U00020000", "\U0003134f"),
)


def _gap(words: Sequence[Word], before: int, number: int, starts_line: bool) -> str:
    if before < 0:
        return ""
    if words[number].glued and number == before + 1:
        return "" if not starts_line or words[before].text.endswith(BREAK) else "\n"
    return "\n" if starts_line else " "


def _goes_on(words: Sequence[Word], order: list[int], place: int) -> bool:
    number = order[place]
    following = order[place + 1] if place + 1 < len(order) else -1
    return following == number + 1 and words[following].glued


def _ordered(words: Sequence[Word], numbers: list[int], ordered: bool, depth: int) -> Lines:
    rows = _rows(words, numbers)
    if depth >= _MAX_DEPTH or len(rows) < _MIN_ROWS:
        return rows
    gutter_width = 0.8 * median(words[i].height for i in numbers)
    lines: Lines = []
    first = 0
    while first < len(rows):
        stop, gutter = _gutter_run(words, rows, first, gutter_width)
        run = rows[first:stop]
        if gutter is not None and _is_two_columns(words, run, gutter, ordered):
            for side in _sides(words, run, gutter):
                lines += _ordered(words, sorted(i for row in side for i in row), ordered, depth + 1)
        else:
            lines += run
        first = stop
    return lines


def _rows(words: Sequence[Word], numbers: list[int]) -> Lines:
    """Return the words grouped by height, top to bottom, each row in reading direction."""
    rows: list[_Row] = []
    for number in sorted(numbers, key=lambda i: words[i].top + words[i].bottom):
        word = words[number]
        home = max(rows[-3:], key=lambda row: row.overlap(word), default=None)
        if home is not None and home.overlap(word) >= 0.5:
            home.take(number, word)
        else:
            rows.append(_Row([number], word.top, word.bottom))
    rows.sort(key=lambda row: row.top + row.bottom)
    return [_in_direction(words, row.numbers) for row in rows]


@dataclass
class _Row:
    numbers: list[int]
    top: float
    bottom: float

    def overlap(self, word: Word) -> float:
        """Shared height as a fraction of the lower of the two."""
        high, low = sorted((self.bottom - self.top, word.height), reverse=True)
        if high > _MAX_HEIGHT_RATIO * low and high > _MAX_HEIGHT_RATIO * (low or high):
            return self._holds_centre(word)
        shared = min(self.bottom, word.bottom) - max(self.top, word.top)
        return shared / low if low > 0 else self._holds_centre(word)

    def _holds_centre(self, word: Word) -> float:
        """Small marks (dots, dashes) belong to the row that they stand in."""
        centre = (word.top + word.bottom) / 2
        small = word.height < self.bottom - self.top
        return 1.0 if small and self.top <= centre <= self.bottom else 0.0

    def take(self, number: int, word: Word) -> None:
        # The band follows its first full-size words; growing it would pull lines together.
        if word.height > self.bottom - self.top:
            self.top, self.bottom = word.top, word.bottom
        self.numbers.append(number)


def _in_direction(words: Sequence[Word], numbers: list[int]) -> list[int]:
    n_right_to_left = sum(_is_right_to_left(words[i].text) for i in numbers)
    if 2 * n_right_to_left > len(numbers):
        return sorted(numbers, key=lambda i: (-words[i].right, i))
    return sorted(numbers, key=lambda i: (words[i].left, i))


def _is_right_to_left(text: str) -> bool:
    return any("\u0590" <= c <= "\u08ff" or "\ufb1d" <= c <= "\ufefc" for c in text)


Interval = tuple[float, float]


def _gutter_run(
    words: Sequence[Word], rows: Lines, first: int, least: float
) -> tuple[int, Interval | None]:
    """Return where the longest run from `first` ends that shares a gutter, and the gutter."""
    free = _gaps(words, rows[first], least)
    inner = [gap for gap in free if gap[0] > -np.inf and gap[1] < np.inf]
    if not inner:
        return first + 1, None
    stop = first + 1
    while stop < len(rows):
        narrower = _shared(inner, _gaps(words, rows[stop], least), least)
        if not narrower:
            break
        inner = narrower
        stop += 1
    gutter = max(inner, key=lambda gap: gap[1] - gap[0])
    return _without_tail(words, rows, first, stop, gutter), gutter


def _without_tail(
    words: Sequence[Word], rows: Lines, first: int, stop: int, gutter: Interval
) -> int:
    """Return where a run ends without what stands apart below it on one side only."""
    middle = (gutter[0] + gutter[1]) / 2
    last = first
    for place in range(first, stop):
        sides = {words[i].right <= middle for i in rows[place]}
        last = place if len(sides) == 2 else last
    for place in range(last + 1, stop):
        above = max(words[i].bottom for row in rows[first:place] for i in row)
        if min(words[i].top for i in rows[place]) - above > _APART * median(
            words[i].height for i in rows[place - 1]
        ):
            return place
    return stop


def _gaps(words: Sequence[Word], row: list[int], least: float) -> list[Interval]:
    """Return the free stretches of a row, the endless ones at both sides among them."""
    gaps: list[Interval] = []
    edge = -np.inf
    least = max(least, 0.6 * max(words[i].height for i in row))  # large print has large spaces
    for left, right in sorted((words[i].left, words[i].right) for i in row):
        if left - edge >= least:
            gaps.append((edge, left))
        edge = max(edge, right)
    return [*gaps, (edge, np.inf)]


def _shared(one: list[Interval], other: list[Interval], least: float) -> list[Interval]:
    overlaps = [(max(a, c), min(b, d)) for a, b in one for c, d in other]
    return [(low, high) for low, high in overlaps if high - low >= least]


def _sides(words: Sequence[Word], rows: Lines, gutter: Interval) -> tuple[Lines, Lines]:
    middle = (gutter[0] + gutter[1]) / 2
    left = [[i for i in row if words[i].right <= middle] for row in rows]
    right = [[i for i in row if words[i].right > middle] for row in rows]
    return [row for row in left if row], [row for row in right if row]


def _is_two_columns(words: Sequence[Word], rows: Lines, gutter: Interval, ordered: bool) -> bool:
    if len(rows) < _MIN_ROWS:
        return False
    left, right = _sides(words, rows, gutter)
    if not (_is_prose(words, left) and _is_prose(words, right)):
        return False
    return not ordered or _crossings(left, right) <= max(3, len(rows) // 5)


def _is_prose(words: Sequence[Word], rows: Lines) -> bool:
    if len(rows) < _MIN_ROWS:
        return False
    numbers = [i for row in rows for i in row]
    n_letters = sum(any(c.isalpha() for c in words[i].text) for i in numbers)
    left, right = min(words[i].left for i in numbers), max(words[i].right for i in numbers)
    widths = [max(words[i].right for i in row) - min(words[i].left for i in row) for row in rows]
    n_filled = sum(width >= 0.6 * (right - left) for width in widths)
    distinct = {" ".join(words[i].text for i in row) for row in rows}
    return (
        len(distinct) >= _MIN_DISTINCT * len(rows)
        and len(numbers) >= _MIN_PROSE_WORDS * len(rows)
        and n_letters >= _MIN_PROSE_LETTERS * len(numbers)
        and n_filled >= _MIN_FILLED * len(rows)
    )


def _crossings(left: Lines, right: Lines) -> int:
    """Return how often the file's own order of the words changes sides."""
    sides = sorted([(i, 0) for row in left for i in row] + [(i, 1) for row in right for i in row])
    return sum(one[1] != other[1] for one, other in pairwise(sides))
