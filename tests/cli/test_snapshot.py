import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def made(run: Run, tmp_path: Path) -> Path:
    """A snapshot of a library with one file."""
    (tmp_path / "lamp.txt").write_text("The lamp of the lighthouse burns oil.\n")
    assert run("add", "lamp.txt").code == 0
    done = run("snapshot", "create", "backups/monday")
    assert done.code == 0
    assert "1 documents of 1 collections copied to backups/monday" in done.out
    return tmp_path / "backups" / "monday"


def hits(run: Run, *words: str) -> list[object]:
    told = json.loads(run("search", "lighthouse", "--json", *words).out)["hits"]
    assert isinstance(told, list)
    return told


def test_a_restored_library_verifies_and_finds_the_same(run: Run, made: Path) -> None:
    done = run("snapshot", "restore", str(made), "restored")
    assert done.code == 0
    assert "1 documents of 1 collections restored to restored" in done.out
    assert "all well" in run("verify", "--library", "restored").out
    assert hits(run, "--library", "restored") == hits(run) != []


def test_json_says_what_was_copied(run: Run, made: Path) -> None:
    created = json.loads(run("snapshot", "create", "other", "--json").out)
    restored = json.loads(run("snapshot", "restore", "other", "restored", "--json").out)
    assert (created["directory"], restored["directory"]) == ("other", "restored")
    assert created["n_documents"] == restored["n_documents"] == 1
    assert created["n_bytes"] == restored["n_bytes"] > 0


def test_a_damaged_snapshot_is_refused_with_one_error_that_names_the_file(
    run: Run, made: Path
) -> None:
    catalog = made / "catalog.db"
    data = bytearray(catalog.read_bytes())
    data[100] ^= 1
    catalog.write_bytes(data)
    done = run("snapshot", "restore", str(made), "restored")
    assert done.code == 1
    assert done.err.count("error") == 1
    assert f"[corrupt_file] {catalog} is damaged" in done.err


def test_nothing_is_overwritten(run: Run, made: Path) -> None:
    for words in (("create", "library"), ("restore", str(made), "library"), ("create", str(made))):
        done = run("snapshot", *words)
        assert done.code == 1
        assert "[already_exists]" in done.err


def test_what_is_no_snapshot_is_said(run: Run, made: Path) -> None:
    done = run("snapshot", "restore", "library", "restored")
    assert done.code == 1
    assert "snapshot create" in done.err
    assert run("snapshot", "create", "other", "--library", "nowhere").code == 1


def test_a_snapshot_is_not_written_to(run: Run, made: Path) -> None:
    done = run("add", "lamp.txt", "--library", str(made))
    assert done.code == 2
    assert "snapshot restore" in done.err


@pytest.mark.parametrize("name", ["create", "restore"])
def test_both_have_help_json_and_a_place_in_the_readme(run: Run, name: str) -> None:
    done = run("snapshot", name, "--help")
    assert done.code == 0
    assert "--json" in done.out
    readme = (Path(__file__).parents[2] / "README.md").read_text("utf-8")
    assert f"snapshot {name}" in readme
