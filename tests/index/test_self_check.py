"""Queries unlike the documents are noticed, and searches widen until they find what there is."""

import numpy as np
import pytest

from latelight.index.candidates import Effort, Ranked, Wanted, search_snapshot
from latelight.index.self_check import SelfCheck, SelfCheckOptions, recall_of
from latelight.kernels.search import SearchOptions
from tests.index.test_codes import DIM, make_index

POOR = Effort(SearchOptions(n_probe=1, n_candidates=12, n_scored=12, n_exact=12))


def at_once(check) -> bool:
    check()
    return True


@pytest.fixture(autouse=True)
def approximate_from_the_first_row(monkeypatch):
    monkeypatch.setattr("latelight.index.candidates.FEW_ROWS", 0)


def strange_queries(n: int):
    """Queries that point nowhere near a document."""
    rows = np.random.default_rng(9).standard_normal((n, 6, DIM)).astype(np.float32)
    return list(rows / np.linalg.norm(rows, axis=2, keepdims=True))


def search(index, check: SelfCheck, query) -> Ranked:
    snapshot = index.snapshot()
    effort = check.effort("vectors", POOR)
    wanted = Wanted("vectors", snapshot.allow_list(), 10, effort)
    ranked = search_snapshot(snapshot, [query], wanted)[0]
    check.observe(snapshot, query, wanted, ranked)
    return ranked


def test_poor_recall_is_observed_and_widens_the_search(tmp_path):
    index = make_index(tmp_path / "g", 300)
    options = SelfCheckOptions(every=1, n_first=4, share=1.0, target=0.95)
    check = SelfCheck(options, at_once)
    for query in strange_queries(5):
        search(index, check, query)
    assert check.observed("vectors").widening == 1
    for query in strange_queries(60):
        search(index, check, query)
    seen = check.observed("vectors")
    assert seen.widening > 1
    found = search(index, check, strange_queries(61)[-1])
    exact = index.search(strange_queries(61)[-1], k=10, exact=True)
    assert np.isclose(found.scores.sum(), sum(hit.score for hit in exact), rtol=0.02)


def test_good_recall_widens_nothing_and_is_the_number_shown(tmp_path):
    index = make_index(tmp_path / "g", 300)
    check = SelfCheck(SelfCheckOptions(every=2, n_first=3, share=1.0), at_once)
    thorough = Effort(SearchOptions(256, 300, 300, 300))
    snapshot = index.snapshot()
    for query in strange_queries(10):
        wanted = Wanted("vectors", snapshot.allow_list(), 10, check.effort("vectors", thorough))
        ranked = search_snapshot(snapshot, [query], wanted)[0]
        check.observe(snapshot, query, wanted, ranked)
    seen = check.observed("vectors")
    assert (seen.recall, seen.widening) == (1.0, 0)
    assert seen.n_checks == 3 + 3  # three from the second on, then every second query


def test_beyond_the_last_widening_everything_is_scored(tmp_path):
    index = make_index(tmp_path / "g", 300)
    check = SelfCheck(
        SelfCheckOptions(every=1, n_first=1, share=1.0, target=2.0, most_widening=1), at_once
    )
    for query in strange_queries(4):
        last = search(index, check, query)
    assert check.observed("vectors").widening == 2
    assert last.is_exact


def test_bad_luck_within_chance_widens_nothing(tmp_path, monkeypatch):
    index = make_index(tmp_path / "g", 300)
    recalls = iter([0.8, 1.0, 0.8, 0.9, 1.0, 0.8, 0.9, 0.9])  # mean .89, but of eight queries
    monkeypatch.setattr("latelight.index.self_check.recall_of", lambda *a: next(recalls))
    check = SelfCheck(SelfCheckOptions(every=1000, n_first=8, share=1.0), at_once)
    for query in strange_queries(9):
        search(index, check, query)
    seen = check.observed("vectors")
    assert (seen.n_checks, seen.widening) == (8, 0)


def test_levels_are_watched_apart(tmp_path):
    index = make_index(tmp_path / "g", 300)
    check = SelfCheck(SelfCheckOptions(every=1, n_first=2, share=1.0, target=2.0), at_once)
    for query in strange_queries(3):
        search(index, check, query)
    assert check.effort("vectors", POOR).widening == 1
    assert check.effort("vectors", Effort.of("best")).widening == 0


def test_later_checks_take_a_small_share_of_the_time(tmp_path):
    index = make_index(tmp_path / "g", 300)
    check = SelfCheck(SelfCheckOptions(every=1, n_first=1, share=1e-9), at_once)
    for query in strange_queries(5):
        search(index, check, query)
    assert check.observed("vectors").n_checks == 1


def test_nothing_is_known_before_the_first_check():
    seen = SelfCheck().observed("text")
    assert (seen.recall, seen.n_checks, seen.widening) == (None, 0, 0)


def test_checks_run_in_the_background(tmp_path):
    index = make_index(tmp_path / "g", 100)
    check = SelfCheck()
    search(index, check, strange_queries(1)[0])
    check.wait()
    assert check.observed("vectors").n_checks == 0  # a process that searches once is let go
    search(index, check, strange_queries(1)[0])
    check.wait()
    assert check.observed("vectors").n_checks == 1


def test_recall_counts_ties_of_the_last_place():
    scores = np.array([3, 2, 2, 1, -np.inf], np.float32)
    ranked = Ranked(np.array([0, 2]), scores[[0, 2]], {})
    assert recall_of(scores, ranked, 2) == 1.0
    assert recall_of(scores, Ranked(np.array([0, 3]), scores[[0, 3]], {}), 2) == 0.5
    assert recall_of(np.full(3, -np.inf, np.float32), ranked, 2) == 1.0
