"""What a chart shows, apart from how it is drawn: data, labels, and the attributes that follow."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from latelight.encoders.sight.vocabulary import ATTRIBUTES_OF
from training.sight.assets import time_labels, words
from training.sight.canvas import Random, between, chance, pick, weighted

TRENDS = {"rising": 0.36, "falling": 0.24, "flat": 0.14, "mixed": 0.26}
CHART_SHARES = {
    "line chart": 5.0, "bar chart": 5.0, "stacked bar chart": 2.6, "pie chart": 3.4,
    "scatter plot": 1.6, "area chart": 1.5, "heat map": 1.1, "box plot": 1.0, "Gantt chart": 1.0,
    "candlestick chart": 1.0, "combined chart": 1.5,
}  # fmt: skip
_POINTS = {
    "line chart": (5, 6, 6, 8, 10, 12, 16, 24, 60, 120),
    "area chart": (6, 10, 16, 30, 80),
    "candlestick chart": (14, 20, 30, 45, 60),
    "pie chart": (3, 4, 5, 6, 8),
    "box plot": (3, 4, 5, 6, 8),
    "Gantt chart": (6, 8, 10),
}
_HAS_SERIES = ("line chart", "area chart", "bar chart", "scatter plot")


@dataclass(frozen=True)
class Plan:
    """A chart to be drawn.

    Attributes:
        kind: one of the charts of the vocabulary.
        values: (n_series, n) float, positive.
        labels: one per column.
        names: one per series.
        title: above the plot; empty for none.
        flags: every attribute that the kind can have; those that are not decided are left out.
    """

    kind: str
    values: np.ndarray
    labels: tuple[str, ...]
    names: tuple[str, ...]
    title: str
    flags: Mapping[str, bool]

    def has(self, attribute: str) -> bool:
        """Return whether an attribute is there."""
        return self.flags.get(attribute, False)


def plan_chart(rng: Random, kind: str | None = None) -> Plan:
    """Return a chart of `kind`, or of a random one."""
    kind = kind or weighted(rng, CHART_SHARES)
    n_series, n = _sizes(rng, kind)
    trend = weighted(rng, TRENDS)
    values = np.stack([_series(rng, n, trend) for _ in range(n_series)])
    has_time = chance(rng, 0.65)
    labels = time_labels(rng, n) if has_time else [words(rng, 1) for _ in range(n)]
    flags = _flags(rng, kind, trend, n_series) | {"time axis": has_time}
    if kind == "scatter plot":
        flags |= _scatter_trend(trend)
    known = ATTRIBUTES_OF.get(kind, ())
    title = words(rng, int(rng.integers(2, 7))) if chance(rng, 0.5) else ""
    names = tuple(words(rng, int(rng.integers(1, 3))) for _ in range(max(n_series, n)))
    kept = {name: flag for name, flag in flags.items() if name in known}
    return Plan(kind, values, tuple(labels), names, title, kept)


def _sizes(rng: Random, kind: str) -> tuple[int, int]:
    """Return how many series and how many points."""
    if kind == "scatter plot":
        return pick(rng, (1, 1, 2, 3)), int(rng.integers(12, 120))
    if kind == "heat map":
        return int(rng.integers(4, 16)), int(rng.integers(4, 18))
    n = int(pick(rng, _POINTS[kind])) if kind in _POINTS else int(rng.integers(3, 13))
    if kind == "stacked bar chart":
        return int(rng.integers(2, 6)), n
    if kind in _HAS_SERIES and chance(rng, 0.55):
        return int(rng.integers(2, 5)), n
    return (2 if kind == "combined chart" else 1), n


def _series(rng: Random, n: int, trend: str) -> np.ndarray:
    at = np.linspace(0, 1, n)
    noise = np.cumsum(rng.normal(0, 1, n)) * between(rng, 0.01, 0.09) / max(1, n**0.5) * 3
    noise += rng.normal(0, between(rng, 0.005, 0.05), n)
    slope = between(rng, 0.5, 1.2)
    shape = at ** between(rng, 0.6, 2.2)
    start = between(rng, 0.15, 0.6)
    if trend == "rising":
        values = start + slope * shape + noise * 0.6
    elif trend == "falling":
        values = start + slope * (1 - shape) + noise * 0.6
    elif trend == "flat":
        values = 0.5 + start + noise * 0.35 - noise.mean() * 0.35
    else:
        turns = between(rng, 0.8, 2.5)
        values = start + 0.5 + 0.45 * np.sin(2 * np.pi * (turns * at + rng.random())) + noise
        values += rng.normal(0, 0.12, n)
    scale: float = 10 ** between(rng, 0, 4)
    found: np.ndarray = np.maximum(values, 0.05) * scale
    return found


def _flags(rng: Random, kind: str, trend: str, n_series: int) -> dict[str, bool]:
    several = n_series > 1
    needs_legend = several or kind in ("pie chart", "combined chart")
    flags = {name: trend == name for name in ("rising", "falling", "flat")}
    if kind in _HAS_SERIES:
        flags["several series"] = several
    return flags | {
        "legend": chance(rng, 0.75 if needs_legend else 0.15),
        "grid lines": chance(rng, 0.5),
        "horizontal bars": chance(rng, 0.3),
        "donut": chance(rng, 0.35),
        "three-dimensional": chance(rng, 0.18),
        "value labels": chance(rng, 0.45),
    }


def _scatter_trend(trend: str) -> dict[str, bool]:
    """A cloud of points that follows no line is neither rising nor falling nor flat."""
    return {name: name == trend and name != "flat" for name in ("rising", "falling", "flat")}
