"""Rows on their way into a segment: stored values, codes, or both, in runs of the same kind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import numpy as np

from latelight.index.sections import Array
from latelight.index.strings import starts
from latelight.kernels.codec import Codebook, CodedRows, decode_rows
from latelight.types import Float32Array, Int64Array

_CHUNK_ROWS = 1 << 15
_SPREAD = 0.04  # of lengths that count as one: int8 rows of length 1 lie within a hundredth


@dataclass(frozen=True, eq=False)
class CodedPart:
    """The codes of some units.

    Attributes:
        book: what they are coded against.
        coded: the codes.
        length: of every row, 0 when unknown.
    """

    book: Codebook
    coded: CodedRows
    length: float = 0.0


@dataclass(frozen=True, eq=False)
class Run:
    """Rows of consecutive units that are kept in the same way.

    Attributes:
        offsets: (n_units + 1,) int64 from 0, where each unit's rows begin.
        values: (n_rows, dim) int8 or float16; None where only codes are kept.
        scales: (n_rows,) float32 beside int8 values, else None.
        part: the rows' codes, None where there are none.
    """

    offsets: Int64Array
    values: Array | None
    scales: Float32Array | None
    part: CodedPart | None

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return int(self.offsets[-1])

    def rows(self, chosen: Int64Array) -> Float32Array:
        """Return some rows by number, (n, dim) float32."""
        if self.values is None:
            assert self.part is not None
            return decode_rows(self.part.book, self.part.coded, self.offsets, chosen)
        rows: Float32Array = self.values[chosen].astype(np.float32)
        if self.scales is not None:
            rows *= self.scales[chosen][:, None]
        return rows


def common_length(runs: Sequence[Run]) -> float:
    """Return the length that all rows have, within 2 %; 0 when they have none in common."""
    shortest, longest = np.inf, 0.0
    for run in runs:
        for low, high in _lengths(run):
            shortest, longest = min(shortest, low), max(longest, high)
    middle = (shortest + longest) / 2
    if not longest - shortest <= _SPREAD * middle:
        return 0.0
    return 1.0 if abs(middle - 1) <= _SPREAD / 2 else float(middle)


def _lengths(run: Run) -> Iterator[tuple[float, float]]:
    """Yield the least and the greatest length of some rows after the other."""
    if run.values is None:
        yield (0.0, 0.0) if run.part is None else (run.part.length, run.part.length)
        return
    for first in range(0, run.n_rows, _CHUNK_ROWS):
        rows = run.rows(np.arange(first, min(first + _CHUNK_ROWS, run.n_rows)))
        lengths = np.sqrt(np.einsum("rd,rd->r", rows, rows))
        yield float(lengths.min()), float(lengths.max())


class RunRows:
    """The rows of several runs as float32, some at a time: a `RowSource`."""

    def __init__(self, runs: Sequence[Run]) -> None:
        self._runs = runs
        self._starts: Int64Array = starts(np.array([run.n_rows for run in runs], np.int64))

    def __len__(self) -> int:
        """How many rows."""
        return int(self._starts[-1])

    def __getitem__(self, span: slice | Int64Array) -> Float32Array:
        """Return some rows, (n, dim) float32; numbers ascend."""
        chosen = np.arange(len(self))[span] if isinstance(span, slice) else span
        edges = np.searchsorted(chosen, self._starts)
        parts = [
            run.rows(chosen[edges[i] : edges[i + 1]] - self._starts[i])
            for i, run in enumerate(self._runs)
            if edges[i] < edges[i + 1]
        ]
        return parts[0] if len(parts) == 1 else np.concatenate(parts or [self._none()])

    def _none(self) -> Float32Array:
        return self._runs[0].rows(np.zeros(0, np.int64))


def join_coded(parts: Sequence[CodedRows]) -> CodedRows:
    """Return the codes of consecutive units as one."""
    if len(parts) == 1:
        return parts[0]
    return CodedRows(
        *(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(CodedRows))
    )


def slice_coded(coded: CodedRows, units: slice, rows: slice) -> CodedRows:
    """Return the codes of some consecutive units, views."""
    return CodedRows(
        coded.centroid_of[rows],
        coded.codes[rows],
        coded.code_scales[rows],
        coded.means[units],
        coded.mean_scales[units],
    )
