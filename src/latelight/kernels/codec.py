"""Compressed rows: centroid + mean of the unit's residuals + scale * residual code.

A row x is turned by a random rotation, which spreads its energy evenly over the dims, and stored as

    x  ~  centroid + mean of its unit + scale * levels of its codes

with 1 to 4 bits of code for each dim and one byte for the scale (`residuals`). The mean of a
unit's residuals takes out what all rows of a unit share; it costs one row per unit and, since it
adds the same to every row, leaves a query's best row as it is.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.kernels.clustering import nearest_centroids, spherical_kmeans
from latelight.kernels.maxsim import quantize_int8
from latelight.kernels.pacing import each
from latelight.kernels.product import product
from latelight.kernels.residuals import (
    Bits,
    encode_residuals,
    levels_of,
    numbers_of,
    scale_of_code,
)

Float32Array = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
UInt8Array = npt.NDArray[np.uint8]
UInt16Array = npt.NDArray[np.uint16]

_CHUNK_ROWS = 1 << 15
_PIECE_ROWS = 1 << 13  # encoded at once: they stay in the cache, and background work rests after


@dataclass(frozen=True, eq=False)
class Codebook:
    """What rows are coded against.

    Attributes:
        rotation: (dim, dim) float32, orthogonal; a row is turned by `row @ rotation`.
        centroids: (n_centroids, dim) int8, in the rotated space.
        scales: (n_centroids,) float32, code * scale has length 1.
        bits: of a residual code.
        error: mean squared distance of rows like the trained ones to their centroids.
        levels: (16,) int8, what codes stand for, as `residuals` says.
    """

    rotation: Float32Array
    centroids: Int8Array
    scales: Float32Array
    bits: Bits
    error: float
    levels: Int8Array

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.centroids.shape[1])


class RowSource(Protocol):
    """Rows that are made when they are asked for; an array is one."""

    def __len__(self) -> int:
        """How many rows."""

    def __getitem__(self, span: slice, /) -> Float32Array:
        """Return some rows, (n, dim) float32."""


@dataclass(frozen=True, eq=False)
class CodedRows:
    """Rows as codes.

    Attributes:
        centroid_of: (n_rows,) uint16.
        codes: (n_rows, dim * bits / 8) uint8, packed as `pack_codes` does.
        code_scales: (n_rows,) uint8, places in `scale_of_code()`.
        means: (n_units, dim) int8.
        mean_scales: (n_units,) float32.
    """

    centroid_of: UInt16Array
    codes: UInt8Array
    code_scales: UInt8Array
    means: Int8Array
    mean_scales: Float32Array


def suggested_centroids(n_rows: int) -> int:
    """Return how many centroids suit a number of rows: a power of two, 1 to 65,536.

    Near 270 times the fourth root, and at most one for 16 rows. A query meets every centroid, so
    more of them stop paying long before the lists become short.
    """
    wanted = round(math.log2(270 * max(n_rows, 1) ** 0.25))
    most = max(n_rows, 16).bit_length() - 5
    return 1 << min(wanted, most, 16)


def random_rotation(dim: int, rng: np.random.Generator) -> Float32Array:
    """Return a random orthogonal matrix, (dim, dim) float32."""
    q, r = np.linalg.qr(rng.standard_normal((dim, dim)))
    return np.ascontiguousarray(q * np.sign(np.diag(r)), np.float32)


def train_codebook(  # noqa: PLR0913  a sample, what to make of it, and what to share
    rows: Float32Array,
    bits: Bits,
    n_centroids: int,
    rng: np.random.Generator,
    *,
    rotation: Float32Array | None = None,
    unseen: Float32Array | None = None,
    n_threads: int = 1,
) -> Codebook:
    """Return a codebook for rows like these.

    Args:
        rows: (n_rows, dim) float32, a sample; 16 to 64 rows for each centroid do.
        bits: of `BITS`.
        n_centroids: at most as many as rows.
        rng: equal generators give equal codebooks.
        rotation: of an existing codebook, so that a query is turned once for both; None draws one.
        unseen: (n, dim) float32, other rows to measure the error on; None takes the same.
        n_threads: does not change the result.
    """
    if rotation is None:
        rotation = random_rotation(rows.shape[1], rng)
    turned = product(rows, rotation)
    centroids, scales = spherical_kmeans(turned, n_centroids, rng, n_threads=n_threads)
    draft = Codebook(rotation, centroids, scales, bits, 0.0, levels_of(bits))
    measured = rows if unseen is None or not len(unseen) else unseen
    error = coding_error(draft, measured[:_CHUNK_ROWS], n_threads)
    return replace(draft, error=error)


def coding_error(book: Codebook, rows: Float32Array, n_threads: int = 1) -> float:
    """Return the mean squared distance of rows (n_rows, dim) to their centroids.

    Much more than the codebook's own `error` says that rows have drifted away from it.
    """
    turned = product(rows, book.rotation)
    nearest = nearest_centroids(turned, book.centroids, book.scales, n_threads)
    return float(((turned - _centroid_rows(book, nearest)) ** 2).sum(axis=1).mean())


def encode_rows(
    book: Codebook, rows: RowSource, offsets: Int64Array, n_threads: int = 1
) -> tuple[CodedRows, float]:
    """Return rows as codes, and the mean squared distance to their centroids.

    Args:
        book: as trained.
        rows: (n_rows, dim) float32, read in runs of some thousand.
        offsets: (n_units + 1,) int64, unit `u` has the rows `offsets[u]` to `offsets[u + 1]`.
        n_threads: does not change the result.
    """

    def encode(chunk: tuple[int, int]) -> tuple[CodedRows, float]:
        own = offsets[chunk[0] : chunk[1] + 1]
        return _encode_units(book, rows[own[0] : own[-1]], own)

    parts = each(encode, unit_chunks(offsets), n_threads)
    if not parts:
        return _nothing(book, len(offsets) - 1), 0.0
    coded = CodedRows(
        *(
            np.concatenate([getattr(part, name) for part, _ in parts])
            for name in ("centroid_of", "codes", "code_scales", "means", "mean_scales")
        )
    )
    return coded, sum(lost for _, lost in parts) / max(len(rows), 1)


def unit_chunks(offsets: Int64Array, n_rows: int = _PIECE_ROWS) -> Iterator[tuple[int, int]]:
    """Yield (first, stop) of runs of units that hold about `n_rows` rows together."""
    first, n_units = 0, len(offsets) - 1
    while first < n_units:
        stop = int(np.searchsorted(offsets, offsets[first] + n_rows, "right")) - 1
        stop = min(max(stop, first + 1), n_units)
        yield first, stop
        first = stop


def _encode_units(
    book: Codebook, rows: Float32Array, offsets: Int64Array
) -> tuple[CodedRows, float]:
    counts = np.diff(offsets)
    turned = product(rows, book.rotation)
    nearest = nearest_centroids(turned, book.centroids, book.scales)
    residuals = turned
    residuals -= _centroid_rows(book, nearest)
    lost = float((residuals**2).sum())
    means, mean_scales = quantize_int8(_unit_means(residuals, counts))
    residuals -= np.repeat(means * mean_scales[:, None], counts, axis=0)
    codes, code_scales = encode_residuals(residuals, book.bits)
    return CodedRows(nearest.astype(np.uint16), codes, code_scales, means, mean_scales), lost


def _centroid_rows(book: Codebook, nearest: Int32Array) -> Float32Array:
    rows: Float32Array = book.centroids[nearest].astype(np.float32)
    rows *= book.scales[nearest][:, None]
    return rows


def _unit_means(residuals: Float32Array, counts: Int64Array) -> Float32Array:
    means = np.zeros((len(counts), residuals.shape[1]), np.float32)
    filled = counts > 0
    if filled.any():
        firsts = np.concatenate([[0], np.cumsum(counts)])[:-1]
        sums = np.add.reduceat(residuals, firsts[filled], axis=0)
        means[filled] = sums / counts[filled][:, None]
    return means


def decode_rows(
    book: Codebook, coded: CodedRows, offsets: Int64Array, chosen: Int64Array | None = None
) -> Float32Array:
    """Return the rows that codes stand for, (n_rows, dim) float32, turned back.

    Args:
        book: what they were coded against.
        coded: the codes.
        offsets: (n_units + 1,) int64 as for `encode_rows`.
        chosen: (n,) int64, which rows; None for all.
    """
    if chosen is None:
        chosen = np.arange(int(offsets[-1]), dtype=np.int64)
    numbers = numbers_of(coded.codes[chosen], book.bits, book.dim, book.levels)
    rows = numbers * scale_of_code()[coded.code_scales[chosen]][:, None]
    rows += _centroid_rows(book, coded.centroid_of[chosen].astype(np.int32))
    units = np.searchsorted(offsets, chosen, "right") - 1
    rows += (coded.means * coded.mean_scales[:, None])[units]
    return product(rows, book.rotation.T)


def centroid_lists(
    centroid_of: UInt16Array, offsets: Int64Array, n_centroids: int
) -> tuple[Int64Array, UInt16Array]:
    """Return, for each centroid, the units that have a row of it: offsets and unit numbers.

    Offsets are (n_centroids + 1,) int64, units uint16 and ascending in each list, each once.

    Raises:
        ShapeError: more than 65,536 units.
    """
    n_units = len(offsets) - 1
    if n_units > 1 << 16:
        raise ShapeError(f"{n_units} units; lists number at most 65,536. Use smaller segments.")
    units = np.repeat(np.arange(n_units, dtype=np.int64), np.diff(offsets))
    pairs = np.unique(centroid_of.astype(np.int64) << 16 | units)
    starts = np.searchsorted(pairs, np.arange(n_centroids + 1, dtype=np.int64) << 16)
    return starts.astype(np.int64), (pairs & 0xFFFF).astype(np.uint16)


def _nothing(book: Codebook, n_units: int) -> CodedRows:
    return CodedRows(
        np.zeros(0, np.uint16),
        np.zeros((0, book.dim * book.bits // 8), np.uint8),
        np.zeros(0, np.uint8),
        np.zeros((n_units, book.dim), np.int8),
        np.zeros(n_units, np.float32),
    )
