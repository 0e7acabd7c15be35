import importlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latelight.app import engine
from latelight.pipelines.request import SearchRequest
from latelight.testing.encoders import FakeEncoder

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
N_DOCUMENTS = 40


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    made = importlib.import_module("release")
    fake = lambda name, **_: FakeEncoder(dim=64, name=name)  # noqa: E731
    monkeypatch.setattr(engine, "create_encoder", fake)
    monkeypatch.setattr(made, "create_encoder", fake)
    engine.shared_encoder.cache_clear()
    yield made
    engine.shared_encoder.cache_clear()


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    """A set in which each query is about one document, and how to run it at toy size."""
    folder = tmp_path / "data" / "text" / "scifact"
    (folder / "qrels").mkdir(parents=True)
    records = [
        {"_id": f"d{n}", "title": "", "text": f"boat{n} carries cargo{n}"}
        for n in range(N_DOCUMENTS)
    ]
    queries = [{"_id": f"q{n}", "text": f"cargo{n}"} for n in range(N_DOCUMENTS)]
    for name, rows in (("corpus", records), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    judged = "".join(f"q{n}\td{n}\t1\n" for n in range(N_DOCUMENTS))
    (folder / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + judged)
    given = {"data": tmp_path / "data", "work": tmp_path / "work", "rows": tmp_path / "r.jsonl"}
    sized = ["--seconds", "0.5", "--pause", "0.01", "--queries", "20", "--longest", "120"]
    return [*(word for k, v in given.items() for word in (f"--{k}", str(v))), *sized]


def test_a_toy_release_fails_nobody_and_nonsense_does_not_get_far(
    benchmark: Any, words: list[str], tmp_path: Path
) -> None:
    benchmark.main(["run", *words])
    benchmark.main(["run", *words, "--bad"])
    good, bad = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    assert (good["ended"], good["n_failed"], good["n_half_built"]) == ("ready", 0, 0)
    assert good["n_queries"] > 100
    assert good["rollback_seconds"] < 1
    assert {"quiet", "backfill", "shadow", "interleave", "ramp", "promoted", "rolled back"} <= set(
        good["phases"]
    )
    assert good["p99_ratio"] > 0
    assert any("+" in versions for versions in good["versions"])  # interleaved
    assert bad["gate_stopped"] and "worse" in bad["gate_said"]
    assert bad["guard_stopped"] and "guard is broken" in bad["guard_said"]
    assert (bad["n_failed"], bad["n_half_built"]) == (0, 0)
    pytest.importorskip("matplotlib")
    benchmark.main(["report", *words, "--out", str(tmp_path / "docs")])
    assert "0 failed" in (tmp_path / "docs" / "release.md").read_text("utf-8")
    assert (tmp_path / "docs" / "release.png").stat().st_size > 10_000


def test_an_answer_from_a_half_built_index_would_be_seen(
    benchmark: Any, words: list[str], tmp_path: Path
) -> None:
    judged = benchmark.load_set(tmp_path / "data", "scifact")
    target = benchmark.collection_of(judged, tmp_path)
    version = target.begin_candidate(benchmark.parse_spec(benchmark.CANDIDATES["minilm"]))
    with benchmark.watched(target, N_DOCUMENTS):
        seen = benchmark._Asked.begin()
        target.search("cargo1")
        assert (seen.versions, seen.is_half_built) == ([target.digest], False)
        opened = target._versions.open(version)
        opened.search([SearchRequest("cargo1")])
        assert seen.is_half_built
