from collections import Counter
from dataclasses import replace

import pytest

from latelight.errors import InputError
from latelight.evaluation import Run
from latelight.evaluation.distributions import exact_interval
from latelight.experiments import Cascade, Design, Outcome, simulate_ab, simulate_interleaving
from tests.experiments.papers import paper

SHORT = Design(n_sessions=400, look_every=50, k=10)


def rejected(outcomes: list[Outcome]) -> int:
    return sum(one.decision != "undecided" for one in outcomes)


def test_the_same_seed_gives_the_same_outcome() -> None:
    for simulate in (simulate_ab, simulate_interleaving):
        assert simulate(paper(), SHORT) == simulate(paper(), SHORT)
        assert simulate(paper(), SHORT) != simulate(paper(), replace(SHORT, seed=1))


def test_a_better_candidate_wins_and_a_worse_one_loses() -> None:
    good = paper(better=0.6)
    bad = replace(good, a=good.b, b=good.a)
    design = Design(n_sessions=6000)
    for simulate in (simulate_ab, simulate_interleaving):
        assert simulate(good, design).decision == "b"
        assert simulate(bad, design).decision == "a"


def test_interleaving_needs_fewer_sessions_than_an_a_b_test() -> None:
    good = paper(better=0.5, users=Cascade())
    designs = [Design(n_sessions=8000, seed=seed) for seed in range(8)]
    interleaved = sum(simulate_interleaving(good, one).n_sessions for one in designs)
    split = sum(simulate_ab(good, one).n_sessions for one in designs)
    assert 2 * interleaved < split


@pytest.mark.parametrize("test", ["always-valid", "fixed-horizon"])
@pytest.mark.parametrize("kind", ["a/b", "interleaving"])
def test_equal_versions_are_decided_no_more_often_than_stated(kind: str, test: str) -> None:
    """A small version of benchmarks/calibration.py."""
    simulate = simulate_ab if kind == "a/b" else simulate_interleaving
    designs = [replace(SHORT, test=test, alpha=0.1, seed=seed) for seed in range(120)]
    outcomes = [simulate(paper(), design) for design in designs]
    assert exact_interval(rejected(outcomes), 120, 0.999)[0] <= 0.1
    if test == "fixed-horizon":
        assert {one.n_sessions for one in outcomes} == {400}
        assert rejected(outcomes) > 0


def test_counts_add_up() -> None:
    split = simulate_ab(paper(), replace(SHORT, share=0.2))
    assert split.counts["sessions_a"] + split.counts["sessions_b"] == split.n_sessions
    assert split.counts["sessions_b"] < split.counts["sessions_a"]
    shared = simulate_interleaving(paper(), SHORT)
    assert sum(shared.counts.values()) == shared.n_sessions
    assert set(Counter(shared.to_dict())) >= {"kind", "decision", "p", "effect"}


def test_wrong_designs_and_runs_are_refused() -> None:
    with pytest.raises(InputError, match="n_sessions is 0; give 1 or more"):
        Design(n_sessions=0)
    with pytest.raises(InputError, match="'sometimes'; use always-valid or"):
        Design(test="sometimes")  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"share is 1.0; give a number above 0 and below 1"):
        Design(share=1.0)
    with pytest.raises(InputError, match="'sideways'; use team-draft"):
        Design(method="sideways")  # type: ignore[arg-type]
    other = replace(paper(), a=Run({}, "a"), b=Run({}, "b"))
    with pytest.raises(InputError, match="another set"):
        simulate_ab(other, SHORT)
