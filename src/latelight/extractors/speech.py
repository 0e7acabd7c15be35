"""Sound -> spoken words with their times, whatever model listens."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from latelight.extractors.kept_sound import KeptSound
from latelight.extractors.sound import RATE, Piece
from latelight.types import Float32Array, TimeRange

BUFFER_S = 60.0
CLIP_S = 28.0  # Whisper hears 30 s at a time
PAUSE_S = 3.0
_EDGE_S = 1.0
_SURE = 0.5

Tell = Callable[[float], None]
"""Is called with the seconds heard so far, at least twice a minute of sound."""


@dataclass(frozen=True)
class SpokenWord:
    """A word as it is written down.

    Attributes:
        text: with the space before it where the language writes one, and its punctuation.
        time: when it is said.
    """

    text: str
    time: TimeRange


@dataclass(frozen=True)
class Heard:
    """What was said in one clip.

    Attributes:
        words: with times from the clip's beginning.
        language: its code.
        certainty: of the language, 0–1.
    """

    words: tuple[SpokenWord, ...] = ()
    language: str = ""
    certainty: float = 0.0


class Transcriber(Protocol):
    """A model that listens. The same samples always give the same words."""

    def find_speech(self, samples: Float32Array) -> list[tuple[int, int]]:
        """Return where somebody speaks, as ranges of samples, ascending, each under `CLIP_S`.

        Args:
            samples: (n_samples,) float32, mono, 16 kHz.
        """
        ...

    def write_down(self, samples: Float32Array, language: str) -> Heard:
        """Return what is said in a clip of at most `CLIP_S`; an empty `language` is found out."""
        ...


@dataclass
class Recording:
    """What a whole recording holds.

    Attributes:
        duration_s: heard, not claimed.
        words: with times from the recording's beginning.
        spoken: stretches in which words were found.
        language: code, empty when nothing was said.
        kept: what was heard, for encoders that listen; None where none does.
    """

    duration_s: float = 0.0
    words: list[SpokenWord] = field(default_factory=list)
    spoken: list[TimeRange] = field(default_factory=list)
    language: str = ""
    kept: KeptSound | None = None


def listen(
    pieces: Iterable[Piece], transcriber: Transcriber | None, language: str, tell: Tell
) -> Recording:
    """Return the words of a recording; without a transcriber only its length.

    A minute of sound is held at a time. The language, unless given, is settled by the first clip
    that leaves little doubt.
    """
    listener = _Listener(transcriber, language, tell)
    for buffer, is_last in _buffers(pieces):
        listener.hear(buffer, is_last)
    return listener.found()


@dataclass
class _Buffer:
    """Sound that has not been listened to yet."""

    start_s: float
    parts: list[Float32Array] = field(default_factory=list)
    n_samples: int = 0

    @property
    def end_s(self) -> float:
        return self.start_s + self.n_samples / RATE

    def add(self, samples: Float32Array) -> None:
        self.parts.append(samples)
        self.n_samples += len(samples)

    def samples(self) -> Float32Array:
        if len(self.parts) != 1:
            joined = np.concatenate(self.parts) if self.parts else np.zeros(0, np.float32)
            self.parts = [joined]
        return self.parts[0]

    def keep_from(self, sample: int) -> None:
        rest = self.samples()[sample:].copy()
        self.start_s += sample / RATE
        self.parts, self.n_samples = [rest], len(rest)


def _buffers(pieces: Iterable[Piece]) -> Iterator[tuple[_Buffer, bool]]:
    """Yield the buffer whenever it is full, and as the last of its run at gaps and at the end."""
    buffer: _Buffer | None = None
    for piece in pieces:
        if buffer is not None and abs(piece.start_s - buffer.end_s) > 1 / RATE:
            yield buffer, True
            buffer = None
        if buffer is None:
            buffer = _Buffer(piece.start_s)
        buffer.add(piece.samples)
        if buffer.n_samples >= BUFFER_S * RATE:
            yield buffer, False
    if buffer is not None and buffer.n_samples:
        yield buffer, True


class _Listener:
    """Listens to one recording, buffer by buffer."""

    def __init__(self, transcriber: Transcriber | None, language: str, tell: Tell) -> None:
        self.transcriber = transcriber
        self.language = language  # empty until it is settled
        self.guesses: Counter[str] = Counter()
        self.recording = Recording()
        self.tell = tell

    def hear(self, buffer: _Buffer, is_last: bool) -> None:
        """Take what can be written down now out of the buffer."""
        self.recording.duration_s = buffer.end_s
        samples, keep = buffer.samples(), buffer.n_samples
        clips = list(_clips(self.transcriber.find_speech(samples))) if self.transcriber else []
        if not is_last and clips and _goes_on(clips[-1], keep):
            keep, _ = clips.pop()
        for start, stop in clips:
            begun_s, end_s = buffer.start_s + start / RATE, buffer.start_s + stop / RATE
            self._write_down(samples[start:stop], begun_s, end_s)
            self.tell(end_s)
        buffer.keep_from(keep)
        self.tell(buffer.start_s)

    def found(self) -> Recording:
        """Return all that was heard."""
        if self.recording.words:
            guess = self.guesses.most_common(1)
            self.recording.language = self.language or (guess[0][0] if guess else "")
        return self.recording

    def _write_down(self, samples: Float32Array, start_s: float, end_s: float) -> None:
        assert self.transcriber is not None
        heard = self.transcriber.write_down(samples, self.language)
        if not heard.words:
            return
        self.recording.words += _placed(heard.words, start_s, end_s)
        self.recording.spoken.append(TimeRange(start_s, end_s))
        self.guesses[heard.language] += 1
        if not self.language and heard.certainty >= _SURE:
            self.language = heard.language


def _goes_on(clip: tuple[int, int], n_samples: int) -> bool:
    """Whether somebody may speak on after the buffer's end, in a clip that can still grow."""
    start, stop = clip
    return start > 0 and stop > n_samples - _EDGE_S * RATE


def _clips(speech: Iterable[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Yield stretches of speech joined over short pauses to clips that one look can hold."""
    start = stop = -1
    for begin, end in speech:
        if start >= 0 and end - start <= CLIP_S * RATE and begin - stop <= PAUSE_S * RATE:
            stop = end
            continue
        if start >= 0:
            yield start, stop
        start, stop = begin, end
    if start >= 0:
        yield start, stop


def _placed(words: Iterable[SpokenWord], start_s: float, end_s: float) -> Iterator[SpokenWord]:
    """Yield a clip's words with times in the recording that ascend and stay inside the clip."""
    last = start_s
    for word in words:
        begin = min(max(start_s + word.time.start_s, last), end_s)
        end = min(max(start_s + word.time.end_s, begin), end_s)
        yield SpokenWord(word.text, TimeRange(begin, end))
        last = begin
