"""Sizes of experiments, beside scipy's distributions."""

from math import ceil, sqrt
from typing import Any

import pytest

from latelight.errors import InputError
from latelight.experiments import proportion_p_value
from latelight.experiments.size import Question, Size, size

stats = pytest.importorskip("scipy.stats")


def reach(alpha: float, power: float) -> float:
    return float(stats.norm.ppf(1 - alpha / 2) + stats.norm.ppf(power))


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.1])
@pytest.mark.parametrize("power", [0.5, 0.8, 0.95])
@pytest.mark.parametrize(("base", "difference"), [(0.3, 0.02), (0.3, -0.02), (0.02, 0.01)])
def test_shares_take_as_many_as_scipys_quantiles_say(
    alpha: float, power: float, base: float, difference: float
) -> None:
    changed = base + difference
    variance = base * (1 - base) + changed * (1 - changed)
    wanted = ceil(reach(alpha, power) ** 2 * variance / difference**2)
    found = size(Question(base=base, difference=difference, alpha=alpha, power=power))
    assert found == Size("callers", wanted, 2 * wanted)


def test_means_take_nearly_as_many_as_the_exact_power_of_the_t_test() -> None:
    """The normal approximation lacks one or two callers of the exact answer (Cohen: 64)."""
    found = size(Question(difference=0.5, spread=1.0)).each

    def power(n: int) -> float:
        freedom, shift = 2 * n - 2, 0.5 / sqrt(2 / n)
        edge = stats.t.ppf(0.975, freedom)
        return float(stats.nct.sf(edge, freedom, shift) + stats.nct.cdf(-edge, freedom, shift))

    exact = next(n for n in range(2, 200) if power(n) >= 0.8)
    assert exact == 64
    assert exact - 2 <= found <= exact


@pytest.mark.parametrize("share", [0.55, 0.6, 0.4])
def test_a_preference_has_the_power_that_was_asked_for(share: float) -> None:
    def power(n: int) -> float:
        shown = [k for k in range(n + 1) if stats.binomtest(k, n).pvalue <= 0.05]
        return float(sum(stats.binom.pmf(shown, n, share)))

    found = size(Question("interleaving", win_share=share, ties=0.25))
    assert 0.8 <= power(found.each) < 0.81
    assert power(found.each - 1) < 0.8
    assert found.total == ceil(found.each / 0.75)


@pytest.mark.parametrize("share", [0.6, 0.7, 0.3])
def test_an_always_valid_preference_has_its_power_at_that_look(share: float) -> None:
    def power(n: int) -> float:
        enough = [k for k in range(n + 1) if proportion_p_value(k, n) <= 0.05]
        return float(sum(stats.binom.pmf(enough, n, share)))

    found = size(Question("interleaving", win_share=share, test="always-valid")).each
    assert power(found) >= 0.8
    assert power(round(0.9 * found)) < 0.8
    assert found > size(Question("interleaving", win_share=share)).each


def test_an_always_valid_ab_test_takes_more_than_a_fixed_one() -> None:
    fixed = size(Question(base=0.3, difference=0.05))
    anytime = size(Question(base=0.3, difference=0.05, test="always-valid"))
    assert fixed.each < anytime.each < 3 * fixed.each


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"kind": "x"}, "kind is 'x'; give ab or interleaving"),
        ({"test": "x"}, "test is 'x'"),
        ({"alpha": 0.0}, "alpha is 0.0"),
        ({"power": 1.0}, "power is 1.0"),
        ({"power": 0.04}, "Give a power above it"),
        ({"ties": 1.0}, "ties is 1.0"),
        ({"spread": -1.0}, "spread is -1.0"),
        ({"difference": 0.0}, "no sample is large enough"),
        ({"difference": 0.8}, "must lie between 0 and 1"),
        ({"kind": "interleaving", "win_share": 0.5}, "other than .5"),
        ({"kind": "interleaving", "win_share": 0.5, "test": "always-valid"}, "other than .5"),
    ],
)
def test_questions_without_an_answer_are_refused(parts: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        size(Question(**parts))
