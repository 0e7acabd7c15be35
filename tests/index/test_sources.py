"""Documents by where they came from: by the index of sources, or by reading older segments."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.index import Store
from latelight.index.documents import DocumentColumns
from tests.index.making import SPACES, document, passages

GOLDEN = sorted(p for p in (Path(__file__).parent / "golden").iterdir() if p.is_dir())
SOURCES = ("a.txt", "b/ä.txt", "", "c")


def ids_from(store: Store, *sources: str) -> list[str]:
    return sorted(found.doc_id for found in store.snapshot().documents_from(sources))


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["put", "delete", "commit", "flush", "compact"]),
            st.integers(0, 7),
            st.sampled_from(SOURCES),
        ),
        max_size=24,
    )
)
def test_live_documents_are_found_by_their_sources(tmp_path_factory, steps) -> None:
    path = tmp_path_factory.mktemp("sources")
    store = Store.create(path / "g", SPACES)
    expected: dict[str, str] = {}
    for step, number, source in [*steps, ("commit", 0, "")]:
        doc_id = f"d{number}"
        if step == "compact":
            store.compact()
            continue
        with store.writer() as writer:
            if step == "put":
                expected[doc_id] = source
                writer.add(replace(document(doc_id), source=source), passages("text"), {})
            elif step == "delete":
                expected.pop(doc_id, None)
                writer.delete([doc_id])
            writer.flush() if step == "flush" else writer.commit()
    for source in (*SOURCES, "nowhere"):
        own = sorted(doc_id for doc_id, of in expected.items() if of == source)
        assert ids_from(store, source) == own
    assert ids_from(store, *SOURCES, *SOURCES) == sorted(expected)
    assert ids_from(store) == []
    shutil.rmtree(path)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda path: path.name)
def test_every_golden_copy_knows_its_sources(golden: Path) -> None:
    store = Store.open(golden)
    assert ids_from(store, "notes/a.html", "gone", "nowhere") == ["nöte"]
    assert ids_from(store, "kept", "scan.pdf") == ["kept", "scan"]


def test_only_segments_from_before_the_index_are_read_through(monkeypatch) -> None:
    read: list[int] = []
    real = DocumentColumns.document
    monkeypatch.setattr(
        DocumentColumns, "document", lambda self, n: read.append(n) or real(self, n)
    )
    newer = Store.open(GOLDEN[0].parent / "v1-sources")
    assert ids_from(newer, "nowhere") == []
    assert read == []
    older = Store.open(GOLDEN[0].parent / "v1")
    snapshot = older.snapshot()
    assert list(snapshot.documents_from(["nowhere"])) == []
    n_read = len(read)
    assert n_read == 5  # deleted ones too
    assert list(snapshot.documents_from(["elsewhere"])) == []
    assert len(read) == n_read  # once is enough
