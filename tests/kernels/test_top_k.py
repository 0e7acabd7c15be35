"""Top-k: order, ties, and what never comes back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import ShapeError
from latelight.kernels import reference
from latelight.kernels.maxsim import top_k

SCORES = st.lists(
    st.sampled_from([-np.inf, np.nan, -1.0, 0.0, -0.0, 0.5, 1.0, 2.0, np.inf]), max_size=40
)


def test_the_best_come_first_and_ties_by_ordinal() -> None:
    scores = np.array([1, 3, np.nan, 3, -np.inf, 2], np.float32)
    assert top_k(scores, 3).tolist() == [1, 3, 5]


def test_nan_and_minus_infinity_never_come_back() -> None:
    scores = np.array([np.nan, -np.inf, 0.5], np.float32)
    assert top_k(scores, 3).tolist() == [2]


def test_a_k_of_zero_returns_nothing() -> None:
    assert top_k(np.ones(3, np.float32), 0).tolist() == []


@given(scores=SCORES, k=st.integers(0, 50))
def test_the_native_twin_agrees_with_the_reference(scores: list[float], k: int) -> None:
    values = np.array(scores, np.float32)
    assert top_k(values, k).tolist() == reference.top_k(values, k).tolist()


def test_wrong_arguments_are_refused() -> None:
    with pytest.raises(ShapeError, match="float32"):
        top_k(np.ones(3), 1)  # type: ignore[arg-type]
    with pytest.raises(ShapeError, match="k="):
        top_k(np.ones(3, np.float32), -1)
