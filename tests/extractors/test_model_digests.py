import os
from pathlib import Path

import pytest

from latelight.errors import SettingError
from latelight.extractors.model_digests import model_digests
from latelight.extractors.protocol import ExtractionOptions


def speech(directory: Path) -> str:
    return model_digests(ExtractionOptions(speech_model=str(directory)))["model:speech"]


def test_carried_models_have_no_digest_of_their_own() -> None:
    assert model_digests(ExtractionOptions()) == {}


def test_what_is_not_used_is_not_looked_for() -> None:
    assert model_digests(ExtractionOptions(speech="never", speech_model="/nowhere")) == {}


def test_a_speech_model_is_known_by_its_files_bytes_and_names(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for directory in (one, two):
        directory.mkdir()
        (directory / "config.json").write_text("{}")
        (directory / "model.bin").write_bytes(b"weights")
    assert speech(one) == speech(two)
    (two / "model.bin").rename(two / "model2.bin")
    assert speech(one) != speech(two)


def test_bytes_that_change_are_noticed(tmp_path: Path) -> None:
    model = tmp_path / "model.bin"
    model.write_bytes(b"weights")
    before = speech(tmp_path)
    model.write_bytes(b"Weights")
    os.utime(model, ns=(1, 1))
    assert speech(tmp_path) != before


def test_the_ocr_model_is_known_by_its_file(tmp_path: Path) -> None:
    (tmp_path / "el_PP-OCRv5_rec_mobile.onnx").write_bytes(b"a model")
    found = model_digests(ExtractionOptions(ocr_language="el", ocr_models=str(tmp_path)))
    assert list(found) == ["model:ocr"]


def test_letters_beside_the_ocr_model_are_known_too(tmp_path: Path) -> None:
    (tmp_path / "el_PP-OCRv5_rec_mobile.onnx").write_bytes(b"a model")
    letters = tmp_path / "el_PP-OCRv5_rec_mobile.txt"
    letters.write_text("α\nβ", encoding="utf-8")
    options = ExtractionOptions(ocr_language="el", ocr_models=str(tmp_path))
    before = model_digests(options)
    letters.write_text("β\nα\n", encoding="utf-8")
    changed = {name for name, digest in model_digests(options).items() if before[name] != digest}
    assert changed == {"letters:ocr"}


def test_a_model_that_is_nowhere_is_named_when_the_collection_is_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whisper = pytest.importorskip("faster_whisper")

    def unreachable(name: str) -> str:
        raise OSError(f"{name}: no network")

    monkeypatch.setattr(whisper, "download_model", unreachable)
    with pytest.raises(SettingError, match=r"'large-v9', which is neither .*no network"):
        model_digests(ExtractionOptions(speech_model="large-v9"))
