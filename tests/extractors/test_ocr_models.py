from pathlib import Path

import pytest

from latelight.errors import SettingError
from latelight.extractors.ocr_models import OcrChoice, recognition_settings
from latelight.extractors.protocol import ExtractionOptions

NAME = "el_PP-OCRv5_rec_mobile.onnx"


def test_the_carried_model_needs_no_settings() -> None:
    assert recognition_settings(OcrChoice()) == {}


def test_a_pack_is_a_file_in_the_directory(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"a model")
    letters = (tmp_path / NAME).with_suffix(".txt")
    letters.write_text("α", encoding="utf-8")
    choice = ExtractionOptions(ocr_language="el", ocr_models=str(tmp_path)).ocr_choice
    expected = {"Rec.model_path": str(tmp_path / NAME), "Rec.rec_keys_path": str(letters)}
    assert recognition_settings(choice) == expected


def test_a_missing_pack_is_named_with_its_remedy_before_any_file_is_read(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=rf"holds no {NAME}; put RapidOCR's model"):
        ExtractionOptions(ocr_language="el", ocr_models=str(tmp_path))
    with pytest.raises(SettingError, match=f"ocr_models is empty; put RapidOCR's model {NAME}"):
        ExtractionOptions(ocr_language="el")


def test_an_unknown_language_lists_the_known_ones() -> None:
    with pytest.raises(SettingError, match=r"'klingon'; leave it empty for Chinese.*el \(Greek\)"):
        ExtractionOptions(ocr_language="klingon")


def test_who_reads_no_pictures_needs_no_model() -> None:
    assert ExtractionOptions(ocr="never", ocr_language="el").ocr_choice.language == "el"
