import io
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Run


@pytest.fixture
def queries(run: Run, tmp_path: Path) -> Path:
    """A library of two files, and a file of two queries."""
    (tmp_path / "ferry.txt").write_text("The ferry was refitted in 2019.\n")
    (tmp_path / "lamp.txt").write_text("The lamp of the lighthouse burns oil.\n")
    assert run("add", "ferry.txt", "lamp.txt").code == 0
    path = tmp_path / "queries.txt"
    path.write_text("ferry\n\n  burning oil \n")
    return path


def test_json_is_one_line_for_each_query(run: Run, queries: Path) -> None:
    lines = run("search", "--queries", str(queries), "--json", "-k", "1").out.splitlines()
    told = [json.loads(line) for line in lines]
    assert [one["query"] for one in told] == ["ferry", "burning oil"]
    alone = [
        json.loads(run("search", q, "--json", "-k", "1").out) for q in ("ferry", "burning oil")
    ]
    assert [one["hits"] for one in told] == [one["hits"] for one in alone]


def test_queries_come_from_standard_input(
    run: Run, queries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("lamp\n"))
    (line,) = run("search", "--queries", "-", "--json").out.splitlines()
    assert json.loads(line)["query"] == "lamp"


def test_each_query_stands_above_its_hits(run: Run, queries: Path) -> None:
    shown = run("search", "--queries", str(queries), "--plan")
    assert shown.out.index("ferry") < shown.out.index("1.") < shown.out.index("burning oil")
    assert shown.err.count("encode") == 2


def test_a_query_besides_a_file_of_them_is_wrong_usage(run: Run, queries: Path) -> None:
    assert run("search", "ferry", "--queries", str(queries)).code == 2
    missing = run("search", "--queries", "nowhere.txt")
    assert missing.code == 1
    assert "query on each line" in missing.err


def test_a_key_is_answered_by_one_version_of_a_release(
    run: Run, queries: Path, tmp_path: Path
) -> None:
    (tmp_path / "new.yaml").write_text("spaces: {text: {}}\nlexical: {weight: 5.0}")
    (tmp_path / "plan.yaml").write_text(
        "{gate: null, shadow: null, interleave: null, ramp: {shares: [0.5]}}"
    )
    assert run("release", "start", "default", "new.yaml", "--plan", "plan.yaml").code == 0
    assert run("release", "step", "default").code == 0

    def score(*words: str) -> float:
        line = run("search", *words, "--json", "-k", "1").out
        told = json.loads(line if "--queries" not in words else line.splitlines()[0])
        assert told["search_id"]
        return round(told["hits"][0]["score"], 4)

    alone: dict[str, float] = {}
    for n in range(64):  # which key falls to which version, the release's own seed decides
        alone[f"user {n}"] = score("ferry", "--key", f"user {n}")
        if len(set(alone.values())) == 2:
            break
    assert len(set(alone.values())) == 2
    for key, found in alone.items():
        assert score("--queries", str(queries), "--key", key) == found
