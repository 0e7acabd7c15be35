import numpy as np
import pytest

from latelight.errors import FilterError, NotFoundError, ShapeError
from latelight.index import SpaceSpec, Store
from latelight.index.lexical import bm25_scores
from latelight.types import (
    Box,
    CharSpan,
    Document,
    Locator,
    MultiVector,
    OffsetMap,
    TimeRange,
    Unit,
    WordBoxes,
)
from tests.index.making import (
    SPACES,
    axis_rows,
    document,
    ids_of,
    located,
    make_store,
    passages,
    put,
    query,
)


@pytest.fixture(params=["flush", "commit"])
def store(request, tmp_path):
    """Two segments: a (units on axes 0,1 and 2), b (axis 1) | c (axes 0,1,2), d (no rows).

    The second one lies in a file, or in the log.
    """
    store = make_store(tmp_path / "g", {"a": [[0, 1], [2]], "b": [[1]]})
    with store.writer() as writer:
        put(writer, "c", [[0, 1, 2]], {"year": 2023})
        put(writer, "d", [[]], {"year": 2024})
        getattr(writer, request.param)()
    return store


def test_counts(store):
    snapshot = store.snapshot()
    assert (snapshot.version, snapshot.n_documents, snapshot.n_units) == (3, 4, 5)
    assert (snapshot.n_rows, snapshot.n_live_units) == (7, 5)
    assert snapshot.unit_offsets.tolist() == [0, 3, 5]
    assert snapshot.document_ordinals().tolist() == [0, 0, 1, 2, 3]


def test_scores_are_sums_of_row_maxima(store):
    snapshot = store.snapshot()
    scores = snapshot.scores("text", query(0, 2), snapshot.allow_list(None))
    assert scores.tolist() == [1, 1, 0, 2, -np.inf]


def test_what_is_not_allowed_is_not_scored(store):
    snapshot = store.snapshot()
    allow = np.array([False, True, False, True, False])
    scores = snapshot.scores("text", query(1), allow)
    assert scores.tolist() == [-np.inf, 0, -np.inf, 1, -np.inf]
    assert not np.isfinite(snapshot.scores("text", query(1), np.zeros(5, bool))).any()


def test_float16_scores_the_same(tmp_path):
    store = Store.create(tmp_path / "g", {"text": SpaceSpec(8, "float16")})
    with store.writer() as writer:
        put(writer, "a", [[0, 1], [2]])
        writer.commit()
    snapshot = store.snapshot()
    assert snapshot.scores("text", query(0, 1, 2), snapshot.allow_list()).tolist() == [2, 1]


def test_winners_add_up_to_the_score(store):
    snapshot = store.snapshot()
    winners, similarities = snapshot.argmax("text", query(2, 0), [3, 4, 0])
    assert winners.tolist() == [[2, 0], [-1, -1], [0, 0]]
    assert similarities.tolist() == [[1, 1], [-np.inf, -np.inf], [0, 1]]
    assert snapshot.argmax("text", query(2, 0), [])[0].shape == (0, 2)


def test_filters_restrict_the_allow_list(store):
    snapshot = store.snapshot()
    assert snapshot.allow_list({"year": 2023}).tolist() == [0, 0, 0, 1, 0]
    assert snapshot.allow_list({"year": {"$exists": False}}).tolist() == [1, 1, 1, 0, 0]
    assert not snapshot.allow_list({"year": 1}).any()
    with pytest.raises(FilterError):
        snapshot.allow_list({"year": {"$like": 1}})


def test_tombstones_and_filters_go_together(store):
    with store.writer() as writer:
        assert writer.delete(["a", "c", "nobody"]) == 2
        writer.commit()
    snapshot = store.snapshot()
    assert snapshot.allow_list(None).tolist() == [0, 0, 1, 0, 1]
    assert snapshot.allow_list({"year": {"$gte": 2023}}).tolist() == [0, 0, 0, 0, 1]
    assert (snapshot.n_documents, snapshot.n_units, snapshot.n_live_units) == (2, 5, 2)
    assert ids_of(snapshot) == ["b", "d"]
    assert not snapshot.contains("a") and snapshot.contains("b")
    with pytest.raises(NotFoundError, match="'a'"):
        snapshot.find("a")


def test_documents_are_found_by_id(store):
    snapshot = store.snapshot()
    assert snapshot.find("a") == [0, 1]
    assert snapshot.find("c") == [3]
    assert snapshot.contains("d") and not snapshot.contains("e")
    assert snapshot.document("b") == document("b")
    assert snapshot.document_of(1).doc_id == "a"
    assert snapshot.doc_id_of(4) == "d"
    assert snapshot.text_of("a") == "a 0. a 1. "
    assert snapshot.offset_map("a") is None


@pytest.mark.parametrize("call", ["find", "document", "text_of", "offset_map"])
def test_an_unknown_id_is_an_error(store, call):
    with pytest.raises(NotFoundError, match="'zzz'"):
        getattr(store.snapshot(), call)("zzz")


def test_an_ordinal_of_another_snapshot_is_an_error(store):
    for ordinal in (-1, 5):
        with pytest.raises(NotFoundError, match="which has 5"):
            store.snapshot().unit(ordinal)


def test_arrays_that_do_not_fit_are_refused(store):
    snapshot = store.snapshot()
    allow = snapshot.allow_list(None)
    with pytest.raises(ShapeError, match="allow"):
        snapshot.scores("text", query(0), allow[:-1])
    with pytest.raises(ShapeError, match="allow"):
        snapshot.scores("text", query(0), allow.astype(np.int8))
    with pytest.raises(ShapeError, match="n_query_tokens, 8"):
        snapshot.scores("text", query(0, dim=16), allow)
    with pytest.raises(NotFoundError, match="'image'"):
        snapshot.scores("image", query(0), allow)


def test_everything_of_a_unit_and_a_document_comes_back(tmp_path):
    place = Locator(
        CharSpan(3, 9), 2, Box(0.1, 0.2, 0.3, 0.4), TimeRange(1.1, 2.2), CharSpan(7, 13)
    )
    words = WordBoxes.empty()
    rich = Unit("p2", "page", place, "tëxt", words, b"png", ("Part", "Chapter"))
    bare = Unit("x", "audio", Locator(), "")
    whole = Document("dœ", "s", "application/pdf", "f" * 64, {"n": 2**63 - 1}, 1.5, "Title", 99)
    offsets = OffsetMap(np.array([[0, 4, 5]], np.int32))
    store = Store.create(tmp_path / "g", SPACES)
    with store.writer() as writer:
        writer.add(
            whole, [rich, bare], {"text": [axis_rows(0), axis_rows()]}, (), offsets, "readable"
        )
        writer.add(document("plain"), [], {})
        writer.commit()
    snapshot = store.snapshot()
    assert snapshot.document("dœ") == whole
    assert snapshot.unit(0) == Unit("p2", "page", place, "tëxt", None, None, ("Part", "Chapter"))
    assert snapshot.unit(1) == bare
    assert snapshot.offset_map("dœ").runs.tolist() == [[0, 4, 5]]
    assert snapshot.offset_map("plain") is None
    assert snapshot.find("plain") == []
    assert snapshot.text_of("plain") == ""


def test_rows_and_their_places_come_back(tmp_path):
    store = Store.create(tmp_path / "g", SPACES)
    with store.writer() as writer:
        rows = MultiVector(axis_rows(5, 6).vectors, located(2))
        writer.add(document("a"), passages("ab cd"), {"text": [rows]})
        writer.commit()
    snapshot = store.snapshot()
    values, scales = snapshot.rows("text", 0)
    assert np.allclose(values * scales[:, None], axis_rows(5, 6).vectors)
    places = snapshot.row_locators("text", 0)
    assert places.locators_of(1, snapshot.unit(0).locator)[0].span == CharSpan(2, 3)


def test_spaces_are_scored_apart(tmp_path):
    store = Store.create(tmp_path / "g", {"text": SpaceSpec(8), "page": SpaceSpec(16, "float16")})
    with store.writer() as writer:
        units = passages("one", "two")
        writer.add(document("a"), units, {"page": [axis_rows(9, dim=16), axis_rows(dim=16)]})
        writer.commit()
    snapshot = store.snapshot()
    allow = snapshot.allow_list()
    assert snapshot.scores("page", query(9, dim=16), allow).tolist() == [1, -np.inf]
    assert snapshot.scores("text", query(1), allow).tolist() == [-np.inf, -np.inf]


def test_postings_serve_bm25(store):
    snapshot = store.snapshot()
    scores = bm25_scores(snapshot.lexical(), snapshot.unit_offsets, ["c"], snapshot.allow_list())
    assert np.flatnonzero(scores).tolist() == [3]


def test_an_empty_store_answers(tmp_path):
    snapshot = Store.create(tmp_path / "g", SPACES).snapshot()
    assert (snapshot.n_documents, snapshot.n_units, snapshot.n_rows) == (0, 0, 0)
    assert snapshot.allow_list({"a": 1}).shape == (0,)
    assert snapshot.scores("text", query(0), snapshot.allow_list()).shape == (0,)
    assert snapshot.document_ordinals().shape == (0,)
    assert snapshot.lexical() == []


def test_a_snapshot_does_not_see_later_commits(store):
    before = store.snapshot()
    with store.writer() as writer:
        writer.delete(["a"])
        put(writer, "e", [[4]])
        writer.commit()
    assert before.contains("a") and not before.contains("e")
    assert store.snapshot().contains("e")
    assert store.snapshot() is store.snapshot()


def test_another_store_object_sees_commits(store):
    other = Store.open(store.path)
    assert other.snapshot().version == 3
    with store.writer() as writer:
        put(writer, "e", [[4]])
        writer.commit()
    assert other.snapshot().contains("e")


def test_repeated_filters_are_kept_apart_by_type(tmp_path):
    store = Store.create(tmp_path / "g", SPACES)
    with store.writer() as writer:
        put(writer, "flag", [[0]], {"x": True})
        put(writer, "number", [[0]], {"x": 1})
        writer.commit()
    snapshot = store.snapshot()
    for _ in range(2):
        for value, wanted in ((True, [True, False]), (1, [False, True]), (1.0, [False, True])):
            assert snapshot.allow_list({"x": value}).tolist() == wanted
    for i in range(40):
        assert not snapshot.allow_list({"x": f"value {i}"}).any()
