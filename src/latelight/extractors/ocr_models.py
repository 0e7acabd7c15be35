"""Which recognition model reads which script, and where its file lies."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.errors import SettingError

# PP-OCRv5's mobile models, by the name that their files carry. Arabic is left out: its model
# gives letters in the order they are drawn, which is not the order they are read.
LANGUAGES = {
    "ch": "Chinese, Japanese and English",
    "cyrillic": "Cyrillic letters",
    "devanagari": "Hindi, Marathi, Nepali and others in Devanagari",
    "el": "Greek",
    "en": "English alone",
    "eslav": "Russian, Belarusian, Ukrainian",
    "korean": "Korean",
    "latin": "Latin letters alone",
    "ta": "Tamil",
    "te": "Telugu",
    "th": "Thai",
}
_CARRIED = "Chinese, Japanese and languages in Latin letters"


@dataclass(frozen=True)
class OcrChoice:
    """How pictures are read.

    Attributes:
        n_threads: 0 uses the machine's cores, at most 4.
        language: a recognition model beside the carried one, one of `LANGUAGES`.
        models: the directory that holds it.
        memo: a directory in which what was read is kept for a next run; empty for none.
    """

    n_threads: int = 0
    language: str = ""
    models: str = ""
    memo: str = ""


DEFAULT_CHOICE = OcrChoice()


def recognition_settings(choice: OcrChoice) -> dict[str, Any]:
    """Return the engine's parameters for a choice.

    Raises:
        SettingError: as `model_file`, or the model tells no letters and none lie beside it.
    """
    if not choice.language:
        return {}
    path = model_file(choice.language, choice.models)
    letters = letters_file(path)
    if letters is not None:
        return {"Rec.model_path": str(path), "Rec.rec_keys_path": str(letters)}
    if not _tells_its_letters(path):
        # The engine would fetch some letters from elsewhere, be they the model's or not.
        raise SettingError(
            f"{path} does not hold the letters that it reads, and there is no {path.stem}.txt "
            "beside it; put the model's dictionary there under that name, a letter a line."
        )
    return {"Rec.model_path": str(path)}


def letters_file(model: Path) -> Path | None:
    """Return the file with the letters of a model that does not hold them, or None."""
    path = model.with_suffix(".txt")
    return path if path.is_file() else None


def _tells_its_letters(model: Path) -> bool:
    from onnxruntime import InferenceSession

    meta = InferenceSession(str(model), providers=["CPUExecutionProvider"]).get_modelmeta()
    return "character" in meta.custom_metadata_map


def model_file(language: str, models: str) -> Path:
    """Return the file of a language's recognition model.

    Raises:
        SettingError: an unknown language, or no model file of it in the directory `models`.
    """
    if language not in LANGUAGES:
        listed = ", ".join(f"{code} ({what})" for code, what in LANGUAGES.items())
        raise SettingError(
            f"ocr_language is {language!r}; leave it empty for {_CARRIED}, "
            f"or give one of: {listed}."
        )
    name = f"{language}_PP-OCRv5_rec_mobile.onnx"
    if not models:
        raise SettingError(
            f"ocr_language is {language!r} and ocr_models is empty; put RapidOCR's model {name} "
            "into a directory and name that as ocr_models."
        )
    path = Path(models).expanduser() / name
    if not path.is_file():
        raise SettingError(
            f"ocr_language is {language!r}, and {path.parent} holds no {name}; put RapidOCR's "
            "model of that name there (its model list gives the address and the sha256)."
        )
    return path
