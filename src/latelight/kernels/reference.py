"""MaxSim in numpy: the specification of every native path, and what runs without one.

The similarity of a query row and a document row is their dot product. For int8 rows the query
row is quantised too (see `quantize_int8`) and the similarity is, in float32 and in this order,
`(integer dot * row scale) * query scale`; the integer dot is exact. A similarity that is not
finite counts as -inf. A query row's contribution is its best similarity, and the score of a
document is their sum; it is -inf as soon as one query row has nothing to match, as in a document
without rows. Late interaction and MaxSim: Khattab & Zaharia, ColBERT, SIGIR 2020.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.kernels.rows import LARGEST_SCALE, Rows

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

SMALLEST_PEAK = np.float32(1e-30)


def maxsim(query: Float32Array, rows: Rows, documents: Int64Array) -> Float32Array:
    """Return the score of each of `documents`, (n,) float32."""
    _, similarities = maxsim_argmax(query, rows, documents)
    return np.asarray(similarities.astype(np.float64).sum(axis=1), dtype=np.float32)


def maxsim_argmax(
    query: Float32Array, rows: Rows, documents: Int64Array
) -> tuple[Int32Array, Float32Array]:
    """Return the winning rows (n, n_query) int32 and their similarities (n, n_query) float32."""
    winners = np.full((len(documents), len(query)), -1, dtype=np.int32)
    best = np.full((len(documents), len(query)), -np.inf, dtype=np.float32)
    for i, found in enumerate(_per_document(query, rows, documents)):
        if found.shape[1]:
            best[i] = found.max(axis=1)
            winners[i] = np.where(best[i] > -np.inf, found.argmax(axis=1), -1)
    return winners, best


def similarity_matrix(
    query: Float32Array, values: npt.NDArray[Any], scales: Float32Array | None
) -> Float32Array:
    """Return every similarity, (n_query, n_rows) float32."""
    if scales is None:
        return _finite_or_lowest(_product(query, widen(values)))
    codes, query_scales = quantize_int8(query)
    # At most 1024 * 127 * 128 < 2**24: float32 holds every partial sum exactly.
    dots = _product(codes.astype(np.float32), values.astype(np.float32))
    usable = np.where(np.abs(scales) <= LARGEST_SCALE, scales, np.float32(np.nan))
    return _finite_or_lowest((dots * usable) * query_scales[:, None])


def quantize_int8(vectors: Float32Array) -> tuple[npt.NDArray[np.int8], Float32Array]:
    """Return codes (n_rows, dim) int8 in -127..127 and scales (n_rows,) float32.

    The largest magnitude of a row becomes 127; others round to the nearest, ties to even. A row
    without a magnitude of at least 1e-30 becomes zeros with scale 0.
    """
    peaks = np.abs(vectors).max(axis=1, initial=np.float32(0))
    flat = peaks < SMALLEST_PEAK
    inverse = np.float32(127) / np.where(flat, np.float32(1), peaks)
    inverse[flat] = 0
    codes = np.rint(vectors * inverse[:, None])
    scales = np.where(flat, np.float32(0), peaks / np.float32(127))
    return codes.astype(np.int8), scales.astype(np.float32)


def widen(values: npt.NDArray[Any]) -> Float32Array:
    """Return float32 numbers for float32, float16 or uint16 (bfloat16 bits) values; exact."""
    if values.dtype == np.uint16:
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


def top_k(scores: Float32Array, k: int) -> Int64Array:
    """Return the ordinals of the k best scores above -inf, best first, ties by ordinal."""
    order = np.argsort(-scores, kind="stable")
    return order[scores[order] > -np.inf][:k].astype(np.int64)


def _per_document(query: Float32Array, rows: Rows, documents: Int64Array) -> Iterable[Float32Array]:
    for document in documents:
        part = slice(rows.offsets[document], rows.offsets[document + 1])
        scales = None if rows.scales is None else rows.scales[part]
        yield similarity_matrix(query, rows.values[part], scales)


def _product(query: Float32Array, values: Float32Array) -> Float32Array:
    with np.errstate(all="ignore"):
        return query @ values.T


def _finite_or_lowest(similarities: Float32Array) -> Float32Array:
    return np.where(np.isfinite(similarities), similarities, np.float32(-np.inf))
