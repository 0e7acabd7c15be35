import importlib
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"

pytest.importorskip("torch")
pytest.importorskip("transformers")


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_a_toy_model_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    vision = importlib.import_module("vision")
    monkeypatch.setattr(vision, "PAGE", (310, 438))
    out = tmp_path / "row.json"
    monkeypatch.setattr(sys, "argv", ["vision.py", "--pages", "1", "--out", str(out)])
    vision.main()
    row = json.loads(out.read_text())
    assert row["pages_per_s"] > 0
    assert 0 < row["share_of_peak"] < 1.5
    assert row["tokens_per_page"] * 4 > row["patches_per_page"] > 100
