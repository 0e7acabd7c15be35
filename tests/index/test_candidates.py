"""Approximate search of whole indexes: what it finds, allows, and falls back to."""

import numpy as np
import pytest

from latelight.errors import InputError
from latelight.index import MultiVectorIndex
from latelight.index.candidates import PRESETS, Effort, Wanted, search_snapshot
from latelight.kernels.search import SearchOptions
from tests.index.test_codes import DIM, N_ROWS, make_index
from tests.kernels.test_codec import topical_rows
from tests.kernels.test_search import queries_near


@pytest.fixture(autouse=True)
def approximate_from_the_first_row(monkeypatch):
    monkeypatch.setattr("latelight.index.candidates.FEW_ROWS", 0)


@pytest.fixture
def index(tmp_path) -> MultiVectorIndex:
    return make_index(tmp_path / "g", 300)


@pytest.fixture
def queries():
    rows, _ = topical_rows(np.random.default_rng(0), 300, N_ROWS, DIM)
    return queries_near(np.random.default_rng(1), rows, 12, 6)


def ids(hits) -> list[str]:
    return [hit.id for hit in hits]


def test_the_best_preset_finds_nearly_what_an_exact_search_finds(index, queries):
    n_right = 0
    for query in queries:
        exact = index.search(query, k=10, exact=True)
        found = index.search(query, k=10, recall="best")
        right = set(ids(exact)) & set(ids(found))
        n_right += len(right)
        scores = {hit.id: hit.score for hit in exact}
        assert all(hit.score == scores[hit.id] for hit in found if hit.id in scores)
    assert n_right >= 117


def test_a_batch_finds_what_single_searches_find(index, queries):
    together = index.search_batch(queries, k=5)
    assert [ids(hits) for hits in together] == [ids(index.search(q, k=5)) for q in queries]


def test_deleted_and_replaced_documents_are_not_found(index, queries):
    best = index.search(queries[0], k=3)[0]
    index.delete([best.id])
    assert best.id not in ids(index.search(queries[0], k=300))
    index.add(["d7"], [np.eye(DIM, dtype=np.float32)[:1]])
    found = {hit.id: hit.score for hit in index.search(queries[1], k=300)}
    assert found["d7"] == pytest.approx(float(queries[1][:, 0].sum()), abs=0.02)


def test_new_documents_without_codes_are_found_beside_coded_ones(index, queries):
    index.add(["new"], [queries[2]])
    hits = index.search(queries[2], k=3)
    assert hits[0].id == "new"
    assert hits[0].score == pytest.approx(len(queries[2]), abs=0.05)
    assert len(hits) == 3


def test_a_filter_finds_only_what_it_allows(index, queries):
    hits = index.search(queries[3], k=20, filter={"third": 1})
    exact = index.search(queries[3], k=20, filter={"third": 1}, exact=True)
    assert all(int(hit.id[1:]) % 3 == 1 for hit in hits)
    assert len(set(ids(hits)) & set(ids(exact))) >= 18
    assert index.search(queries[3], filter={"third": 9}) == []
    assert index.search(queries[3], allow=[]) == []


def test_few_allowed_rows_are_scored_exactly(index, queries, monkeypatch):
    monkeypatch.setattr("latelight.index.candidates.FEW_ROWS", 60)
    snapshot = index.snapshot()
    for ids_allowed, is_exact in ((range(5), True), (range(50), False)):
        allow = np.zeros(snapshot.n_units, np.bool_)
        allow[list(ids_allowed)] = True
        wanted = Wanted("vectors", allow, 3, Effort.of("fast"))
        assert search_snapshot(snapshot, queries[:1], wanted)[0].is_exact == is_exact


def test_more_hits_than_a_preset_scores_can_be_asked_for(index, queries):
    assert len(index.search(queries[4], k=250, recall="fast")) == 250


def test_options_of_ones_own_are_taken(index, queries):
    thorough = SearchOptions(n_probe=256, n_candidates=300, n_scored=300, n_exact=300)
    found = index.search(queries[5], k=10, recall=thorough)
    assert found == index.search(queries[5], k=10, exact=True)


def test_searches_are_checked_against_exact_ones_in_the_background(index, queries):
    assert index.observed_recall().recall is None
    index.search_batch(queries[:2], recall="best")
    index._self_check.wait()
    seen = index.observed_recall()
    assert (seen.n_checks, seen.widening) == (1, 0)
    assert seen.recall > 0.8


def test_an_unknown_preset_is_refused(index, queries):
    with pytest.raises(InputError, match="choose from fast, balanced, best, exact"):
        index.search(queries[0], recall="quick")


def test_widening_doubles_every_number():
    options = Effort(SearchOptions(8, 40, 20, 10), 2).for_k(5)
    assert options == SearchOptions(32, 160, 80, 40, k=5)
    assert Effort(None, 2).for_k(5) is None


def test_presets_try_harder_one_after_the_other():
    fast, balanced, best = (PRESETS[name] for name in ("fast", "balanced", "best"))
    for field in ("n_probe", "n_candidates", "n_scored", "n_exact"):
        assert getattr(fast, field) <= getattr(balanced, field) <= getattr(best, field)
