"""Exact MaxSim of one query against ragged documents: the one dispatcher.

Every call checks its arguments, then runs the fastest path of this machine: a native one, or the
numpy reference where the native module is not there. `isa="..."` forces a path, for tests.
"""

from functools import cache
from importlib import import_module
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.kernels import reference
from latelight.kernels.rows import Rows, bfloat16_bits, falling_offsets

__all__ = [
    "MAX_QUERY_ROWS",
    "Rows",
    "available_isas",
    "bfloat16_bits",
    "isa",
    "maxsim",
    "maxsim_argmax",
    "quantize_int8",
    "similarity_matrix",
    "top_k",
]

Float32Array = npt.NDArray[np.float32]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]

MAX_QUERY_ROWS = 1024
_NUMPY = "numpy"
_ROWS_OF_A_SHARE = 4096  # no thread is called for fewer


def maxsim(
    query: Float32Array,
    rows: Rows,
    *,
    documents: Int64Array | None = None,
    n_threads: int = 1,
    isa: str | None = None,
) -> Float32Array:
    """Return the MaxSim score of each document, (n,) float32.

    A document without rows scores -inf. A row of zeros takes part with similarity 0. A similarity
    that is not finite (NaN in a stored row) counts as -inf, so it never wins. `reference` states
    the arithmetic.

    Args:
        query: (n_query, dim) float32 and finite, 1 to 1024 rows; normalised or not.
        rows: the documents.
        documents: (n,) int64, ordinals to score, in that order; None for all of them.
        n_threads: how many threads share the documents; the global lock is released.
        isa: one of `available_isas()`; None for the best.

    Raises:
        ShapeError: an array has the wrong shape, dtype or values.
    """
    query, chosen = _checked_query(query, rows.dim), _chosen_isa(isa)
    wanted = _checked_documents(documents, rows)
    if chosen == _NUMPY:
        return reference.maxsim(query, rows, _all_if_none(wanted, rows))
    scores = np.empty(_n_wanted(wanted, rows), dtype=np.float32)
    bad = _native().maxsim(chosen, query, *_native_rows(rows), wanted, max(1, n_threads), scores)
    _refuse(bad, wanted, rows)
    return scores


def start_threads(n_threads: int) -> None:
    """Begin the threads that native calls share, as long as there are fewer than asked for.

    They stay as long as the process, with the priority of the thread that began them: whoever is
    going to lower its own begins them before.
    """
    rows = np.zeros((n_threads * _ROWS_OF_A_SHARE, 8), np.float32)
    offsets = np.arange(n_threads + 1, dtype=np.int64) * _ROWS_OF_A_SHARE
    maxsim(np.ones((1, 8), np.float32), Rows(rows, offsets), n_threads=n_threads)


def maxsim_argmax(
    query: Float32Array,
    rows: Rows,
    *,
    documents: Int64Array | None = None,
    n_threads: int = 1,
    isa: str | None = None,
) -> tuple[Int32Array, Float32Array]:
    """Return, for every document and query row, the winning row and its similarity.

    Winners are (n, n_query) int32, counted from the document's first row; of equal rows the first
    wins. Similarities are (n, n_query) float32 and, added up over a document, its `maxsim` score.
    Where nothing can win (a document without rows) the winner is -1, the similarity -inf.

    Arguments and errors are those of `maxsim`.
    """
    query, chosen = _checked_query(query, rows.dim), _chosen_isa(isa)
    wanted = _checked_documents(documents, rows)
    if chosen == _NUMPY:
        return reference.maxsim_argmax(query, rows, _all_if_none(wanted, rows))
    shape = (_n_wanted(wanted, rows), len(query))
    winners, best = np.empty(shape, dtype=np.int32), np.empty(shape, dtype=np.float32)
    arguments = (chosen, query, *_native_rows(rows), wanted, max(1, n_threads))
    _refuse(_native().maxsim_argmax(*arguments, winners, best), wanted, rows)
    return winners, best


def similarity_matrix(
    query: Float32Array, values: npt.NDArray[Any], scales: Float32Array | None = None
) -> Float32Array:
    """Return every similarity, (n_query, n_rows) float32, by the arithmetic of `maxsim`.

    Values and scales are as in `Rows`; a similarity that is not finite comes back as -inf.

    Raises:
        ShapeError: an array has the wrong shape, dtype or values.
    """
    singles = Rows(values, np.arange(len(values) + 1, dtype=np.int64), scales)
    _, similarities = maxsim_argmax(query, singles)
    return np.ascontiguousarray(similarities.T)


def top_k(scores: Float32Array, k: int) -> Int64Array:
    """Return the ordinals of the best scores, at most k, (<= k,) int64.

    Best first, equal scores by lower ordinal; NaN and -inf are never returned.

    Raises:
        ShapeError: scores are not float32 (n,), or k is negative.
    """
    if scores.dtype != np.float32 or scores.ndim != 1 or k < 0:
        raise ShapeError(
            f"top_k got scores {scores.dtype} {scores.shape} and k={k}; expected float32 (n,) and "
            "k >= 0. Pass what maxsim returns."
        )
    if native_or_none() is None:
        return reference.top_k(scores, k)
    best = np.empty(min(k, len(scores)), dtype=np.int64)
    return best[: _native().top_k(np.ascontiguousarray(scores), best)]


def quantize_int8(vectors: Float32Array) -> tuple[npt.NDArray[np.int8], Float32Array]:
    """Return int8 codes (n_rows, dim) and scales (n_rows,) float32, row = codes * scale.

    Symmetric, one scale per row: its largest magnitude becomes 127. Zero rows stay zero.

    Raises:
        ShapeError: not float32 (n_rows, dim), or a value is not finite.
    """
    if vectors.dtype != np.float32 or vectors.ndim != 2 or not np.isfinite(vectors).all():
        raise ShapeError(
            f"quantize_int8 got {vectors.dtype} {vectors.shape}; expected finite float32 "
            "(n_rows, dim). Convert the vectors, and drop rows with NaN or infinity."
        )
    return reference.quantize_int8(vectors)


@cache
def available_isas() -> tuple[str, ...]:
    """Return the paths that this machine can run, the fastest first, `numpy` last."""
    native = native_or_none()
    return (*(native.isas() if native is not None else ()), _NUMPY)


def isa() -> str:
    """Return the path that runs when none is named; `numpy` without the native module."""
    return available_isas()[0]


@cache
def native_or_none() -> ModuleType | None:
    try:
        return import_module("latelight.kernels._native")
    except ImportError:
        return None


def _native() -> ModuleType:
    native = native_or_none()
    assert native is not None
    return native


def _chosen_isa(name: str | None) -> str:
    isas = available_isas()
    if name is None:
        return isas[0]
    if name not in isas:
        raise ShapeError(f"There is no path {name!r} on this machine; choose from {isas} or None.")
    return name


def _checked_query(query: Float32Array, dim: int) -> Float32Array:
    if query.dtype != np.float32 or query.ndim != 2 or query.shape[1] != dim:
        raise ShapeError(
            f"The query is {query.dtype} {query.shape}; expected float32 (n_query, {dim}), the "
            "dim of the rows. Encode it with the encoder of these rows."
        )
    if not 1 <= len(query) <= MAX_QUERY_ROWS:
        raise ShapeError(
            f"The query has {len(query)} rows; expected 1 to {MAX_QUERY_ROWS}. Split or pool it."
        )
    if not np.isfinite(query).all():
        raise ShapeError("The query holds NaN or infinity; expected finite numbers. Encode again.")
    return np.ascontiguousarray(query)


def _checked_documents(documents: Int64Array | None, rows: Rows) -> Int64Array | None:
    if documents is None:
        return None
    if documents.dtype != np.int64 or documents.ndim != 1:
        raise ShapeError(
            f"Documents are {documents.dtype} {documents.shape}; expected int64 (n,) ordinals. "
            "Convert them with numpy.asarray(..., dtype='int64')."
        )
    if len(documents) and not (documents.min() >= 0 and documents.max() < rows.n_documents):
        raise ShapeError(
            f"Documents run from {documents.min()} to {documents.max()}; expected ordinals of "
            f"0 to {rows.n_documents - 1}. Take them from the same rows."
        )
    return np.ascontiguousarray(documents)


def _all_if_none(wanted: Int64Array | None, rows: Rows) -> Int64Array:
    _refuse_falls(wanted, rows)
    return np.arange(rows.n_documents, dtype=np.int64) if wanted is None else wanted


def _n_wanted(wanted: Int64Array | None, rows: Rows) -> int:
    return rows.n_documents if wanted is None else len(wanted)


def _native_rows(rows: Rows) -> tuple[object, ...]:
    return rows.stored_as, rows.values, rows.scales, rows.offsets


def _refuse(bad: int, wanted: Int64Array | None, rows: Rows) -> None:
    """Raise for the place in `wanted` whose offsets the native path refused; -1 is none."""
    if bad >= 0:
        raise falling_offsets(rows, bad if wanted is None else int(wanted[bad]))


def _refuse_falls(wanted: Int64Array | None, rows: Rows) -> None:
    starts, ends = rows.offsets[:-1], rows.offsets[1:]
    if wanted is not None:
        starts, ends = starts[wanted], ends[wanted]
    falls = np.flatnonzero((starts < 0) | (ends < starts) | (ends > rows.n_rows))
    _refuse(int(falls[0]) if len(falls) else -1, wanted, rows)
