"""A compression plan: what was measured, as values, a table's rows, and a figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, overload

from latelight.errors import InputError, SettingError
from latelight.evaluation import Measure, Qrels
from latelight.pipelines.planning import AGREEMENT, Judged, PlanGrid, PlanPoint, Told, plan
from latelight.pipelines.reader import Reader
from latelight.pipelines.recall import sample_queries

DEFAULT_GRID = PlanGrid()
_LINES: dict[str, Any] = {"fast": ":", "balanced": "-", "best": "--", "exact": "-."}
_STEPS, _FEWER_STEPS = (1, 1.5, 2, 3, 5, 7), (1, 2, 3, 5)  # of a decade, that get a number
_SHORT = 5  # an axis on which all of them fit: from its one end to the other so many times


@dataclass(frozen=True)
class Asked:
    """What a plan is to be made of; see `Collection.plan`."""

    qrels: Qrels | None
    measure: str
    space: str
    grid: PlanGrid
    n: int


@dataclass(frozen=True)
class Plan(Sequence[PlanPoint]):
    """The points of a grid, measured on a collection's own documents.

    Attributes:
        points: every combination.
        measure: what `quality` is, such as `nDCG@10` or `agreement@10`.
        n_queries: that it is a mean of.
        space: whose rows were tried.
    """

    points: tuple[PlanPoint, ...]
    measure: str
    n_queries: int
    space: str

    @overload
    def __getitem__(self, index: int) -> PlanPoint: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[PlanPoint]: ...
    def __getitem__(self, index: int | slice) -> PlanPoint | Sequence[PlanPoint]:
        return self.points[index]

    def __len__(self) -> int:
        return len(self.points)

    def __iter__(self) -> Iterator[PlanPoint]:
        return iter(self.points)

    @property
    def front(self) -> tuple[PlanPoint, ...]:
        """The points that no other one beats, smallest first."""
        return tuple(sorted((p for p in self.points if p.is_best), key=lambda p: p.bytes_per_unit))

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "measure": self.measure,
            "n_queries": self.n_queries,
            "space": self.space,
            "points": [asdict(point) for point in self.points],
        }

    def draw(self, path: str | Path) -> None:
        """Save a figure: quality against bytes and against time, each point its pool factor.

        Bytes do not depend on the level of recall: on that side the best level stands for all.

        Raises:
            SettingError: the package that draws is not installed.
        """
        try:
            import matplotlib as mpl
        except ImportError as error:
            raise SettingError(
                f"Drawing a plan needs matplotlib, which cannot be imported ({error}); install it: "
                "pip install 'latelight[report]'."
            ) from error
        mpl.use("Agg")
        from matplotlib import pyplot as plt

        figure, panels = plt.subplots(1, 2, figsize=(12, 5.5), sharey=True)
        _draw_lines(panels[0], _by_store(_best_levels(self.points)), "bytes_per_unit")
        _draw_lines(panels[1], _by_store(self.points), "p50_ms")
        panels[0].set_xlabel("bytes a unit, on disk (log)")
        panels[1].set_xlabel("median search without encoding, ms (log)")
        panels[0].set_ylabel(f"{self.measure}, {self.n_queries:,} queries")
        figure.suptitle(
            f"Space {self.space}: numbers are pool factors; ringed: no other point beats it in "
            "quality, bytes and time"
        )
        _draw_legend(figure, self.points)
        figure.tight_layout(rect=(0, 0.06, 1, 1))
        figure.savefig(path, dpi=110)
        plt.close(figure)


Lines = dict[tuple[tuple[str, int], str], list[PlanPoint]]


def _stores(points: Sequence[PlanPoint]) -> list[tuple[str, int]]:
    return list(dict.fromkeys((point.store, point.bits) for point in points))


def _by_store(points: Sequence[PlanPoint]) -> Lines:
    """Return the points of each store and level, which a line joins."""
    found: Lines = {}
    for point in points:
        found.setdefault(((point.store, point.bits), point.level), []).append(point)
    return found


def _best_levels(points: Sequence[PlanPoint]) -> list[PlanPoint]:
    """Return, of each factor and store, the level of the best quality, under one level's name."""
    found: dict[tuple[int, str, int], PlanPoint] = {}
    for point in points:
        key = (point.factor, point.store, point.bits)
        if key not in found or point.quality > found[key].quality:
            found[key] = point
    ringed = {(p.factor, p.store, p.bits) for p in points if p.is_best}
    return [replace(p, level="balanced", is_best=key in ringed) for key, p in found.items()]


def _draw_lines(panel: Any, lines: Lines, name: str) -> None:
    from matplotlib import ticker

    stores = list(dict.fromkeys(store for store, _ in lines))
    for (store, level), points in lines.items():
        x, y = [getattr(point, name) for point in points], [point.quality for point in points]
        color = f"C{stores.index(store)}"
        panel.plot(x, y, _LINES[level], color=color, alpha=0.5, linewidth=1.2)
        for place, point in zip(zip(x, y, strict=True), points, strict=True):
            panel.plot(*place, marker=f"${point.factor}$", color=color, markersize=7)
            if point.is_best:
                ring = {"markerfacecolor": "none", "markeredgecolor": "black", "markersize": 14}
                panel.plot(*place, marker="o", linestyle="", markeredgewidth=0.8, **ring)
    panel.set_xscale("log")
    steps = _STEPS if panel.get_xlim()[1] < _SHORT * panel.get_xlim()[0] else _FEWER_STEPS
    panel.xaxis.set_major_locator(ticker.LogLocator(base=10, subs=steps))
    panel.xaxis.set_major_formatter(ticker.FuncFormatter(lambda value, _: f"{value:,g}"))
    panel.xaxis.set_minor_locator(ticker.NullLocator())
    panel.margins(0.06)
    panel.grid(alpha=0.3)


def _draw_legend(figure: Any, points: Sequence[PlanPoint]) -> None:
    """Draw what colours and lines mean below the panels, where no point can be hidden."""
    from matplotlib.lines import Line2D

    handles = [
        Line2D([], [], color=f"C{number}", linewidth=3, label=_store_label(*store))
        for number, store in enumerate(_stores(points))
    ]
    levels = dict.fromkeys(point.level for point in points)
    handles += [
        Line2D([], [], color="gray", linestyle=_LINES[level], label=f"recall {level}")
        for level in levels
    ]
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), fontsize=9)


def _store_label(store: str, bits: int) -> str:
    if store == "codes":
        return f"codes of {bits} bits"
    return f"{store}, found by codes of {bits} bits" if bits else store


def make_plan(
    reader: Reader, queries: Sequence[str] | Mapping[str, str] | None, asked: Asked, told: Told
) -> Plan:
    """Return the plan; see `Collection.plan`."""
    space = asked.space or next(iter(reader.spec.spaces))
    if space not in reader.spec.spaces:
        raise InputError(f"No space {space!r}; the collection has {sorted(reader.spec.spaces)}.")
    judged = None if asked.qrels is None else _judged(queries, asked.qrels, asked.measure)
    if judged is not None:
        texts: Sequence[str] = judged.queries
    elif queries is None:
        texts = sample_queries(reader, asked.n)
    else:
        texts = list(queries.values()) if isinstance(queries, Mapping) else list(queries)
    points = plan(reader, space, texts, asked.grid, judged, told)
    measure = f"{AGREEMENT}@{asked.grid.k}" if judged is None else judged.measure.name
    return Plan(tuple(points), measure, len(texts), space)


def _judged(
    queries: Sequence[str] | Mapping[str, str] | None, qrels: Qrels, measure: str
) -> Judged:
    if not isinstance(queries, Mapping):
        raise InputError(
            "Judgements are by topic, and the queries have none; give queries as {topic: text}."
        )
    topics = tuple(topic for topic in qrels.topics if topic in queries)
    if not topics:
        raise InputError(
            f"None of the {len(qrels.topics):,} judged topics is among the {len(queries):,} "
            "queries; give the queries that the judgements are of."
        )
    kept = Qrels({topic: qrels.of(topic) for topic in topics})
    return Judged(tuple(queries[t] for t in topics), topics, kept, Measure.parse(measure))
