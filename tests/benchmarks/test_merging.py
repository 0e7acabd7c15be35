import importlib
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_merging_benchmark_counts_what_is_rewritten(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    merging = importlib.import_module("merging")
    rows = merging.main(["--documents", "1000", "--every", "1", "--out", str(tmp_path / "r.json")])
    assert len(rows) == len(merging.STREAMS)
    by_name = {row["stream"]: row for row in rows}
    # Ten of one document, ten of ten, ten of a hundred: each was rewritten three times.
    assert by_name["without_log"]["written"] == 4.0
    assert by_name["without_log"]["n_merges"] == 111
    assert by_name["without_log"]["n_segments_at_most"] == 27
    assert by_name["one_by_one"]["n_merges"] == 0
