"""Tables of a PDF page from nothing but its words: lines whose words stand apart in columns.

What the filings' labels were proposed by (`docs/benchmarks/visual.md`), and a detector to compare
models with on pages that were labelled by others.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from latelight.extractors.layout import Word
from latelight.extractors.pdf_words import page_words
from latelight.types import Box

_FIGURE = re.compile(r"[$€£(\[]*-?[\d.,]*\d[\d.,]*[%)\]*]*|[-–—]|\$|%|n/?[am]|nil", re.IGNORECASE)
_APART = 1.0  # of a line's height: words further from each other are in different columns
_NEAR = 5.5  # of a line's height: rows further from each other are of different tables
_PROSE = 0.72  # of the text's width: a line that long without columns ends a table


@dataclass(frozen=True)
class _Line:
    """Words on one line, in points from the top left; `parts` are (left, right, text)."""

    top: float
    bottom: float
    height: float
    parts: tuple[tuple[float, float, str], ...]

    @property
    def left(self) -> float:
        return self.parts[0][0]

    @property
    def right(self) -> float:
        return max(right for _, right, _ in self.parts)

    @property
    def is_row(self) -> bool:
        """Whether it looks like a table's row: three columns, or two with a number."""
        numbers = [_FIGURE.fullmatch(text.replace(" ", "")) for _, _, text in self.parts[1:]]
        return len(self.parts) >= 3 or any(numbers)


def tables_of(page: Any) -> list[Box]:
    """Return the tables of a page of pypdfium2, top first."""
    read = page_words(page)
    lines = _lines(read.words)
    return [_box(lines, *run, read.width, read.height) for run in _runs(lines)]


def _lines(words: Sequence[Word]) -> list[_Line]:
    rows: list[list[Word]] = []
    for word in sorted(words, key=lambda word: (_middle(word), word.left)):
        near = next((row for row in reversed(rows[-6:]) if _on_one_line(row, word)), None)
        if near is None:
            rows.append([word])
        else:
            near.append(word)
    return sorted(map(_line, rows), key=lambda line: line.top)


def _on_one_line(row: Sequence[Word], word: Word) -> bool:
    middle = sum(map(_middle, row)) / len(row)
    least = min(word.bottom - word.top, row[0].bottom - row[0].top)
    return abs(middle - _middle(word)) < 0.45 * least + 1.0


def _line(row: Sequence[Word]) -> _Line:
    ordered = sorted(row, key=lambda word: word.left)
    height = float(np.median([word.bottom - word.top for word in ordered]))
    parts = [[ordered[0]]]
    for before, word in pairwise(ordered):
        if word.left - before.right > max(_APART * height, 6.0):
            parts.append([word])
        else:
            parts[-1].append(word)
    told = tuple(
        (part[0].left, max(word.right for word in part), " ".join(word.text for word in part))
        for part in parts
    )
    top, bottom = min(word.top for word in row), max(word.bottom for word in row)
    return _Line(top, bottom, height, told)


def _runs(lines: Sequence[_Line]) -> list[tuple[int, int]]:
    """Return the first and last line of each table, column heads included."""
    width = _text_width(lines)
    runs: list[list[int]] = []  # first, last, number of rows
    for number, line in enumerate(lines):
        if not line.is_row:
            continue
        if runs and _goes_on(lines, runs[-1][1], number, width):
            runs[-1][1], runs[-1][2] = number, runs[-1][2] + 1
        else:
            runs.append([number, number, 1])
    return [(_head(lines, a, b, width), b) for a, b, n_rows in runs if n_rows > 1]


def _goes_on(lines: Sequence[_Line], last: int, number: int, width: float) -> bool:
    between = lines[last + 1 : number]
    is_cut = any(line.right - line.left > _PROSE * width for line in between)
    return not is_cut and lines[number].top - lines[last].bottom < _NEAR * lines[number].height


def _head(lines: Sequence[_Line], first: int, last: int, width: float) -> int:
    """Return the number of the uppermost line of the column heads above a table's rows."""
    rows = [line for line in lines[first : last + 1] if line.is_row]
    label_right = float(np.median([line.parts[0][1] for line in rows]))
    while first > 0:
        above, below = lines[first - 1], lines[first]
        is_far = below.top - above.bottom > 1.6 * max(above.height, 8.0)
        is_prose = len(above.parts) == 1 and above.right - above.left > 0.9 * width
        stands_over_columns = above.parts[-1][0] > label_right or len(above.parts) > 1
        if is_far or is_prose or not stands_over_columns:
            break
        first -= 1
    return first


def _text_width(lines: Sequence[_Line]) -> float:
    if not lines:
        return 1.0
    rights, lefts = [line.right for line in lines], [line.left for line in lines]
    return max(float(np.percentile(rights, 95) - np.percentile(lefts, 5)), 1.0)


def _box(lines: Sequence[_Line], first: int, last: int, width: float, height: float) -> Box:
    own = lines[first : last + 1]
    left, right = min(line.left for line in own), max(line.right for line in own)
    edges = (left / width, own[0].top / height, right / width, own[-1].bottom / height)
    return Box(*(min(max(edge, 0.0), 1.0) for edge in edges))


def _middle(word: Word) -> float:
    return (word.top + word.bottom) / 2
