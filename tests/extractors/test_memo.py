from pathlib import Path

import numpy as np
import pytest

from latelight.extractors import ocr
from latelight.extractors.layout import Word
from latelight.extractors.memo import Memo, key_of
from latelight.extractors.ocr import PictureWords, read_picture
from latelight.extractors.ocr_models import OcrChoice
from latelight.extractors.speech import Heard
from latelight.extractors.whisper import Remembering
from latelight.testing.files import text_picture
from latelight.testing.media import FakeTranscriber, spoken_tones
from latelight.types import Float32Array

ANSWER = {"text": "Fähre", "boxes": [[0.1, 0.25, 1.0, 0.5]]}


def test_an_answer_comes_back_and_another_key_has_none(tmp_path: Path) -> None:
    memo = Memo(str(tmp_path / "memo"))
    memo.put("a", ANSWER)
    assert memo.get("a") == ANSWER
    assert memo.get("b") is None


def test_without_a_directory_nothing_is_kept() -> None:
    memo = Memo("")
    memo.put("a", ANSWER)
    assert memo.get("a") is None
    assert not memo.is_kept


@pytest.mark.parametrize("length", [0, 5, 31, 32, 40])
def test_a_file_that_was_cut_short_is_as_good_as_none(tmp_path: Path, length: int) -> None:
    memo = Memo(str(tmp_path))
    memo.put("a", ANSWER)
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:length])
    assert memo.get("a") is None


def test_a_byte_that_changed_is_noticed(tmp_path: Path) -> None:
    memo = Memo(str(tmp_path))
    memo.put("a", ANSWER)
    data = bytearray((tmp_path / "a").read_bytes())
    data[40] ^= 1
    (tmp_path / "a").write_bytes(data)
    assert memo.get("a") is None


def test_keys_tell_apart_what_runs_together() -> None:
    assert key_of(b"ab", b"c") != key_of(b"a", b"bc")
    assert key_of("ocr", 1) == key_of("ocr", 1)


def test_a_page_is_read_once_and_comes_back_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[OcrChoice] = []

    def reads(picture: object, choice: OcrChoice) -> PictureWords:
        calls.append(choice)
        return PictureWords(
            [Word("Ferry", 10.1, 5, 33.3, 20), Word("toll", 40, 5, 60, 20)], [[0, 1]]
        )

    monkeypatch.setattr(ocr, "picture_words", reads)
    choice = OcrChoice(memo=str(tmp_path))
    first_text, first = read_picture(text_picture(["x"]), choice)
    again_text, again = read_picture(text_picture(["x"]), choice)
    assert (first_text, again_text, len(calls)) == ("Ferry toll", "Ferry toll", 1)
    np.testing.assert_array_equal(first.boxes, again.boxes)
    np.testing.assert_array_equal(first.spans, again.spans)
    assert (again.boxes.dtype, again.spans.dtype) == (np.float32, np.int32)
    read_picture(text_picture(["y"]), choice)
    read_picture(text_picture(["x"]), OcrChoice(language="latin", memo=str(tmp_path)))
    assert len(calls) == 3


def test_a_clip_is_written_down_once(tmp_path: Path) -> None:
    class Counting(FakeTranscriber):
        n_calls = 0

        def write_down(self, samples: Float32Array, language: str) -> Heard:
            self.n_calls += 1
            return super().write_down(samples, language)

    inner = Counting()
    remembering = Remembering(inner, Memo(str(tmp_path)), "model")
    samples = spoken_tones(["ferry", "lamp"])
    first = remembering.write_down(samples, "")
    assert remembering.write_down(samples, "") == first
    assert [word.text.strip() for word in first.words] == ["ferry", "lamp"]
    assert inner.n_calls == 1
    remembering.write_down(samples, "en")
    Remembering(inner, Memo(str(tmp_path)), "other").write_down(samples, "")
    assert inner.n_calls == 3
