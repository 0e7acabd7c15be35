import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import SettingError
from latelight.pipelines.fusion import (
    FusionOptions,
    QuerySize,
    fuse,
    fusion_weights,
    letters_per_row,
    lexical_weight,
    weighted_sum,
)
from latelight.types import CharSpan, QueryToken

EVERY = np.ones(3, dtype=bool)
SCORES = st.lists(st.floats(0, 10, width=32), min_size=3, max_size=3)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float32)


def test_one_space_keeps_its_sum_and_full_coverage_is_worth_its_weight() -> None:
    weights = fusion_weights(["text", "bm25"], QuerySize({"text": 20}, 8.0), FusionOptions(0.15))
    assert weights == {"text": 1.0, "bm25": pytest.approx(0.15 * 20 / 8)}


def test_spaces_share_alike_whatever_their_rows() -> None:
    size = QuerySize({"text": 30, "image": 10}, 5.0)
    weights = fusion_weights(["text", "image", "bm25"], size, FusionOptions(0.2))
    # 40 rows in all: the mean similarity of each space counts 20.
    assert weights["text"] * 30 == pytest.approx(20)
    assert weights["image"] * 10 == pytest.approx(20)
    assert weights["bm25"] * 5 == pytest.approx(0.2 * 40)


def test_a_space_of_three_times_the_weight_counts_three_times() -> None:
    size = QuerySize({"text": 30, "image": 10})
    weights = fusion_weights(["text", "image"], size, FusionOptions(spaces={"text": 3.0}))
    assert weights["text"] * 30 == pytest.approx(3 * weights["image"] * 10)
    assert weights["text"] * 30 + weights["image"] * 10 == pytest.approx(40)


@pytest.mark.parametrize("name", ["text", "bm25"])
def test_a_signal_alone_is_not_weighted(name: str) -> None:
    fused = fuse({name: array(1, 2, 3)}, EVERY, QuerySize({}, 0.0))
    assert fused.weights == {name: 1.0}
    assert fused.scores.tolist() == [1, 2, 3]


def test_a_query_without_terms_ranks_by_maxsim_alone() -> None:
    by_name = {"text": array(3, 1, 2), "bm25": array(0, 0, 0)}
    fused = fuse(by_name, EVERY, QuerySize({"text": 4}, 0.0))
    assert fused.weights["bm25"] == 0
    assert fused.scores.tolist() == [3, 1, 2]


def test_a_unit_without_rows_keeps_its_words() -> None:
    by_name = {"text": array(3, -np.inf, -np.inf), "bm25": array(0, 2, 0)}
    scores = weighted_sum(by_name, {"text": 1.0, "bm25": 0.5}, EVERY)
    assert scores.tolist() == [3, 1, -np.inf]


def test_units_that_are_not_allowed_are_never_found() -> None:
    allow = np.array([False, True, False])
    fused = fuse({"text": array(3, 2, 1), "bm25": array(1, 1, 1)}, allow, QuerySize({"text": 2}, 3))
    assert np.isfinite(fused.scores).tolist() == [False, True, False]


def test_a_unit_without_the_query_s_words_is_not_found_by_words_alone() -> None:
    assert weighted_sum({"bm25": array(0, 1, 0)}, {"bm25": 1.0}, EVERY).tolist() == [
        *(-np.inf, 1, -np.inf),
    ]


@pytest.mark.parametrize("weight", [-0.1, float("nan"), float("inf")])
def test_a_weight_that_is_no_balance_is_refused(weight: float) -> None:
    with pytest.raises(SettingError, match="lexical_weight"):
        FusionOptions(weight)


@given(SCORES, SCORES, st.integers(1, 40), st.floats(0.1, 50), st.floats(0, 2))
def test_scores_are_the_weighted_sum_of_the_signals(
    maxsim: list[float], words: list[float], n_rows: int, ceiling: float, weight: float
) -> None:
    by_name = {"text": array(*maxsim), "bm25": array(*words)}
    fused = fuse(by_name, EVERY, QuerySize({"text": n_rows}, ceiling), FusionOptions(weight))
    expected = sum(fused.weights[name] * by_name[name].astype(float) for name in by_name)
    np.testing.assert_allclose(fused.scores, expected, rtol=1e-5, atol=1e-30)


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        (None, 0.1),
        (4.0, 0.1),
        (2.0, 0.1 * 2**1.5),
        (1.0, 0.1 * 4**1.5 * 2),
        (0.5, 0.1 * 4**1.5 * 2),
        (100.0, 0.1 * 0.5**1.5),
    ],
)
def test_words_count_more_the_more_a_query_is_spelt(letters: float | None, expected: float) -> None:
    options = FusionOptions(0.1, fluent_letters=4.0, spelling_power=1.5)
    size = QuerySize({"text": 4}, 5.0, letters)
    assert lexical_weight(size, options) == pytest.approx(expected)


def test_letters_are_counted_over_tokens_of_letters_only() -> None:
    tokens = [
        QueryToken("[CLS]", None, "marker"),
        QueryToken("sales", CharSpan(0, 5)),
        QueryToken("2023", CharSpan(6, 10)),
        QueryToken("up", CharSpan(11, 13)),
        QueryToken("?", CharSpan(13, 14)),
        QueryToken("mask", None, "expansion"),
    ]
    assert letters_per_row(tokens) == 3.5
    assert letters_per_row(tokens[2:3]) is None


@given(SCORES, SCORES)
def test_a_filter_changes_no_score(maxsim: list[float], words: list[float]) -> None:
    by_name = {"text": array(*maxsim), "bm25": array(*words)}
    size = QuerySize({"text": 8}, 5.0)
    some = np.array([True, False, True])
    np.testing.assert_array_equal(
        fuse(by_name, some, size).scores[some], fuse(by_name, EVERY, size).scores[some]
    )
