"""A compression plan: what was measured, as values, a table's rows, and a figure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, overload

from latelight.errors import InputError, SettingError
from latelight.evaluation import Measure, Qrels
from latelight.pipelines.planning import AGREEMENT, Judged, PlanGrid, PlanPoint, Told, plan
from latelight.pipelines.reader import Reader
from latelight.pipelines.recall import sample_queries

DEFAULT_GRID = PlanGrid()
_MARKS = {"fast": "v", "balanced": "o", "best": "^"}


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
        """Save a figure: quality against bytes and against time, the front joined by a line.

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

        figure, panels = plt.subplots(1, 2, figsize=(12, 5), sharey=True)
        for panel, name, label in (
            (panels[0], "bytes_per_unit", "bytes a unit, on disk (log)"),
            (panels[1], "p50_ms", "median search, ms (log)"),
        ):
            _draw_points(panel, self.points, name)
            panel.set(xscale="log", xlabel=label)
            panel.grid(alpha=0.3, which="both")
        panels[0].set_ylabel(f"{self.measure}, {self.n_queries:,} queries")
        panels[1].legend(fontsize=8, loc="lower right")
        figure.suptitle(f"Space {self.space}: × pool factor; ringed: no other point beats it")
        figure.tight_layout()
        figure.savefig(path, dpi=110)
        plt.close(figure)


def _draw_points(panel: Any, points: Sequence[PlanPoint], name: str) -> None:
    kinds = list(dict.fromkeys((point.store, point.bits) for point in points))
    factors = sorted({point.factor for point in points})
    for point in points:
        kind = kinds.index((point.store, point.bits))
        first = point.factor == factors[0] and point.level == points[0].level
        panel.plot(
            getattr(point, name),
            point.quality,
            marker=_MARKS.get(point.level, "s"),
            markersize=6 + 3 * factors.index(point.factor) / max(len(factors) - 1, 1),
            color=f"C{kind}",
            alpha=1 - 0.65 * factors.index(point.factor) / max(len(factors), 1),
            linestyle="",
            markeredgecolor="black" if point.is_best else "none",
            label=f"{point.store}, {point.bits} bits" if first else None,
        )
        if point.level == "balanced":
            place = (getattr(point, name), point.quality)
            panel.annotate(f" ×{point.factor}", place, fontsize=7, color=f"C{kind}")


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
