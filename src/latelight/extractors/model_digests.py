"""Which bytes the models are that a pipeline names for reading: those of speech and of writing."""

import hashlib
from functools import lru_cache
from pathlib import Path

from latelight.errors import ExtractionError, SettingError
from latelight.extractors.media_file import REMEDY
from latelight.extractors.ocr_models import letters_file, model_file
from latelight.extractors.protocol import ExtractionOptions
from latelight.weights import sha256_of


def model_digests(options: ExtractionOptions) -> dict[str, str]:
    """Return the sha256 of each model that is not a carried one, as `model:ocr`, `model:speech`,
    and of a dictionary beside an OCR model, as `letters:ocr`.

    Raises:
        SettingError: one of them is not at hand.
        ExtractionError: the package that fetches a speech model is missing.
    """
    found: dict[str, str] = {}
    if options.ocr_language and options.ocr != "never":
        path = model_file(options.ocr_language, options.ocr_models)
        found["model:ocr"] = _digest_of(path)
        letters = letters_file(path)
        if letters is not None:
            found["letters:ocr"] = _digest_of(letters)
    if options.speech_model and options.speech != "never":
        found["model:speech"] = _digest_of(_speech_directory(options.speech_model))
    return found


def _speech_directory(name: str) -> Path:
    """Return the directory of a speech model; one that the hub has is fetched now."""
    directory = Path(name).expanduser()
    if directory.is_dir():
        return directory
    try:
        from faster_whisper import download_model
    except ImportError as error:
        raise ExtractionError(
            f"The speech model {name!r} is no directory, and fetching one needs the package "
            f"faster-whisper, which cannot be imported ({error}); {REMEDY}."
        ) from error
    try:
        return Path(download_model(name))
    except Exception as error:  # whatever the hub client raises: no network, no such model
        raise SettingError(
            f"speech_model is {name!r}, which is neither a directory nor to be had from the hub "
            f"({type(error).__name__}: {error}); give a directory with a CTranslate2 conversion "
            "of Whisper, or leave it empty for the carried model."
        ) from error


def _digest_of(path: Path) -> str:
    """Return the sha256 of a file, or of a directory's files by name."""
    files = [path] if path.is_file() else sorted(one for one in path.iterdir() if one.is_file())
    digest = hashlib.sha256()
    for one in files:
        state = one.stat()
        digest.update(f"{one.name}={_hashed(one, state.st_size, state.st_mtime_ns)};".encode())
    return digest.hexdigest()


@lru_cache(maxsize=256)
def _hashed(path: Path, n_bytes: int, modified_ns: int) -> str:
    """Return a file's sha256; as long as length and time are the same, it is not read again."""
    return sha256_of(path)
