from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import ShapeError
from latelight.index.lexical import (
    Bm25Options,
    LexicalView,
    Postings,
    bm25_ceiling,
    bm25_contributions,
    bm25_scores,
    build_postings,
)

UNITS = [["red", "fox", "red"], ["blue", "fox"], [], ["ärger", "zoo", "blue", "fox", "fox"]]
TERMS = st.sampled_from(["a", "ab", "b", "zoo", "ä", "北京", "the"])
COLLECTIONS = st.lists(st.lists(TERMS, max_size=8), max_size=12)


def one_segment(units: list[list[str]]) -> tuple[list[Postings], np.ndarray, np.ndarray]:
    return [build_postings(units)], np.array([0, len(units)]), np.ones(len(units), dtype=bool)


def test_postings_hold_every_unit_of_a_term() -> None:
    postings = build_postings(UNITS)
    assert [postings.term(i) for i in range(postings.n_terms)] == [
        "blue", "fox", "red", "zoo", "ärger",
    ]  # fmt: skip
    ordinals, frequencies = postings.lookup("fox")
    assert ordinals.tolist() == [0, 1, 3]
    assert frequencies.tolist() == [1, 1, 2]
    assert postings.unit_lengths.tolist() == [3, 2, 0, 5]


def test_an_unknown_term_has_no_postings() -> None:
    postings = build_postings(UNITS)
    for term in ("", "aaa", "green", "ärgere", "zzz"):
        assert len(postings.lookup(term)[0]) == 0


def test_postings_can_be_empty() -> None:
    for units in ([], [[]], [[], []]):
        postings = build_postings(units)
        assert (postings.n_units, postings.n_terms) == (len(units), 0)
        assert len(postings.lookup("fox")[0]) == 0


def test_postings_survive_storing_as_arrays() -> None:
    postings = build_postings(UNITS)
    stored = {name: np.array(array) for name, array in postings.arrays().items()}
    assert {name: a.dtype.name for name, a in stored.items()} == {
        "term_blob": "uint8",
        "term_offsets": "int64",
        "postings_offsets": "int64",
        "ordinals": "uint32",
        "frequencies": "uint32",
        "unit_lengths": "uint32",
    }
    assert Postings.from_arrays(stored).lookup("fox")[1].tolist() == [1, 1, 2]


@given(COLLECTIONS)
def test_postings_count_like_a_dictionary(units: list[list[str]]) -> None:
    postings = build_postings(units)
    for term in {term for unit in units for term in unit}:
        ordinals, frequencies = postings.lookup(term)
        expected = {i: unit.count(term) for i, unit in enumerate(units) if term in unit}
        assert dict(zip(ordinals.tolist(), frequencies.tolist(), strict=True)) == expected


def test_scores_are_those_of_the_formula() -> None:
    options = Bm25Options(k1=1.2, b=0.75)
    scores = bm25_scores(*one_segment(UNITS)[:2], ["red", "fox"], np.ones(4, bool), options)
    mean_length = 10 / 4
    red = log(1 + (4 - 1 + 0.5) / (1 + 0.5)) * 2 / (2 + 1.2 * (0.25 + 0.75 * 3 / mean_length))
    fox_idf = log(1 + (4 - 3 + 0.5) / (3 + 0.5))
    assert scores[0] == pytest.approx(
        red + fox_idf * 1 / (1 + 1.2 * (0.25 + 0.75 * 3 / mean_length)), rel=1e-6
    )
    assert scores[1] == pytest.approx(
        fox_idf * 1 / (1 + 1.2 * (0.25 + 0.75 * 2 / mean_length)), rel=1e-6
    )
    assert scores[2] == 0
    assert scores.dtype == np.float32


def test_a_function_word_counts_a_fraction() -> None:
    segment, offsets, live = one_segment([["the"], ["the", "fox"], ["fox"]])
    full = bm25_scores(segment, offsets, ["the"], live, Bm25Options(function_weight=1))
    little = bm25_scores(segment, offsets, ["the"], live, Bm25Options(function_weight=0.25))
    np.testing.assert_allclose(little, full * 0.25, rtol=1e-6)


def test_a_repeated_query_term_counts_twice() -> None:
    segment, offsets, live = one_segment(UNITS)
    once = bm25_scores(segment, offsets, ["red"], live)
    twice = bm25_scores(segment, offsets, ["red", "red"], live)
    np.testing.assert_allclose(twice, once * 2)


def test_a_query_without_terms_scores_nothing() -> None:
    segment, offsets, live = one_segment(UNITS)
    assert bm25_scores(segment, offsets, [], live).tolist() == [0, 0, 0, 0]
    assert bm25_contributions(segment, offsets, [], live, np.array([1, 3])).shape == (2, 0)


def test_an_empty_library_has_no_scores() -> None:
    empty = np.zeros(0, dtype=bool)
    assert bm25_scores([], np.array([0]), ["fox"], empty).shape == (0,)


def test_units_that_are_not_live_score_nothing_and_change_the_statistics() -> None:
    segment, offsets, _ = one_segment(UNITS)
    live = np.array([True, False, True, True])
    scores = bm25_scores(segment, offsets, ["blue"], live)
    alone = bm25_scores(*one_segment([UNITS[0], UNITS[2], UNITS[3]])[:2], ["blue"], live[:3] | True)
    assert scores[1] == 0
    assert scores[3] == alone[2] > 0


def test_all_units_deleted_scores_zero() -> None:
    segment, offsets, live = one_segment(UNITS)
    assert bm25_scores(segment, offsets, ["fox"], ~live).tolist() == [0, 0, 0, 0]


def test_parts_of_different_snapshots_are_refused() -> None:
    segment, offsets, live = one_segment(UNITS)
    with pytest.raises(ShapeError, match="same snapshot"):
        bm25_scores(segment, offsets, ["fox"], live[:2])
    with pytest.raises(ShapeError, match="same snapshot"):
        bm25_scores(segment, np.array([0, 2]), ["fox"], live)


@given(COLLECTIONS, st.lists(TERMS, max_size=5), st.data())
def test_segments_make_no_difference(
    units: list[list[str]], query: list[str], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(units)))
    live = np.array(data.draw(st.lists(st.booleans(), min_size=len(units), max_size=len(units))))
    live = live.astype(bool)
    together = bm25_scores(*one_segment(units)[:2], query, live)
    segments = [build_postings(units[:cut]), build_postings(units[cut:])]
    apart = bm25_scores(segments, np.array([0, cut, len(units)]), query, live)
    np.testing.assert_array_equal(together, apart)


@given(COLLECTIONS, st.lists(TERMS, max_size=6))
def test_contributions_add_up_to_the_score(units: list[list[str]], query: list[str]) -> None:
    segment, offsets, live = one_segment(units)
    scores = bm25_scores(segment, offsets, query, live)
    every = np.arange(len(units))
    parts = bm25_contributions(segment, offsets, query, live, every)
    np.testing.assert_array_equal(parts.sum(axis=1, dtype=np.float64).astype(np.float32), scores)


@given(COLLECTIONS, st.lists(TERMS, max_size=6))
def test_no_score_exceeds_the_ceiling(units: list[list[str]], query: list[str]) -> None:
    segment, offsets, live = one_segment(units)
    ceiling = bm25_ceiling(segment, offsets, query, live)
    assert np.all(bm25_scores(segment, offsets, query, live) <= ceiling + 1e-5)


def test_endless_repetition_reaches_the_ceiling() -> None:
    segment, offsets, live = one_segment([["red"] * 100_000, ["blue"], ["blue"], ["blue"]])
    ceiling = bm25_ceiling(segment, offsets, ["red"], live)
    assert ceiling == pytest.approx(log(1 + 3.5 / 1.5))
    assert bm25_scores(segment, offsets, ["red"], live)[0] == pytest.approx(ceiling, rel=1e-3)


def test_a_term_that_no_unit_holds_raises_the_ceiling() -> None:
    segment, offsets, live = one_segment(UNITS)
    more = bm25_ceiling(segment, offsets, ["fox", "wolf"], live)
    assert more - bm25_ceiling(segment, offsets, ["fox"], live) == pytest.approx(log(1 + 4.5 / 0.5))


@given(units=COLLECTIONS, queries=st.lists(st.lists(TERMS, max_size=4), max_size=6))
def test_a_view_that_has_answered_before_answers_the_same(
    units: list[list[str]], queries: list[list[str]]
) -> None:
    segment, offsets, live = one_segment(units)
    live[::3] = False
    view = LexicalView(segment, offsets, live)
    everything = np.arange(len(units))
    for query in queries:
        scores = bm25_scores(segment, offsets, query, live)
        np.testing.assert_array_equal(view.scores(query, Bm25Options()), scores)
        assert view.ceiling(query, Bm25Options()) == bm25_ceiling(segment, offsets, query, live)
        parts = bm25_contributions(segment, offsets, query, live, everything)
        found = view.contributions(query, everything, Bm25Options())
        np.testing.assert_array_equal(found, parts)


def test_a_view_keeps_only_so_many_terms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("latelight.index.lexical._KEPT_BYTES", 2_000)
    view = LexicalView(*one_segment(UNITS))
    for number in range(50):
        view.scores([f"unknown{number}", "fox"], Bm25Options())
        assert len(view._kept) <= 4
    expected = bm25_scores(*one_segment(UNITS)[:2], ["fox"], np.ones(4, bool))
    np.testing.assert_array_equal(view.scores(["fox"], Bm25Options()), expected)


def test_constants_are_told_apart_in_what_is_kept() -> None:
    view = LexicalView(*one_segment(UNITS))
    one, other = (view.scores(["fox"], Bm25Options(k1=k1)) for k1 in (0.5, 2))
    assert (one > other)[[0, 1, 3]].all()
