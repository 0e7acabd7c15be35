"""Sound as inputs of a model that listens: cut into pieces, each row inside its piece's time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from latelight.encoders.vision.inputs import Prepared
from latelight.types import SOUND_RATE, Float32Array, Int16Array, Unit

LEAST_SAMPLES = 1_600
"""A last piece of sound that is shorter than a tenth of a second is left out."""
FULL = 32_768

Listen = Callable[[Float32Array, float], Prepared]
"""Makes 16 kHz samples (n,) float32 and the second at which they begin an input."""


@dataclass(frozen=True, eq=False)
class SoundPiece:
    """Sound that a model takes at once.

    Attributes:
        samples: (n_samples,) float32 or int16.
        start_s: the second of the recording at which it begins.
    """

    samples: Float32Array | Int16Array  # (n_samples,)
    start_s: float

    def prepared(self, listen: Listen) -> Prepared:
        """Return the input; a last row that the model counts up ends where the sound does."""
        made = listen(as_float32(self.samples), self.start_s)
        times = made.places.times
        if times is None:
            return made
        end_s = np.float32(self.start_s + len(self.samples) / SOUND_RATE)
        return replace(made, places=replace(made.places, times=np.minimum(times, end_s)))


def pieces_of(
    samples: Float32Array | Int16Array, most_samples: int, start_s: float
) -> Iterator[SoundPiece]:
    """Yield sound in pieces of at most `most_samples`, none shorter than a tenth of a second."""
    for begin in range(0, len(samples), most_samples):
        if len(samples) - begin >= LEAST_SAMPLES:
            piece = samples[begin : begin + most_samples]
            yield SoundPiece(piece, start_s + begin / SOUND_RATE)


def pieces_of_unit(unit: Unit, most_samples: int) -> list[SoundPiece]:
    """Return a unit's sound in pieces; none where it has no sound, or less than a tenth second."""
    if unit.sound is None:
        return []
    time = unit.locator.time
    return list(pieces_of(unit.sound, most_samples, time.start_s if time else 0.0))


def as_float32(samples: Float32Array | Int16Array) -> Float32Array:
    """Return samples in -1 to 1, contiguous; int16 is divided by 32,768."""
    if samples.dtype == np.int16:
        return samples.astype(np.float32) / np.float32(FULL)
    return np.ascontiguousarray(samples, np.float32)
