"""One colour scale for light on a page: from the paper's white through amber to orange.

Lightness falls evenly from one end to the other in OKLab, so the scale reads the same in grey and
to colour-blind eyes, and it stays light enough that black print under it keeps its contrast.
"""

import math

# (OKLab lightness, chroma, hue in degrees) at equal steps.
STOPS = (
    (1.0, 0.0, 105.0),
    (0.945, 0.10, 100.0),
    (0.885, 0.155, 90.0),
    (0.80, 0.17, 70.0),
    (0.725, 0.185, 52.0),
)
INK = (28, 30, 34)
QUIET = (112, 116, 124)
HAIRLINE = (220, 222, 226)
PAPER = (255, 255, 255)
OUTLINE = (176, 58, 0)

Colour = tuple[int, int, int]


def colour(amount: float) -> Colour:
    """Return the colour of `amount`, clipped to 0 (paper) to 1 (brightest)."""
    return RAMP[round(min(max(amount, 0.0), 1.0) * 255)]


def _interpolated(amount: float) -> Colour:
    at = amount * (len(STOPS) - 1)
    i = min(int(at), len(STOPS) - 2)
    low, high, part = STOPS[i], STOPS[i + 1], at - i
    lightness, chroma, hue = (a + (b - a) * part for a, b in zip(low, high, strict=True))
    return _srgb(lightness, chroma, math.radians(hue))


def _srgb(lightness: float, chroma: float, hue: float) -> Colour:
    """Return the sRGB bytes of an OKLCh colour (Björn Ottosson's OKLab, 2020)."""
    a, b = chroma * math.cos(hue), chroma * math.sin(hue)
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    medium = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    return (
        _byte(4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short),
        _byte(-1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short),
        _byte(-0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short),
    )


def _byte(linear: float) -> int:
    linear = min(max(linear, 0.0), 1.0)
    encoded = 12.92 * linear if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055
    return round(255 * encoded)


RAMP: tuple[Colour, ...] = tuple(_interpolated(i / 255) for i in range(256))
