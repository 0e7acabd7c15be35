"""Exact MaxSim over the rows of one segment, stored or decoded."""

import numpy as np

from latelight.errors import ShapeError
from latelight.index.metadata import BoolArray
from latelight.index.rows import SpaceRows
from latelight.kernels.maxsim import maxsim
from latelight.types import Float32Array, Int64Array


def score_allowed(
    rows: SpaceRows, query: Float32Array, allow: BoolArray, out: Float32Array, n_threads: int
) -> None:
    """Fill in `out` (n_units,) for the allowed units that have rows."""
    chosen = np.flatnonzero(allow & rows.filled)
    if len(chosen) == len(allow) and rows.has_values:
        out[:] = maxsim(query, rows.rows, n_threads=n_threads)
    else:
        out[chosen] = score_plain(query, rows, chosen, n_threads)


def score_plain(
    query: Float32Array, rows: SpaceRows, units: Int64Array, n_threads: int = 1
) -> Float32Array:
    """Return the MaxSim of some units with rows, (n,) float32.

    Args:
        query: (n_query_tokens, dim) float32.
        rows: of the segment.
        units: (n,) int64.
        n_threads: how many threads share the work.
    """
    scores = np.empty(len(units), np.float32)
    for piece in rows.pieces(units):
        own = rows.scorable(query, units[piece], n_threads)
        scores[piece] = maxsim(own.query, own.rows, documents=own.units, n_threads=n_threads)
    return scores


def check_query(query: Float32Array, dim: int) -> None:
    """Refuse a query that is not (n_query_tokens, dim) float32.

    Raises:
        ShapeError: it is not.
    """
    if query.ndim != 2 or query.shape[1] != dim or query.dtype != np.float32:
        raise ShapeError(
            f"A query is a float32 array (n_query_tokens, {dim}); got {query.dtype} {query.shape}. "
            "Encode it with the encoder that the index was made with."
        )
