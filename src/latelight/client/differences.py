"""Why two versions of a server's collection rank differently, as it tells it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from latelight.app.differences import Move, RankedAt
from latelight.client import calls
from latelight.client.calls import Place
from latelight.client.steps import Answer, Talking
from latelight.errors import InputError
from latelight.explain.difference import Shift
from latelight.pipelines.spec import SearchMode
from latelight.types import CharSpan


@dataclass(frozen=True)
class ToldDocument:
    """Why a document scores differently in two versions.

    Attributes:
        move: where it stands in both.
        score_before, score_after: of its best unit; 0 where a version does not have it.
        delta: the second less the first.
        rounding: what is left when the shifts' deltas are taken from it: sums of 32 bits.
        shifts: the query's pieces by signal and space, with what they brought in both.
        best_before, best_after: its best unit: `unit_id`, `kind`, `locator`, `score`, `passage`,
            `places`; None where a version does not have it.
    """

    move: Move
    score_before: float
    score_after: float
    delta: float
    rounding: float
    shifts: tuple[Shift, ...]
    best_before: Mapping[str, Any] | None
    best_after: Mapping[str, Any] | None

    @property
    def unaligned(self) -> tuple[Shift, ...]:
        """The shifts without characters of the query: markers and expansions."""
        return tuple(shift for shift in self.shifts if not shift.is_aligned)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        own = {name: one for name, one in vars(self).items() if name not in ("move", "shifts")}
        return {
            **self.move.to_dict(),
            **own,
            "shifts": [shift.to_dict() for shift in self.shifts],
        }


@dataclass(frozen=True)
class ToldDifference:
    """Why two versions answer a query differently; see `latelight.app.differences.Difference`.

    Attributes:
        query: its text.
        a, b: the versions, before and after: `name`, `digest`, `pipeline`.
        k: how many hits a user sees.
        moves: every document of either first k, the largest move first.
        documents: those that were looked into.
    """

    query: str
    a: Mapping[str, str]
    b: Mapping[str, str]
    k: int
    moves: tuple[Move, ...]
    documents: tuple[ToldDocument, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "query": self.query,
            "a": dict(self.a),
            "b": dict(self.b),
            "k": self.k,
            "moves": [move.to_dict() for move in self.moves],
            "documents": [one.to_dict() for one in self.documents],
        }


def explain_difference(  # noqa: PLR0913  as `Collection.explain_difference`
    place: Place,
    text: str,
    a: str = "live",
    b: str = "candidate",
    *,
    doc_ids: Sequence[str] = (),
    k: int = 10,
    depth: int = 100,
    filter: Mapping[str, Any] | None = None,
    mode: SearchMode = "auto",
    most: int = 3,
) -> Talking[ToldDifference]:
    """Return why version `b` answers a query differently from version `a`.

    Args:
        text: the query.
        a, b: versions of this collection: an alias, a digest, the beginning of one.
        doc_ids: documents to look into; those that moved most when empty.
        k: how many hits a user sees; whoever enters or leaves these has moved.
        depth: how deep ranks are known.
        filter, mode: as for `search`.
        most: how many documents are looked into when none are named.

    Raises:
        InputError: `a` or `b` is no version's name.
        NotFoundError: a version or document is not there.
        ReleaseStateError: a version is not filled yet.
        QueryError: there is nothing to search for.
    """
    for which in (a, b):
        if not isinstance(which, str):
            raise InputError(
                f"A server compares versions of one collection, and {which!r} is none. Give an "
                "alias or a digest."
            )
    body: dict[str, Any] = {"text": text, "a": a, "b": b, "doc_ids": list(doc_ids), "k": k}
    body |= {"depth": depth, "filter": filter, "mode": mode, "most": most}
    return (yield from calls.compare(place, body, _told))


def _told(answer: Answer) -> ToldDifference:
    parts = answer.json()
    moves = tuple(_move(one) for one in parts["moves"])
    documents = tuple(_document(one) for one in parts["documents"])
    return ToldDifference(parts["query"], parts["a"], parts["b"], parts["k"], moves, documents)


def _move(parts: Mapping[str, Any]) -> Move:
    before, after = RankedAt(**parts["before"]), RankedAt(**parts["after"])
    return Move(parts["doc_id"], parts["title"], before, after, parts["how"])


def _document(parts: Mapping[str, Any]) -> ToldDocument:
    names = ("score_before", "score_after", "delta", "rounding", "best_before", "best_after")
    shifts = tuple(_shift(one) for one in parts["shifts"])
    return ToldDocument(_move(parts), shifts=shifts, **{name: parts[name] for name in names})


def _shift(parts: Mapping[str, Any]) -> Shift:
    derived = ("query_span", "delta", "is_aligned", "found_before", "found_after")
    own = {name: one for name, one in parts.items() if name not in derived}
    span = parts["query_span"]
    return Shift(
        span=CharSpan(*span) if span else None,
        found_before=tuple(parts["found_before"]),
        found_after=tuple(parts["found_after"]),
        **own,
    )
