"""The rows of a log's documents in one piece of memory: a search scores them in one call."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from latelight.index.rows import SpaceRows, SpaceSpec
from latelight.index.sections import Array, SectionFile
from latelight.index.segment import KIND, Segment
from latelight.types import Int64Array

_COLUMNS = ("values", "scales")


@dataclass(frozen=True, eq=False)
class RowBlock:
    """Rows of one space. A longer block shares the memory of the shorter one, which stays as it is.

    Attributes:
        columns: what a row consists of, by the name of its section.
        offsets: (n_units + 1,) int64, the rows of each unit.
    """

    columns: "Mapping[str, _Column]" = field(default_factory=dict)
    offsets: Int64Array = field(default_factory=lambda: np.zeros(1, np.int64))

    def extended(self, space: str, segment: Segment) -> "RowBlock":
        """Return the block with the rows of one more segment."""
        columns = dict(self.columns)
        for name in _COLUMNS:
            section = f"space.{space}.{name}"
            if section in segment.file:
                more = segment.file.array(section)
                columns[name] = columns.get(name, _Column.like(more)).extended(more)
        own = segment.file.array(f"space.{space}.row_offsets")
        return RowBlock(columns, np.concatenate([self.offsets, own[1:] + self.offsets[-1]]))

    def rows(self, space: str, spec: SpaceSpec) -> SpaceRows:
        """Return the rows as those of a segment."""
        arrays = {f"space.{space}.{name}": c.array for name, c in self.columns.items()}
        arrays[f"space.{space}.row_offsets"] = self.offsets
        return SpaceRows(SectionFile.holding("log", KIND, arrays), space, spec)


@dataclass(frozen=True, eq=False)
class _Column:
    """The first so many rows of a memory that has room for more."""

    memory: "_Memory"
    n: int

    @classmethod
    def like(cls, rows: Array) -> "_Column":
        """Return a column without rows, for such rows."""
        return cls(_Memory(np.empty((0, *rows.shape[1:]), rows.dtype)), 0)

    @property
    def array(self) -> Array:
        """The rows, read-only."""
        rows = self.memory.rows[: self.n]
        rows.flags.writeable = False
        return rows

    def extended(self, more: Array) -> "_Column":
        """Return a column with more rows, in the same memory unless that is full or taken."""
        memory = self.memory if self.memory.take(self.n, len(more)) else self._copied(len(more))
        memory.rows[self.n : self.n + len(more)] = more
        return _Column(memory, self.n + len(more))

    def _copied(self, n_more: int) -> "_Memory":
        old = self.memory.rows
        room = np.empty((2 * (self.n + n_more), *old.shape[1:]), old.dtype)
        room[: self.n] = old[: self.n]
        return _Memory(room, self.n + n_more)


class _Memory:
    """Rows of which the first so many are taken."""

    def __init__(self, rows: Array, n_taken: int = 0) -> None:
        self.rows = rows
        self._n_taken = n_taken
        self._lock = threading.Lock()

    def take(self, first: int, n: int) -> bool:
        """Take the `n` rows from `first` on; False when they are not there or not the next ones.

        They are not when a commit was taken back: the rows of the one that came instead must not
        overwrite what a snapshot still shows.
        """
        with self._lock:
            if first != self._n_taken or first + n > len(self.rows):
                return False
            self._n_taken += n
            return True
