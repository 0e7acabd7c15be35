import builtins
import struct
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from latelight.errors import (
    DamagedFileError,
    EmptyFileError,
    ExtractionError,
    FileTooLargeError,
)
from latelight.extractors import whisper
from latelight.extractors.audio import AudioExtractor
from latelight.extractors.protocol import ExtractionOptions
from latelight.testing.media import (
    WORD_S,
    FakeTranscriber,
    sound_bytes,
    spoken_tones,
    wav_bytes,
)
from latelight.types import Extraction, Source, TimeRange

WORDS = ["ferry", "left", "harbour", "stop."]
OPTIONS = ExtractionOptions()


def heard(
    data: bytes, options: ExtractionOptions = OPTIONS, fake: FakeTranscriber | None = None
) -> Extraction:
    transcriber = fake or FakeTranscriber()
    extractor = AudioExtractor(make_transcriber=lambda _: transcriber)
    return extractor.extract(Source("talk.wav", data), options)


@pytest.mark.parametrize(
    ("container", "codec"),
    [("flac", "flac"), ("mp3", "libmp3lame"), ("ogg", "libopus"), ("ipod", "aac"),
     ("aiff", "pcm_s16be"), ("caf", "pcm_s16le"), ("adts", "aac")],
)  # fmt: skip
def test_words_are_heard_when_they_are_said_in_every_format(container: str, codec: str) -> None:
    found = heard(sound_bytes(spoken_tones(WORDS), container, codec))
    (unit,) = found.units
    assert unit.text == found.text == "ferry left harbour stop."
    assert unit.kind == "audio"
    assert unit.spoken is not None
    said = [0.0, 0.6, 1.2, 1.8]
    np.testing.assert_allclose(unit.spoken.times[:, 0], said, atol=0.1)
    np.testing.assert_allclose(unit.spoken.times[:, 1], np.add(said, WORD_S), atol=0.1)
    assert [unit.text[a:b] for a, b in unit.spoken.spans.tolist()] == WORDS
    assert found.metadata["language"] == "en"


def test_any_rate_and_channels_become_one_timeline() -> None:
    t = np.arange(48_000) / 48_000
    tone = (0.5 * np.sin(2 * np.pi * 500 * t) * (t < 0.4)).astype(np.float32)
    (unit,) = heard(wav_bytes(tone, 48_000)).units
    assert unit.text == "ferry"
    assert unit.locator.time is not None
    assert unit.locator.time.end_s == pytest.approx(0.4, abs=0.02)


@pytest.mark.parametrize(
    ("start", "end", "clock"),
    [(0.2, 0.7, "0:00–0:01"), (12.0, 31.0, "0:12–0:31"), (3599.5, 3661.2, "59:59–1:01:02")],
)
def test_times_are_shown_as_players_show_them(start: float, end: float, clock: str) -> None:
    assert TimeRange(start, end).clock == clock


def test_a_title_is_the_files_own() -> None:
    assert heard(sound_bytes(spoken_tones(WORDS), "flac", "flac", "The ferry")).title == "The ferry"


def test_long_sound_is_heard_in_clips_without_losing_a_word() -> None:
    words = [*WORDS] * 60  # 144 s: more than two buffers
    fake = FakeTranscriber()
    found = heard(wav_bytes(spoken_tones(words)), fake=fake)
    assert found.text.split() == words
    assert max(fake.clip_seconds) <= 28.5
    starts = np.concatenate([u.spoken.times[:, 0] for u in found.units if u.spoken is not None])
    np.testing.assert_allclose(starts, np.arange(len(words)) * 0.6, atol=0.03)
    assert len(found.units) > 4
    for unit in found.units:
        assert unit.locator.time is not None
        assert unit.locator.time.end_s - unit.locator.time.start_s <= 40


def test_passages_are_bounded_by_characters_too() -> None:
    options = ExtractionOptions(passage_characters=60)
    found = heard(wav_bytes(spoken_tones(WORDS * 10)), options)
    assert found.text.split() == WORDS * 10
    assert all(len(unit.text) <= 60 for unit in found.units)


def test_a_sure_language_is_kept_and_a_given_one_is_used_at_once() -> None:
    samples = spoken_tones(["ferry"]), spoken_tones(WORDS), spoken_tones(WORDS)
    pause = np.zeros(5 * 16_000, np.float32)
    data = wav_bytes(np.concatenate([part for one in samples for part in (one, pause)]))
    fake = FakeTranscriber()
    heard(data, fake=fake)
    assert fake.languages == ["", "", "en"]  # the first clip, of one word, left doubt
    fake = FakeTranscriber()
    found = heard(data, ExtractionOptions(speech_language="de"), fake)
    assert fake.languages == ["de", "de", "de"]
    assert found.metadata["language"] == "de"


def test_sound_without_speech_is_kept_in_windows_and_the_report_says_so() -> None:
    noise = 0.005 * np.random.default_rng(0).standard_normal(75 * 16_000).astype(np.float32)
    found = heard(wav_bytes(noise))
    assert [(u.unit_id, u.text) for u in found.units] == [("a1", ""), ("a2", ""), ("a3", "")]
    ends = [(u.locator.time or TimeRange(0, 0)).end_s for u in found.units]
    np.testing.assert_allclose(ends, [25, 50, 75], atol=0.1)
    assert found.warnings == (
        "No speech was found in 75 seconds of sound, which is kept without words.",
    )
    assert found.text == ""


def test_long_quiet_stretches_lie_between_passages() -> None:
    quiet = np.zeros(50 * 16_000, np.float32)
    found = heard(wav_bytes(np.concatenate([spoken_tones(WORDS), quiet, spoken_tones(WORDS)])))
    assert [bool(u.text) for u in found.units] == [True, False, False, True]
    times = [u.locator.time for u in found.units if u.locator.time is not None]
    assert all(a.end_s <= b.start_s + 0.3 for a, b in pairwise(times))
    assert found.warnings == ()


def test_speech_can_be_left_alone() -> None:
    extractor = AudioExtractor(make_transcriber=lambda _: pytest.fail("no model was wanted"))
    source = Source("talk.wav", wav_bytes(spoken_tones(WORDS)))
    found = extractor.extract(source, ExtractionOptions(speech="never"))
    assert [u.text for u in found.units] == [""]
    assert "speech is 'never'" in found.warnings[0]


def test_progress_is_told_in_seconds_of_sound() -> None:
    told: list[tuple[int, int]] = []
    extractor = AudioExtractor(
        lambda *step: told.append(step), make_transcriber=lambda _: FakeTranscriber()
    )
    extractor.extract(Source("a.wav", wav_bytes(spoken_tones(WORDS * 60))), OPTIONS)
    done = [step[0] for step in told]
    assert done == sorted(done)
    assert max(b - a for a, b in pairwise([0, *done])) <= 61
    assert told[-1] == (144, 144)


def test_what_shapes_the_text_is_declared_and_part_of_the_identity() -> None:
    info = AudioExtractor().info
    other = replace(info, parameters={**info.parameters, "beam_size": 1})
    assert info.parameters["beam_size"] == 5
    assert info.identity.startswith("1+")
    assert other.identity != info.identity
    assert replace(info, parameters={}).identity == "1"


# -- files that lie or end early -----------------------------------------------------------


def test_a_header_that_claims_more_is_not_believed_and_the_report_says_so() -> None:
    data = bytearray(wav_bytes(spoken_tones(WORDS)))
    struct.pack_into("<I", data, 40, 0x7FFFFFF0)  # the data chunk: 18 hours
    struct.pack_into("<I", data, 4, 0x7FFFFFFF)
    found = heard(bytes(data))
    assert found.text == "ferry left harbour stop."
    assert found.metadata["seconds"] == pytest.approx(2.4)


def test_a_truncated_file_gives_what_is_there_with_a_note() -> None:
    data = sound_bytes(spoken_tones(WORDS * 10), "flac", "flac")
    found = heard(data[: len(data) // 2])
    assert found.text.startswith("ferry left harbour stop.")
    assert "of the 24 seconds that the file announces could be decoded" in " ".join(found.warnings)


def test_longer_sound_than_allowed_is_refused_while_it_is_decoded() -> None:
    with pytest.raises(FileTooLargeError, match=r"talk\.wav.*more than 10 seconds.*max_seconds"):
        heard(wav_bytes(np.zeros(30 * 16_000, np.float32)), ExtractionOptions(max_seconds=10))


def test_a_sample_rate_that_makes_seconds_of_bytes_is_refused() -> None:
    with pytest.raises(DamagedFileError, match=r"talk\.wav.*2 Hz is impossible"):
        heard(wav_bytes(np.zeros(40_000, np.float32), rate=2))


@pytest.mark.parametrize("length", [16, 44, 200, 406])
def test_a_head_alone_is_damaged(length: int) -> None:
    data = sound_bytes(spoken_tones(WORDS), "ipod", "aac")
    with pytest.raises((DamagedFileError, EmptyFileError), match=r"talk\.wav"):
        heard(data[:length])


def test_a_wav_without_samples_is_refused() -> None:
    with pytest.raises(ExtractionError, match=r"talk\.wav"):
        heard(wav_bytes(np.zeros(0, np.float32)))


def test_missing_packages_name_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: object, **more: object) -> object:
        if name.split(".", maxsplit=1)[0] in ("av", "faster_whisper"):
            raise ImportError(f"No module named {name!r}")
        return real(name, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ExtractionError, match=r'av.*pip install "latelight\[media\]"'):
        heard(wav_bytes(spoken_tones(WORDS)))
    whisper._loaded.cache_clear()
    with pytest.raises(ExtractionError, match=r"faster-whisper.*latelight\[media\].*'never'"):
        whisper.open_transcriber(OPTIONS)
