import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import ShapeError
from latelight.explain.attribution import attribute, evidence_places
from latelight.types import CharSpan, Locator, QueryToken, QueryVectors, RowLocators, Unit

TEXT = "The SG&A expense fell."
UNIT = Unit("c0", "passage", Locator(span=CharSpan(100, 122)), text=TEXT)
# Rows: "sg", "##&", "##a", "expense", "fell".
ROWS = RowLocators(spans=np.array([(4, 6), (6, 7), (7, 8), (9, 16), (17, 21)], np.int32))


def query(*words: str) -> QueryVectors:
    tokens = tuple(QueryToken(word, CharSpan(i, i + 1)) for i, word in enumerate(words))
    return QueryVectors(np.zeros((len(words), 8), np.float32), tokens)


def winners(*rows: int) -> np.ndarray:
    return np.array(rows, np.int32)


def similarities(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def test_each_query_token_names_its_row_place_and_words() -> None:
    first, second = attribute(
        query("cost", "fell"), winners(0, 4), similarities(0.5, 1.0), ROWS, UNIT, space="text"
    )
    assert (first.token, first.row, first.text, first.space) == ("cost", 0, "SG&A", "text")
    assert first.locator == Locator(span=CharSpan(104, 106))
    assert (second.text, second.similarity, second.contribution) == ("fell", 1.0, 1.0)


def test_a_weight_scales_contributions_and_leaves_similarities() -> None:
    found = attribute(
        query("a", "b"), winners(0, 1), similarities(0.5, 0.25), ROWS, UNIT, weight=[2.0, 4.0]
    )
    assert [e.contribution for e in found] == [1.0, 1.0]
    assert [e.similarity for e in found] == [0.5, 0.25]


def test_no_winner_brings_nothing_and_is_nowhere() -> None:
    (nothing,) = attribute(query("a"), winners(-1), similarities(np.nan), ROWS, UNIT)
    assert (nothing.contribution, nothing.similarity, nothing.row) == (0.0, 0.0, -1)
    assert nothing.locators == ()
    assert nothing.text == ""


def test_a_pooled_row_keeps_all_its_places_and_shares_its_contribution() -> None:
    pooled = RowLocators(spans=ROWS.spans, offsets=np.array([0, 3, 5], np.int64))
    (found,) = attribute(query("a"), winners(1), similarities(0.8), pooled, UNIT)
    assert found.locators == (Locator(span=CharSpan(109, 116)), Locator(span=CharSpan(117, 121)))
    assert found.text == "expense … fell"
    assert [share for _, share in evidence_places(found)] == pytest.approx([0.4, 0.4])


def test_a_marker_row_has_the_place_of_its_unit() -> None:
    marker = RowLocators(spans=np.array([(-1, -1)], np.int32))
    (found,) = attribute(query("a"), winners(0), similarities(0.9), marker, UNIT)
    assert found.locators == (UNIT.locator,)
    assert found.text == ""


def test_arrays_of_another_query_are_refused() -> None:
    with pytest.raises(ShapeError, match="the query has 2 tokens"):
        attribute(query("a", "b"), winners(0), similarities(0.1, 0.2), ROWS, UNIT)
    with pytest.raises(ShapeError, match="shape"):
        attribute(query("a"), winners(0), similarities(0.1), ROWS, UNIT, weight=[1.0, 2.0])


def test_a_row_of_another_unit_is_refused() -> None:
    with pytest.raises(ShapeError, match="row 5, but the unit has 5 rows"):
        attribute(query("a"), winners(5), similarities(0.1), ROWS, UNIT)


@given(
    st.lists(st.tuples(st.integers(-1, 4), st.floats(-1, 1, width=32)), max_size=40),
    st.floats(0, 10),
)
def test_contributions_add_up_to_the_weighted_sum_of_row_maxima(
    rows: list[tuple[int, float]], weight: float
) -> None:
    found = attribute(
        query(*(f"w{i}" for i in range(len(rows)))),
        winners(*(row for row, _ in rows)),
        similarities(*(value for _, value in rows)),
        ROWS,
        UNIT,
        weight=weight,
    )
    score = weight * sum(value for row, value in rows if row >= 0)
    assert len(found) == len(rows)
    assert sum(e.contribution for e in found) == pytest.approx(score, abs=1e-9)
    shares = sum(share for e in found for _, share in evidence_places(e))
    assert shares == pytest.approx(score, abs=1e-9)
