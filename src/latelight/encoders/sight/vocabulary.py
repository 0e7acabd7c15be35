"""What the patch encoder can see: kinds of regions and their attributes, by name."""

from collections.abc import Mapping

BACKGROUND = "background"
CHARTS = (
    "line chart", "bar chart", "stacked bar chart", "pie chart", "scatter plot", "area chart",
    "heat map", "box plot", "Gantt chart", "candlestick chart", "combined chart",
)  # fmt: skip
TABLES = ("ruled table", "unruled table")
WRITING = ("text", "title", "list", "table of contents", "form")
FIGURES = (
    "photograph", "drawing", "map", "logo", "flow chart", "organisation chart", "diagram",
    "formula", "code", "signature", "stamp", "handwriting", "barcode", "QR code",
)  # fmt: skip
KINDS = (BACKGROUND, *WRITING, *TABLES, *CHARTS, *FIGURES)
# Kinds that every page is full of: they are seen, so that nothing else is seen in their place.
UNMARKED = frozenset((BACKGROUND, "text", "title", "list"))

ATTRIBUTES = (
    "rising", "falling", "flat", "several series", "horizontal bars", "legend", "grid lines",
    "time axis", "donut", "three-dimensional", "value labels",
)  # fmt: skip
_TREND = ("rising", "falling", "flat")
_FRAME = ("several series", "legend", "grid lines", "time axis", "value labels")
# Which attributes a kind can have; the others are not asked of it.
ATTRIBUTES_OF: Mapping[str, tuple[str, ...]] = {
    "line chart": (*_TREND, *_FRAME),
    "bar chart": (*_TREND, *_FRAME, "horizontal bars", "three-dimensional"),
    "stacked bar chart": (*_TREND, "legend", "grid lines", "time axis", "horizontal bars",
                          "value labels"),
    "area chart": (*_TREND, *_FRAME),
    "combined chart": (*_TREND, "legend", "grid lines", "time axis", "value labels"),
    "pie chart": ("donut", "three-dimensional", "legend", "value labels"),
    "scatter plot": (*_TREND, "several series", "legend", "grid lines"),
    "candlestick chart": (*_TREND, "grid lines", "time axis"),
}  # fmt: skip
