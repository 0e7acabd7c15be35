"""What a document must be to be stored, looked at before anything is kept of it."""

import math
from collections.abc import Iterable, Iterator, Sequence

from latelight.errors import InputError
from latelight.index.metadata import check_metadata
from latelight.types import Document, Unit


def check_document(document: Document, units: Sequence[Unit], text: str) -> None:
    """Raise InputError for an id, a metadata value, a time or a text that cannot be stored."""
    if not document.doc_id:
        raise InputError("A document's doc_id is empty; give it a name of its own.")
    if len({unit.unit_id for unit in units}) != len(units):
        raise InputError(f"{document.doc_id!r} has two units with one unit_id; make them unique.")
    check_metadata(document.doc_id, document.metadata)
    if not math.isfinite(document.created_at):
        raise InputError(f"{document.doc_id!r} was created at {document.created_at}: not a time.")
    _check_encodable(document.doc_id, (text, *_strings(document), *_unit_strings(units)))


def _strings(document: Document) -> Iterator[str]:
    yield from (document.doc_id, document.source, document.media_type, document.title)
    for key, value in document.metadata.items():
        elements = value if isinstance(value, list) else [value]
        yield from (key, *(element for element in elements if isinstance(element, str)))


def _unit_strings(units: Sequence[Unit]) -> Iterator[str]:
    for unit in units:
        yield from (unit.unit_id, unit.text, *unit.heading)


def _check_encodable(doc_id: str, strings: Iterable[str]) -> None:
    try:
        "".join(strings).encode()
    except UnicodeEncodeError as error:
        bad = error.object[error.start : error.end]
        raise InputError(
            f"{doc_id!r} holds text that is not valid Unicode ({bad!r}: {error.reason}); decode it "
            "with errors='replace'."
        ) from error
