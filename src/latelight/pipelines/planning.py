"""What compression costs on a collection's own documents: quality, latency and bytes over a grid.

Stored rows are pooled, coded and searched again, in a scratch directory; nothing of the collection
changes. Quality is a measure against judgements, or, where there are none, how much of the best k
of an exact search over all rows comes back. Both look at one space's MaxSim, without words.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from latelight.encoders.pooling import Float64Array, Pooling, pool, trees_of
from latelight.errors import InputError
from latelight.evaluation import Measure, Qrels, Run, mean, unit_name
from latelight.index import MultiVectorIndex, Snapshot
from latelight.index.candidates import RecallLevel
from latelight.index.rows import RowStore
from latelight.pipelines.reader import Reader
from latelight.types import Float32Array, Int64Array, MultiVector

AGREEMENT = "agreement"
_QUERIES_TO_WARM = 3
_DEEP = 100  # for measures that look at whole rankings

Told = Callable[[int, int], None]


def tell_nothing(done: int, total: int) -> None:
    """Take a count of measured points and do nothing with it."""


@dataclass(frozen=True)
class PlanGrid:
    """What is tried: every combination.

    Attributes:
        factors: rows that become one by pooling, about; 1 keeps all.
        stores: how rows are kept, and the bits of their codes.
        levels: how hard a search tries.
        k: depth of quality.
    """

    factors: tuple[int, ...] = (1, 2, 3, 4)
    stores: tuple[tuple[RowStore, int], ...] = (("int8", 2), ("codes", 4), ("codes", 3))
    levels: tuple[RecallLevel, ...] = ("fast", "balanced", "best")
    k: int = 10

    def __post_init__(self) -> None:
        if not self.factors or min(self.factors) < 1 or not self.stores or not self.levels:
            raise InputError(
                f"The grid has factors {self.factors}, stores {self.stores} and levels "
                f"{self.levels}; give at least one of each, factors from 1 on."
            )


@dataclass(frozen=True)
class PlanPoint:
    """One combination, measured.

    Attributes:
        factor, store, bits, level: as in the grid.
        quality: mean over the queries, 0 to 1.
        p50_ms: median time of a search without encoding.
        bytes_per_unit: of vectors, codes and their index on disk.
        n_rows: stored, of all units.
        is_best: whether no other point is at least as good in quality, time and bytes and better
            in one.
    """

    factor: int
    store: RowStore
    bits: int
    level: RecallLevel
    quality: float
    p50_ms: float
    bytes_per_unit: float
    n_rows: int
    is_best: bool = False


@dataclass(frozen=True, eq=False)
class Judged:
    """Queries with what is right for them, by doc_id, or by unit as `unit_name` calls them."""

    queries: tuple[str, ...]
    topics: tuple[str, ...]
    qrels: Qrels
    measure: Measure


@dataclass(frozen=True, eq=False)
class _Material:
    """What every point is measured with: live units' rows by ordinal, and the queries' rows."""

    snapshot: Snapshot
    ordinals: Int64Array
    rows: list[MultiVector]
    queries: list[Float32Array]
    kept: list[int]  # numbers of the queries that have rows
    exact: list[list[int]]  # best units for each query, all rows scored; none with judgements
    names: list[str]  # what judgements call each unit


def plan(
    reader: Reader,
    space: str,
    queries: Sequence[str],
    grid: PlanGrid,
    judged: Judged | None = None,
    told: Told = tell_nothing,
) -> list[PlanPoint]:
    """Return every point of the grid, measured, those on the Pareto front marked.

    Args:
        reader: the collection's view and encoders, loaded.
        space: whose rows are tried.
        queries: texts to agree on; not looked at where there are judgements.
        grid: what to try.
        judged: queries with judgements.
        told: hears of each point that is done.

    Raises:
        InputError: the space's rows were not kept, there is nothing to search, or nothing that was
            judged is in the collection.
    """
    material = _material(reader, space, queries, grid.k, judged)
    n_points = len(grid.factors) * len(grid.stores) * len(grid.levels)
    points: list[PlanPoint] = []
    trees = _trees(material.rows, reader.n_threads) if max(grid.factors) > 1 else None
    for factor in grid.factors:
        pooled = _pooled(material.rows, factor, trees)
        for store, bits in grid.stores:
            with tempfile.TemporaryDirectory(prefix="latelight-plan-") as folder:
                plain = PlanPoint(factor, store, bits, "balanced", 0.0, 0.0, 0.0, 0)
                made = _made(Path(folder) / "index", pooled, store, bits)
                for one in _measured(made, plain, material, grid, judged):
                    points.append(one)
                    told(len(points), n_points)
    return _with_front(points)


Trees = list[list[Float64Array]]


def _trees(rows: Sequence[MultiVector], n_threads: int) -> Trees:
    """Return, of each unit, what clusters of every factor are cut from."""
    with ThreadPoolExecutor(n_threads) as threads:
        return list(threads.map(lambda one: trees_of(one, Pooling("ward")), rows))


def _pooled(rows: Sequence[MultiVector], factor: int, trees: Trees | None) -> list[Float32Array]:
    if factor == 1 or trees is None:
        return [one.vectors for one in rows]
    pooling = Pooling("ward", factor)
    return [pool(one, pooling, own).vectors for one, own in zip(rows, trees, strict=True)]


def _material(
    reader: Reader, space: str, queries: Sequence[str], k: int, judged: Judged | None
) -> _Material:
    snapshot = reader.snapshot
    if snapshot.spaces[space].store == "codes":
        raise InputError(
            f"Space {space!r} keeps codes alone, so that its rows cannot be compressed anew; plan "
            "with a collection whose store is int8 or float16."
        )
    live = np.flatnonzero(snapshot.allow_list() & (snapshot.row_counts(space) > 0))
    texts = queries if judged is None else judged.queries
    asked = [reader.encoders[space].encode_query(text).vectors for text in texts]
    kept = [number for number, rows in enumerate(asked) if len(rows)]
    encoded = [asked[number] for number in kept]
    if not len(live) or not encoded:
        raise InputError(
            f"There are {len(live):,} units with rows in space {space!r} and {len(encoded):,} "
            "queries; add documents, and give at least one query."
        )
    exact = [] if judged else _best(snapshot, space, live, encoded, k, reader.n_threads)
    own = [_decoded(snapshot, space, int(ordinal)) for ordinal in live]
    names = [] if judged is None else _judged_names(snapshot, live, judged.qrels)
    return _Material(snapshot, live, own, encoded, kept, exact, names)


def _best(
    snapshot: Snapshot,
    space: str,
    live: Int64Array,
    queries: Sequence[Float32Array],
    k: int,
    n_threads: int,
) -> list[list[int]]:
    """Return for each query the k best live units, by their number among these, all rows scored."""
    allow = np.zeros(snapshot.n_units, np.bool_)
    allow[live] = True
    best = []
    for rows in queries:
        scores = snapshot.scores(space, rows, allow, n_threads)[live]
        best.append(np.argsort(-scores, kind="stable")[:k].tolist())
    return best


def _judged_names(snapshot: Snapshot, live: Int64Array, qrels: Qrels) -> list[str]:
    """Return what the judgements call each unit: its document, or the unit itself."""
    judged = {name for topic in qrels.topics for name in qrels.of(topic)}
    documents = snapshot.doc_ids_of(live)
    if judged & set(documents):
        return documents
    units = [snapshot.unit(int(ordinal)) for ordinal in live]
    names = [
        unit_name(document, unit.locator.page, unit.unit_id)
        for document, unit in zip(documents, units, strict=True)
    ]
    if judged & set(names):
        return names
    example = next(iter(judged), "")
    raise InputError(
        f"None of the {len(judged):,} names that were judged, such as {example!r}, is a document "
        f"of the collection, such as {documents[0]!r}, or a unit, such as {names[0]!r}; give the "
        "judgements of this collection."
    )


def _decoded(snapshot: Snapshot, space: str, ordinal: int) -> MultiVector:
    """Return a unit's stored rows as float32, and where they come from."""
    values, scales = snapshot.rows(space, ordinal)
    rows = values.astype(np.float32)
    rows = rows if scales is None else rows * scales[:, None]
    return MultiVector(rows, snapshot.row_locators(space, ordinal))


def _made(path: Path, rows: Sequence[Float32Array], store: RowStore, bits: int) -> MultiVectorIndex:
    index = MultiVectorIndex(path, rows[0].shape[1], store, bits)
    index.add([str(number) for number in range(len(rows))], rows)
    return index


def _measured(
    index: MultiVectorIndex,
    plain: PlanPoint,
    material: _Material,
    grid: PlanGrid,
    judged: Judged | None,
) -> Iterator[PlanPoint]:
    with index:
        stats = index.stats()
        for level in grid.levels:
            found, times = _searched(index, material, level, _depth(grid, judged))
            yield replace(
                plain,
                level=level,
                quality=_quality(found, material, grid, judged),
                p50_ms=round(statistics.median(times), 4),
                bytes_per_unit=round(stats.n_bytes / len(material.rows), 1),
                n_rows=stats.n_rows,
            )


def _depth(grid: PlanGrid, judged: Judged | None) -> int:
    # A document has several units: more are needed to fill the measure's depth with documents.
    return grid.k if judged is None else 5 * (judged.measure.k or _DEEP)


def _searched(
    index: MultiVectorIndex, material: _Material, level: RecallLevel, k: int
) -> tuple[list[list[int]], list[float]]:
    for rows in material.queries[:_QUERIES_TO_WARM]:
        index.search(rows, k, recall=level)
    found, times = [], []
    for rows in material.queries:
        began = time.perf_counter()
        hits = index.search(rows, k, recall=level)
        times.append(1000 * (time.perf_counter() - began))
        found.append([int(hit.id) for hit in hits])
    return found, times


def _quality(
    found: Sequence[Sequence[int]], material: _Material, grid: PlanGrid, judged: Judged | None
) -> float:
    if judged is None:
        shares = [
            len(set(own[: grid.k]) & set(best)) / max(len(best), 1)
            for own, best in zip(found, material.exact, strict=True)
        ]
        return round(statistics.fmean(shares), 4)
    topics = [judged.topics[number] for number in material.kept]
    rankings = {
        topic: _ranking(material.names[number] for number in own)
        for topic, own in zip(topics, found, strict=True)
    }
    return round(mean(Run(rankings), judged.qrels, judged.measure), 4)


def _ranking(names: Iterable[str]) -> tuple[tuple[str, float], ...]:
    """Return each document, or unit, where its best unit is."""
    return tuple((name, -float(rank)) for rank, name in enumerate(dict.fromkeys(names)))


def _with_front(points: Sequence[PlanPoint]) -> list[PlanPoint]:
    return [replace(one, is_best=not any(_beats(other, one) for other in points)) for one in points]


def _beats(other: PlanPoint, one: PlanPoint) -> bool:
    theirs = (other.quality, -other.p50_ms, -other.bytes_per_unit)
    own = (one.quality, -one.p50_ms, -one.bytes_per_unit)
    return theirs != own and all(a >= b for a, b in zip(theirs, own, strict=True))
