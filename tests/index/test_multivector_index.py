import textwrap

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.errors import InputError, NotFoundError, QueryError, ShapeError
from latelight.index import MultiVectorIndex, RowEvidence, VectorHit
from tests.index.making import axis_rows, query

A, B, C = (axis_rows(*axes).vectors for axes in [(0, 1), (1, 2, 3), ()])


@pytest.fixture
def index(tmp_path):
    with MultiVectorIndex(tmp_path / "i", dim=8) as index:
        index.add(["a", "b", "c"], [A, B, C], [{"year": 2022}, {"year": 2023}, {}])
        yield index


def test_hits_come_best_first_and_rows_are_needed_to_be_found(index):
    assert index.search(query(1, 2)) == [VectorHit("b", 2, 1), VectorHit("a", 1, 0.5)]
    assert index.search(query(1, 2), k=1) == [VectorHit("b", 2, 1)]


def test_equal_scores_keep_the_order_of_adding(index):
    assert [hit.id for hit in index.search(query(1))] == ["a", "b"]


def test_filters_and_allow_lists_restrict(index):
    assert [h.id for h in index.search(query(1), filter={"year": 2022})] == ["a"]
    assert [h.id for h in index.search(query(1), allow=["b", "zzz"])] == ["b"]
    assert index.search(query(1), allow=[]) == []
    assert index.search(query(1), allow=["b"], filter={"year": 2022}) == []


def test_a_batch_gives_what_single_searches_give(index):
    queries = [query(0), query(3, 1)]
    assert index.search_batch(queries, k=2) == [index.search(q, k=2) for q in queries]
    assert index.search_batch([]) == []


def test_evidence_adds_up_to_the_score(index):
    evidence = index.explain(query(3, 1, 5), "b")
    assert evidence == [RowEvidence(2, 1, 1), RowEvidence(0, 1, 1), RowEvidence(0, 0, 0)]
    assert sum(e.contribution for e in evidence) == index.search(query(3, 1, 5))[0].score


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    n_query=st.integers(1, 5),
    store=st.sampled_from(["int8", "float16"]),
)
def test_evidence_adds_up_for_any_vectors(tmp_path_factory, seed, n_query, store):
    chance = np.random.default_rng(seed)
    path = tmp_path_factory.mktemp("any")
    with MultiVectorIndex(path, dim=16, store=store) as index:
        index.add("xyz", [chance.normal(size=(n, 16)) for n in (1, 3, 7)])
        rows = chance.normal(size=(n_query, 16)).astype(np.float32)
        for hit in index.search(rows):
            total = sum(e.contribution for e in index.explain(rows, hit.id))
            assert total == pytest.approx(hit.score, abs=1e-4)


def test_int8_scores_are_close_to_the_true_ones(tmp_path):
    chance = np.random.default_rng(0)
    rows = chance.normal(size=(40, 64)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    with MultiVectorIndex(tmp_path / "i", dim=64) as index:
        index.add(["x"], [rows[:30]])
        expected = (rows[30:] @ rows[:30].T).max(axis=1).sum()
        assert index.search(rows[30:])[0].score == pytest.approx(expected, abs=0.05)


def test_changes_are_seen_at_once_and_after_reopening(index, tmp_path):
    index.add(["a"], [axis_rows(5).vectors])
    assert index.delete(["b", "zzz"]) == 1
    assert "b" not in index and "a" in index and len(index) == 2
    with MultiVectorIndex(tmp_path / "i", dim=8) as again:
        assert again.search(query(5)) == [VectorHit("a", 1, 1)]


def test_stats_compaction_and_verification(index):
    index.delete(["a"])
    assert (index.stats().n_documents, index.stats().n_rows) == (2, 5)
    index.compact()
    assert (index.stats().n_documents, index.stats().n_rows, index.stats().n_segments) == (2, 3, 1)
    assert index.verify() == []


def test_a_closed_index_can_still_be_read_by_those_who_hold_a_snapshot(index):
    snapshot = index.snapshot()
    index.close()
    assert snapshot.contains("a")


def test_misuse_is_refused(index, tmp_path):
    with pytest.raises(InputError, match="2 ids"):
        index.add(["x", "y"], [A])
    with pytest.raises(InputError, match="1 different"):
        index.add(["x", "x"], [A, A])
    with pytest.raises(ShapeError, match="16 dimensions"):
        index.add(["x"], [np.ones((1, 16))])
    with pytest.raises(QueryError, match="no rows"):
        index.search(np.zeros((0, 8)))
    with pytest.raises(ShapeError):
        index.search(np.zeros((1, 16)))
    with pytest.raises(NotFoundError, match="'zzz'"):
        index.explain(query(0), "zzz")
    with pytest.raises(NotFoundError, match="no rows"):
        index.explain(query(0), "c")
    with pytest.raises(InputError, match="its own dim"):
        MultiVectorIndex(tmp_path / "i", dim=16)
    assert len(index) == 3


def test_many_small_commits_leave_few_segments_and_files(tmp_path):
    with MultiVectorIndex(tmp_path / "i", dim=8) as index:
        for n in range(120):
            index.add([f"v{n}"], [axis_rows(n % 8).vectors])
        assert len(index) == 120
        assert index.stats().n_segments <= 18
        assert len(list((tmp_path / "i").rglob("*.ll"))) <= 36
        assert [h.score for h in index.search(query(3), k=16)] == [1] * 15 + [0]
        assert index.verify() == []


def test_the_example_of_the_docstring_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = textwrap.dedent(MultiVectorIndex.__doc__.split("```python\n")[1].split("    ```")[0])
    names = {"MultiVectorIndex": MultiVectorIndex, "rows_a": A, "rows_b": B, "query_rows": query(2)}
    exec(code, names)
    assert names["hits"] == [VectorHit("b", 1, 1)]
    assert names["evidence"] == [RowEvidence(1, 1, 1)]
