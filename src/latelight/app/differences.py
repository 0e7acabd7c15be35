"""Why two versions rank documents differently for a query: moves, and what brought each about."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from latelight.app.hits import Hits, SearchHit
from latelight.app.opened import OpenGeneration, Versions
from latelight.errors import InputError, NotFoundError, ReleaseStateError
from latelight.explain.difference import Shift, shifts
from latelight.explain.heatmap import HeatMap
from latelight.explain.side_by_side import side_by_side
from latelight.pipelines.query import explain_units
from latelight.pipelines.reader import Reader
from latelight.pipelines.request import SearchRequest
from latelight.releases.catalog import Generation
from latelight.releases.generations import Standing
from latelight.types import TokenEvidence

How = Literal["entered", "left", "up", "down", "same"]
MOST_PLACES = 3


@dataclass(frozen=True)
class Side:
    """One of the two versions that are compared.

    Attributes:
        name: as it was asked for.
        opened: the version.
    """

    name: str
    opened: OpenGeneration

    @property
    def title(self) -> str:
        """Name, pipeline and digest, for people."""
        one = self.opened
        digest = one.version.digest
        own = "" if self.name == digest else f"{digest} "
        encoders = ", ".join(dict.fromkeys(space.encoder for space in one.spec.spaces.values()))
        return f"{self.name} ({own}{one.spec.name}: {encoders})"

    def to_dict(self) -> dict[str, str]:
        """Return the JSON form."""
        version = self.opened.version
        return {"name": self.name, "digest": version.digest, "pipeline": self.opened.spec.name}


@dataclass(frozen=True)
class RankedAt:
    """How a document stands in one version's ranking.

    Attributes:
        rank: from 1, None beyond what was ranked.
        score: of its best unit, None beyond what was ranked.
        share: the score beside the version's best, comparable where scores are not.
        unit_id: the best unit, empty beyond what was ranked.
    """

    rank: int | None = None
    score: float | None = None
    share: float | None = None
    unit_id: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return dict(vars(self))


NOWHERE = RankedAt()


@dataclass(frozen=True)
class Move:
    """A document's way from one ranking to the other.

    Attributes:
        doc_id: the document.
        title: its title or source, for people.
        before, after: where it stands in each version.
        how: entered or left the first k, or up, down or the same within.
    """

    doc_id: str
    title: str
    before: RankedAt
    after: RankedAt
    how: How

    @property
    def size(self) -> float:
        """How much it matters: the difference of reciprocal ranks, 0 to 1."""
        return abs(_reciprocal(self.after) - _reciprocal(self.before))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "doc_id": self.doc_id,
            "title": self.title,
            "how": self.how,
            "before": self.before.to_dict(),
            "after": self.after.to_dict(),
        }


@dataclass(frozen=True)
class DocumentDifference:
    """Why a document scores differently in two versions.

    Attributes:
        move: where it stands in both.
        before, after: its best unit as an explained hit; None where a version does not have it.
        shifts: the query's pieces by signal and space, with what they brought in both.
        titles: both versions, for pictures.
    """

    move: Move
    before: SearchHit | None
    after: SearchHit | None
    shifts: tuple[Shift, ...]
    titles: tuple[str, str] = field(default=("before", "after"), repr=False)

    @property
    def delta(self) -> float:
        """Score after less score before; a document that is not there has 0."""
        return _score(self.after) - _score(self.before)

    @property
    def rounding(self) -> float:
        """What is left when the shifts' deltas are taken from the whole: sums of 32 bits."""
        return self.delta - sum(shift.delta for shift in self.shifts)

    @property
    def unaligned(self) -> tuple[Shift, ...]:
        """The shifts without characters of the query: markers and expansions."""
        return tuple(shift for shift in self.shifts if not shift.is_aligned)

    def heatmap(self) -> HeatMap:
        """Return both versions' heat maps side by side.

        Raises:
            InputError: neither version found a page or picture; passages have `snippet()`.
            NotFoundError: the original file is no longer in the library.
        """
        hits = (self.before, self.after)
        if all(hit is None or hit.unit.kind == "passage" for hit in hits):
            raise InputError(
                f"{self.move.doc_id!r} has no picture to light in either version; look at its "
                "passages instead."
            )
        before, after = (
            None if hit is None or hit.unit.kind == "passage" else hit.heatmap() for hit in hits
        )
        return side_by_side(before, after, self._headings())

    def _headings(self) -> tuple[str, str]:
        standing = (self.move.before, self.move.after)
        headings = [
            f"{letter}: {title}  ·  {_drawn(hit, one)}"
            for letter, title, hit, one in zip(
                "AB", self.titles, (self.before, self.after), standing, strict=True
            )
        ]
        return headings[0], headings[1]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            **self.move.to_dict(),
            "score_before": _score(self.before),
            "score_after": _score(self.after),
            "delta": self.delta,
            "rounding": self.rounding,
            "shifts": [shift.to_dict() for shift in self.shifts],
            "best_before": _best(self.before),
            "best_after": _best(self.after),
        }


@dataclass(frozen=True)
class Difference:
    """Why two versions answer a query differently.

    Attributes:
        query: its text.
        a, b: the versions, before and after.
        k: how many hits a user sees.
        moves: every document of either first k, the largest move first.
        documents: those that were looked into.
    """

    query: str
    a: Side
    b: Side
    k: int
    moves: tuple[Move, ...]
    documents: tuple[DocumentDifference, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "query": self.query,
            "a": self.a.to_dict(),
            "b": self.b.to_dict(),
            "k": self.k,
            "moves": [move.to_dict() for move in self.moves],
            "documents": [one.to_dict() for one in self.documents],
        }


def named(standing: Standing, which: str, collection: str) -> Generation:
    """Return a collection's version by an alias, its digest, or the digest's beginning.

    Raises:
        NotFoundError: there is not exactly one such version.
    """
    digest = standing.aliases.get(which, which)
    exact = [one for one in standing.versions if one == digest]
    found = exact or [one for one in standing.versions if digest and one.startswith(digest)]
    if len(found) != 1:
        raise NotFoundError(
            f"{which!r} names {len(found)} versions of collection {collection!r}; give an alias "
            f"({', '.join(standing.aliases)}) or a digest ({', '.join(standing.versions)})."
        )
    return standing.versions[found[0]]


def version_named(versions: Versions, which: str) -> OpenGeneration:
    """Return a version by name, opened.

    Raises:
        NotFoundError: there is not exactly one such version.
        ReleaseStateError: it is not filled yet.
    """
    standing = versions.standing()
    found = named(standing, which, versions.home.name)
    if not standing.serves(found.digest):
        raise ReleaseStateError(
            f"Version {found.digest} of {versions.home.name!r} is not built yet; let its backfill "
            "end first (`latelight release step`)."
        )
    return versions.open(found)


def explain_difference(
    request: SearchRequest, sides: tuple[Side, Side], k: int, doc_ids: Sequence[str], most: int
) -> Difference:
    """Return why the second side answers a search differently from the first.

    Args:
        request: what is searched for, as deep as ranks are to be known.
        sides: the versions.
        k: how many hits a user sees.
        doc_ids: documents to look into; those that moved most when empty.
        most: how many those are.

    Raises:
        NotFoundError: neither version has one of the documents.
    """
    before, after = (_Ranked(side.opened, request) for side in sides)
    moves = _moves(before, after, k)
    chosen = list(doc_ids) or [move.doc_id for move in moves[:most]]
    known = {move.doc_id: move for move in moves}
    documents = tuple(
        _document(known.get(one) or _move(one, before, after, k), before, after, sides)
        for one in dict.fromkeys(chosen)
    )
    return Difference(request.text, *sides, k, tuple(moves), documents)


class _Ranked:
    """A search's outcome in one version, and the view of the index that it was made in."""

    def __init__(self, opened: OpenGeneration, request: SearchRequest) -> None:
        self._opened = opened
        self._request = request
        self._reader: Reader = opened.reader()
        self.hits: Hits = opened.search_in(self._reader, [request])[0]
        self._best = {hit.doc_id: hit for hit in reversed(self.hits)}
        self._top = max((hit.score for hit in self.hits), default=0.0)

    def first(self, k: int) -> list[str]:
        return [hit.doc_id for hit in self.hits[:k]]

    def standing(self, doc_id: str) -> RankedAt:
        hit = self._best.get(doc_id)
        if hit is None:
            return NOWHERE
        share = hit.score / self._top if self._top > 0 else None
        return RankedAt(hit.rank, hit.score, share, hit.unit.unit_id)

    def explained(self, doc_id: str) -> SearchHit | None:
        """Return a document's best unit with evidence; None where the version does not have it."""
        snapshot = self._reader.snapshot
        if not snapshot.contains(doc_id):
            return None
        ordinals = snapshot.find(doc_id)
        if doc_id in self._best:
            wanted = self._best[doc_id].unit.unit_id
            ordinals = [i for i in ordinals if snapshot.unit(i).unit_id == wanted]
        given = self._request
        found = explain_units(self._reader, given.text, ordinals, given.mode)
        hits = self._opened.hits(self._reader, found)
        return hits[0] if hits else None

    def title(self, doc_id: str) -> str:
        if not self._reader.snapshot.contains(doc_id):
            return ""
        document = self._reader.snapshot.document(doc_id)
        return document.title or document.source.rsplit("/", 1)[-1]


def _moves(before: _Ranked, after: _Ranked, k: int) -> list[Move]:
    seen = dict.fromkeys([*after.first(k), *before.first(k)])
    moves = [_move(doc_id, before, after, k) for doc_id in seen]
    return sorted(moves, key=lambda move: -move.size)


def _move(doc_id: str, before: _Ranked, after: _Ranked, k: int) -> Move:
    title = after.title(doc_id) or before.title(doc_id)
    a, b = before.standing(doc_id), after.standing(doc_id)
    return Move(doc_id, title, a, b, _how(a.rank, b.rank, k))


def _how(before: int | None, after: int | None, k: int) -> How:
    """Return a move's name: in and out of the first k, else by rank; beyond all ranks is last."""
    a, b = (float("inf") if rank is None else rank for rank in (before, after))
    if a > k >= b:
        return "entered"
    if b > k >= a:
        return "left"
    if a == b:
        return "same"
    return "up" if b < a else "down"


def _document(
    move: Move, before: _Ranked, after: _Ranked, sides: tuple[Side, Side]
) -> DocumentDifference:
    hits = (before.explained(move.doc_id), after.explained(move.doc_id))
    if hits == (None, None):
        raise NotFoundError(
            f"Neither version has a document {move.doc_id!r} with anything to rank; give a doc_id "
            "as search prints it."
        )
    evidence = [() if hit is None else hit.evidence for hit in hits]
    laid = shifts(evidence[0], evidence[1], before.hits.query)
    return DocumentDifference(move, *hits, laid, (sides[0].title, sides[1].title))


def _score(hit: SearchHit | None) -> float:
    return 0.0 if hit is None else hit.score


def _reciprocal(standing: RankedAt) -> float:
    return 0.0 if standing.rank is None else 1 / standing.rank


def _drawn(hit: SearchHit | None, standing: RankedAt) -> str:
    if hit is None:
        return "does not have it"
    rank = "not ranked" if standing.rank is None else f"rank {standing.rank}"
    return f"{rank}, a passage, not drawn" if hit.unit.kind == "passage" else rank


def _best(hit: SearchHit | None) -> dict[str, Any] | None:
    """Return a hit's best unit, the part of its text that answers, and its strongest places."""
    if hit is None:
        return None
    shown = hit.snippet() if hit.evidence and hit.unit.text else None
    return {
        "unit_id": hit.unit.unit_id,
        "kind": hit.unit.kind,
        "locator": hit.unit.locator.to_dict(),
        "score": hit.score,
        "rerank_score": hit.rerank_score,
        "passage": None if shown is None else shown.plain(),
        "places": [_place_dict(one) for one in strongest(hit)],
    }


def strongest(hit: SearchHit) -> list[TokenEvidence]:
    """Return the evidence of a hit that brought most and has words or a place, best first."""
    placed = [one for one in hit.evidence if one.contribution > 0 and one.locators]
    return sorted(placed, key=lambda one: -one.contribution)[:MOST_PLACES]


def _place_dict(one: TokenEvidence) -> dict[str, Any]:
    return {
        "token": one.token,
        "text": one.text,
        "part": one.part,
        "contribution": one.contribution,
        "locator": one.locator.to_dict(),
    }


def asked(text: str, depth: int, k: int, **given: Any) -> SearchRequest:
    """Return the search whose ranks are compared: documents, at least as deep as a user sees."""
    return replace(SearchRequest(text, **given), k=max(depth, k), group_by="document")
