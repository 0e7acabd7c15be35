"""Hits as frameworks for language models take them: a text, and what is known of it."""

from collections.abc import Mapping
from typing import Any, TypedDict

from latelight.app import Collection, Hits
from latelight.app.hits import ExplainedHit, Ranked
from latelight.client.awaited import AsyncCollection
from latelight.client.waiting import RemoteCollection
from latelight.errors import InputError
from latelight.pipelines.request import GroupBy
from latelight.pipelines.spec import SearchMode

AnyCollection = Collection | RemoteCollection | AsyncCollection
OWN = (
    "doc_id", "unit", "kind", "title", "source", "locator", "place", "score", "score_norm", "rank",
    "evidence",
)  # fmt: skip
"""What is told beside the document's own metadata, before which it goes."""


class Options(TypedDict):
    """What is asked of every search."""

    k: int
    filter: Mapping[str, Any] | None
    group_by: GroupBy | None
    mode: SearchMode
    explain: bool


def metadata_of(hit: ExplainedHit) -> dict[str, Any]:
    """Return what is known of a hit beside its text, as plain JSON.

    The document's own metadata, and `doc_id`, `unit` (its id), `kind`, `title`, `source`, `locator`
    (page, box, span, time), `place` (in words), `score`, `score_norm`, `rank` and `evidence`: for
    every query token the winning row's similarity, contribution, places and words.
    """
    return {
        **hit.document.metadata,
        "doc_id": hit.doc_id,
        "unit": hit.unit.unit_id,
        "kind": hit.unit.kind,
        "title": hit.document.title,
        "source": hit.document.source,
        "locator": hit.unit.locator.to_dict(),
        "place": hit.place,
        "score": float(hit.score),
        "score_norm": float(hit.score_norm),
        "rank": hit.rank,
        "evidence": [one.to_dict() for one in hit.evidence],
    }


def id_of(hit: ExplainedHit) -> str:
    """Return what names a hit's unit within its collection."""
    return f"{hit.doc_id}/{hit.unit.unit_id}"


def searched(collection: AnyCollection, query: str, options: Options) -> Hits:
    """Return the hits of a collection that waits.

    Raises:
        InputError: the collection is one that is awaited.
    """
    if isinstance(collection, AsyncCollection):
        raise InputError(
            "This retriever was given a collection of an AsyncClient, which is awaited; use the "
            "asynchronous call, or give it a collection of latelight.open(…)."
        )
    return collection.search(query, **options)


async def searched_async(collection: AsyncCollection, query: str, options: Options) -> Ranked[Any]:
    """Return the hits of a collection that is awaited."""
    return await collection.search(query, **options)
