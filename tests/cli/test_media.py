from pathlib import Path

import numpy as np
import pytest

from latelight.extractors.audio import AudioExtractor
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.testing.media import FakeTranscriber, spoken_tones, wav_bytes
from latelight.types import Extraction, Source
from tests.cli.conftest import Run


@pytest.fixture
def fake_ears(monkeypatch: pytest.MonkeyPatch) -> None:
    def extract(_pool: object, source: Source, options: ExtractionOptions) -> Extraction:
        return AudioExtractor(make_transcriber=lambda _: FakeTranscriber()).extract(source, options)

    monkeypatch.setattr(ExtractionPool, "extract", extract)


@pytest.mark.usefixtures("fake_ears")
def test_a_spoken_word_is_shown_with_the_time_when_it_is_said(run: Run, tmp_path: Path) -> None:
    words = ["engine", "left", "harbour", "stop."] * 25 + ["ferry"]
    (tmp_path / "talk.wav").write_bytes(wav_bytes(spoken_tones(words)))
    (tmp_path / "quiet.wav").write_bytes(wav_bytes(np.zeros(2 * 16_000, np.float32)))
    added = run("add", "talk.wav", "quiet.wav")
    assert added.code == 0
    assert "No speech was found in 2 seconds of sound" in added.err
    found = run("search", "ferry", "-k", "1")
    assert "talk.wav  0:43–1:01" in found.out
    assert "[ferry]" in found.out
    assert "at 1:00" in found.out
    explained = run("explain", "ferry", _name(found.out), "-o", "why.png")
    assert explained.code == 0
    assert (tmp_path / "why.png").read_bytes().startswith(b"\x89PNG")


def _name(out: str) -> str:
    return out.split("[", 1)[1].split("]", maxsplit=1)[0]


def test_doctor_checks_the_speech_model(run: Run) -> None:
    told = run("doctor")
    assert "whisper-base, weights verified" in told.out
