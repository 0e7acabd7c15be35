"""Rows times a matrix, on the calling thread alone."""

from typing import Any

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]

_MOST = 1 << 19  # multiplications of one call; from about 2 ** 20 on, OpenBLAS starts its threads


def product(rows: npt.NDArray[Any], matrix: Float32Array) -> Float32Array:
    """Return `rows @ matrix`, (n, width) float32, computed in pieces.

    A larger product would be shared by numpy's BLAS among threads of its own. OpenBLAS lets those
    spin for some 40 ms after each, on cores that searches want; and where cores are busy, the
    product itself waits for them.

    Args:
        rows: (n, inner) float32.
        matrix: (inner, width) float32.
    """
    n, step = len(rows), max(_MOST // max(matrix.size, 1), 1)
    out = np.empty((n, matrix.shape[1]), np.float32)
    for first in range(0, n, step):
        np.matmul(rows[first : first + step], matrix, out=out[first : first + step])
    return out
