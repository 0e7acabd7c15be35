from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.index import SpaceSpec, Store
from latelight.index.beginnings import Context
from latelight.types import RowLocators
from tests.index.making import axis_rows, document, make_store, passages, query

HALF = Context(n_rows=2, share=0.5)


def test_what_a_unit_leaves_unsaid_its_documents_beginning_says_at_a_share(tmp_path: Path) -> None:
    # The report begins with axis 0; its second unit says axis 1 alone, its third both.
    store = make_store(tmp_path / "s", {"report": [[0, 2], [1], [0, 1]], "note": [[1]]})
    view, asked = store.snapshot(), query(0, 1)
    allow = view.allow_list(None)
    assert view.scores("text", asked, allow).tolist() == [1, 1, 2, 1]
    assert view.scores("text", asked, allow, context=HALF).tolist() == [1, 1.5, 2, 1]


def test_only_the_first_rows_count(tmp_path: Path) -> None:
    view = make_store(tmp_path / "s", {"report": [[2, 3, 0], [1]]}).snapshot()
    scores = view.scores("text", query(0, 1), view.allow_list(None), context=HALF)
    assert scores.tolist() == [1, 1]


def test_an_empty_first_unit_is_passed_over(tmp_path: Path) -> None:
    documents = {"scan": [[], [0], [1]], "empty": [[]], "last": [[], [1]]}
    view = make_store(tmp_path / "s", documents).snapshot()
    scores = view.scores("text", query(0, 1), view.allow_list(None), context=HALF)
    assert scores.tolist() == [-np.inf, 1, 1.5, -np.inf, -np.inf, 1]
    found = view.beginnings("text", query(0, 1), np.arange(6), 2)
    assert found.units.tolist() == [1, 1, 1, -1, -1, -1]
    assert found.winners[2].tolist() == [0, 0]
    assert found.credit(0.5)[2].tolist() == [0.5, -np.inf]  # what is no more than orthogonal: none


def test_documents_that_are_not_allowed_stay_so(tmp_path: Path) -> None:
    view = make_store(tmp_path / "s", {"report": [[0], [1]]}).snapshot()
    allow = np.array([False, True])
    assert view.scores("text", query(0, 1), allow, context=HALF).tolist() == [-np.inf, 1.5]


def test_a_share_of_nothing_is_plain_maxsim(tmp_path: Path) -> None:
    view = make_store(tmp_path / "s", {"report": [[0, 2], [1], [0, 1]]}).snapshot()
    allow = view.allow_list(None)
    plain = view.scores("text", query(0, 1), allow)
    assert view.scores("text", query(0, 1), allow, context=Context(2, 0)).tolist() == plain.tolist()


@settings(max_examples=25, deadline=None)
@given(
    layout=st.lists(
        st.lists(st.lists(st.integers(0, 7), max_size=4), min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    ),
    n_rows=st.integers(1, 4),
)
def test_scores_are_those_of_counting_unit_by_unit(
    tmp_path_factory: pytest.TempPathFactory, layout: list[list[list[int]]], n_rows: int
) -> None:
    path = tmp_path_factory.mktemp("s") / "store"
    view = make_store(path, {str(i): units for i, units in enumerate(layout)}).snapshot()
    asked = query(0, 3, 5)
    found = view.scores("text", asked, view.allow_list(None), context=Context(n_rows, 0.5))
    expected = []
    for units in layout:
        filled = [unit for unit in units if unit]
        first = filled[0][:n_rows] if len(filled) > 1 else []
        for unit in units:
            own = [max(float(axis in unit), 0.5 * (axis in first)) for axis in (0, 3, 5)]
            expected.append(sum(own) if unit else -np.inf)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_large_collections_are_scored_in_parts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = make_store(tmp_path / "s", {"report": [[0, 2], [1], [0, 1], [3]]}).snapshot()
    allow = view.allow_list(None)
    whole = view.scores("text", query(0, 1), allow, context=HALF)
    monkeypatch.setattr("latelight.index.beginnings._CHUNK", 2)
    assert view.scores("text", query(0, 1), allow, context=HALF).tolist() == whole.tolist()


def test_what_is_only_seen_at_the_beginning_says_nothing_of_the_rest(tmp_path: Path) -> None:
    """Two rows of words, then a logo that has a box and no characters; a cover that is all logo."""
    seen = np.asarray([[0.1, 0.1, 0.3, 0.2]], np.float32)
    nowhere = np.full((1, 4), np.nan, np.float32)

    def places(*kinds: str) -> RowLocators:
        spans = [[-1, -1] if kind == "seen" else [i, i + 1] for i, kind in enumerate(kinds)]
        boxes = [seen if kind == "seen" else nowhere for kind in kinds]
        return RowLocators(np.asarray(spans, np.int32), np.concatenate(boxes))

    def pooled(*kinds: str) -> RowLocators:
        own = places(*kinds, *kinds)
        offsets = np.asarray([0, *(2 * (i + 1) for i in range(len(kinds)))])
        order = np.repeat(np.arange(len(kinds)), 2)
        assert own.spans is not None and own.boxes is not None
        return RowLocators(own.spans[order], own.boxes[order], offsets=offsets)

    for make in (places, pooled):
        store = Store.create(tmp_path / make.__name__, {"text": SpaceSpec(8)})
        with store.writer() as writer:
            for doc_id, first, kinds in (
                ("report", (2, 3, 0), ("word", "word", "seen")),
                ("cover", (0,), ("seen",)),
            ):
                own = [axis_rows(*first), axis_rows(1)]
                rows = [
                    replace(one, locators=make(*of))
                    for one, of in zip(own, (kinds, ("word",)), strict=True)
                ]
                units = passages("one. ", "two. ")
                writer.add(document(doc_id), units, {"text": rows}, [["a"], ["b"]], None, "one. ")
            writer.flush()
        view = store.snapshot()
        context = Context(n_rows=128, share=0.5)
        scores = view.scores("text", query(0, 1), view.allow_list(None), context=context)
        assert scores.tolist() == [1, 1, 1, 1]
        asked_of_words = view.scores("text", query(3, 1), view.allow_list(None), context=context)
        assert asked_of_words.tolist() == [1, 1.5, 0, 1]
