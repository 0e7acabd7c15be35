"""Charts drawn by matplotlib in varied styles; needs matplotlib (extra `report`)."""

from collections.abc import Callable, Mapping
from typing import Any

import matplotlib as mpl
import matplotlib.style
import numpy as np
from cycler import cycler
from matplotlib.figure import Figure
from PIL import Image

from training.sight.assets import amount, words
from training.sight.canvas import Random, Tile, between, chance, palette, pick
from training.sight.plans import Plan

DPI = 100
_FAMILIES = ("DejaVu Sans", "DejaVu Serif", "DejaVu Sans Mono", "STIXGeneral")


def draw_plan(
    rng: Random, styles: tuple[str, ...], plan: Plan, width: float, height: float
) -> Tile:
    """Return a chart as a picture of about `width` x `height` pixels."""
    style = pick(rng, styles)
    with mpl.rc_context(), mpl.style.context(style):
        settings: Any = mpl.rcParams
        settings.update(_look(rng, style, min(width, height)))
        figure = Figure(figsize=(max(1.2, width / DPI), max(1.0, height / DPI)), dpi=DPI)
        axes: Any = figure.add_subplot()
        _DRAWERS[plan.kind](rng, axes, plan)
        _finish(rng, axes, plan)
        figure.tight_layout(pad=0.3)
        return Tile(_pixels(figure), plan.kind, plan.flags)


def _pixels(figure: Figure) -> Image.Image:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3].copy())


def _look(rng: Random, style: str, side: float) -> dict[str, Any]:
    size = float(np.clip(side * between(rng, 0.028, 0.045), 4, 13))
    look: dict[str, Any] = {
        "font.size": size, "axes.titlesize": size * 1.1, "axes.labelsize": size,
        "xtick.labelsize": size * 0.9, "ytick.labelsize": size * 0.9, "legend.fontsize": size * 0.9,
        "font.family": pick(rng, _FAMILIES), "lines.linewidth": between(rng, 0.6, 2.4),
        "figure.facecolor": "white", "axes.spines.top": chance(rng, 0.5),
        "axes.spines.right": chance(rng, 0.5), "lines.markersize": between(rng, 2, 5),
        "axes.linewidth": between(rng, 0.4, 1.2),
    }  # fmt: skip
    if style != "grayscale":
        hexed = [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in palette(rng)]
        look["axes.prop_cycle"] = cycler(color=hexed)
    return look


def _finish(rng: Random, axes: Any, plan: Plan) -> None:
    if plan.title:
        axes.set_title(plan.title, loc=pick(rng, ("center", "left")))
    if "grid lines" in plan.flags:
        if plan.has("grid lines"):
            axes.grid(True, axis=pick(rng, ("both", "y")), linewidth=0.5)
        else:
            axes.grid(False)
    if plan.has("legend") and axes.get_legend_handles_labels()[0]:
        axes.legend(loc=pick(rng, ("best", "upper left", "lower right")), frameon=chance(rng, 0.5))
    if plan.kind not in ("pie chart", "heat map") and chance(rng, 0.3):
        axes.set_ylabel(words(rng, 2))


def _ticks(axes: Any, plan: Plan, *, swap: bool = False) -> None:
    labels = [label[:8] for label in plan.labels]
    step = max(1, len(labels) // 8)
    at = np.arange(0, len(labels), step)
    setter = axes.set_yticks if swap else axes.set_xticks
    setter(at, [labels[i] for i in at])


def _lines(rng: Random, axes: Any, plan: Plan) -> None:
    marker = pick(rng, ("", "o", "s", "^", "D")) if plan.values.shape[1] < 30 else ""
    for i, row in enumerate(plan.values):
        style = pick(rng, ("-", "--", ":", "-.")) if i and chance(rng, 0.4) else "-"
        axes.plot(row, style, marker=marker, label=plan.names[i])
        if plan.has("value labels") and len(row) < 13:
            for x, y in enumerate(row):
                axes.annotate(amount(rng)[:5], (x, y), ha="center", va="bottom")
    _ticks(axes, plan)


def _bars(rng: Random, axes: Any, plan: Plan) -> None:
    n_series, n = plan.values.shape
    swap, stacked = plan.has("horizontal bars"), "stacked" in plan.kind
    base, fill, edge = np.zeros(n), between(rng, 0.5, 0.9), pick(rng, ("none", "black", "white"))
    for i, row in enumerate(plan.values):
        thick = fill if stacked else fill / n_series
        at = np.arange(n) + (0 if stacked else (i - (n_series - 1) / 2) * thick)
        options = {"label": plan.names[i], "edgecolor": edge, "linewidth": 0.5}
        if chance(rng, 0.08):
            options["hatch"] = pick(rng, ("//", "xx", ".."))
        if swap:
            drawn = axes.barh(at, row, thick, left=base if stacked else 0, **options)
        else:
            drawn = axes.bar(at, row, thick, bottom=base if stacked else 0, **options)
        if plan.has("value labels"):
            axes.bar_label(drawn, labels=[amount(rng)[:5] for _ in row],
                           label_type="center" if stacked else "edge")  # fmt: skip
        base = base + row
    _ticks(axes, plan, swap=swap)


def _area(rng: Random, axes: Any, plan: Plan) -> None:
    axes.stackplot(range(plan.values.shape[1]), plan.values,
                   labels=plan.names[: len(plan.values)], alpha=between(rng, 0.5, 1))  # fmt: skip
    _ticks(axes, plan)


def _combined(rng: Random, axes: Any, plan: Plan) -> None:
    axes.bar(range(plan.values.shape[1]), plan.values[0], label=plan.names[0])
    if plan.has("value labels"):
        axes.bar_label(axes.containers[0], labels=[amount(rng)[:5] for _ in plan.values[0]])
    other = axes.twinx() if chance(rng, 0.5) else axes
    other.plot(plan.values[1] * between(rng, 0.6, 1.3), "-o", color="black" if chance(rng, 0.3)
               else f"C{int(rng.integers(1, 4))}", label=plan.names[1])  # fmt: skip
    if other is not axes:
        other.grid(False)
    _ticks(axes, plan)


def _pie(rng: Random, axes: Any, plan: Plan) -> None:
    values = plan.values[0] + plan.values[0].max() * 0.15
    options: dict[str, Any] = {"startangle": between(rng, 0, 360), "shadow": chance(rng, 0.15)}
    if plan.has("donut"):
        options["wedgeprops"] = {"width": between(rng, 0.3, 0.6)}
    if plan.has("value labels"):
        options["autopct"] = "%d%%"
        options["pctdistance"] = pick(rng, (0.7, 1.15))
    if chance(rng, 0.5) and not plan.has("value labels"):
        options["labels"] = [label[:8] for label in plan.labels]
    wedges = axes.pie(values, **options)[0]
    if plan.has("legend"):
        axes.legend(wedges, plan.names[: len(values)], loc="center left", bbox_to_anchor=(1, 0.5))
    if plan.has("three-dimensional"):
        axes.set_aspect(between(rng, 0.45, 0.7))


def _scatter(rng: Random, axes: Any, plan: Plan) -> None:
    loose = not (plan.has("rising") or plan.has("falling"))
    n = plan.values.shape[1]
    for i, row in enumerate(plan.values / plan.values.max()):
        x = np.sort(rng.random(n))
        y = rng.normal(0.5, 0.2, n) if loose else row + rng.normal(0, 0.06, n)
        axes.scatter(x, y, s=between(rng, 3, 20), marker=pick(rng, ("o", "x", "^", "s", "+")),
                     label=plan.names[i], alpha=between(rng, 0.5, 1))  # fmt: skip


def _heat(rng: Random, axes: Any, plan: Plan) -> None:
    colours = pick(rng, ("viridis", "Blues", "Reds", "coolwarm", "YlGnBu", "Greys", "RdYlGn"))
    shown = axes.imshow(rng.random(plan.values.shape), cmap=colours, aspect="auto")
    if chance(rng, 0.5):
        axes.figure.colorbar(shown)
    _ticks(axes, plan)


def _boxes(rng: Random, axes: Any, plan: Plan) -> None:
    n = plan.values.shape[1]
    data = [rng.normal(rng.random() * 2, 0.3 + rng.random(), 40) for _ in range(n)]
    if chance(rng, 0.2):
        axes.violinplot(data, showmedians=True)
    else:
        axes.boxplot(data, patch_artist=chance(rng, 0.6), notch=chance(rng, 0.15))
    axes.set_xticks(np.arange(1, n + 1), [label[:6] for label in plan.labels[:n]])


def _gantt(rng: Random, axes: Any, plan: Plan) -> None:
    n = int(rng.integers(5, 14))
    starts = np.cumsum(rng.uniform(-0.5, 2, n))
    axes.barh(range(n), rng.uniform(1, 5, n), left=starts, height=between(rng, 0.4, 0.8),
              color=[f"C{i % 3}" for i in range(n)])  # fmt: skip
    axes.set_yticks(range(n), [words(rng, 2)[:12] for _ in range(n)])
    axes.invert_yaxis()
    if chance(rng, 0.6):
        axes.grid(True, axis="x", linewidth=0.5)


def _candles(rng: Random, axes: Any, plan: Plan) -> None:
    closes = plan.values[0]
    spread = closes.std() * 0.3
    up, down = pick(rng, (("#2a8c4a", "#c83030"), ("white", "black"), ("C0", "C1")))
    for i in range(1, len(closes)):
        low, high = sorted((closes[i - 1], closes[i]))
        tails = abs(rng.normal(0, spread, 2))
        axes.vlines(i, low - tails[0], high + tails[1], color="black", linewidth=0.6)
        colour = up if closes[i] >= closes[i - 1] else down
        axes.bar(i, high - low + spread * 0.05, 0.7, low, color=colour, edgecolor="black",
                 linewidth=0.4)  # fmt: skip
    _ticks(axes, plan)


_DRAWERS: Mapping[str, Callable[[Random, Any, Plan], None]] = {
    "line chart": _lines,
    "bar chart": _bars,
    "stacked bar chart": _bars,
    "pie chart": _pie,
    "scatter plot": _scatter,
    "area chart": _area,
    "heat map": _heat,
    "box plot": _boxes,
    "Gantt chart": _gantt,
    "candlestick chart": _candles,
    "combined chart": _combined,
}
