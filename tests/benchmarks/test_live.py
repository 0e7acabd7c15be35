import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_live_benchmark_runs_at_toy_size(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    given = ["--documents", "30", "--adds", "5", "--seconds", "0.2", "--work", str(tmp_path)]
    result = importlib.import_module("live").main([*given, "--out", str(tmp_path / "r.json")])
    (row,) = result["rows"]
    assert row["adding"]["n"] == 5
    assert min(row[part]["n"] for part in ("quiet", "mixed", "adds")) > 0
    assert row["mixed_by_quiet_p99"] > 0
    assert list(tmp_path.iterdir()) == [tmp_path / "r.json"]
