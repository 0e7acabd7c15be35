"""Figures of a comparison as PNG, for slides and papers; needs the extra `report` (matplotlib)."""

import re
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latelight.errors import InputError
from latelight.evaluation.compare import Comparison, Difference

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_COLOURS = {"better": "#1b7f4b", "worse": "#b3372b"}
_OPEN = "#8a6d1d"
_DPI = 150


def write_figures(comparison: Comparison, directory: str | Path) -> list[Path]:
    """Write the intervals, and the differences by topic of each measure; return the files.

    Raises:
        InputError: there is only one run, or matplotlib is not installed.
    """
    if not comparison.differences:
        raise InputError("There is one run only; figures show differences between two or more.")
    place = Path(directory)
    place.mkdir(parents=True, exist_ok=True)
    files = [_save(_intervals(comparison), place / "intervals.png")]
    for measure in comparison.measures:
        rows = [one for one in comparison.differences if one.measure == measure]
        name = re.sub(r"[^\w.-]+", "-", measure).strip("-")
        files.append(_save(_topics(rows), place / f"topics-{name}.png"))
    return files


def _intervals(comparison: Comparison) -> "Figure":
    """Draw each mean difference with its interval, over the band that does not matter."""
    rows = comparison.differences
    figure, (axes,) = _figure(1, height=1.1 + 0.42 * len(rows))
    margin = comparison.options.margin
    axes.axvspan(-margin, margin, color="#eef1f5", zorder=0)
    axes.axvline(0, color="#5c6470", linewidth=1, zorder=1)
    for place, one in enumerate(reversed(rows)):
        if isfinite(one.bootstrap.low):
            axes.plot([one.bootstrap.low, one.bootstrap.high], [place, place], color="#1c1e21")
        axes.plot([one.difference], [place], "o", color=_COLOURS.get(one.verdict, _OPEN))
        axes.annotate(
            one.verdict,
            (1, place),
            xycoords=("axes fraction", "data"),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    names = [f"{one.system}, {one.measure}" for one in reversed(rows)]
    axes.set_yticks(range(len(rows)), labels=[_plain(name) for name in names])
    axes.set_ylim(-0.7, len(rows) - 0.3)
    confidence = 100 * (1 - comparison.options.alpha)
    axes.set_xlabel(
        _plain(
            f"difference from {rows[0].baseline}, {confidence:g} % interval, "
            f"{comparison.n_topics} topics"
        )
    )
    return figure


def _topics(rows: Sequence[Difference]) -> "Figure":
    """Draw the differences by topic, sorted, one row of axes for each system."""
    figure, every = _figure(len(rows), height=0.6 + 2.2 * len(rows))
    for axes, one in zip(every, rows, strict=True):
        values = sorted((topic.difference for topic in one.topics), reverse=True)
        colours = [_COLOURS["better" if value > 0 else "worse"] for value in values]
        axes.bar(range(len(values)), values, width=0.9, color=colours)
        axes.axhline(0, color="#5c6470", linewidth=0.8)
        axes.axhline(one.difference, color="#1c1e21", linewidth=1, linestyle="--")
        axes.set_ylabel(_plain(f"Δ {one.measure}"))
        axes.set_xlim(-0.5, len(values) - 0.5)
        title = f"{one.system} less {one.baseline}: {one.difference:+.4f}, {one.verdict}"
        axes.set_title(_plain(title), fontsize=10, loc="left")
    every[-1].set_xlabel("topics, largest gain first; dashed: the mean")
    return figure


def _figure(n_rows: int, height: float) -> tuple["Figure", list[Any]]:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise InputError(
            "Figures are drawn by matplotlib, which is not installed: pip install "
            "'latelight[report]', or leave figures out (--no-figures)."
        ) from error
    figure = Figure(figsize=(8, height), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(n_rows, 1, squeeze=False)[:, 0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, list(axes)


def _save(figure: "Figure", path: Path) -> Path:
    figure.savefig(path, dpi=_DPI)
    return path


def _plain(text: str) -> str:
    """Return text that matplotlib does not read as mathematics."""
    return text.replace("$", r"\$")
