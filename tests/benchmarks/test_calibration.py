import importlib
import json
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("calibration")


def test_rates_are_kept_at_toy_size(benchmark: Any, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    words = ["--experiments", "30", "--sessions", "300", "--alpha", "0.2", "--out", str(out)]
    result = benchmark.main(words)
    assert json.loads(out.read_text()) == json.loads(json.dumps(result))
    assert len(result["rows"]) == 2 * 8 + 6 + 2
    # Toy size: the binomial interval is wide, and 24 rows are looked at.
    assert sum(not row["keeps"] for row in result["rows"]) <= 2


def test_a_rate_that_is_exceeded_is_not_kept(benchmark: Any) -> None:
    row = benchmark._rate_row("made", [0.01] * 12 + [0.9] * 88, 0.05, 10)
    assert not row.keeps
    assert "BROKEN" in benchmark._line(row)
    assert benchmark._rate_row("made", [0.01] * 6 + [0.9] * 94, 0.05, 10).keeps


def test_made_runs_are_equal_or_better_as_asked(benchmark: Any) -> None:
    users = benchmark.USERS["cascade"]

    def places(run: Any) -> list[int]:
        return sorted(run.of(topic).index(f"{topic}d0") for topic in run.rankings)

    equal = benchmark.made_paper(0.0, 3, users)
    assert places(equal.a) == places(equal.b)
    assert equal.a.rankings != equal.b.rankings
    better = benchmark.made_paper(0.3, 3, users)
    assert places(better.b)[:15] == [0] * 15
    assert places(better.a) == places(equal.a)
