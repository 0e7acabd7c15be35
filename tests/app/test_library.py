import json
from pathlib import Path

import pytest

import latelight
from latelight.app import Library
from latelight.errors import (
    CorruptFileError,
    FormatVersionError,
    InputError,
    NotFoundError,
    PipelineMismatchError,
)
from latelight.settings import Settings


def test_a_collection_is_made_once_and_found_again(library: Library) -> None:
    made = library.collection("reports", create=True)
    again = Library(library.root, library.settings).collection("reports")
    assert made.digest == again.digest
    assert library.collections() == ["reports"]


def test_a_missing_collection_names_those_that_are_there(library: Library) -> None:
    library.collection("reports", create=True)
    with pytest.raises(NotFoundError, match="There are: reports"):
        library.collection("report")


def test_dropping_a_collection_removes_its_files(library: Library) -> None:
    library.collection("reports", create=True).add({"id": "1", "text": "a lamp"})
    library.drop_collection("reports")
    assert library.collections() == []
    assert not list((library.root / "ns" / "default").glob("*"))


def test_a_directory_of_other_things_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("x")
    with pytest.raises(InputError, match="not a Latelight library"):
        latelight.open(tmp_path)


def test_a_url_is_refused() -> None:
    with pytest.raises(InputError, match="begins with 's3'"):
        latelight.open("s3://bucket/prefix")


def test_another_format_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latelight.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(FormatVersionError, match="format 99"):
        Library(tmp_path, Settings())


def test_a_damaged_mark_is_named(tmp_path: Path) -> None:
    (tmp_path / "latelight.json").write_text("{")
    with pytest.raises(CorruptFileError, match="cannot be read"):
        Library(tmp_path, Settings())


def test_another_model_is_refused(library: Library, monkeypatch: pytest.MonkeyPatch) -> None:
    from latelight.app import engine
    from latelight.testing.encoders import FakeEncoder

    library.collection("reports", create=True).add({"id": "1", "text": "a lamp"})
    engine.shared_encoder.cache_clear()
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64, name="b"))
    with pytest.raises(PipelineMismatchError, match="indexed with encoder fake"):
        library.collection("reports").search("lamp")


def test_other_weights_under_the_same_name_are_refused(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    from latelight.app import engine
    from latelight.testing.encoders import FakeEncoder
    from latelight.types import QueryVectors

    class Retrained(FakeEncoder):
        def encode_query(self, text: str) -> QueryVectors:
            query = super().encode_query(text)
            return QueryVectors(-query.vectors, query.tokens)

    library.collection("reports", create=True).add({"id": "1", "text": "a lamp"})
    engine.shared_encoder.cache_clear()
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: Retrained(dim=64))
    with pytest.raises(PipelineMismatchError, match="least cosine"):
        library.collection("reports").search("lamp")
