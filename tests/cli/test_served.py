"""Commands over a server: `--library` and LATELIGHT_LIBRARY take a URL."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from latelight.app import Library
from latelight.settings import Settings
from latelight.testing.files import PdfPage, PdfText, make_pdf
from tests.cli.conftest import Run
from tests.conformance.conftest import serving


@pytest.fixture
def url(tmp_path: Path, run: Run) -> Iterator[str]:
    library = Library(tmp_path / "served", Settings(n_threads=1, commit_seconds=0.1))
    with serving(library) as url:
        yield url


def test_a_day_with_a_server(
    url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    page = PdfPage(texts=(PdfText("harbour ferry timetable", 72, 700),))
    (tmp_path / "files" / "page.pdf").write_bytes(make_pdf([page]))
    (tmp_path / "files" / "bad.pdf").write_bytes(b"%PDF-1.7 no more")
    monkeypatch.setenv("LATELIGHT_LIBRARY", url)

    added = run("add", "files", "no-such-file", "-m", "year=2023", "--json")
    told = json.loads(added.out)
    assert (added.code, told["added"], told["state"]) == (1, 1, "done")
    assert {one["code"] for one in told["failures"]} == {"damaged_file", "not_found"}
    assert run("add", "files", "-m", "year=2023").code == 1, "the damaged file fails again"

    found = run("search", "ferry timetable", "--filter", '{"year": 2023}')
    assert "page.pdf  page 1" in found.out
    assert "[ferry] [timetable]" in found.out
    hit = json.loads(run("search", "ferry", "--json", "--plan").out)["hits"][0]
    assert hit["evidence"]
    assert "encode" in run("search", "ferry", "--plan").err

    told = json.loads(run("explain", "ferry", hit["doc_id"], "-o", "why.png", "--json").out)
    assert Path(told["picture"]).stat().st_size > 1000
    (one,) = json.loads(run("collections", "--json").out)
    assert (one["namespace"], one["name"], one["n_documents"]) == ("default", "default", 1)
    assert json.loads(run("stats", "--json").out)["n_units"] == 1

    jobs = json.loads(run("jobs", "list", "--json").out)
    assert {one["state"] for one in jobs} == {"done"}
    shown = run("jobs", "show", jobs[0]["id"][:-1])  # eight letters are a second
    assert "bad.pdf" in shown.out
    assert ", run" not in shown.out
    assert run("jobs", "retry", jobs[0]["id"]).code == 1
    assert run("jobs", "cancel", jobs[0]["id"]).code == 0

    assert run("delete", hit["doc_id"]).code == 0
    assert "No hits" in run("search", "ferry").out


def test_a_release_is_steered_over_a_server(
    url: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "note.txt").write_text("The ferry leaves the harbour.")
    (tmp_path / "words.yaml").write_text("name: words\nsearch: {mode: bm25}")
    stages = "gate: null\nshadow: null\ninterleave: null\nramp: null"
    (tmp_path / "plan.yaml").write_text(stages)
    monkeypatch.setenv("LATELIGHT_LIBRARY", url)
    assert run("add", "note.txt", "--collection", "notes").code == 0
    live = json.loads(run("stats", "-c", "notes", "--json").out)["digest"]

    begun = json.loads(
        run("release", "start", "notes", "words.yaml", "--plan", "plan.yaml", "--json").out
    )
    assert (begun["state"], begun["live"]) == ("build", live)
    assert "→ ready" in run("release", "step", "notes").out
    told = run("release", "status", "notes").out
    assert "ready" in told
    assert "promote" in told
    assert json.loads(run("release", "status", "notes", "--json").out)["log"]
    assert "is live" in run("release", "promote", "notes", "--note", "better").out
    assert json.loads(run("stats", "-c", "notes", "--json").out)["digest"] == begun["candidate"]
    assert f"{live} is live again" in run("release", "rollback", "notes").out
    assert json.loads(run("release", "retire", "notes", "--json").out)["state"] == "retired"
    assert run("release", "abort", "notes").code != 0


def test_a_url_given_as_an_option_goes_before_the_settings(url: str, run: Run) -> None:
    assert run("collections", "--library", url).out.strip() == "No collections."


@pytest.mark.parametrize(
    "command",
    [
        ("verify",),
        ("eval", "explain-diff", "reports", "ferry"),
        ("snapshot", "create", "there"),
    ],
)
def test_commands_that_work_on_files_say_so(run: Run, command: tuple[str, ...]) -> None:
    ran = run(*command, "--library", "http://localhost:1")
    assert ran.code == 2
    assert "where the library lies" in ran.err


def test_nobody_there_is_said_in_a_line(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    from latelight.client import retries

    monkeypatch.setattr(retries.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(retries.random, "random", lambda: 0.0)
    ran = run("stats", "--library", "http://127.0.0.1:9")
    assert ran.code == 1
    assert "[server_unreachable] No answer from http://127.0.0.1:9" in ran.err


def test_a_secret_in_a_url_is_not_repeated(run: Run) -> None:
    ran = run("stats", "--library", "http://me:hunter2@host")
    assert ran.code == 2
    assert "hunter2" not in ran.err + ran.out
