from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.evaluation import Measure, Qrels, Run, evaluate, mean, mrr, ndcg, recall, success

GAINS = {"a": 3, "b": 2, "c": 0, "d": 1, "e": -1}
RANKINGS = st.lists(st.sampled_from("abcdexyz"), unique=True, max_size=8)


def test_ndcg_has_linear_gains_and_logarithmic_discounts() -> None:
    reached = 2 / log2(2) + 0 + 3 / log2(4)
    ideal = 3 / log2(2) + 2 / log2(3) + 1 / log2(4)
    assert ndcg(["b", "c", "a"], GAINS, 3) == pytest.approx(reached / ideal)


def test_ndcg_of_the_best_order_is_one() -> None:
    assert ndcg(["a", "b", "d"], GAINS, 10) == 1


def test_ndcg_counts_relevant_documents_that_were_not_found() -> None:
    assert ndcg(["a"], GAINS, 10) == pytest.approx(3 / (3 + 2 / log2(3) + 1 / 2))


def test_a_negative_gain_is_not_relevant() -> None:
    assert ndcg(["e", "a", "b", "d"], GAINS, 1) == 0
    assert mrr(["e", "a"], GAINS, 10) == 0.5
    assert success(["e"], GAINS, 5) == 0


def test_mrr_looks_no_further_than_k() -> None:
    assert mrr(["x", "c", "b"], GAINS, 3) == pytest.approx(1 / 3)
    assert mrr(["x", "c", "b"], GAINS, 2) == 0


def test_recall_is_over_all_relevant_documents() -> None:
    assert recall(["a", "x", "b", "d"], GAINS, 3) == pytest.approx(2 / 3)
    assert recall(["a", "x", "b", "d"], GAINS, 4) == 1


def test_success_is_found_or_not() -> None:
    assert success(["x", "d"], GAINS, 2) == 1
    assert success(["x", "d"], GAINS, 1) == 0


def test_nothing_relevant_scores_zero() -> None:
    for measure in (ndcg, mrr, recall, success):
        assert measure(["a"], {"a": 0}, 5) == 0
        assert measure([], GAINS, 5) == 0


def test_names_are_read_whatever_their_capitals() -> None:
    assert Measure.parse("ndcg@10") == Measure("nDCG", 10)
    assert Measure.parse("Recall@100").name == "recall@100"


@pytest.mark.parametrize("name", ["ndcg", "map@10", "ndcg@0", "ndcg@-1", ""])
def test_unknown_measures_are_refused(name: str) -> None:
    with pytest.raises(InputError, match="Unknown measure"):
        Measure.parse(name)


def test_topics_without_results_count_as_zero_and_those_without_relevant_documents_not() -> None:
    qrels = Qrels({"q1": {"a": 1}, "q2": {"b": 1}, "q3": {"c": 0}})
    run = Run({"q1": (("a", 2.0),), "q3": (("c", 1.0),)})
    assert evaluate(run, qrels, Measure("nDCG", 10)) == {"q1": 1.0, "q2": 0.0}
    assert mean(run, qrels, Measure("nDCG", 10)) == 0.5


def test_a_mean_over_no_topics_is_refused() -> None:
    with pytest.raises(InputError, match="nothing to average"):
        mean(Run(), Qrels({"q": {"a": 0}}), Measure("MRR", 10))


@given(RANKINGS, st.integers(1, 9))
def test_every_measure_lies_between_zero_and_one(ranking: list[str], k: int) -> None:
    for measure in (ndcg, mrr, recall, success):
        assert 0 <= measure(ranking, GAINS, k) <= 1 + 1e-12


@given(RANKINGS, st.integers(1, 8))
def test_recall_and_success_never_fall_with_k(ranking: list[str], k: int) -> None:
    assert recall(ranking, GAINS, k) <= recall(ranking, GAINS, k + 1)
    assert success(ranking, GAINS, k) <= success(ranking, GAINS, k + 1)
