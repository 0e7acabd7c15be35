from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.evaluation import (
    Measure,
    Qrels,
    Run,
    average_precision,
    evaluate,
    mean,
    mrr,
    ndcg,
    overlap,
    precision,
    recall,
    success,
)

GAINS = {"a": 3, "b": 2, "c": 0, "d": 1, "e": -1}
EVERY = (ndcg, mrr, recall, success, precision, average_precision)
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
    for measure in EVERY:
        assert measure(["a"], {"a": 0}, 5) == 0
        assert measure([], GAINS, 5) == 0


def test_names_are_read_whatever_their_capitals() -> None:
    assert Measure.parse("ndcg@10") == Measure("nDCG", 10)
    assert Measure.parse("Recall@100").name == "R@100"


@pytest.mark.parametrize(
    "name",
    [
        "nothing@5",
        "R",
        "P",
        "Success",
        "ndcg@0",
        "ndcg@-1",
        "nDCG@",
        "AP(rel=0)",
        "nDCG(rel=2)",
        "",
    ],
)
def test_unknown_measures_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"Unknown measure|least gain"):
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
    for measure in EVERY:
        assert 0 <= measure(ranking, GAINS, k) <= 1 + 1e-12


@given(RANKINGS, st.integers(1, 8))
def test_recall_and_success_never_fall_with_k(ranking: list[str], k: int) -> None:
    assert recall(ranking, GAINS, k) <= recall(ranking, GAINS, k + 1)
    assert success(ranking, GAINS, k) <= success(ranking, GAINS, k + 1)


def test_precision_counts_missing_results_as_wrong() -> None:
    assert precision(["a"], GAINS, 5) == pytest.approx(1 / 5)
    assert precision(["a", "x", "b", "d"], GAINS) == pytest.approx(3 / 4)


def test_average_precision_is_over_all_relevant_documents() -> None:
    assert average_precision(["a", "x", "b"], GAINS) == pytest.approx((1 + 2 / 3) / 3)
    assert average_precision(["a", "x", "b"], GAINS, 2) == pytest.approx(1 / 3)


def test_usual_names_are_turned_into_the_standard_ones() -> None:
    names = ["MRR@10", "map", "recall@100", "precision@5", "hit@3", "nDCG", "rr"]
    standard = ["RR@10", "AP", "R@100", "P@5", "Success@3", "nDCG", "RR"]
    assert [Measure.parse(name).name for name in names] == standard


@pytest.mark.parametrize("name", ["nDCG@10", "P(rel=2)@5", "AP", "AP(rel=3)", "RR@10", "R@100"])
def test_a_measure_is_read_back_from_its_name(name: str) -> None:
    assert Measure.parse(name).name == name


def test_a_higher_level_of_relevance_leaves_lower_gains_out() -> None:
    assert Measure.parse("P(rel=2)@2").of(["d", "b"], GAINS) == 0.5
    assert Measure.parse("R(rel=3)@2").of(["a", "b"], GAINS) == 1


def test_overlap_is_the_share_of_the_reference_that_was_found() -> None:
    exact = Run({"q1": (("a", 3.0), ("b", 2.0), ("c", 1.0)), "q2": (("a", 1.0),), "q3": ()})
    found = Run({"q1": (("b", 2.0), ("a", 1.9), ("x", 1.0))})
    assert overlap(found, exact, 2) == {"q1": 1.0, "q2": 0.0}
    assert overlap(found, exact, 3)["q1"] == pytest.approx(2 / 3)
