"""Two rankings in one list, and whose clicks they are."""

import random
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from latelight.errors import InputError

Side = Literal["a", "b"]
Team = Literal["a", "b", ""]
Winner = Literal["a", "b", "tie"]
Method = Literal["team-draft", "balanced"]


@dataclass(frozen=True)
class Interleaved:
    """A list that is shown instead of either ranking.

    Attributes:
        shown: documents, best first.
        teams: for team-draft, who picked each document, `""` for what fills the list; empty for
            balanced.
        method: how it was made.
        a, b: both rankings, which the credit of balanced interleaving needs.
    """

    shown: tuple[str, ...]
    teams: tuple[Team, ...]
    method: Method
    a: tuple[str, ...]
    b: tuple[str, ...]


def team_draft(a: Sequence[str], b: Sequence[str], k: int, generator: random.Random) -> Interleaved:
    """Return the team-draft interleaving (Radlinski, Kurup and Joachims, 2008).

    In every round a coin decides who picks first; each picks its best document that is not in the
    list yet. Whoever clicks at random clicks as often on either team: once one ranking can no
    longer pick, the rest of the other fills the list without belonging to a team.

    Args:
        a, b: rankings without repetition, best first.
        k: length of the list at most.
        generator: of the coins; a seeded one makes the list reproducible.
    """
    _check(a, b, k)
    seen: dict[str, Team] = {}
    rankings: dict[Side, Sequence[str]] = {"a": a, "b": b}
    while len(seen) < k:
        picks = _round(rankings, seen, "a" if generator.random() < 0.5 else "b")
        seen |= dict(picks[: k - len(seen)])
        if len(picks) < 2:
            break
    for document in (*a, *b):
        if len(seen) < k:
            seen.setdefault(document, "")
    return Interleaved(tuple(seen), tuple(seen.values()), "team-draft", tuple(a), tuple(b))


def balanced(a: Sequence[str], b: Sequence[str], k: int, generator: random.Random) -> Interleaved:
    """Return the balanced interleaving (Joachims, 2003): one coin says who begins, then in turns.

    Every prefix holds the best of both rankings to nearly the same depth. For some pairs of
    rankings random clicks prefer one of them (Radlinski, Kurup and Joachims, 2008, and
    `tests/experiments/test_interleaving.py`); team-draft has no such pairs and is the default
    everywhere here.
    """
    _check(a, b, k)
    shown: list[str] = []
    a_begins = generator.random() < 0.5
    at_a = at_b = 0
    while len(shown) < k and (at_a < len(a) or at_b < len(b)):
        a_next = at_a < at_b or (at_a == at_b and a_begins)
        if at_b >= len(b) or (a_next and at_a < len(a)):
            document, at_a = a[at_a], at_a + 1
        else:
            document, at_b = b[at_b], at_b + 1
        if document not in shown:
            shown.append(document)
    return Interleaved(tuple(shown), (), "balanced", tuple(a), tuple(b))


def interleave(
    method: Method, a: Sequence[str], b: Sequence[str], k: int, generator: random.Random
) -> Interleaved:
    """Return the interleaving of a method.

    Raises:
        InputError: there is no such method, a ranking repeats a document, or k is below 1.
    """
    if method == "team-draft":
        return team_draft(a, b, k, generator)
    if method == "balanced":
        return balanced(a, b, k, generator)
    raise InputError(f"Interleaving {method!r} is unknown; use team-draft or balanced.")


def credit(made: Interleaved, clicked: Iterable[str]) -> Winner:
    """Return whose documents were clicked more often.

    Each document counts once, however often it was clicked; clicks on what was not shown count
    nothing. In team-draft a document is its team's. In balanced interleaving it counts for every
    ranking that holds it among its first r, r being the depth in which the lowest click lies.
    """
    clicks = set(clicked) & set(made.shown)
    if not clicks:
        return "tie"
    if made.method == "team-draft":
        sides = [side for doc, side in zip(made.shown, made.teams, strict=True) if doc in clicks]
        return _winner(sides.count("a"), sides.count("b"))
    lowest = max(made.shown.index(doc) for doc in clicks)
    depth = _depth(made, made.shown[lowest])
    return _winner(len(clicks & set(made.a[:depth])), len(clicks & set(made.b[:depth])))


def _depth(made: Interleaved, document: str) -> int:
    """Return how deep a document lies in the ranking that holds it higher, from 1."""
    return min(ranking.index(document) + 1 for ranking in (made.a, made.b) if document in ranking)


def _winner(for_a: int, for_b: int) -> Winner:
    if for_a == for_b:
        return "tie"
    return "a" if for_a > for_b else "b"


def _round(
    rankings: Mapping[Side, Sequence[str]], seen: Collection[str], first: Side
) -> list[tuple[str, Side]]:
    """Return the picks of one round: fewer than two where the coin could leave a side without."""
    heads = {side: _next(ranking, seen) for side, ranking in rankings.items()}
    picked = heads[first]
    if picked is None or None in heads.values():
        return []
    second: Side = "b" if first == "a" else "a"
    if heads[second] == picked:
        heads = {side: _next(ranking, seen, picked) for side, ranking in rankings.items()}
    other = heads[second]
    if other is None or None in heads.values():
        return [(picked, first)]
    return [(picked, first), (other, second)]


def _next(ranking: Sequence[str], seen: Collection[str], besides: str | None = None) -> str | None:
    """Return a ranking's best document that is neither seen nor another one."""
    for document in ranking:
        if document not in seen and document != besides:
            return document
    return None


def _check(a: Sequence[str], b: Sequence[str], k: int) -> None:
    if k < 1:
        raise InputError(f"k is {k!r}; a list needs at least one place.")
    for name, ranking in (("a", a), ("b", b)):
        if len(set(ranking)) != len(ranking):
            raise InputError(f"Ranking {name} holds a document twice; keep its best place only.")
