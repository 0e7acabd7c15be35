"""Any sound -> mono samples at 16 kHz, piece by piece, so that length costs no memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from latelight.extractors.limits import check_seconds
from latelight.extractors.media_file import MediaFile, damaged
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import SOUND_RATE, Float32Array

if TYPE_CHECKING:
    from av import AudioFrame

RATE = SOUND_RATE
PIECE_S = 1.0
# Timestamps that jump ahead by less are jitter, by more a gap in the recording.
_GAP_S = 0.5
_RATES = range(1_000, 768_001)
_LONGEST_FRAME_S = 30.0


@dataclass(frozen=True, eq=False)
class Piece:
    """Samples that follow each other without a gap.

    Attributes:
        start_s: when the first one is heard.
        samples: (n_samples,) float32 at 16 kHz, -1 to 1.
    """

    start_s: float
    samples: Float32Array  # (n_samples,)

    @property
    def end_s(self) -> float:
        """When the last sample has been heard."""
        return self.start_s + len(self.samples) / RATE


def read_sound(media: MediaFile, options: ExtractionOptions) -> Iterator[Piece]:
    """Yield the sound of an open file in pieces of about a second, times ascending.

    Raises:
        DamagedFileError: nothing can be decoded, or the format is impossible.
        FileTooLargeError: it is longer than `max_seconds`, whatever its header says.
    """
    start_s, waiting, n_waiting = 0.0, list[Float32Array](), 0
    for time, samples in _resampled(media):
        end_s = start_s + n_waiting / RATE
        if time is not None and time > end_s + _GAP_S:
            if n_waiting:
                yield Piece(start_s, np.concatenate(waiting))
            start_s, waiting, n_waiting, end_s = time, [], 0, time
        check_seconds(media.name, end_s, options)
        waiting.append(samples)
        n_waiting += len(samples)
        if n_waiting >= PIECE_S * RATE:
            yield Piece(start_s, np.concatenate(waiting))
            start_s, waiting, n_waiting = start_s + n_waiting / RATE, [], 0
    if n_waiting:
        yield Piece(start_s, np.concatenate(waiting))


def _resampled(media: MediaFile) -> Iterator[tuple[float | None, Float32Array]]:
    """Yield samples with the time of their first one where the container gives it."""
    import av

    resampler, given = None, None
    for time, frame in media.frames(media.sound):
        _check_frame(media.name, frame)
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if resampler is None or shape != given:  # a stream may change in the middle
            if resampler is not None:
                yield from ((None, _samples(one)) for one in resampler.resample(None))
            resampler, given = av.AudioResampler("flt", "mono", RATE), shape
        frame.pts = None  # the times are ours: the resampler only converts
        for one in resampler.resample(frame):
            yield (time if time >= 0 else None), _samples(one)
    if resampler is not None:
        yield from ((None, _samples(one)) for one in resampler.resample(None))


def _samples(frame: "AudioFrame") -> Float32Array:
    samples = frame.to_ndarray().reshape(-1).astype(np.float32, copy=False)
    if not np.isfinite(samples).all():  # float formats may hold anything
        samples = np.nan_to_num(samples, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -1.0, 1.0)


def _check_frame(name: str, frame: "AudioFrame") -> None:
    # A frame that claims hours would be stretched to gigabytes.
    if frame.sample_rate not in _RATES or frame.samples > _LONGEST_FRAME_S * frame.sample_rate:
        raise damaged(
            name, f"a frame of {frame.samples:,} samples at {frame.sample_rate:,} Hz is impossible"
        )
