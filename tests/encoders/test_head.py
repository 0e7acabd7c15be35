import numpy as np
import pytest

from latelight.encoders.head import ShippedHead, load_head, project
from latelight.errors import DigestMismatchError


def test_projected_rows_have_length_one() -> None:
    matrix = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    rows = project(np.array([[3, 4, 9]], np.float32), matrix)
    np.testing.assert_allclose(rows, [[0.6, 0.8]], rtol=1e-6)
    assert rows.dtype == np.float32


def test_a_row_that_the_head_cannot_see_stays_zero() -> None:
    matrix = np.array([[1], [0]], np.float32)
    np.testing.assert_array_equal(project(np.array([[0, 2]], np.float32), matrix), [[0]])


def test_a_head_with_another_digest_is_refused() -> None:
    with pytest.raises(DigestMismatchError, match="latelight-small-128"):
        load_head(ShippedHead("latelight-small-128.npy", "0" * 64))
