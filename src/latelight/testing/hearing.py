# ruff: noqa: D102 (the names of the tests are sentences)
"""A fake encoder that listens, and the tests that every encoder has to pass which does."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latelight.encoders.protocol import Progress, no_progress
from latelight.testing.encoders import FakeEncoder, MadeEncoder
from latelight.testing.media import TONES
from latelight.types import (
    SOUND_RATE,
    EncoderInfo,
    Float32Array,
    Int16Array,
    Locator,
    MultiVector,
    RowLocators,
    TimeRange,
    Unit,
)

ROW_S = 0.1
SILENCE = "silence"
_LOUD = 0.02
_FULL = 32_768


class FakeHearingEncoder(FakeEncoder):
    """Hears the tones of `testing.media.TONES` as the words that they stand for.

    One row for each tenth of a second of a unit's sound: that of the word whose tone is loudest,
    or of `silence`. Queries are read as by `FakeEncoder`, so the word finds its tone. Units without
    sound have no rows: it does not read.
    """

    @property
    def info(self) -> EncoderInfo:
        """Name and geometry."""
        return replace(super().info, name="fake-hearing", hears=True, unit_kinds=("audio",))

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, one row for each tenth of a second of its sound."""
        progress(len(units))
        return [self._heard(unit) for unit in units]

    def _heard(self, unit: Unit) -> MultiVector:
        sound = np.zeros(0, np.int16) if unit.sound is None else unit.sound
        step = round(ROW_S * SOUND_RATE)
        words = [_word_of(sound[i : i + step]) for i in range(0, len(sound) - step + 1, step)]
        begin = unit.locator.time.start_s if unit.locator.time else 0.0
        starts = begin + ROW_S * np.arange(len(words))
        times = np.stack([starts, starts + ROW_S], axis=1).astype(np.float32)
        return MultiVector(self._stack(words), RowLocators(times=times))


def _word_of(samples: Int16Array) -> str:
    heard = samples.astype(np.float32) / _FULL
    if np.abs(heard).max() < _LOUD:
        return SILENCE
    pitch = float(np.argmax(np.abs(np.fft.rfft(heard)))) * SOUND_RATE / len(heard)
    word = min(TONES, key=lambda one: abs(TONES[one] - pitch))
    return word.strip(".")


def tone(seconds: float, pitch: float = 500.0) -> Int16Array:
    """Return a sine of half the full loudness: (n_samples,) int16 at 16 kHz."""
    at = np.arange(round(seconds * SOUND_RATE)) / SOUND_RATE
    return np.rint(_FULL / 2 * np.sin(2 * np.pi * pitch * at)).astype(np.int16)


def silence(seconds: float) -> Int16Array:
    """Return (n_samples,) int16 zeros at 16 kHz."""
    return np.zeros(round(seconds * SOUND_RATE), np.int16)


def sound_unit(sound: Int16Array | None, start_s: float = 0.0) -> Unit:
    """Return a piece of sound that begins so late in its recording."""
    length = 1.0 if sound is None else len(sound) / SOUND_RATE
    at = Locator(time=TimeRange(start_s, start_s + length))
    return Unit("a1", "audio", at, sound=sound)


class HearingConformance(MadeEncoder):
    """Tests of an encoder that listens (`EncoderInfo.hears`): subclass it under pytest.

    ```python
    class TestMyEars(HearingConformance):
        def make_encoder(self):
            return MyEncoder("weights/")
    ```
    """

    def _rows(self, sound: Int16Array, start_s: float = 0.0) -> MultiVector:
        return self.encoder.encode_documents([sound_unit(sound, start_s)])[0]

    def test_it_says_before_it_is_loaded_that_it_listens(self) -> None:
        info = self.make_encoder().info
        assert info.hears
        assert "audio" in info.unit_kinds

    def test_sound_has_rows_of_the_declared_dim_and_length_one(self) -> None:
        for sound in (tone(1.5), silence(2), _changing()):
            vectors = self._rows(sound).vectors
            assert vectors.dtype == np.float32
            assert vectors.shape[1] == self.encoder.info.dim
            assert len(vectors) > 0
            np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)

    def test_times_of_rows_lie_inside_their_unit(self) -> None:
        for n_samples in (20_000, 24_000, 33_333):
            rows = self._rows(tone(3)[:n_samples], start_s=61.5)
            times = _times(rows)
            assert (times[:, 0] < times[:, 1]).all()
            assert times.min() >= 61.5 - 1e-4
            assert times.max() <= 61.5 + n_samples / SOUND_RATE + 1e-4

    def test_all_of_the_sound_is_heard(self) -> None:
        times = _times(self._rows(tone(4)))
        assert times.min() <= 0.2
        assert times.max() >= 3.8
        assert (np.diff(np.sort(times[:, 0])) <= 1.0).all(), "no second is without a row"

    def test_rows_of_sound_have_no_characters(self) -> None:
        spans = self._rows(tone(1)).locators.spans
        assert spans is None or (spans < 0).all()

    def test_silence_and_tones_have_different_rows(self) -> None:
        kinds = [self._rows(sound) for sound in (silence(2), tone(2, 500), tone(2, 2_000))]
        middles = [_row_at(one, 1.0) for one in kinds]
        for i, one in enumerate(middles):
            for other in middles[i + 1 :]:
                assert not np.allclose(one, other, atol=1e-3)

    def test_another_beginning_moves_times_and_nothing_else(self) -> None:
        early, late = self._rows(_changing()), self._rows(_changing(), start_s=100.0)
        np.testing.assert_array_equal(early.vectors, late.vectors)
        np.testing.assert_allclose(_times(late), _times(early) + 100, atol=1e-3)

    def test_rows_do_not_depend_on_the_batch_or_its_order(self) -> None:
        sounds = [_changing(), silence(1), tone(2.3), tone(0.7, 1_100), _changing()]
        units = [sound_unit(one) for one in sounds]
        together = self.encoder.encode_documents(units)
        backwards = self.encoder.encode_documents(units[::-1])[::-1]
        for sound, one, other in zip(sounds, together, backwards, strict=True):
            alone = self._rows(sound)
            self._assert_same(one.vectors, alone.vectors)
            self._assert_same(other.vectors, alone.vectors)

    def test_a_unit_without_sound_or_with_none_to_speak_of_has_no_rows(self) -> None:
        counts: list[int] = []
        units = [sound_unit(None), sound_unit(tone(1)), sound_unit(tone(0.005))]
        encoded = self.encoder.encode_documents(units, progress=counts.append)
        assert [one.n_rows > 0 for one in encoded] == [False, True, False]
        assert encoded[0].dim == self.encoder.info.dim
        assert sum(counts) == len(units)


def _changing() -> Int16Array:
    return np.concatenate([silence(0.8), tone(0.6, 800), silence(0.6)])


def _times(rows: MultiVector) -> Float32Array:
    """Return the times of the rows that have one: (n, 2) float32."""
    times = rows.locators.times
    assert times is not None, "rows of sound need times"
    own: Float32Array = times[~np.isnan(times).any(axis=1)]
    assert len(own), "no row has a time of its own"
    return own


def _row_at(rows: MultiVector, second: float) -> Float32Array:
    times = rows.locators.times
    assert times is not None
    row = np.flatnonzero((times[:, 0] <= second) & (second < times[:, 1]))
    assert len(row), f"no row stands for second {second}"
    found: Float32Array = rows.vectors[row[0]]
    return found
