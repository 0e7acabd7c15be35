"""Hits as answers show them."""

from typing import Any

from latelight.app import SearchHit
from latelight.app.hits import Hits

_WITHOUT_PICTURE = "passage"


def answer_of(hits: Hits, took_ms: float, *, explain: bool, profile: bool) -> dict[str, Any]:
    """Return the JSON form of a search's outcome."""
    told: dict[str, Any] = {
        "search_id": hits.search_id,
        "query": hits.query,
        "took_ms": round(took_ms, 3),
        "hits": [hit_of(hit, explain=explain) for hit in hits],
    }
    if profile:
        told["stages"] = hits.to_dict()["stages"]
    return told


def hit_of(hit: SearchHit, *, explain: bool) -> dict[str, Any]:
    """Return the JSON form of a hit; explained ones have their best passage, marked."""
    told = {**hit.to_dict(), "has_preview": hit.unit.kind != _WITHOUT_PICTURE}
    if explain and hit.evidence:
        told["snippet"] = snippet_of(hit)
    return told


def snippet_of(hit: SearchHit) -> dict[str, Any]:
    """Return the best passage; marks count characters of it, weights are parts of the strongest."""
    made = hit.snippet()
    start = made.span.start
    strongest = max((mark.contribution for mark in made.marks), default=0.0) or 1.0
    return {
        "text": made.text,
        "marks": [
            [
                mark.span.start - start,
                mark.span.end - start,
                round(mark.contribution / strongest, 4),
            ]
            for mark in made.marks
        ],
    }


def explanation_of(hit: SearchHit) -> dict[str, Any]:
    """Return why a unit matches, with every stored row that ranked it."""
    return {
        "query": hit.query,
        "hit": hit_of(hit, explain=True),
        "rows": [one.to_dict() for one in hit.row_maps()],
        "score": hit.score,
        "contributions_sum": sum(one.contribution for one in hit.evidence),
    }
