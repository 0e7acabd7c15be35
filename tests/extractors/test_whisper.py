"""The carried speech model: few tests, each worth its seconds. Needs what group `dev` installs.

No recording of a voice is small enough to be kept here: what it understands is measured by
`benchmarks/speech.py`.
"""

from itertools import pairwise

import numpy as np
import pytest

from latelight.errors import ExtractionError
from latelight.extractors import whisper
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.testing.media import spoken_tones, wav_bytes
from latelight.types import Float32Array, Source
from latelight.weights import CarriedFile

pytestmark = pytest.mark.model
ONE_THREAD = ExtractionOptions(speech_threads=1)


@pytest.fixture(scope="module")
def model() -> whisper.WhisperTranscriber:
    return whisper.open_transcriber(ONE_THREAD)


def voice() -> Float32Array:
    """A buzz with moving formants, which is no word, but nearest to a voice."""
    t = np.arange(3 * 16_000) / 16_000
    buzz = sum(np.sin(2 * np.pi * 120 * k * t) / k for k in range(1, 20))
    return (0.2 * buzz * (1 + np.sin(2 * np.pi * 4 * t))).astype(np.float32)


def test_noise_and_tones_are_no_speech(model: whisper.WhisperTranscriber) -> None:
    noise = 0.1 * np.random.default_rng(0).standard_normal(5 * 16_000).astype(np.float32)
    assert model.find_speech(noise) == []
    assert model.find_speech(spoken_tones(["ferry", "stop."] * 4)) == []


def test_the_same_sound_gives_the_same_words_at_times_inside_it(
    model: whisper.WhisperTranscriber,
) -> None:
    first, second = model.write_down(voice(), ""), model.write_down(voice(), "")
    assert first == second
    assert 0 <= first.certainty <= 1
    assert first.language
    starts = [word.time.start_s for word in first.words]
    assert all(a <= b for a, b in pairwise(starts))
    assert all(0 <= word.time.start_s <= word.time.end_s <= 30 for word in first.words)


def test_a_process_has_one_model(model: whisper.WhisperTranscriber) -> None:
    assert whisper.open_transcriber(ONE_THREAD) is model


def test_a_worker_process_has_room_for_it() -> None:
    with ExtractionPool(1) as pool:
        found = pool.extract(Source("a.wav", wav_bytes(spoken_tones(["ferry"]))), ONE_THREAD)
    assert "No speech was found" in found.warnings[0]


def test_changed_weights_are_refused_with_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    good = whisper.SIDE_FILES[0]
    bad = CarriedFile(good.package, good.version, good.path, "0" * 64)
    monkeypatch.setattr(whisper, "SIDE_FILES", (bad,))
    with pytest.raises(ExtractionError, match=r"has sha256.*speech to 'never'"):
        whisper.open_transcriber(ExtractionOptions(speech_threads=3))


def test_a_model_that_is_nowhere_is_named(tmp_path: object) -> None:
    with pytest.raises(ExtractionError, match="speech_model a directory"):
        whisper.open_transcriber(ExtractionOptions(speech_model=str(tmp_path), speech_threads=1))
