"""Hits that can show why they matched."""

import secrets
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, overload

from latelight.errors import InputError
from latelight.explain.heatmap import HeatMap
from latelight.explain.row_map import RowMap
from latelight.explain.snippet import Snippet, snippet
from latelight.pipelines.query import Found
from latelight.pipelines.stages import Stage
from latelight.types import Hit, TokenEvidence

if TYPE_CHECKING:
    from PIL import Image

    from latelight.app.pictures import Pictures


@dataclass(frozen=True)
class SearchHit(Hit):
    """A hit of one search, with the pictures and the marked text that explain it."""

    query: str = ""
    pictures: "Pictures | None" = field(default=None, repr=False, compare=False)

    def snippet(self, *, max_characters: int = 240) -> Snippet:
        """Return the part of the unit's text that brought most of the score, with marks.

        Raises:
            InputError: the search was made without `explain=True`.
        """
        return snippet(self.unit, self._need_evidence(), max_characters=max_characters)

    def heatmap(self, token: str | None = None) -> HeatMap:
        """Return the page or picture with the matching regions lit.

        Args:
            token: a word of the query to show alone; None shows all together.

        Raises:
            InputError: the search was made without `explain=True`, the unit has no page to draw
                on, or `token` is not a word of the query.
            NotFoundError: the original file is no longer in the library.
        """
        self._need_evidence()
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

    def _need_evidence(self) -> tuple[TokenEvidence, ...]:
        if not self.evidence:
            raise InputError(
                "This hit has no evidence; search with explain=True, or use collection.explain()."
            )
        return self.evidence


class Hits(Sequence[SearchHit]):
    """The hits of one search, best first.

    Attributes:
        query: the query's text.
        stages: what the search did, with times in milliseconds.
        search_id: by which `Collection.interact` knows this search.
    """

    def __init__(self, found: Found, pictures: "Pictures") -> None:
        """Wrap the outcome of a search."""
        self.search_id = secrets.token_hex(8)
        self.query = found.query.text
        self.stages: tuple[Stage, ...] = found.stages
        self._hits = tuple(_bound(hit, self.query, pictures) for hit in found.hits)

    def arranged(self, hits: Sequence[SearchHit]) -> "Hits":
        """Return the same search with other hits, in this order."""
        made = copy(self)
        made._hits = tuple(replace(hit, rank=rank) for rank, hit in enumerate(hits, 1))
        return made

    @overload
    def __getitem__(self, index: int) -> SearchHit: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[SearchHit]: ...
    def __getitem__(self, index: int | slice) -> SearchHit | Sequence[SearchHit]:
        return self._hits[index]

    def __len__(self) -> int:
        return len(self._hits)

    def __iter__(self) -> Iterator[SearchHit]:
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


def _bound(hit: Hit, query: str, pictures: "Pictures") -> SearchHit:
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
