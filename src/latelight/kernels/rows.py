"""A ragged batch of documents as flat rows and offsets."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError

MAX_DIM = 1024
LARGEST_SCALE = 1e30
_STORED_AS = {"float32": "f32", "float16": "f16", "uint16": "bf16", "int8": "i8"}


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows of several documents, one after the other.

    Document `d` has the rows `offsets[d]` to `offsets[d + 1]`; it may have none.

    Attributes:
        values: (n_rows, dim) C-contiguous; float32, float16, uint16 (the bits of bfloat16) or
            int8. dim is a multiple of 8 up to 1024. May be a read-only memory map.
        offsets: (n_documents + 1,) int64, rising from 0 to n_rows.
        scales: (n_rows,) float32 for int8, where a row is `values * scale`; else None.

    Raises:
        ShapeError: a shape, a dtype or the ends of the offsets are off. That the offsets never
            fall is checked for the documents that are scored, and for all of them by `check`.
    """

    values: npt.NDArray[Any]  # (n_rows, dim)
    offsets: npt.NDArray[np.int64]  # (n_documents + 1,)
    scales: npt.NDArray[np.float32] | None = None  # (n_rows,)

    def __post_init__(self) -> None:
        _check_values(self.values)
        _check_scales(self.values, self.scales)
        _check_offsets(self.offsets, self.n_rows)

    @property
    def n_rows(self) -> int:
        """How many rows all documents have together."""
        return int(self.values.shape[0])

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.values.shape[1])

    @property
    def n_documents(self) -> int:
        """How many documents."""
        return len(self.offsets) - 1

    @property
    def stored_as(self) -> str:
        """`f32`, `f16`, `bf16` or `i8`."""
        return _STORED_AS[self.values.dtype.name]

    def check(self) -> None:
        """Look at every value; writers call it once before rows are kept.

        Raises:
            ShapeError: falling offsets, or a row with a value that is not finite. Scoring does
                not look: there, a similarity that is not finite counts as -inf and never wins.
        """
        falls = np.flatnonzero(np.diff(self.offsets) < 0)
        if len(falls):
            raise falling_offsets(self, int(falls[0]))
        numbers = self.values if self.scales is None else self.scales
        bad = _rows_not_finite(numbers)
        if len(bad):
            raise ShapeError(
                f"Row {bad[0]} (and {len(bad) - 1} more) holds a value that is not finite. "
                "Rows must be finite numbers; drop these rows or encode their document again."
            )


def falling_offsets(rows: Rows, document: int) -> ShapeError:
    """Return the error for a document that would end before it starts, or past the rows."""
    start, end = rows.offsets[document], rows.offsets[document + 1]
    return ShapeError(
        f"Document {document} has the offsets {start} to {end}, of {rows.n_rows} rows. "
        "Offsets must never fall; build them with numpy.cumsum over the row counts."
    )


def bfloat16_bits(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return the nearest bfloat16 of each value, ties to even, as its bits in uint16."""
    bits = np.ascontiguousarray(vectors, dtype=np.float32).view(np.uint32)
    rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return np.where(np.isnan(vectors), 0x7FC0, rounded).astype(np.uint16)


def _rows_not_finite(numbers: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    is_bfloat16 = numbers.dtype == np.uint16
    finite = (numbers & 0x7F80) != 0x7F80 if is_bfloat16 else np.isfinite(numbers)
    return np.flatnonzero(~finite.reshape(len(numbers), -1).all(axis=1))


def _check_values(values: npt.NDArray[Any]) -> None:
    if values.dtype.name not in _STORED_AS or not values.dtype.isnative:
        raise ShapeError(
            f"Row values have the dtype {values.dtype}; expected float32, float16, uint16 "
            "(bfloat16 bits) or int8. Convert them, or use quantize_int8."
        )
    if values.ndim != 2 or not 8 <= values.shape[1] <= MAX_DIM or values.shape[1] % 8:
        raise ShapeError(
            f"Row values have the shape {values.shape}; expected (n_rows, dim) with dim a "
            f"multiple of 8 up to {MAX_DIM}. Pad or project the vectors."
        )
    if not (values.flags.c_contiguous and values.flags.aligned):
        raise ShapeError(
            "Row values are not one aligned, C-contiguous block. "
            "Make them one with numpy.ascontiguousarray."
        )


def _check_scales(values: npt.NDArray[Any], scales: npt.NDArray[np.float32] | None) -> None:
    needed = values.dtype == np.int8
    if needed != (scales is not None):
        raise ShapeError(
            f"{values.dtype} rows came {'without' if needed else 'with'} scales. Scales belong to "
            "int8 rows, one float32 per row, as quantize_int8 returns them."
        )
    if scales is None:
        return
    if scales.dtype != np.float32 or scales.shape != values.shape[:1] or not _is_plain(scales):
        raise ShapeError(
            f"Scales are {scales.dtype} {scales.shape}; expected contiguous float32 "
            f"({len(values)},), one per row, as quantize_int8 returns them."
        )


def _check_offsets(offsets: npt.NDArray[np.int64], n_rows: int) -> None:
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not _is_plain(offsets):
        raise ShapeError(
            f"Offsets are {offsets.dtype} {offsets.shape}; expected contiguous int64 "
            "(n_documents + 1,). Convert them with numpy.ascontiguousarray(..., dtype='int64')."
        )
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != n_rows:
        ends = (int(offsets[0]), int(offsets[-1])) if len(offsets) else "nothing"
        raise ShapeError(
            f"Offsets run over {ends}; expected them to start at 0 and to end at {n_rows}, the "
            "number of rows. Build them with numpy.cumsum over the row counts."
        )


def _is_plain(array: npt.NDArray[Any]) -> bool:
    return bool(array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative)
