"""Spherical k-means: the centroids that rows are coded against, and the nearest one of each row."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.kernels.maxsim import MAX_QUERY_ROWS, Rows, maxsim_argmax, quantize_int8
from latelight.kernels.pacing import each

Float32Array = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
Int32Array = npt.NDArray[np.int32]

MAX_CENTROIDS = 65_536  # their numbers are stored in 16 bits


def nearest_centroids(
    rows: Float32Array, centroids: Int8Array, scales: Float32Array, n_threads: int = 1
) -> Int32Array:
    """Return the centroid of the greatest dot product with each row, (n_rows,) int32.

    Rows count as int8 codes with a scale each, as queries of `maxsim` do; of equal centroids the
    first is taken.

    Args:
        rows: (n_rows, dim) float32.
        centroids, scales: (n_centroids, dim) int8 and (n_centroids,) float32, code * scale.
        n_threads: how many threads share the rows.
    """
    book = Rows(centroids, np.array([0, len(centroids)], np.int64), scales)
    nearest = np.empty(len(rows), np.int32)

    def fill(span: slice) -> None:
        nearest[span] = maxsim_argmax(np.ascontiguousarray(rows[span]), book)[0][0]

    each(fill, _spans(len(rows), MAX_QUERY_ROWS), n_threads)
    return nearest


def spherical_kmeans(
    rows: Float32Array,
    n_centroids: int,
    rng: np.random.Generator,
    *,
    n_rounds: int = 4,
    n_threads: int = 1,
) -> tuple[Int8Array, Float32Array]:
    """Return centroids of length 1 as int8 codes (n_centroids, dim) and scales (n_centroids,).

    Lloyd's rounds on the sphere (Dhillon and Modha, "Concept Decompositions for Large Sparse Text
    Data Using Clustering", 2001); a centroid that loses all its rows becomes a random row.

    Args:
        rows: (n_rows, dim) float32, at least `n_centroids` of them.
        n_centroids: 1 to 65,536.
        rng: draws the first centroids; equal generators give equal centroids.
        n_rounds: how often rows are assigned and centroids moved.
        n_threads: for the assignment; does not change the result.

    Raises:
        ShapeError: there are fewer rows than centroids, or too many centroids.
    """
    if not 1 <= n_centroids <= min(len(rows), MAX_CENTROIDS):
        raise ShapeError(
            f"{n_centroids} centroids from {len(rows)} rows; expected 1 to {MAX_CENTROIDS} and as "
            "many rows at least. Ask for fewer centroids."
        )
    chosen = rng.choice(len(rows), n_centroids, replace=False)
    codes, scales = quantize_int8(_unit(rows[chosen]))
    for _ in range(n_rounds):
        nearest = nearest_centroids(rows, codes, scales, n_threads)
        codes, scales = quantize_int8(_moved(rows, nearest, n_centroids, rng))
    return codes, scales


def _moved(
    rows: Float32Array, nearest: Int32Array, n_centroids: int, rng: np.random.Generator
) -> Float32Array:
    """Return the direction of each centroid's rows together."""
    order = np.argsort(nearest, kind="stable")
    counts = np.bincount(nearest, minlength=n_centroids)
    firsts = np.concatenate([[0], np.cumsum(counts)])[:-1]
    filled = counts > 0
    sums = np.empty((n_centroids, rows.shape[1]), np.float32)
    sums[filled] = np.add.reduceat(rows[order], firsts[filled], axis=0)
    n_empty = int(n_centroids - filled.sum())
    sums[~filled] = rows[rng.choice(len(rows), n_empty)]
    return _unit(sums)


def _unit(rows: Float32Array) -> Float32Array:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Float32Array = (rows / np.maximum(lengths, 1e-12)).astype(np.float32)
    return scaled


def _spans(n: int, step: int) -> Iterator[slice]:
    for start in range(0, n, step):
        yield slice(start, min(start + step, n))
