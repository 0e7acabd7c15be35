import pytest

from latelight.evaluation import distributions

stats = pytest.importorskip("scipy.stats")
special = pytest.importorskip("scipy.special")

SIZES = (0.5, 1, 2.5, 7, 40, 1000, 200_000)


@pytest.mark.parametrize("a", SIZES)
@pytest.mark.parametrize("b", SIZES)
def test_the_incomplete_beta_function_is_scipys(a: float, b: float) -> None:
    centre = a / (a + b)
    for x in (0, 1e-9, centre / 2, centre, (1 + centre) / 2, 1 - 1e-9, 1):
        expected = special.betainc(a, b, x)
        assert distributions.beta_cdf(x, a, b) == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("freedom", [1, 2, 5, 30, 299, 1e5])
def test_students_distribution_is_scipys(freedom: float) -> None:
    for t in (-40, -3.3, -1, 0, 0.2, 2.1, 9):
        expected = stats.t.cdf(t, freedom)
        assert distributions.t_cdf(t, freedom) == pytest.approx(expected, rel=1e-9, abs=1e-14)
        two = 2 * stats.t.sf(abs(t), freedom)
        assert distributions.t_two_sided(t, freedom) == pytest.approx(two, rel=1e-8)
    for p in (0.0005, 0.025, 0.5, 0.8, 0.975, 0.9999):
        expected = stats.t.ppf(p, freedom)
        assert distributions.t_quantile(p, freedom) == pytest.approx(expected, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (10, 10), (3, 10), (50, 1000), (1, 1)])
def test_binomial_intervals_and_tests_are_scipys(successes: int, n: int) -> None:
    test = stats.binomtest(successes, n)
    low, high = test.proportion_ci(0.95, method="exact")
    assert distributions.exact_interval(successes, n) == pytest.approx((low, high), abs=1e-9)
    assert distributions.binomial_two_sided(successes, n) == pytest.approx(test.pvalue, rel=1e-8)


def test_nothing_observed_says_nothing() -> None:
    assert distributions.exact_interval(0, 0) == (0.0, 1.0)
    assert distributions.binomial_two_sided(0, 0) == 1.0
