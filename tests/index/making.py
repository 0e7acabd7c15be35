"""Small documents with hand-made vectors."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from latelight.index import Snapshot, SpaceSpec, Store, Writer
from latelight.types import CharSpan, Document, Locator, MultiVector, RowLocators, Unit

DIM = 8
SPACES = {"text": SpaceSpec(DIM)}


def axis_rows(*axes: int, dim: int = DIM) -> MultiVector:
    """Rows that each lie on one axis: the similarity of two is 1 or 0."""
    return MultiVector(np.eye(dim, dtype=np.float32)[list(axes)].reshape(len(axes), dim))


def query(*axes: int, dim: int = DIM) -> np.ndarray:
    return axis_rows(*axes, dim=dim).vectors


def document(doc_id: str, metadata: Mapping | None = None) -> Document:
    return Document(doc_id, f"{doc_id}.txt", "text/plain", "0" * 64, metadata or {}, 12.5, doc_id)


def passages(*texts: str) -> list[Unit]:
    starts = np.cumsum([0, *(len(text) for text in texts)]).tolist()
    return [
        Unit(f"c{i}", "passage", Locator(span=CharSpan(starts[i], starts[i + 1])), text)
        for i, text in enumerate(texts)
    ]


def put(
    writer: Writer, doc_id: str, axes: Sequence[Sequence[int]], metadata: Mapping | None = None
) -> None:
    """Add a document with one unit for each list of axes."""
    units = passages(*(f"{doc_id} {i}. " for i in range(len(axes))))
    vectors = {"text": [axis_rows(*unit_axes) for unit_axes in axes]}
    terms = [[doc_id, "common"] for _ in axes]
    writer.add(
        document(doc_id, metadata), units, vectors, terms, None, "".join(u.text for u in units)
    )


def make_store(path: Path, documents: Mapping[str, Sequence[Sequence[int]]]) -> Store:
    """Return a store whose documents lie in one segment, with an empty log."""
    store = Store.create(path, SPACES)
    with store.writer() as writer:
        for doc_id, axes in documents.items():
            put(writer, doc_id, axes)
        writer.flush()
    return store


def ids_of(snapshot: Snapshot) -> list[str]:
    return [found.doc_id for found in snapshot.documents()]


def located(n_rows: int) -> RowLocators:
    """Row `i` stands for the characters `[2i, 2i + 1)`."""
    starts = np.arange(n_rows, dtype=np.int32) * 2
    return RowLocators(spans=np.stack([starts, starts + 1], axis=1))
