import importlib
import json
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
TEXTS = {
    "whale": ("Whales", "Whales are large mammals that live in the sea."),
    "bread": ("Bread", "Bread is baked from flour, water and yeast."),
    "moon": ("Moon", "The moon circles the earth in about 27 days."),
    "tax": ("Tax", "The effective tax rate fell to 21.5% in FY2023."),
}
QUERIES = {"q1": ("what is bread made of", "bread"), "q2": ("tax rate in 2023", "tax")}


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("quality")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "text" / "scifact"
    (folder / "qrels").mkdir(parents=True)
    records = [{"_id": i, "title": t, "text": body} for i, (t, body) in TEXTS.items()]
    queries = [{"_id": i, "text": text} for i, (text, _) in QUERIES.items()]
    for name, rows in (("corpus", records), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"{topic}\t{doc}\t1\n" for topic, (_, doc) in QUERIES.items())
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    return tmp_path / "data"


def run(benchmark: Any, data: Path, *more: str) -> dict[str, Any]:
    out = data.parent / "result.json"
    work = data.parent / "work"
    given = ["--data", str(data), "--set", "scifact", "--work", str(work), "--out", str(out), *more]
    result = benchmark.main(given)
    assert json.loads(out.read_text()) == result
    return result


@pytest.mark.model
def test_a_toy_set_is_judged_in_every_mode_and_encoded_once(
    benchmark: Any, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = run(benchmark, data)
    assert [(row["mode"], row["n_topics"]) for row in first["rows"]] == [
        *(("maxsim", 2), ("bm25", 2), ("hybrid", 2)),
    ]
    assert all(row["value"] == row["recall"] == 1 for row in first["rows"])
    assert first["sets"][0]["n_documents"] == 4
    assert first["sets"][0]["rows_added"] == first["sets"][0]["n_rows"] > 20
    again = run(benchmark, data)
    assert again["sets"] == first["sets"]
    assert "scifact: 4 documents" in capsys.readouterr().out


@pytest.mark.model
def test_a_limit_keeps_the_first_queries_and_what_they_judge(benchmark: Any, data: Path) -> None:
    result = run(benchmark, data, "--limit", "1")
    assert result["sets"][0]["n_documents"] == 3
    assert {row["n_topics"] for row in result["rows"]} == {1}


def test_the_digest_follows_the_data(benchmark: Any, data: Path) -> None:
    before = benchmark.load_set(data, "scifact").digest
    corpus = data / "text" / "scifact" / "corpus.jsonl"
    corpus.write_text(corpus.read_text().replace("yeast", "salt"))
    assert benchmark.load_set(data, "scifact").digest != before
