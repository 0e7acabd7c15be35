"""Hits and documents as language models read them: short, with places and reasons."""

import io
from collections.abc import Iterator, Mapping
from typing import Any

from latelight.app.hits import SearchHit
from latelight.app.stats import StoredDocument
from latelight.errors import LatelightError
from latelight.explain.crop import evidence_crop
from latelight.explain.words import is_telling, query_words
from latelight.types import Document, Unit

MOST_CHARACTERS = 20_000
"""Of one piece of a document, but for a single longer unit."""
SNIPPET_CHARACTERS = 600
PICTURED = frozenset({"page", "image", "frame"})
MOST_WORDS = 8


def told_hit(hit: SearchHit) -> dict[str, Any]:
    """Return a hit: where it is, its best passage with the winning words in brackets, and why."""
    return {
        "rank": hit.rank,
        "doc_id": hit.doc_id,
        "unit_id": hit.unit.unit_id,
        "title": hit.document.title or hit.document.source.rsplit("/", 1)[-1],
        "place": hit.place,
        "locator": hit.unit.locator.to_dict(),
        "score": round(float(hit.score), 3),
        "score_norm": round(float(hit.score_norm), 3),
        "metadata": dict(hit.document.metadata),
        "snippet": hit.snippet(max_characters=SNIPPET_CHARACTERS).plain() if hit.evidence else "",
        "evidence": list(_reasons(hit)),
    }


def told_document(stored: StoredDocument, start: int = 0) -> dict[str, Any]:
    """Return a document with the texts of its units from number `start` on, as many as fit."""
    units: list[dict[str, Any]] = []
    size, following = 0, None
    for number in range(start, len(stored.units)):
        unit = stored.units[number]
        if units and size + len(unit.text) > MOST_CHARACTERS:
            following = number
            break
        size += len(unit.text)
        units.append(_told_unit(stored.document, unit))
    own = stored.document
    return {
        "doc_id": own.doc_id,
        "title": own.title,
        "source": own.source,
        "media_type": own.media_type,
        "metadata": dict(own.metadata),
        "n_units": len(stored.units),
        "units": units,
        "next_start": following,
    }


def text_of(stored: StoredDocument) -> str:
    """Return a document's text, unit after unit under their places."""
    told = (_told_unit(stored.document, unit) for unit in stored.units)
    return "\n\n".join(f"[{one['place']}]\n{one['text']}" for one in told)


def crop_png(hit: SearchHit) -> bytes | None:
    """Return the part of a hit's page that answered as PNG; None where there is none to show."""
    if hit.unit.kind not in PICTURED or not hit.evidence:
        return None
    try:
        part = evidence_crop(hit.preview(), hit.evidence)
    except LatelightError:  # the original is gone: the words are still worth having
        return None
    if part is None:
        return None
    buffer = io.BytesIO()
    part.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _reasons(hit: SearchHit) -> Iterator[Mapping[str, Any]]:
    """Yield what the query's telling words found, the strongest first."""
    words = query_words(hit.evidence, hit.query)
    telling = [word for word in words if any(is_telling(one) for one in word.evidence)]
    for word in sorted(telling, key=lambda word: -word.contribution)[:MOST_WORDS]:
        yield {
            "query_word": word.text,
            "found": word.found,
            "contribution": round(word.contribution, 3),
        }


def _told_unit(document: Document, unit: Unit) -> dict[str, Any]:
    place = SearchHit(1, 0.0, 0.0, document, unit).place
    return {"unit_id": unit.unit_id, "place": place, "text": unit.text}
