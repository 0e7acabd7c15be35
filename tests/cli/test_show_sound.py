"""What is told of a moment of sound that no words belong to."""

from pathlib import Path

import numpy as np
import pytest

from latelight.app import engine
from latelight.testing.hearing import FakeHearingEncoder
from latelight.testing.media import spoken_tones, wav_bytes
from tests.cli.conftest import Run

SPEC = "extract: {speech: never}\nspaces: {sound: {encoder: ears}}"


@pytest.fixture
def hall(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A library of one recording in which an engine sounds from the ninth second on."""
    monkeypatch.setattr(engine, "create_encoder", lambda *_, **__: FakeHearingEncoder(dim=64))
    sound = np.concatenate([np.zeros(8 * 16_000, np.float32), spoken_tones(["engine"])])
    (tmp_path / "hall.wav").write_bytes(wav_bytes(sound))
    (tmp_path / "ears.yaml").write_text(SPEC)
    added = run("add", "hall.wav", "--pipeline", "ears.yaml")
    assert added.code == 0, added.err
    return run


def test_a_search_tells_the_moment(hall: Run) -> None:
    told = hall("search", "engine").out
    assert "engine → a sound (1.00) at 0:08" in told


def test_an_explanation_tells_the_moment_and_draws_it(hall: Run, tmp_path: Path) -> None:
    (doc_id,) = (
        p.strip("[]").split("/")[0]
        for p in hall("search", "engine").out.split()
        if p.startswith("[")
    )
    ran = hall("explain", "engine", doc_id, "-o", "lit.png")
    assert ran.code == 0, ran.err
    assert "a sound at 0:08" in ran.out
    assert (tmp_path / "lit.png").stat().st_size > 1_000
