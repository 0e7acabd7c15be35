"""A served library with a page and a record; frameworks that are not installed are passed over."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from latelight.app import Collection, Library
from latelight.testing.files import PdfPage, PdfText, make_pdf
from tests.conformance.conftest import fake_encoder, serving  # noqa: F401  a fixture


@pytest.fixture
def library(tmp_path: Path) -> Library:
    from latelight.settings import Settings

    return Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0.1))


@pytest.fixture
def paper(library: Library) -> Collection:
    target = library.collection("paper", create=True)
    top, bottom = PdfText("harbour ferry timetable", 72, 700), PdfText("keeper wages", 72, 100)
    target.add(
        make_pdf([PdfPage(texts=(top, bottom))]),
        name="page.pdf",
        doc_id="page",
        metadata={"year": 2024, "score": "mine"},
    )
    target.add(
        {"id": "a/b", "title": "Boats", "text": "The ferry leaves the harbour.", "year": 2022}
    )
    return target


@pytest.fixture
def url(library: Library, paper: Collection) -> Iterator[str]:
    with serving(library) as url:
        yield url
