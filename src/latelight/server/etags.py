"""Marks of a state: the same mark, the same answer."""

from latelight.app import Collection
from latelight.server.idempotency import digest_of
from latelight.server.json_answers import encoded
from latelight.types import Document


def etag_of(target: Collection, document: Document) -> str:
    """Return what changes whenever a document does, or the pipeline that it is shown by."""
    parts = (document.sha256, encoded(dict(document.metadata)), str(document.created_at))
    return f'"{digest_of(target.digest, document.doc_id, *parts)[:32]}"'


def matches(header: str | None, tag: str) -> bool:
    """Return whether a header of `If-Match` or `If-None-Match` names a mark."""
    if header is None:
        return False
    tags = [one.strip().removeprefix("W/") for one in header.split(",")]
    return "*" in tags or tag in tags
