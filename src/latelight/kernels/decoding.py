"""Coded rows read back: what is scored exactly where only codes are stored.

They come back in the rotated space that codes lie in, where similarities with a turned query are
those of the space itself. `decode_rows` of the codec turns them back.

What coding loses makes rows shorter or longer, and a query's best rows lie along it: where all rows
are known to be equally long, decoded ones get that length, and scores lose a quarter less.
"""

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.kernels.coded_segment import CodedSegment
from latelight.kernels.maxsim import available_isas, native_or_none
from latelight.kernels.residuals import numbers_of, scale_of_code
from latelight.kernels.rows import Rows

Float32Array = npt.NDArray[np.float32]
Int64Array = npt.NDArray[np.int64]

_NUMPY = "numpy"


def decode_units(
    segment: CodedSegment, units: Int64Array, *, n_threads: int = 1, isa: str | None = None
) -> Rows:
    """Return the rows of some units as float32, a document of `Rows` for each of `units`.

    Every path computes the same bytes.

    Args:
        segment: whose units.
        units: (n,) int64 unit numbers, in any order.
        n_threads: how many threads share the units; does not change the result.
        isa: one of `available_isas()`; None for the best.

    Raises:
        ShapeError: there is no such unit, or its offsets are damaged.
    """
    starts = _starts(segment, units)
    path = available_isas()[0] if isa is None else isa
    if path == _NUMPY:
        return Rows(_decode_numpy(segment, units, starts), starts)
    native = native_or_none()
    assert native is not None
    rows = np.empty((int(starts[-1]), segment.book.dim), np.float32)
    arguments = (segment.handle, units, starts, segment.length, max(1, n_threads))
    native.decode(path, *arguments, rows)
    return Rows(rows, starts)


def turned(segment: CodedSegment, query: Float32Array) -> Float32Array:
    """Return a query (n_query, dim) float32 in the space of decoded rows."""
    return np.ascontiguousarray(query @ segment.book.rotation)


def _starts(segment: CodedSegment, units: Int64Array) -> Int64Array:
    """Return (n + 1,) int64, where each unit's rows begin in the result."""
    if len(units) and not (units.min() >= 0 and units.max() < segment.n_units):
        raise ShapeError(
            f"Units run from {units.min()} to {units.max()}; expected numbers of 0 to "
            f"{segment.n_units - 1}. Take them from the same segment."
        )
    first, stop = segment.offsets[units], segment.offsets[units + 1]
    n_rows = len(segment.coded.centroid_of)
    bad = np.flatnonzero((first < 0) | (stop < first) | (stop > n_rows))
    if len(bad):
        unit = int(units[bad[0]])
        raise ShapeError(
            f"Unit {unit} has the rows {first[bad[0]]} to {stop[bad[0]]} of {n_rows}; expected "
            "offsets that rise from 0 to the number of rows. The index is damaged: verify it."
        )
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(stop - first)])


def _decode_numpy(segment: CodedSegment, units: Int64Array, starts: Int64Array) -> Float32Array:
    """Return the rows: the body is the arithmetic of the native path."""
    book, coded = segment.book, segment.coded
    counts = np.diff(starts)
    chosen = np.arange(int(starts[-1])) + np.repeat(segment.offsets[units] - starts[:-1], counts)
    centroid = coded.centroid_of[chosen].astype(np.int64)
    known = centroid < len(book.centroids)  # else the file is damaged
    centroid[~known] = 0
    numbers = numbers_of(coded.codes[chosen], book.bits, book.dim, book.levels)
    rows = numbers * scale_of_code()[coded.code_scales[chosen]][:, None]
    rows += book.centroids[centroid] * np.where(known, book.scales[centroid], 0)[:, None]
    means = coded.means[units] * coded.mean_scales[units][:, None]
    rows += np.repeat(means, counts, axis=0)
    if segment.length:
        norms = np.sqrt(_sums_of_squares(rows))
        factors = np.float32(segment.length) / np.where(norms > 0, norms, np.float32(1))
        rows *= factors[:, None]
    return rows


def _sums_of_squares(rows: Float32Array) -> Float32Array:
    """Return (n_rows,) float32, added up in eight lanes and then by halves."""
    squares = (rows * rows).reshape(len(rows), -1, 8)
    sums = squares[:, 0].copy()
    for block in range(1, squares.shape[1]):
        sums += squares[:, block]
    for half in (4, 2, 1):
        sums = sums[:, :half] + sums[:, half : 2 * half]
    return sums[:, 0]
