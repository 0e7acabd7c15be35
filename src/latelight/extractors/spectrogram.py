"""What sound looks like: loudness by pitch and time, drawn without a plotting library."""

import numpy as np
from PIL import Image

from latelight.extractors.sound import RATE
from latelight.types import Float32Array

SIZE = (960, 240)
_WINDOW = 1024
_LOWEST_HZ, _HIGHEST_HZ = 50.0, 8_000.0
_RANGE_DB = 80.0


def spectrogram(samples: Float32Array, size: tuple[int, int] = SIZE) -> Image.Image:
    """Return a grey picture of a sound, dark where it is loud: time to the right, pitch upwards.

    Pitch runs logarithmically from 50 Hz to 8 kHz; white is 80 dB under the loudest place.

    Args:
        samples: (n_samples,) float32, mono, 16 kHz.
        size: width and height in pixels.
    """
    width, height = size
    loud = _decibels(samples, width)  # (width, n_bins)
    places = np.geomspace(_HIGHEST_HZ, _LOWEST_HZ, height) * _WINDOW / RATE  # the highest on top
    low = np.clip(places.astype(np.int64), 0, loud.shape[1] - 2)
    share = (places - low)[:, None]
    shown = (1 - share) * loud.T[low] + share * loud.T[low + 1]  # (height, width)
    level = np.clip((shown - shown.max(initial=-np.inf)) / _RANGE_DB + 1, 0, 1)
    return Image.fromarray((255 - 235 * level).astype(np.uint8)).convert("RGB")


def _decibels(samples: Float32Array, n_columns: int) -> Float32Array:
    """Return (n_columns, n_bins) float32: each column's spectrum over its stretch of the sound."""
    padded = np.pad(samples, (0, max(_WINDOW - len(samples), 0)))
    starts = np.linspace(0, len(padded) - _WINDOW, n_columns).astype(np.int64)
    windows = padded[starts[:, None] + np.arange(_WINDOW)] * np.hanning(_WINDOW)
    power = np.abs(np.fft.rfft(windows, axis=1)) ** 2
    decibels: Float32Array = (10 * np.log10(power + 1e-10)).astype(np.float32)
    return decibels
