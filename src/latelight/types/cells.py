"""Cells of a table or sheet as a place in a document."""

import re
from dataclasses import dataclass
from typing import Any

_A1 = re.compile(r"([A-Z]+)([0-9]+)(?::([A-Z]+)([0-9]+))?")
SEPARATOR = "\t"
"""Between the cells of a row in a unit's text; between rows stands a line end."""


@dataclass(frozen=True, slots=True)
class CellRange:
    """A rectangle of cells, both ends included; rows and columns count from 1.

    The text of a unit at such a place has one line for each row and a tab between cells, so that
    `cell_at` finds the cell of any of its characters.

    Attributes:
        table: name of the sheet or table, possibly empty.
        first_row, first_column, last_row, last_column: the rectangle.
        header: number of the row that the unit's text repeats as its first line; 0 when it
            repeats none.
    """

    table: str
    first_row: int
    first_column: int
    last_row: int
    last_column: int
    header: int = 0

    @property
    def a1(self) -> str:
        """The rectangle as spreadsheets write it: `B2:D9`, or `B2` for one cell."""
        first = f"{column_letters(self.first_column)}{self.first_row}"
        last = f"{column_letters(self.last_column)}{self.last_row}"
        return first if first == last else f"{first}:{last}"

    def cell_at(self, text: str, at: int) -> "CellRange":
        """Return the one cell that holds character `at` of a unit's text at this place."""
        line = text.count("\n", 0, at)
        begin = text.rfind("\n", 0, at) + 1
        column = self.first_column + text.count(SEPARATOR, begin, at)
        if self.header:
            line -= 1
        row = self.header if line < 0 else self.first_row + line
        return CellRange(self.table, row, column, row, column)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        parts: dict[str, Any] = {"table": self.table, "range": self.a1}
        if self.header:
            parts["header"] = self.header
        return parts

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> "CellRange":
        """Return the range that `to_dict` wrote."""
        match = _A1.fullmatch(parts["range"])
        if match is None:
            raise ValueError(f"{parts['range']!r} is no range of cells; write it like B2:D9.")
        column, row, last_column, last_row = match.groups()
        first = (int(row), column_number(column))
        last = (int(last_row), column_number(last_column)) if last_row else first
        return cls(parts["table"], *first, *last, parts.get("header", 0))


def column_letters(number: int) -> str:
    """Return a column's letters: 1 is A, 27 is AA."""
    letters = ""
    while number > 0:
        number, rest = divmod(number - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def column_number(letters: str) -> int:
    """Return the number of a column from its letters: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = 26 * number + ord(letter) - ord("A") + 1
    return number
