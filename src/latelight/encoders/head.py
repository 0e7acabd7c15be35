"""Projection heads: linear maps from a model's width to the stored dim, checked by digest."""

import hashlib
import io
from dataclasses import dataclass
from importlib import resources

import numpy as np

from latelight.errors import DigestMismatchError
from latelight.kernels.product import product
from latelight.types import Float32Array

_SMALLEST_NORM = 1e-12


@dataclass(frozen=True)
class ShippedHead:
    """A head that is part of this package: `heads/<file>` with its recorded digest."""

    file: str
    sha256: str


def load_head(head: ShippedHead) -> Float32Array:
    """Return the matrix (width, dim) float32 of a head that this package ships.

    Raises:
        DigestMismatchError: the file was changed.
    """
    data = resources.files(__package__).joinpath("heads", head.file).read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != head.sha256:
        raise DigestMismatchError(
            f"The projection head {head.file} has sha256 {found}; expected {head.sha256}. "
            "Install latelight again."
        )
    matrix = np.load(io.BytesIO(data), allow_pickle=False)
    return np.ascontiguousarray(matrix, np.float32)


def project(hidden: Float32Array, matrix: Float32Array) -> Float32Array:
    """Return the rows of `hidden` (n, width) times `matrix` (width, dim), each of length 1."""
    rows = product(hidden, matrix)  # (n, dim)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    normalised: Float32Array = (rows / np.maximum(norms, _SMALLEST_NORM)).astype(np.float32)
    return normalised
