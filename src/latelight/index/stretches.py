"""The best row of any stretch of stored rows, for each row of a query."""

import numpy as np

from latelight.kernels.maxsim import Rows, maxsim_argmax
from latelight.types import Float32Array, Int32Array, Int64Array


def stretch_maxima(
    query: Float32Array, rows: Rows, starts: Int64Array, ends: Int64Array, n_threads: int = 1
) -> tuple[Int32Array, Float32Array]:
    """Return the winner and its similarity for each stretch and query row.

    The stretches are scored where they lie, whatever units they belong to.

    Args:
        query: (n_query_tokens, dim) float32, normalised or not.
        rows: all rows of a segment.
        starts: (n,) int64, each stretch's first row; stretches do not overlap.
        ends: (n,) int64, the row after its last; none is empty.
        n_threads: how many threads share the stretches.

    Returns:
        winners: (n, n_query_tokens) int32, counted from the stretch's first row.
        similarities: (n, n_query_tokens) float32.
    """
    # The kernel's documents lie one after the other: what is between stretches becomes a document
    # that nobody asks for.
    limits = (np.zeros(1, np.int64), starts, ends, np.array([rows.n_rows], np.int64))
    edges = np.unique(np.concatenate(limits))
    return maxsim_argmax(
        query,
        Rows(rows.values, edges, rows.scales),
        documents=np.searchsorted(edges, starts),
        n_threads=n_threads,
    )
