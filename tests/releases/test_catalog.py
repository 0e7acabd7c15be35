import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from latelight.errors import AlreadyExistsError, CorruptFileError, InputError, NotFoundError
from latelight.releases.catalog import Catalog, Generation
from latelight.releases.generations import GenerationStore

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


def test_only_a_catalog_with_two_generations_is_closed_to_older_versions(tmp_path: Path) -> None:
    path = tmp_path / "catalog.db"
    Catalog(path).create("default", "reports", FIRST)

    def version() -> int:
        with closing(sqlite3.connect(path)) as db:
            return int(db.execute("PRAGMA user_version").fetchone()[0])

    assert version() == 1
    second = Generation("0123", "{}", "{}", 2.0)
    GenerationStore(path, ("default", "reports")).add(second, "candidate", is_built=False)
    assert version() == 2
    assert Catalog(path).live("default", "reports") == FIRST


def test_versions_are_found_by_alias_and_by_the_beginning_of_their_digest(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "catalog.db")
    catalog.create("default", "reports", FIRST)
    assert catalog.aliases("default", "reports") == {"live": FIRST.digest}
    assert catalog.generations("default", "reports") == [FIRST]
    assert catalog.generations("default", "other") == []
