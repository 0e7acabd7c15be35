"""Long texts are cut into windows that a model can attend to at once."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latelight.types import Int32Array

_MAX_SETBACK = 0.25  # a line end is looked for in the last quarter of a window


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens `[start, end)` of a text that are encoded together."""

    start: int
    end: int


def cut_windows(text: str, spans: Int32Array, limit: int) -> list[Window]:
    """Return windows of at most `limit` tokens that cover all tokens once, in order.

    Windows have about the same length, so that no short rest is read without its surroundings;
    each ends at a line's end where one is near, else between two words, else anywhere.

    Args:
        text: what was tokenised.
        spans: (n_tokens, 2) int32, characters of each token, ascending.
        limit: at least 1.
    """
    n_tokens = len(spans)
    if n_tokens <= limit:
        return [Window(0, n_tokens)] if n_tokens else []
    starts_line, starts_word = _boundaries(text, spans)
    windows: list[Window] = []
    start = 0
    while start < n_tokens:
        target = start + _even_share(n_tokens - start, limit)
        end = target if target == n_tokens else _cut(start, target, starts_line, starts_word)
        windows.append(Window(start, end))
        start = end
    return windows


def _even_share(n_tokens: int, limit: int) -> int:
    return math.ceil(n_tokens / math.ceil(n_tokens / limit))


def _boundaries(
    text: str, spans: Int32Array
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return which tokens start a line and which start a word, both (n_tokens,) bool."""
    starts_word = np.ones(len(spans), np.bool_)
    starts_word[1:] = spans[1:, 0] > spans[:-1, 1]
    starts_line = np.zeros(len(spans), np.bool_)
    for i in np.flatnonzero(starts_word[1:]) + 1:
        starts_line[i] = "\n" in text[spans[i - 1, 1] : spans[i, 0]]
    return starts_line, starts_word


def _cut(
    start: int,
    target: int,
    starts_line: npt.NDArray[np.bool_],
    starts_word: npt.NDArray[np.bool_],
) -> int:
    """Return the best place to end a window: the last boundary not after `target`."""
    earliest = max(start + 1, target - int((target - start) * _MAX_SETBACK))
    for boundary in (starts_line, starts_word):
        places = np.flatnonzero(boundary[earliest : target + 1])
        if len(places):
            return int(earliest + places[-1])
    return target
