"""Tiny sounds and videos for tests, and a transcriber that understands tones instead of speech."""

import io
import wave
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from latelight.extractors.sound import RATE
from latelight.extractors.speech import CLIP_S, Heard, SpokenWord
from latelight.types import Float32Array, TimeRange

WORD_S, BREATH_S = 0.4, 0.2
TONES: Mapping[str, int] = {
    "ferry": 500,
    "harbour": 800,
    "lamp": 1_100,
    "left": 1_400,
    "engine": 1_700,
    "stop.": 2_000,
}
_CODECS = {"matroska": ("ffv1", "pcm_s16le"), "webm": ("libvpx", "libopus")}
"""Of pictures and of sound, by container."""
_LOUD = 0.05
_BLOCK = RATE // 100


def spoken_tones(words: Sequence[str], *, breath_s: float = BREATH_S) -> Float32Array:
    """Return a tone of `WORD_S` for each word of `TONES`, with silence after it: 16 kHz, mono."""
    t = np.arange(round(WORD_S * RATE)) / RATE
    silence = np.zeros(round(breath_s * RATE), np.float32)
    tones = [(0.5 * np.sin(2 * np.pi * TONES[word] * t)).astype(np.float32) for word in words]
    return np.concatenate([part for tone in tones for part in (tone, silence)])


def wav_bytes(samples: Float32Array, rate: int = RATE) -> bytes:
    """Return mono samples in -1 to 1 as a WAV file of 16 bits."""
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32_767).astype("<i2").tobytes())
    return buffer.getvalue()


def sound_bytes(samples: Float32Array, container: str, codec: str, title: str = "") -> bytes:
    """Return mono samples at 16 kHz, encoded by FFmpeg's `codec` in its `container`."""
    import av

    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        file.metadata.update({"title": title} if title else {})
        _write_sound(file, _sound_stream(file, codec), samples)
    return buffer.getvalue()


def video_bytes(
    pictures: Sequence[Image.Image],
    *,
    seconds_each: float = 2.0,
    rate: int = 4,
    samples: Float32Array | None = None,
    container: str = "matroska",
) -> bytes:
    """Return a video that shows each picture for a while, with sound where samples are given.

    Pictures are kept as they are (FFV1) in Matroska, and compressed elsewhere: VP8 in WebM, which
    browsers play, MPEG-4 in others.
    """
    import av

    exact = container == "matroska"
    codec, sound_codec = _CODECS.get(container, ("mpeg4", "aac"))
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as file:
        picture_stream: Any = file.add_stream(codec, rate=Fraction(rate))
        picture_stream.width, picture_stream.height = pictures[0].size
        picture_stream.pix_fmt = "bgr0" if exact else "yuv420p"
        sound = _sound_stream(file, sound_codec) if samples is not None else None
        for picture in pictures:
            frame: Any = av.VideoFrame.from_image(picture)  # type: ignore[no-untyped-call]
            for _ in range(round(seconds_each * rate)):
                frame.pts = None
                file.mux(picture_stream.encode(frame))
        file.mux(picture_stream.encode(None))
        if samples is not None:
            _write_sound(file, sound, samples)
    return buffer.getvalue()


def _sound_stream(file: Any, codec: str) -> Any:
    stream = file.add_stream(codec, rate=RATE)
    stream.layout = "mono"
    return stream


def _write_sound(file: Any, stream: Any, samples: Float32Array) -> None:
    import av

    stream.codec_context.open(strict=False)
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = RATE
    resampler = av.AudioResampler(stream.format, "mono", RATE, stream.frame_size or None)
    for ready in (*resampler.resample(frame), *resampler.resample(None)):
        file.mux(stream.encode(ready))
    file.mux(stream.encode(None))


class FakeTranscriber:
    """Understands `spoken_tones`: a loud stretch is a word, its pitch says which."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        self.clip_seconds: list[float] = []
        self.languages: list[str] = []

    def find_speech(self, samples: Float32Array) -> list[tuple[int, int]]:
        """Return the loud stretches, each shorter than a clip."""
        return [
            (start, min(stop, start + round(CLIP_S * RATE))) for start, stop in _loud_runs(samples)
        ]

    def write_down(self, samples: Float32Array, language: str) -> Heard:
        """Return a word for each loud stretch of a clip."""
        self.clip_seconds.append(len(samples) / RATE)
        self.languages.append(language)
        words = tuple(
            SpokenWord(f" {_word_of(samples[start:stop])}", TimeRange(start / RATE, stop / RATE))
            for start, stop in _loud_runs(samples)
        )
        return Heard(words, "en", 0.9 if len(words) > 1 else 0.3)


def _loud_runs(samples: Float32Array) -> Iterator[tuple[int, int]]:
    n_blocks = len(samples) // _BLOCK
    blocks = np.abs(samples[: n_blocks * _BLOCK]).reshape(n_blocks, _BLOCK).max(axis=1) > _LOUD
    edges = np.flatnonzero(np.diff(np.concatenate([[False], blocks, [False]]).astype(np.int8)))
    for start, stop in edges.reshape(-1, 2).tolist():
        yield start * _BLOCK, stop * _BLOCK


def _word_of(samples: Float32Array) -> str:
    spectrum = np.abs(np.fft.rfft(samples))
    pitch = float(np.argmax(spectrum)) * RATE / len(samples)
    return min(TONES, key=lambda word: abs(TONES[word] - pitch))
