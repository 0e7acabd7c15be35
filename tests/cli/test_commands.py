import io
import json
import warnings
from pathlib import Path

import pytest
import typer

from latelight.app import engine
from latelight.cli.commands import app
from latelight.errors import LibrariesChangedWarning
from tests.cli.conftest import Run

COMMANDS = sorted(command.name or "" for command in app.registered_commands)
SERVERS = {"serve", "mcp"}  # speak JSON to programs, and nothing to people


@pytest.fixture
def notes(run: Run, tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    (folder / "ferry.md").write_text("# The ferry\n\nThe ferry was refitted in 2019.\n")
    (folder / "lamp.txt").write_text("The lamp of the lighthouse burns oil.\n")
    assert run("add", str(folder), "-m", "year=2020").code == 0
    return folder


def test_adding_tells_what_was_done_and_again_that_nothing_was(run: Run, notes: Path) -> None:
    again = run("add", str(notes), "-m", "year=2020", "--json")
    told = json.loads(again.out)
    assert (told["added"], told["unchanged"], told["failures"]) == (0, 2, [])


def test_a_failing_file_gives_exit_code_1_and_its_reason(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty.pdf").write_bytes(b"")
    (tmp_path / "good.txt").write_text("A lamp.")
    done = run("add", "empty.pdf", "good.txt", "missing.txt")
    assert done.code == 1
    assert "1 added" in done.out
    assert "[empty_file]" in done.err
    assert "missing.txt" in done.err


def test_other_versions_of_libraries_are_said_in_one_line_on_standard_error(
    run: Run, notes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def tell(what: str, then: object) -> None:
        warnings.warn(f"{what} otherwise.", LibrariesChangedWarning, stacklevel=2)

    monkeypatch.setattr(engine, "_tell_libraries", tell)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        done = run("search", "ferry", "--json")
    assert done.code == 0 and json.loads(done.out)
    assert done.err.strip() == "warning The rows of space 'text' were computed otherwise."


def test_records_come_from_standard_input(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = io.TextIOWrapper(io.BytesIO(b'{"id": "a", "text": "A lamp."}\n'))
    monkeypatch.setattr("sys.stdin", lines)
    assert json.loads(run("add", "-", "--json").out)["added"] == 1


def test_records_of_several_streams_stay(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for text in ("A lamp.", "A ferry."):
        lines = io.TextIOWrapper(io.BytesIO(f'{{"text": "{text}"}}\n'.encode()))
        monkeypatch.setattr("sys.stdin", lines)
        assert json.loads(run("add", "-", "--json").out)["added"] == 1
    assert json.loads(run("stats", "--json").out)["n_documents"] == 2


def test_search_prints_hits_with_reasons(run: Run, notes: Path) -> None:
    done = run("search", "refitted ferry", "--plan")
    assert done.code == 0
    assert "1." in done.out and "ferry" in done.out and "why:" in done.out
    assert "encode" in done.err


def test_search_as_json_holds_evidence_that_adds_up(run: Run, notes: Path) -> None:
    hit = json.loads(run("search", "refitted ferry", "--json").out)["hits"][0]
    assert sum(e["contribution"] for e in hit["evidence"]) == pytest.approx(hit["score"], abs=1e-4)


def test_filters_are_applied(run: Run, notes: Path) -> None:
    assert json.loads(run("search", "ferry", "--filter", '{"year": 1}', "--json").out)["hits"] == []
    assert run("search", "ferry", "--filter", "year=1").code == 2


def test_explain_prints_contributions_that_sum_to_the_score(run: Run, notes: Path) -> None:
    doc_id = json.loads(run("search", "ferry", "--json").out)["hits"][0]["doc_id"]
    done = run("explain", "refitted ferry", doc_id)
    assert done.code == 0
    assert "sum = score" in done.out


def test_delete_tells_what_was_not_there(run: Run, notes: Path) -> None:
    doc_id = json.loads(run("search", "ferry", "--json").out)["hits"][0]["doc_id"]
    assert run("delete", doc_id).code == 0
    gone = run("delete", doc_id, "--json")
    assert gone.code == 1
    assert json.loads(gone.out) == {"deleted": 0, "not_found": 1}


def test_collections_stats_and_verify_describe_the_library(run: Run, notes: Path) -> None:
    (one,) = json.loads(run("collections", "--json").out)
    assert (one["name"], one["n_documents"]) == ("default", 2)
    assert "documents" in run("stats").out
    assert json.loads(run("verify", "--json").out) == {"collections": 1, "problems": []}
    assert "all well" in run("verify").out


def test_verify_finds_a_flipped_byte(run: Run, notes: Path, tmp_path: Path) -> None:
    log = max((tmp_path / "library").rglob("wal/WAL-*"), key=lambda p: p.stat().st_size)
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 0xFF
    log.write_bytes(bytes(data))
    done = run("verify", "--json")
    assert done.code == 1
    assert json.loads(done.out)["problems"]


def test_there_being_no_library_is_said(run: Run) -> None:
    done = run("search", "lamp")
    assert done.code == 1
    assert "latelight add" in done.err


@pytest.mark.parametrize("words", [("nonsense",), ("search", "--no-such-option"), ("add",)])
def test_wrong_usage_gives_exit_code_2(run: Run, words: tuple[str, ...]) -> None:
    assert run(*words).code == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_and_json(run: Run, name: str) -> None:
    done = run(name, "--help")
    assert done.code == 0
    assert ("--json" in done.out) != (name in SERVERS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_readme(name: str) -> None:
    readme = Path(__file__).parents[2] / "README.md"
    assert f"`{name}`" in readme.read_text("utf-8") or f"latelight {name}" in readme.read_text(
        "utf-8"
    )


def test_the_version_is_printed(run: Run) -> None:
    from latelight import __version__

    assert __version__ in run("--version").out
    assert isinstance(app, typer.Typer)
