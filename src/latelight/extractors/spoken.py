"""Spoken words -> passages of about half a minute, and what lies between them."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from latelight.extractors.decode import without_surrogates
from latelight.extractors.speech import Recording, SpokenWord
from latelight.extractors.timeline import Part
from latelight.types import TimeRange, WordTimes

PASSAGE_S = 20.0  # a passage ends with the first sentence after so long ...
LONGEST_PASSAGE_S = 40.0  # ... and never later than this
PAUSE_S = 3.0  # or where nobody speaks for so long
QUIET_S = 30.0
UNHEARD_S = PAUSE_S  # for encoders that listen, shorter stretches without words are units too
_BREATH_S = 0.35
_RATHER_ONE = 0.1  # of a window more is not worth another one
_SENTENCE_ENDS = tuple(".!?…。！？｡؟۔।")
_CLOSERS = "\"'”’»)]」』"


def sound_parts(recording: Recording, limit: int) -> list[Part]:
    """Return the passages of a recording, and windows of half a minute where nobody speaks.

    Where the sound was kept, each part has its own, and stretches without words are parts from
    3 seconds on: encoders that listen find something in them.

    Args:
        recording: as heard.
        limit: most characters of a passage.
    """
    parts = [_passage(words) for words in _passages(recording.words, limit)]
    kept = recording.kept
    parts += [Part("audio", time) for time in _quiet(recording, UNHEARD_S if kept else QUIET_S)]
    return parts if kept is None else [replace(one, sound=kept.during(one.time)) for one in parts]


@dataclass(frozen=True)
class _Run:
    """Words under consideration for one passage."""

    words: Sequence[SpokenWord]

    @property
    def seconds(self) -> float:
        return self.words[-1].time.end_s - self.words[0].time.start_s

    @property
    def n_characters(self) -> int:
        return sum(len(word.text) for word in self.words)


def _passages(words: Sequence[SpokenWord], limit: int) -> Iterator[Sequence[SpokenWord]]:
    first = 0
    for i in range(len(words)):
        while i > first and _must_end(words, first, i, limit):
            cut = _best_cut(words, first, i)
            yield words[first:cut]
            first = cut
        if _may_end(words, first, i) or _pause_after(words, i) >= PAUSE_S:
            yield words[first : i + 1]
            first = i + 1
    if first < len(words):
        yield words[first:]


def _must_end(words: Sequence[SpokenWord], first: int, i: int, limit: int) -> bool:
    """Whether a passage from `first` cannot hold the word `i` too."""
    run = _Run(words[first : i + 1])
    return run.seconds > LONGEST_PASSAGE_S or run.n_characters > limit


def _may_end(words: Sequence[SpokenWord], first: int, i: int) -> bool:
    seconds = words[i].time.end_s - words[first].time.start_s
    return seconds >= PASSAGE_S and _ends_sentence(words[i])


def _best_cut(words: Sequence[SpokenWord], first: int, stop: int) -> int:
    """Return where to end a passage before the word `stop`: a sentence, a breath, or there."""
    least = first + max((stop - first) // 2, 1)
    after = range(stop, least - 1, -1)
    sentence = next((i for i in after if _ends_sentence(words[i - 1])), 0)
    breath = next((i for i in after if _pause_after(words, i - 1) >= _BREATH_S), 0)
    return sentence or breath or stop


def _pause_after(words: Sequence[SpokenWord], i: int) -> float:
    if i + 1 >= len(words):
        return 0.0
    return words[i + 1].time.start_s - words[i].time.end_s


def _ends_sentence(word: SpokenWord) -> bool:
    return word.text.rstrip().rstrip(_CLOSERS).endswith(_SENTENCE_ENDS)


def _passage(words: Sequence[SpokenWord]) -> Part:
    text, spans, times = "", [], []
    for word in words:
        written = without_surrogates(" ".join(word.text.split()))
        if not written:
            continue
        gap = " " if text and word.text[:1].isspace() else ""
        spans.append((len(text) + len(gap), len(text) + len(gap) + len(written)))
        times.append((word.time.start_s, word.time.end_s))
        text += gap + written
    return Part(
        kind="audio",
        time=TimeRange(words[0].time.start_s, words[-1].time.end_s),
        text=text,
        spoken=WordTimes(
            np.array(spans, np.int32).reshape(-1, 2), np.array(times, np.float32).reshape(-1, 2)
        ),
    )


def _quiet(recording: Recording, least: float) -> Iterator[TimeRange]:
    """Yield even windows over long stretches without words, or over all when there are none."""
    least = least if recording.words else 0.0
    place = 0.0
    ends = TimeRange(recording.duration_s, recording.duration_s)
    for spoken in [*recording.spoken, ends]:
        length = spoken.start_s - place
        if length > 0 and length >= least:
            n_windows = max(math.ceil(length / QUIET_S - _RATHER_ONE), 1)
            step = length / n_windows
            for i in range(n_windows):
                yield TimeRange(place + i * step, place + (i + 1) * step)
        place = max(place, spoken.end_s)
