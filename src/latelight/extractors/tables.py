"""Rows of cells -> pieces of text that know their cells.

A piece has one line for each row and a tab between cells. Where a table goes on in another piece,
its header row comes first again: a row of figures means little without it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from latelight.types import CellRange

SEPARATOR = "\t"
MAX_GAP = 2  # empty rows inside one table
_HEADER_WITHIN = 5
_BREAKS = re.compile(r"[\s\x00-\x1f]+")
_FIGURE = re.compile(r"[-+(]?[\d.,:/%\s€$£-]+[%)]?")

Row = tuple[int, Sequence[str]]
"""A row's number, from 1, and its cells from column 1 on."""


@dataclass(frozen=True)
class TablePiece:
    """Some rows of a table as text, and where they are."""

    text: str
    cells: CellRange


def plain_cell(value: str) -> str:
    """Return a cell's characters on one line, without tabs."""
    return _BREAKS.sub(" ", value).strip()


def table_pieces(table: str, rows: Iterable[Row], limit: int) -> Iterator[TablePiece]:
    """Yield a table's rows in order, packed into pieces of about `limit` characters.

    More than two empty rows end a table; what follows is another one under the same name.

    Args:
        table: name of the sheet or table.
        rows: ascending numbers; cells as `plain_cell` gives them; empty rows may be left out.
        limit: characters of a piece; only a longer row makes a longer one.
    """
    run = _Run(table, limit)
    for number, cells in rows:
        if not any(cells):
            continue
        if run.rows and number - run.rows[-1][0] > MAX_GAP + 1:
            yield from run.close()
            run = _Run(table, limit)
        yield from run.add((number, cells))
    yield from run.close()


@dataclass
class _Run:
    """One table under way: its header, if it has one, and the rows of the piece in hand."""

    table: str
    limit: int
    rows: list[Row] = field(default_factory=list)
    header: Row | None = None
    n_characters: int = 0
    n_seen: int = 0

    def add(self, row: Row) -> Iterator[TablePiece]:
        length = sum(map(len, row[1])) + len(row[1])
        if self.rows and self.n_characters + length > self.limit:
            yield from self.close()
        self.rows.append(row)
        self.n_characters += length
        self.n_seen += 1
        if self.header is None and self.n_seen <= _HEADER_WITHIN and _is_header(row[1]):
            self.header = row

    def close(self) -> Iterator[TablePiece]:
        if not self.rows:
            return
        repeated = self.header if self.header and self.header[0] < self.rows[0][0] else None
        yield _piece(self.table, self.rows, repeated)
        self.rows = []
        self.n_characters = sum(map(len, self.header[1])) if self.header else 0


def _piece(table: str, rows: list[Row], header: Row | None) -> TablePiece:
    shown = [header, *rows] if header else rows
    first = min(next(i for i, cell in enumerate(cells) if cell) for _, cells in shown)
    last = max(next(i for i in range(len(c) - 1, -1, -1) if c[i]) for _, c in shown)
    lines = [_line(header[1], first, last)] if header else []
    number = rows[0][0]
    for at, cells in rows:
        lines += [""] * (at - number)  # empty rows, so that lines count rows
        lines.append(_line(cells, first, last))
        number = at + 1
    place = CellRange(
        table, rows[0][0], first + 1, rows[-1][0], last + 1, header[0] if header else 0
    )
    return TablePiece("\n".join(lines), place)


def _line(cells: Sequence[str], first: int, last: int) -> str:
    return SEPARATOR.join(cells[first : last + 1]).rstrip(SEPARATOR)


def _is_header(cells: Sequence[str]) -> bool:
    """Whether a row names columns: at least two cells, none of them a figure."""
    filled = [cell for cell in cells if cell]
    return len(filled) >= 2 and not any(_FIGURE.fullmatch(cell) for cell in filled)
