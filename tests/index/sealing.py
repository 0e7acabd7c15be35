"""Stores with a sealed log, and what is done to them."""

from pathlib import Path

from latelight.index import Store, Writer, WriterOptions
from latelight.index.flushing import flush_sealed
from tests.index.faults import (
    QuickFiles,
)
from tests.index.making import ids_of, put, query


def idle_writer(path: Path, options: WriterOptions) -> Writer:
    """Return a writer that leaves what it sealed to nobody."""
    return Writer(Store.open(path)._live, options)


def write(path: Path, add: str = "", delete: str = "", flush: bool = False):
    """Return a function that commits the documents of these one-letter names on axis 7."""

    def commit():
        with idle_writer(path, WriterOptions()) as writer:
            writer.delete(list(delete))
            for doc_id in add:
                put(writer, doc_id, [[7]])
            writer.flush() if flush else writer.commit()

    return commit


def flush(path: Path, meanwhile=None, files=None):
    """Flush as the background does; return the manifest or None."""
    files = files or QuickFiles()
    files.meanwhile = meanwhile
    options = WriterOptions(files=files)
    return flush_sealed(Store.open(path)._live, options)


def check(path: Path, living: str, on_axis_7: str = "") -> None:
    """Check that the documents of these one-letter names are there, in this order."""
    store = Store.open(path)
    snapshot = store.snapshot()
    assert ids_of(snapshot) == list(living)
    scores = snapshot.scores("text", query(7), snapshot.allow_list())
    best = {snapshot.doc_id_of(u) for u in range(snapshot.n_units) if scores[u] == 1}
    assert best == set(on_axis_7)
    assert store.verify() == []


def add(store: Store, doc_id: str, axis: int = 7) -> None:
    with store.writer() as writer:
        put(writer, doc_id, [[axis]])
        writer.commit()
