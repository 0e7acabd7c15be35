"""Two versions' hits in one list, and whose documents were used: pure functions."""

import json
import random
from collections.abc import Sequence

from latelight.app.hits import Hits, SearchHit
from latelight.experiments import Interleaved, credit, interleave
from latelight.experiments.interleaving import Method, Team, Winner

_Units = dict[str, list[SearchHit]]


def mixed(live: Hits, candidate: Hits, method: Method, seed: str) -> tuple[Hits, Interleaved]:
    """Return the list that is shown, and how it was made of both rankings' documents.

    Documents are interleaved, for two versions may cut them into different units; each is shown by
    the best unit of whoever brought it. Where a search lists several units of a document, the list
    is filled up with further ones of the same version, so that it is as long as the longer one.

    Args:
        live, candidate: hits of both versions; at least one has some.
        method: of the interleaving.
        seed: of its coins.
    """
    ours, theirs = _by_document(live), _by_document(candidate)
    k = max(len(live), len(candidate))
    made = interleave(method, tuple(ours), tuple(theirs), k, random.Random(seed))
    units = [_of(team, doc_id, ours, theirs) for doc_id, team in _brought(made)]
    first = [own[0] for own in units]
    more = sorted((hit for own in units for hit in own[1:]), key=lambda hit: hit.rank)
    return live.arranged((first + more)[:k]), made


def written(made: Interleaved) -> str:
    """Return what has to be remembered of a list until somebody uses a document."""
    parts = {"method": made.method, "shown": made.shown, "teams": made.teams}
    return json.dumps(parts | ({"a": made.a, "b": made.b} if made.method == "balanced" else {}))


def winner(mixed_list: str, clicked: Sequence[str]) -> Winner:
    """Return whose documents were used, of a list as it was `written`."""
    own = json.loads(mixed_list)
    rankings = (tuple(own.get(side, ())) for side in "ab")
    made = Interleaved(tuple(own["shown"]), tuple(own["teams"]), own["method"], *rankings)
    return credit(made, clicked)


def _by_document(hits: Sequence[SearchHit]) -> _Units:
    found: _Units = {}
    for hit in hits:
        found.setdefault(hit.doc_id, []).append(hit)
    return found


def _brought(made: Interleaved) -> list[tuple[str, Team]]:
    """Return every shown document with the ranking whose units are shown.

    What fills a team-draft belongs to nobody, and is of whichever ranking has it. In balanced
    interleaving a document is of the ranking in which it stands higher, the live one's first.
    """
    if made.method == "team-draft":
        return list(zip(made.shown, made.teams, strict=True))
    places = [{doc_id: n for n, doc_id in enumerate(ranking)} for ranking in (made.a, made.b)]
    last = len(made.a) + len(made.b)
    return [
        (doc, "a" if places[0].get(doc, last) <= places[1].get(doc, last) else "b")
        for doc in made.shown
    ]


def _of(team: Team, doc_id: str, ours: _Units, theirs: _Units) -> list[SearchHit]:
    if team == "b" or doc_id not in ours:
        return theirs[doc_id]
    return ours[doc_id]
