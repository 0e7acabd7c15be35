"""Samples of a recording, kept while it is listened to, for encoders that listen too."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator

import numpy as np

from latelight.extractors.sound import RATE, Piece
from latelight.types import Float32Array, Int16Array, TimeRange

FULL = 32_768
"""The sample that stands for 1: what files of 16 bits hold is kept as it is."""


class KeptSound:
    """The first seconds of a recording at 16 kHz, as int16: 32 kB a second."""

    def __init__(self, most_s: float) -> None:
        """Keep what is heard before the second `most_s`."""
        self._n_most = round(most_s * RATE)
        self._starts: list[int] = []  # of the pieces, in samples, ascending
        self._pieces: list[Int16Array] = []

    def passing(self, pieces: Iterable[Piece]) -> Iterator[Piece]:
        """Yield the pieces of a recording as they come, and keep their samples."""
        for piece in pieces:
            start = round(piece.start_s * RATE)
            if start < self._n_most:
                self._starts.append(start)
                self._pieces.append(as_int16(piece.samples[: self._n_most - start]))
            yield piece

    def during(self, time: TimeRange) -> Int16Array | None:
        """Return what was heard: (n_samples,) int16, silence in gaps; None where nothing was kept.

        What ends before the time does is not filled up.
        """
        begin, end = round(time.start_s * RATE), round(time.end_s * RATE)
        heard, n_heard = np.zeros(max(end - begin, 0), np.int16), 0
        first = max(bisect_right(self._starts, begin) - 1, 0)
        for start, piece in zip(self._starts[first:], self._pieces[first:], strict=True):
            if start >= end:
                break
            own = piece[max(begin - start, 0) : end - start]
            if len(own):
                at = max(start - begin, 0)
                heard[at : at + len(own)] = own
                n_heard = at + len(own)
        return heard[:n_heard] if n_heard else None


def as_int16(samples: Float32Array) -> Int16Array:
    """Return samples in -1 to 1 as int16, of the same shape."""
    return np.clip(np.rint(samples * FULL), -FULL, FULL - 1).astype(np.int16)
