"""Hits that can show why they matched."""

import secrets
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar, overload

from latelight.errors import InputError
from latelight.explain.heatmap import HeatMap
from latelight.explain.row_map import RowMap
from latelight.explain.snippet import Snippet, snippet
from latelight.pipelines.query import Found
from latelight.pipelines.stages import Stage
from latelight.types import Hit, Locator, TokenEvidence, UnitKind

if TYPE_CHECKING:
    from PIL import Image


class Drawer(Protocol):
    """Draws the hits of one search, and knows their stored rows."""

    def heatmap(self, hit: "ExplainedHit", word: str | None) -> HeatMap:
        """As `SearchHit.heatmap`, of a hit with evidence."""
        ...

    def row_maps(self, hit: "ExplainedHit") -> tuple[RowMap, ...]:
        """As `SearchHit.row_maps`."""
        ...

    def page_image(self, hit: "ExplainedHit") -> "Image.Image":
        """As `SearchHit.preview`."""
        ...


@dataclass(frozen=True)
class ExplainedHit(Hit):
    """A hit of one search, with the marked text that explains it.

    Attributes:
        query: the query's text.
    """

    query: str = ""

    @property
    def place(self) -> str:
        """Where the unit is, in words: `page 4`, `Sales B2:D9`, `0:12–0:31`."""
        return " › ".join([*self.unit.locator.part, _place_in(self.unit.locator, self.unit.kind)])

    def snippet(self, *, max_characters: int = 240) -> Snippet:
        """Return the part of the unit's text that brought most of the score, with marks.

        Raises:
            InputError: the search was made without `explain=True`.
        """
        return snippet(self.unit, self.need_evidence(), max_characters=max_characters)

    def need_evidence(self) -> tuple[TokenEvidence, ...]:
        """Return the evidence.

        Raises:
            InputError: the search was made without `explain=True`.
        """
        if not self.evidence:
            raise InputError(
                "This hit has no evidence; search with explain=True, or use collection.explain()."
            )
        return self.evidence


@dataclass(frozen=True)
class SearchHit(ExplainedHit):
    """A hit of one search, with the pictures and the marked text that explain it.

    Attributes:
        pictures: draws it.
    """

    pictures: Drawer | None = field(default=None, repr=False, compare=False)

    def heatmap(self, token: str | None = None) -> HeatMap:
        """Return the page or picture with the matching regions lit.

        Args:
            token: a word of the query to show alone; None shows all together.

        Raises:
            InputError: the search was made without `explain=True`, the unit has no page to draw
                on, or `token` is not a word of the query.
            NotFoundError: the original file is no longer in the library.
        """
        self.need_evidence()
        assert self.pictures is not None
        return self.pictures.heatmap(self, token)

    def row_maps(self) -> tuple[RowMap, ...]:
        """Return how much each query token looks like each stored row of the unit, by space."""
        assert self.pictures is not None
        return self.pictures.row_maps(self)

    def preview(self) -> "Image.Image":
        """Return the page, picture or frame itself, or the spectrogram of sound.

        Raises:
            NotFoundError: the original file is no longer in the library.
            UnsupportedMediaError: the unit is text alone.
        """
        assert self.pictures is not None
        return self.pictures.page_image(self)


H = TypeVar("H", bound=ExplainedHit)


class Ranked(Sequence[H], Generic[H]):
    """The hits of one search, best first.

    Attributes:
        query: the query's text.
        stages: what the search did, with times in milliseconds.
        search_id: by which `Collection.interact` knows this search.
    """

    def __init__(
        self,
        query: str,
        hits: Sequence[H],
        stages: Sequence[Stage] = (),
        search_id: str | None = None,
    ) -> None:
        """Hold the outcome of a search, under a new id unless one is given."""
        self.search_id = secrets.token_hex(8) if search_id is None else search_id
        self.query = query
        self.stages: tuple[Stage, ...] = tuple(stages)
        self._hits = tuple(hits)

    def arranged(self, hits: Sequence[H]) -> Self:
        """Return the same search with other hits, in this order."""
        made = copy(self)
        made._hits = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, 1))
        return made

    @overload
    def __getitem__(self, index: int) -> H: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[H]: ...
    def __getitem__(self, index: int | slice) -> H | Sequence[H]:
        return self._hits[index]

    def __len__(self) -> int:
        return len(self._hits)

    def __iter__(self) -> Iterator[H]:
        return iter(self._hits)

    def __repr__(self) -> str:
        return f"<{len(self)} hits for {self.query!r}>"

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "query": self.query,
            "search_id": self.search_id,
            "hits": [hit.to_dict() for hit in self],
            "stages": [
                {"name": s.name, "milliseconds": s.milliseconds, "count": s.count}
                for s in self.stages
            ],
        }


class Hits(Ranked[SearchHit]):
    """The hits of one search, best first."""

    @classmethod
    def of(cls, found: Found, pictures: Drawer) -> "Hits":
        """Return the outcome of a search, bound to what draws it."""
        query = found.query.text
        return cls(query, [_bound(hit, query, pictures) for hit in found.hits], found.stages)


def _place_in(where: Locator, kind: UnitKind) -> str:
    if where.cells is not None:
        return f"{where.cells.table or 'cells'} {where.cells.a1}"
    if where.page is not None:
        return f"page {where.page}"
    if where.time is not None:
        return where.clock
    if where.span is not None:
        return f"characters {where.span.start}–{where.span.end}"
    return kind


def _bound(hit: Hit, query: str, pictures: Drawer) -> SearchHit:
    return SearchHit(
        rank=hit.rank,
        score=hit.score,
        score_norm=hit.score_norm,
        document=hit.document,
        unit=hit.unit,
        evidence=hit.evidence,
        rerank_score=hit.rerank_score,
        query=query,
        pictures=pictures,
    )
