import importlib
import sys
from pathlib import Path

import pytest

from latelight.app import engine
from latelight.testing.encoders import FakeEncoder
from tests.server.processes import SCRIPT

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_a_crowd_survives_two_kills_with_everything_acknowledged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    benchmark = importlib.import_module("service_kill")
    script = tmp_path / "serve.py"
    script.write_text(SCRIPT.replace("{more}", ""))
    records = [{"id": f"d{n}", "text": f"Note {n} of the tram depot."} for n in range(30)]
    load = benchmark.Load(clients=8, writers=3, seconds=5, kills=2)
    texts = ["the tram depot", "note 7", "note 12 of the depot"]
    row = benchmark.run(tmp_path / "library", records, texts, load, (sys.executable, str(script)))
    seen = row["load"]
    assert (seen["n_wrong"], seen["errors"], row["damage"]) == (0, [], []), seen
    assert seen["added"] > 10
    assert seen["asked_again"] >= 8, "the clients that were waiting when it was killed"
    assert len(seen["seconds_until_answered"]) == 2
    assert row["in_process"]["errors"] == 0
    engine.shared_encoder.cache_clear()
