from math import inf, sqrt

import numpy as np
import pytest

from latelight.errors import InputError
from latelight.evaluation.power import detectable_difference, least_topics, topics_needed
from latelight.evaluation.significance import paired_t


def test_the_fewest_topics_are_those_with_which_all_patterns_could_reject() -> None:
    assert least_topics(0.05) == 6  # 2 / 2 ** 5 is more than 0.05, 2 / 2 ** 6 is not
    assert least_topics(0.01) == 8
    assert detectable_difference(0.1, 5) == inf


@pytest.mark.parametrize(("spread", "difference"), [(0.3, 0.05), (0.2, 0.1), (0.1, 0.3)])
def test_topics_needed_are_those_of_the_noncentral_t(spread: float, difference: float) -> None:
    stats = pytest.importorskip("scipy.stats")

    def power(n: int) -> float:
        edge = stats.t.ppf(0.975, n - 1)
        return 1 - stats.nct.cdf(edge, n - 1, difference / spread * sqrt(n))

    n = topics_needed(spread, difference)
    assert power(n + 1) >= 0.8
    assert n == least_topics() or power(n - 2) < 0.8


def test_needed_topics_show_the_difference_as_often_as_promised() -> None:
    n = topics_needed(0.25, 0.1, power=0.8)
    generator = np.random.default_rng(0)
    shown = [paired_t(list(generator.normal(0.1, 0.25, n))).p <= 0.05 for _ in range(1500)]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.035)


def test_detectable_and_needed_agree() -> None:
    for n in (10, 50, 300):
        assert topics_needed(0.3, detectable_difference(0.3, n) * 1.0001) == n


def test_systems_that_never_differ_need_the_fewest_topics() -> None:
    assert topics_needed(0.0, 0.02) == least_topics()


def test_questions_without_an_answer_are_refused() -> None:
    with pytest.raises(InputError, match="above 0"):
        topics_needed(0.3, 0)
    with pytest.raises(InputError, match="larger difference"):
        topics_needed(0.3, 1e-7)
    with pytest.raises(InputError, match="between 0 and 1"):
        detectable_difference(0.3, 50, alpha=0)
