"""Encoded documents into a store, and the wait for one's turn to write."""

import time
from collections.abc import Callable

from latelight.errors import WriterLockedError
from latelight.index import Store, Writer
from latelight.index.analyzer import analyze
from latelight.pipelines.encoding import EncodedDocument
from latelight.pipelines.extracted import RECORD_MEDIA_TYPE, Extracted
from latelight.pipelines.records import with_properties
from latelight.types import Document, Unit

_LOCK_PAUSE_SECONDS = 0.05


def waiting_writer(
    store: Store, seconds: float, clock: Callable[[], float] = time.monotonic
) -> Writer:
    """Return a store's writer, after waiting for others' at most so long.

    Raises:
        WriterLockedError: another process kept it locked for longer.
    """
    deadline = clock() + seconds
    while True:
        try:
            return store.writer()
        except WriterLockedError:
            if clock() >= deadline:
                raise
        time.sleep(_LOCK_PAUSE_SECONDS)


def write_document(writer: Writer, one: EncodedDocument, *, lexical: bool) -> None:
    """Hand a document with its units, rows and terms to a writer; it is published by a commit.

    Args:
        writer: of the store.
        one: the document.
        lexical: whether terms are kept for BM25.

    Raises:
        InputError: the store cannot hold it.
    """
    extraction, identity = one.extracted.extraction, one.extracted.identity
    terms = [terms_of(unit) for unit in extraction.units] if lexical else ()
    document = document_of(one.extracted)
    # A file can be read again; of a record the text itself is kept.
    text = extraction.text if identity.is_record else ""
    writer.add(document, extraction.units, one.vectors, terms, extraction.offsets, text)


def document_of(one: Extracted) -> Document:
    """Return the document to store: with what its file says of itself, and its own date."""
    identity, extraction = one.identity, one.extraction
    return Document(
        doc_id=identity.doc_id,
        source=identity.source,
        media_type=RECORD_MEDIA_TYPE if identity.is_record else extraction.media_type,
        sha256=identity.sha256,
        metadata=with_properties(identity.metadata, extraction.metadata),
        created_at=time.time() if identity.created_at is None else identity.created_at,
        title=extraction.title,
        n_bytes=identity.n_bytes,
    )


def terms_of(unit: Unit) -> list[str]:
    """Return the lexical terms of a unit, in order."""
    return [term.text for term in analyze(unit.text)]
