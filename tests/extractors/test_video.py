import numpy as np
import pytest
from PIL import Image

from latelight.errors import DamagedFileError, FileTooLargeError, UnsupportedMediaError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.video import VideoExtractor
from latelight.testing.files import text_picture
from latelight.testing.media import FakeTranscriber, sound_bytes, spoken_tones, video_bytes
from latelight.types import Extraction, Source, TimeRange

WORDS = ["ferry", "left", "harbour", "stop."]
NO_OCR = ExtractionOptions(ocr="never")
FERRY, LAMP = text_picture(["Ferry"]), text_picture(["Harbour", "lamp"])


def coloured(*colours: str) -> list[Image.Image]:
    """Pictures of a stripe each, so that none is blank."""
    pictures = []
    for colour in colours:
        picture = Image.new("RGB", (96, 64), colour)
        picture.paste("white", (0, 0, 96, 20))
        pictures.append(picture)
    return pictures


def seen(data: bytes, options: ExtractionOptions = NO_OCR) -> Extraction:
    extractor = VideoExtractor(make_transcriber=lambda _: FakeTranscriber())
    return extractor.extract(Source("clip.mkv", data), options)


def times(found: Extraction, kind: str) -> list[tuple[float, float]]:
    """Every time at which units of a kind are shown or said, in order."""
    places = [u.locator for u in found.units if u.kind == kind]
    given = [time for at in places if at.time is not None for time in (at.time, *at.again)]
    return sorted((round(t.start_s, 2), round(t.end_s, 2)) for t in given)


def test_slides_and_speech_are_one_document_in_order_of_time() -> None:
    data = video_bytes([FERRY, LAMP], seconds_each=3, samples=spoken_tones(WORDS))
    found = seen(data, ExtractionOptions(ocr_threads=1))
    assert [(u.unit_id, u.kind, u.text) for u in found.units] == [
        ("f1", "frame", "Ferry"),
        ("a1", "audio", "ferry left harbour stop."),
        ("f2", "frame", "Harbour\nlamp"),
    ]
    assert found.text == "Ferry\nferry left harbour stop.\nHarbour\nlamp"
    first, _, second = (u.locator.time or TimeRange(-1, -1) for u in found.units)
    assert first.start_s == 0
    assert first.end_s == second.start_s == pytest.approx(3.0, abs=0.75)
    assert second.end_s == pytest.approx(6.0, abs=0.3)
    assert found.metadata == {"seconds": 6.0, "language": "en", "width": 420, "height": 360}


def test_the_words_of_a_frame_have_boxes_in_it() -> None:
    words = seen(video_bytes([LAMP]), ExtractionOptions(ocr_threads=1)).units[0].words
    assert words is not None
    (upper, lower) = words.boxes
    expected = (24 / 420, 20 / 360)
    np.testing.assert_allclose(upper[:2], expected, atol=0.04)
    assert lower[1] > upper[3] - 0.02


def test_a_picture_that_stays_is_one_frame_however_long() -> None:
    assert times(seen(video_bytes(coloured("red"), seconds_each=30)), "frame") == [(0.0, 30.0)]


def test_what_comes_back_is_the_same_frame_with_one_more_time() -> None:
    found = seen(video_bytes(coloured("red", "blue", "red", "blue", "red"), seconds_each=4))
    red, blue = (unit.locator for unit in found.units)
    assert [round(time.start_s) for time in red.again] == [8, 16]
    assert len(blue.again) == 1
    shown = times(found, "frame")
    assert [end for _, end in shown[:-1]] == [start for start, _ in shown[1:]]
    assert red.clock == "0:00–0:05, 0:08–0:13, 0:16–0:20"


def test_a_slide_comes_back_and_one_with_other_words_on_the_same_ground_does_not() -> None:
    options = ExtractionOptions(ocr_threads=1)
    found = seen(video_bytes([FERRY, LAMP, FERRY], seconds_each=3), options)
    assert [(unit.text, len(unit.locator.again)) for unit in found.units] == [
        ("Ferry", 1),
        ("Harbour\nlamp", 0),
    ]


def test_words_that_stay_the_same_are_one_frame_though_a_speaker_moves() -> None:
    slides = []
    for number in range(3):
        slide = FERRY.copy()
        slide.paste("grey", (300 + 20 * number, 300, 330 + 20 * number, 350))
        slides.append(slide)
    found = seen(video_bytes(slides, seconds_each=3), ExtractionOptions(ocr_threads=1))
    assert [unit.text for unit in found.units] == ["Ferry"]
    assert times(found, "frame") == [(0.0, 9.0)]


def test_a_title_upon_a_moving_picture_is_a_frame_of_its_own() -> None:
    rng = np.random.default_rng(0)
    pictures = []
    for number in range(16):  # a picture that never rests, with a title from the third second on
        noise = rng.integers(90, 150, (36, 42, 3), np.uint8)
        picture = Image.fromarray(noise).resize((420, 360), Image.Resampling.NEAREST)
        if number >= 6:
            picture.paste("white", (20, 30, 400, 130))
            picture.paste(text_picture(["The", ""]).crop((0, 0, 100, 60)), (40, 40))
            picture.paste(text_picture(["Harbour"]).crop((0, 0, 200, 60)), (150, 40))
        pictures.append(picture)
    found = seen(video_bytes(pictures, seconds_each=0.5), ExtractionOptions(ocr_threads=1))
    titled = [unit for unit in found.units if "Harbour" in unit.text]
    assert len(titled) == 1
    time = titled[0].locator.time
    assert time is not None
    assert 3 <= time.start_s <= 4.5


def test_no_minute_has_more_frames_than_the_cap_and_the_report_says_so() -> None:
    pictures = coloured("red", "blue", "green", "black", "yellow", "purple") * 6
    found = seen(video_bytes(pictures), ExtractionOptions(ocr="never", frames_per_minute=5))
    starts = [start for start, _ in times(found, "frame")]
    assert 5 <= len(starts) <= 10  # 72 s
    assert all(sum(a <= b < a + 60 for b in starts) <= 5 for a in starts)
    assert "short scenes were left out: at most 5 frames" in found.warnings[0]


def test_a_silent_film_needs_no_model() -> None:
    extractor = VideoExtractor(make_transcriber=lambda _: pytest.fail("no model was wanted"))
    found = extractor.extract(Source("a.mkv", video_bytes(coloured("red"))), NO_OCR)
    assert [unit.kind for unit in found.units] == ["frame"]


def test_a_video_container_with_sound_alone_is_sound() -> None:
    found = seen(sound_bytes(spoken_tones(WORDS), "mp4", "aac"))
    assert [(unit.kind, unit.text) for unit in found.units] == [
        ("audio", "ferry left harbour stop.")
    ]


def test_lossy_video_gives_the_same_frames() -> None:
    exact = seen(video_bytes(coloured("red", "blue"), seconds_each=3))
    lossy = seen(video_bytes(coloured("red", "blue"), seconds_each=3, container="mp4"))
    assert times(exact, "frame") == times(lossy, "frame")


def test_frames_of_too_many_pixels_are_refused_by_the_header() -> None:
    data = video_bytes(coloured("red"))
    with pytest.raises(FileTooLargeError, match=r"clip\.mkv.*6,144 pixels, at most 5,000"):
        seen(data, ExtractionOptions(ocr="never", max_pixels=5_000))


def test_longer_video_than_allowed_is_refused() -> None:
    data = video_bytes(coloured("red"), seconds_each=30)
    with pytest.raises(FileTooLargeError, match="more than 10 seconds"):
        seen(data, ExtractionOptions(ocr="never", max_seconds=10))


def test_a_truncated_video_gives_what_is_there_with_a_note() -> None:
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 255, (64, 96, 3), np.uint8)) for _ in range(8)]
    data = video_bytes(noise, seconds_each=2)
    found = seen(data[: len(data) // 2])
    assert 0 < len(found.units) < 8
    assert "truncated" in " ".join(found.warnings)


@pytest.mark.parametrize("length", [8, 60, 400])
def test_a_head_alone_is_damaged(length: int) -> None:
    data = video_bytes(coloured("red"), container="mp4")
    with pytest.raises((DamagedFileError, UnsupportedMediaError), match=r"clip\.mkv"):
        seen(data[:length])
