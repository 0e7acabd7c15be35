import random
from collections import Counter
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.evaluation.distributions import exact_interval
from latelight.experiments import balanced, credit, interleave, team_draft
from latelight.experiments.interleaving import Interleaved, Method

RANKING = st.lists(st.sampled_from("abcdefgh"), unique=True, max_size=8)
METHODS: tuple[Method, ...] = ("team-draft", "balanced")


def preference(
    method: Method, a: str, b: str, k: int, n: int = 6000, look: float = 0.5
) -> tuple[float, float]:
    """The 99.9 % interval of b's share of wins when users click at random, more often high up."""
    generator = random.Random(1)
    wins = Counter[str]()
    for _ in range(n):
        made = interleave(method, a, b, k, generator)
        clicks = [d for i, d in enumerate(made.shown) if generator.random() < look / (i + 1) ** 0.5]
        wins[credit(made, clicks)] += 1
    return exact_interval(wins["b"], wins["a"] + wins["b"], 0.999)


@given(RANKING, RANKING, st.integers(1, 9), st.sampled_from(METHODS))
def test_a_list_holds_what_either_ranking_found_and_nothing_twice(
    a: list[str], b: list[str], k: int, method: Method
) -> None:
    shown = interleave(method, a, b, k, random.Random(0)).shown
    assert len(set(shown)) == len(shown) == min(k, len({*a, *b}))
    assert set(shown) <= {*a, *b}


@given(RANKING, RANKING, st.integers(1, 9), st.integers())
def test_a_team_shows_its_documents_in_its_own_order(
    a: list[str], b: list[str], k: int, seed: int
) -> None:
    made = team_draft(a, b, k, random.Random(seed))
    for side, ranking in (("a", a), ("b", b)):
        own = [d for d, team in zip(made.shown, made.teams, strict=True) if team == side]
        assert own == sorted(own, key=ranking.index)
    sizes = Counter(made.teams)
    assert abs(sizes["a"] - sizes["b"]) <= 1


@given(RANKING, RANKING, st.integers(1, 9), st.integers())
def test_every_prefix_of_a_balanced_list_is_made_of_two_nearly_equal_prefixes(
    a: list[str], b: list[str], k: int, seed: int
) -> None:
    shown = balanced(a, b, k, random.Random(seed)).shown
    for n in range(1, len(shown) + 1):
        prefixes = (
            {*a[:i], *b[:j]}
            for i in range(len(a) + 1)
            for j in range(len(b) + 1)
            if abs(i - j) <= 1 or i == len(a) or j == len(b)
        )
        assert set(shown[:n]) in prefixes


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_makes_the_same_list(method: Method) -> None:
    lists = [interleave(method, "abcd", "dcba", 4, random.Random(4)) for _ in range(2)]
    assert lists[0] == lists[1]


@pytest.mark.parametrize(
    ("a", "b", "k"),
    [
        ("abcd", "dcba", 4),
        ("abcd", "bcda", 4),  # moved up by one
        ("abcd", "abcd", 4),
        ("abc", "xyz", 6),
        ("abcdef", "b", 6),  # one ranking ends early
        ("ab", "a", 2),
        ("abcde", "badce", 3),  # an odd length
        ("", "abc", 3),
    ],
)
def test_random_clicks_prefer_neither_team(a: str, b: str, k: int) -> None:
    low, high = preference("team-draft", a, b, k)
    assert low <= 0.5 <= high


def test_random_clicks_prefer_neither_team_for_every_pair_of_short_rankings() -> None:
    for b in permutations("abc"):
        for cut in (1, 2, 3):
            low, high = preference("team-draft", "abc", "".join(b[:cut]), 3, n=1500)
            assert low <= 0.5 <= high, b[:cut]


def test_random_clicks_can_prefer_a_side_of_a_balanced_list() -> None:
    """The known bias (Radlinski et al., 2008): why team-draft is the default."""
    generator = random.Random(2)
    wins = Counter[str]()
    for _ in range(6000):
        made = balanced("abcd", "bcda", 4, generator)
        wins[credit(made, [generator.choice(made.shown)])] += 1
    low, _ = exact_interval(wins["b"], wins["a"] + wins["b"], 0.999)
    assert low > 0.55


def test_a_relevant_document_higher_up_wins_by_either_method() -> None:
    for method in METHODS:
        generator = random.Random(3)
        wins = Counter[str]()
        for _ in range(2000):
            made = interleave(method, "wxyzr", "rwxyz", 5, generator)
            wins[credit(made, ["r"] if made.shown.index("r") < 3 else [])] += 1
        low, _ = exact_interval(wins["b"], wins["a"] + wins["b"], 0.999)
        assert low > 0.6


def test_credit_goes_to_the_team_with_more_clicks() -> None:
    made = Interleaved(("x", "y", "z"), ("a", "b", ""), "team-draft", ("x", "z"), ("y",))
    assert credit(made, ["x"]) == "a"
    assert credit(made, ["y", "y", "z"]) == "b"
    assert credit(made, ["x", "y"]) == credit(made, []) == credit(made, ["z", "not shown"]) == "tie"


def test_balanced_credit_counts_to_the_depth_of_the_lowest_click() -> None:
    made = Interleaved(("p", "q", "r"), (), "balanced", ("p", "q", "r"), ("q", "r", "p"))
    assert credit(made, ["q"]) == "b"  # first of b; a's first is p
    assert credit(made, ["p"]) == "a"
    assert credit(made, ["p", "q"]) == "tie"  # q is first of b: both are read to depth 1


def test_wrong_input_is_named() -> None:
    with pytest.raises(InputError, match="twice"):
        team_draft("aa", "b", 2, random.Random(0))
    with pytest.raises(InputError, match="at least one place"):
        balanced("a", "b", 0, random.Random(0))
    with pytest.raises(InputError, match="unknown"):
        interleave("zip", "a", "b", 2, random.Random(0))  # type: ignore[arg-type]
