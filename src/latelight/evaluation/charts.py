"""Charts of a comparison as SVG, drawn without anything but text; colours come from the page."""

from collections.abc import Callable, Sequence
from html import escape
from math import isfinite

from latelight.evaluation.compare import Difference

_WIDTH = 720
_ROW = 26
_LABEL = 230


def topic_chart(one: Difference, height: int = 170) -> str:
    """Return the differences by topic, largest gain first; each bar says its topic on hovering."""
    topics = sorted(one.topics, key=lambda topic: -topic.difference)
    reach = max((abs(topic.difference) for topic in topics), default=0) or 1.0
    step, middle = _WIDTH / max(len(topics), 1), height / 2
    bars = [
        _bar(i * step, step, middle, -topic.difference / reach * (middle - 12), topic.difference)
        + f"<title>{escape(topic.topic)}: {topic.before:.3f} → {topic.after:.3f}, "
        f"{escape(topic.text[:120])}</title></rect>"
        for i, topic in enumerate(topics)
        if topic.difference
    ]
    label = f"Difference of {one.measure} by topic, {one.system} less {one.baseline}"
    return _svg(
        height,
        label,
        f'<line class="zero" x1="0" x2="{_WIDTH}" y1="{middle:.1f}" y2="{middle:.1f}"/>',
        *bars,
        f'<text x="{_WIDTH}" y="10" text-anchor="end">+{reach:.3f}</text>',
        f'<text x="0" y="{height - 3}">−{reach:.3f}</text>',
    )


def interval_chart(differences: Sequence[Difference], margin: float) -> str:
    """Return the bootstrap interval of every difference, with the band that does not matter."""
    ends = [x for d in differences for x in (d.bootstrap.low, d.bootstrap.high) if isfinite(x)]
    reach = 1.1 * max([margin, *(abs(x) for x in ends)])
    height = _ROW * len(differences) + 24

    def place(value: float) -> float:
        inside = max(-reach, min(reach, value))
        return _LABEL + (inside + reach) / (2 * reach) * (_WIDTH - _LABEL)

    rows = [_interval_row(one, i * _ROW + 14, place) for i, one in enumerate(differences)]
    band = (
        f'<rect class="band" x="{place(-margin):.1f}" y="0" '
        f'width="{place(margin) - place(-margin):.1f}" height="{height - 20}"/>'
    )
    zero = f'<line class="zero" x1="{place(0):.1f}" x2="{place(0):.1f}" y1="0" y2="{height - 20}"/>'
    scale = "".join(
        f'<text x="{place(value):.1f}" y="{height - 4}" text-anchor="{anchor}">{value:+.3f}</text>'
        for value, anchor in ((-reach, "start"), (0.0, "middle"), (reach, "end"))
    )
    return _svg(height, "Intervals of the mean differences", band, zero, *rows, scale)


def _interval_row(one: Difference, y: float, place: Callable[[float], float]) -> str:
    name = f"{one.system}, {one.measure}"
    shown = name if len(name) <= 34 else f"{name[:33]}…"
    low, high = place(one.bootstrap.low), place(one.bootstrap.high)
    return (
        f'<text x="0" y="{y + 4:.1f}">{escape(shown)}</text>'
        f'<line class="interval" x1="{low:.1f}" x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<circle class="{verdict_class(one)}" cx="{place(one.difference):.1f}" cy="{y:.1f}" r="5">'
        f"<title>{escape(name)}: {one.difference:+.4f}</title></circle>"
    )


def verdict_class(one: Difference) -> str:
    """Return the CSS class of a verdict."""
    return {"better": "better", "worse": "worse"}.get(one.verdict, "open")


def _bar(x: float, width: float, middle: float, extent: float, difference: float) -> str:
    top, height = (middle + extent, -extent) if extent < 0 else (middle, extent)
    kind = "better" if difference > 0 else "worse"
    return (
        f'<rect class="{kind}" x="{x:.2f}" y="{top:.2f}" '
        f'width="{max(0.8 * width, 0.6):.2f}" height="{height:.2f}">'
    )


def _svg(height: float, label: str, *parts: str) -> str:
    return (
        f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(label)}">'
        + "".join(parts)
        + "</svg>"
    )
