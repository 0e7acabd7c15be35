import numpy as np
import pytest

from latelight.index.analyzer import analyze
from latelight.pipelines.row_weights import row_weights
from latelight.testing.encoders import FakeEncoder
from latelight.types import CharSpan, QueryToken, QueryVectors


def weights_of(text: str, function_weight: float = 0.5) -> list[float]:
    rows = FakeEncoder(dim=16).encode_query(text)
    weights: list[float] = row_weights(rows, analyze(text), function_weight).tolist()
    return weights


def test_function_words_count_half_and_the_mean_is_one() -> None:
    # 0.5 + 0.5 + 1 + 1 over four rows is a mean of 0.75
    assert weights_of("what did heating cost") == pytest.approx([2 / 3, 2 / 3, 4 / 3, 4 / 3])


def test_a_query_of_function_words_alone_keeps_plain_maxsim() -> None:
    assert weights_of("to be or not to be") == pytest.approx([1.0] * 6)


def test_weight_one_leaves_every_query_as_it_is() -> None:
    assert weights_of("what did heating cost", 1.0) == [1.0] * 4


def test_a_piece_of_a_longer_word_is_no_function_word_and_marks_and_markers_are_none() -> None:
    text = "the theremin?"
    tokens = (
        QueryToken("[CLS]", None, "marker"),
        QueryToken("the", CharSpan(0, 3)),
        QueryToken("the", CharSpan(4, 7)),
        QueryToken("remin", CharSpan(7, 12)),
        QueryToken("?", CharSpan(12, 13)),
    )
    rows = QueryVectors(np.zeros((5, 8), np.float32), tokens)
    weights = row_weights(rows, analyze(text), 0.5)
    assert weights.tolist() == pytest.approx([1 / 0.9, 0.5 / 0.9, 1 / 0.9, 1 / 0.9, 1 / 0.9])


def test_no_rows_have_no_weights() -> None:
    nothing = QueryVectors(np.zeros((0, 8), np.float32), ())
    assert row_weights(nothing, [], 0.5).shape == (0,)
