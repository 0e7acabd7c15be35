from pathlib import Path

import pytest

from latelight.errors import AlreadyExistsError, CorruptFileError, InputError, NotFoundError
from latelight.releases.catalog import Catalog, Generation

FIRST = Generation("d1", "{}", "{}", 1.0)


def test_a_collection_is_found_by_its_live_generation(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.create("default", "reports", FIRST)
    reopened = Catalog(tmp_path / "catalog.db")
    assert reopened.collections("default") == ["reports"]
    assert reopened.live("default", "reports") == FIRST


def test_namespaces_are_apart(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.create("a", "reports", FIRST)
    assert catalog.collections("b") == []
    with pytest.raises(NotFoundError, match="'reports' in namespace 'b'"):
        catalog.live("b", "reports")


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.create("default", "reports", FIRST)
    with pytest.raises(AlreadyExistsError):
        catalog.create("default", "reports", FIRST)


def test_dropping_frees_the_name(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.create("default", "reports", FIRST)
    catalog.drop("default", "reports")
    assert catalog.collections("default") == []
    catalog.create("default", "reports", FIRST)


@pytest.mark.parametrize("name", ["", "..", "a/b", "x" * 65, "ä"])
def test_a_name_that_cannot_be_a_directory_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="cannot name a collection"):
        Catalog(tmp_path / "catalog.db").create("default", name, FIRST)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "catalog.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(CorruptFileError, match="not a readable catalog"):
        Catalog(tmp_path / "catalog.db")
