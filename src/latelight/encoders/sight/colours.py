"""Colours that a person would name in a part of a picture, counted from its pixels."""

import numpy as np

from latelight.encoders.sight.picture import UInt8Array
from latelight.types import Float32Array

COLOURS = ("red", "orange", "yellow", "green", "blue", "purple", "brown", "grey")
_PAPER = 235  # pixels lighter than this in every channel are paper
_COLOURFUL = 0.06  # of what is no paper, to be more than grey
_SHARE = 0.3  # of the coloured pixels, to be named
_MOST = 2
_SATURATED, _DARK, _BROWN_VALUE = 0.28, 0.18, 0.62
# Hues in degrees where each name begins.
_EDGES = np.array([15, 42, 70, 165, 255, 330])
_NAMES = np.array([0, 1, 2, 3, 4, 5, 0])


def name_colours(pixels: UInt8Array) -> tuple[str, ...]:
    """Return at most two names of `COLOURS`, the commonest first; empty where all is paper.

    Args:
        pixels: (height, width, 3) uint8.
    """
    flat = pixels.reshape(-1, 3).astype(np.float32)
    ink = flat[flat.min(axis=1) < _PAPER]
    if len(ink) == 0:
        return ()
    hue, saturation, value = _hsv(ink)
    coloured = (saturation > _SATURATED) & (value > _DARK)
    if coloured.mean() < _COLOURFUL:
        return ("grey",)
    named = _NAMES[np.searchsorted(_EDGES, hue[coloured], side="right")]
    named = np.where((named == 1) & (value[coloured] < _BROWN_VALUE), COLOURS.index("brown"), named)
    shares = np.bincount(named, minlength=len(COLOURS)) / len(named)
    order = np.argsort(-shares)[:_MOST]
    return tuple(COLOURS[i] for i in order if shares[i] >= _SHARE)


def _hsv(pixels: Float32Array) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return hue in degrees, saturation and value (0 to 1) of (n, 3)."""
    high, low = pixels.max(axis=1), pixels.min(axis=1)
    span = np.maximum(high - low, 1e-6)
    red, green, blue = pixels.T
    hue = np.where(
        high == red,
        (green - blue) / span,
        np.where(high == green, 2 + (blue - red) / span, 4 + (red - green) / span),
    )
    degrees: Float32Array = ((hue * 60) % 360).astype(np.float32)
    return degrees, (span / np.maximum(high, 1)).astype(np.float32), (high / 255).astype(np.float32)
