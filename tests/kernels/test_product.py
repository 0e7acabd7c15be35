import numpy as np
import pytest

from latelight.kernels.product import product


@pytest.mark.parametrize(
    ("n", "inner", "width"),
    [(0, 8, 8), (1, 8, 16), (5000, 128, 128), (7, 1024, 1024), (300, 96, 8)],
)
def test_pieces_are_the_product(n, inner, width):
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((n, inner), np.float32)
    matrix = rng.standard_normal((inner, width), np.float32)
    found = product(rows, matrix)
    assert (found.shape, found.dtype) == ((n, width), np.float32)
    assert np.allclose(found, rows.astype(np.float64) @ matrix, atol=1e-3)


def test_a_transposed_matrix_will_do():
    rows = np.eye(4, dtype=np.float32)
    matrix = np.arange(16, dtype=np.float32).reshape(4, 4)
    assert product(rows, matrix.T).tolist() == matrix.T.tolist()
