"""The samples that units carry where an encoder listens."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from latelight.extractors.audio import AudioExtractor
from latelight.extractors.kept_sound import KeptSound, as_int16
from latelight.extractors.plugin_choice import problem_of
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.extractors.sandbox import ExtractionPool
from latelight.extractors.sound import RATE, Piece
from latelight.extractors.video import VideoExtractor
from latelight.testing.files import text_picture
from latelight.testing.media import FakeTranscriber, spoken_tones, video_bytes, wav_bytes
from latelight.testing.office_files import make_mail
from latelight.types import Extraction, Locator, Source, TimeRange, Unit

KEEP = ExtractionOptions(keep_sound=True, ocr="never")


def heard(samples: np.ndarray, options: ExtractionOptions = KEEP) -> Extraction:
    extractor = AudioExtractor(make_transcriber=lambda _: FakeTranscriber())
    return extractor.extract(Source("talk.wav", wav_bytes(samples)), options)


def as_written(samples: np.ndarray) -> np.ndarray:
    return (np.clip(samples, -1, 1) * 32_767).astype("<i2")


def pieces(*parts: tuple[float, Sequence[int]]) -> list[Piece]:
    return [Piece(start, np.array(own, np.float32) / 32_768) for start, own in parts]


def test_a_unit_carries_the_very_samples_of_its_time() -> None:
    samples = np.concatenate([np.zeros(8_000, np.float32), spoken_tones(["ferry", "lamp"])])
    (unit,) = heard(samples).units
    assert unit.sound is not None and unit.locator.time is not None
    assert unit.sound.dtype == np.int16
    begin, end = (round(s * RATE) for s in (unit.locator.time.start_s, unit.locator.time.end_s))
    np.testing.assert_array_equal(unit.sound, as_written(samples)[begin:end])


def test_sound_without_speech_is_kept_whole_too() -> None:
    noise = np.random.default_rng(0).uniform(-0.01, 0.01, 45 * RATE).astype(np.float32)
    found = heard(noise)
    assert [unit.text for unit in found.units] == ["", ""]
    joined = np.concatenate([unit.sound for unit in found.units])  # type: ignore[misc]
    np.testing.assert_array_equal(joined, as_written(noise))


def test_nothing_is_kept_where_no_encoder_listens() -> None:
    samples = spoken_tones(["ferry"] * 10)
    found = heard(samples, replace(KEEP, keep_sound=False))
    assert all(unit.sound is None for unit in found.units)


def test_a_short_stretch_without_words_is_a_unit_only_for_encoders_that_listen() -> None:
    words = spoken_tones(["ferry", "left"])
    samples = np.concatenate([words, np.zeros(10 * RATE, np.float32), words])
    assert [unit.text != "" for unit in heard(samples).units] == [True, False, True]
    read = heard(samples, replace(KEEP, keep_sound=False))
    assert [unit.text != "" for unit in read.units] == [True, True]
    assert heard(samples).text == read.text


def test_pieces_are_cut_where_a_time_begins_and_ends() -> None:
    kept = KeptSound(3600)
    given = pieces((0, [1, 2, 3]), (3 / RATE, [4, 5]), (8 / RATE, [9, 10]))
    assert [one.start_s for one in kept.passing(given)] == [one.start_s for one in given]

    def during(begin: int, end: int) -> list[int] | None:
        found = kept.during(TimeRange(begin / RATE, end / RATE))
        return None if found is None else found.tolist()

    assert during(0, 3) == [1, 2, 3]
    assert during(1, 4) == [2, 3, 4]
    assert during(2, 10) == [3, 4, 5, 0, 0, 0, 9, 10], "a gap is silence"
    assert during(9, 30) == [10], "what has ended is not filled up"
    assert during(5, 8) is None
    assert during(50, 60) is None


def test_samples_of_16_bits_stay_as_they_are() -> None:
    every = np.arange(-32_768, 32_768, dtype=np.int64)
    np.testing.assert_array_equal(as_int16((every / 32_768).astype(np.float32)), every)
    assert as_int16(np.array([1.0, -1.0], np.float32)).tolist() == [32_767, -32_768]


def test_of_a_long_recording_the_beginning_is_kept_and_the_rest_is_told() -> None:
    samples = np.full(60 * RATE, 0.01, np.float32)
    found = heard(samples, replace(KEEP, max_kept_seconds=25))
    lengths = [0 if unit.sound is None else len(unit.sound) for unit in found.units]
    assert lengths == [25 * RATE, 0]
    assert any("hear the first 25 of 60 seconds" in told for told in found.warnings)


def test_a_videos_sound_track_is_kept_beside_its_frames() -> None:
    samples = spoken_tones(["ferry"] * 5)
    data = video_bytes([text_picture(["Ferry"])], seconds_each=3, samples=samples)
    extractor = VideoExtractor(make_transcriber=lambda _: FakeTranscriber())
    found = extractor.extract(Source("film.mkv", data), KEEP)
    frame, said = found.units
    assert frame.kind == "frame" and frame.sound is None
    assert said.kind == "audio" and said.sound is not None
    expected = as_written(samples)[: len(said.sound)]
    np.testing.assert_allclose(said.sound, expected, atol=1)  # FFmpeg rounds otherwise


def test_a_worker_process_hands_the_samples_over() -> None:
    samples = np.random.default_rng(1).uniform(-0.5, 0.5, 2 * RATE).astype(np.float32)
    with ExtractionPool() as pool:
        options = replace(KEEP, speech="never")
        found = pool.extract(Source("noise.wav", wav_bytes(samples)), options)
    (unit,) = found.units
    assert unit.sound is not None
    np.testing.assert_array_equal(unit.sound, as_written(samples))


def test_a_recording_in_a_mail_carries_its_sound() -> None:
    samples = spoken_tones(["ferry"] * 5)
    mail = make_mail("Listen", "See the attachment.", {"hall.wav": wav_bytes(samples)})
    options = replace(KEEP, speech="never")
    units = extract(Source("letter.eml", mail.as_bytes()), options).units
    (unit,) = (one for one in units if one.kind == "audio")
    assert unit.locator.part == ("hall.wav",)
    np.testing.assert_array_equal(unit.sound, as_written(samples))


@pytest.mark.parametrize(
    "sound",
    [np.zeros(16_000, np.float32), np.zeros((10, 1), np.int16), np.zeros(2 * RATE, np.int16)],
)
def test_sound_of_a_plugin_that_encoders_cannot_take_is_told(sound: np.ndarray) -> None:
    good = Unit("a1", "audio", Locator(time=TimeRange(0, 1)), sound=np.zeros(RATE, np.int16))
    assert problem_of(Extraction("audio/wav", "", (good,))) == ""
    wrong = Extraction("audio/wav", "", (replace(good, sound=sound),))
    assert "'a1' with sound that is not one row of int16" in problem_of(wrong)
    assert problem_of(Extraction("audio/wav", "", (replace(good, locator=Locator()),)))


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_limit_of_nothing_is_refused(seconds: float) -> None:
    from latelight.errors import SettingError

    with pytest.raises(SettingError, match="max_kept_seconds"):
        ExtractionOptions(max_kept_seconds=seconds)
