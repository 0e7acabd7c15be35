import numpy as np
import pytest

from latelight.errors import NotFoundError
from latelight.extractors.previews import draw_frame, draw_sound
from latelight.extractors.spectrogram import spectrogram
from latelight.testing.media import spoken_tones, video_bytes, wav_bytes
from latelight.types import TimeRange
from tests.extractors.test_video import coloured

VIDEO = video_bytes(coloured("red", "blue", "green"), seconds_each=4)


@pytest.mark.parametrize(
    ("start", "colour"), [(0.0, (255, 0, 0)), (5.0, (0, 0, 255)), (9.5, (0, 128, 0))]
)
def test_the_frame_at_a_time_is_drawn(start: float, colour: tuple[int, int, int]) -> None:
    picture = draw_frame(VIDEO, "video/x-matroska", TimeRange(start, 12))
    assert picture.size == (96, 64)
    assert picture.getpixel((48, 50)) == colour


def test_there_is_no_frame_after_the_end() -> None:
    with pytest.raises(NotFoundError, match="ends before"):
        draw_frame(VIDEO, "video/x-matroska", TimeRange(99, 100))


def test_a_higher_tone_is_drawn_higher_and_silence_is_white() -> None:
    low = np.asarray(spectrogram(spoken_tones(["ferry"], breath_s=0)))[:, :, 0]
    high = np.asarray(spectrogram(spoken_tones(["stop."], breath_s=0)))[:, :, 0]
    assert high.mean(axis=1).argmin() < low.mean(axis=1).argmin()
    half = np.asarray(spectrogram(spoken_tones(["ferry"], breath_s=0.4)))[:, :, 0]
    assert (half[:, 600:] > 250).all()


def test_the_sound_at_a_time_is_drawn() -> None:
    data = wav_bytes(spoken_tones(["ferry", "stop."], breath_s=4.0))
    (ferry, stop) = (
        np.asarray(draw_sound(data, "audio/wav", TimeRange(start, start + 0.4)))[:, :, 0]
        for start in (0.0, 4.4)
    )
    assert stop.mean(axis=1).argmin() < ferry.mean(axis=1).argmin()


def test_there_is_no_sound_after_the_end_and_none_in_a_silent_film() -> None:
    with pytest.raises(NotFoundError, match="ends before"):
        draw_sound(wav_bytes(spoken_tones(["ferry"])), "audio/wav", TimeRange(60, 90))
    with pytest.raises(NotFoundError, match="no sound"):
        draw_sound(VIDEO, "video/x-matroska", TimeRange(0, 1))
    with pytest.raises(NotFoundError, match="no moving picture"):
        draw_frame(wav_bytes(spoken_tones(["ferry"])), "audio/wav", TimeRange(0, 1))
