"""Fewer rows for a unit, each of which still knows every place that it stands for.

Hierarchical pooling follows Clavié, Chaffin and Adams, "Reducing the footprint of multi-vector
retrieval with minimal performance impact via token pooling" (2024): Ward's linkage on cosine
distances, the mean of each cluster, normalised again. Unlike the code published with it, the
linkage is computed from the condensed distances themselves, not from rows of their square matrix.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from latelight.errors import SettingError, ShapeError
from latelight.types import Float32Array, Int64Array, MultiVector, RowLocators

PoolingMethod = Literal["none", "ward", "cover", "grid"]
METHODS: tuple[PoolingMethod, ...] = get_args(PoolingMethod)

MOST_ROWS = 2_048
"""Rows that are clustered together: distances of more would take too much memory."""
_SMALLEST_NORM = 1e-12
_SLACK = 1e-6  # rows of float32 are not quite of length 1, and the bound must hold all the same

BoolArray = npt.NDArray[np.bool_]
Float64Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Pooling:
    """How rows become fewer.

    Attributes:
        method: `ward` clusters them; `cover` drops near-duplicates; `grid` takes the means of a
            picture's rows and columns, which is coarse; `none` leaves them.
        factor: `ward` makes one row of so many on average.
        threshold: `cover` drops a row whose cosine with a kept one is at least this.
        protected: so many first rows stay as they are (1 for [CLS] of a ColBERT model).
        dim: rows are cut to this length and normalised again; 0 keeps them. Only for models that
            were trained for it (Matryoshka).
    """

    method: PoolingMethod = "none"
    factor: int = 2
    threshold: float = 0.95
    protected: int = 0
    dim: int = 0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise SettingError(f"method is {self.method!r}; expected {', '.join(METHODS)}.")
        for name, value, low, high in (
            ("factor", self.factor, 1, 64),
            ("threshold", self.threshold, 0.5, 1),
            ("protected", self.protected, 0, 64),
            ("dim", self.dim, 0, 4096),
        ):
            if not low <= value <= high:
                raise SettingError(f"{name} is {value}; expected {low} to {high}.")

    @property
    def bound(self) -> float | None:
        """Most that MaxSim can change for each query token, None where nothing is promised."""
        if self.method == "none" and not self.dim:
            return 0.0
        return maxsim_bound(self.threshold) if self.method == "cover" and not self.dim else None

    def describe(self) -> Mapping[str, str]:
        """Return what a pipeline's lock says of it."""
        how = {
            "none": {},
            "ward": {"pooling": f"ward factor {self.factor}"},
            "cover": {
                "pooling": f"near-duplicates at cosine {self.threshold}",
                "maxsim_error_bound": f"{maxsim_bound(self.threshold):.4f}",
            },
            "grid": {"pooling": "means of rows and columns"},
        }[self.method]
        kept = {"pooling_protected": str(self.protected)} if how and self.protected else {}
        return {**how, **kept, **({"dim": str(self.dim)} if self.dim else {})}


def pool(
    given: MultiVector, pooling: Pooling, trees: Sequence[Float64Array] | None = None
) -> MultiVector:
    """Return a unit's rows as `pooling` makes them, with the places that each stands for.

    Rows without any place (text of a prompt, markers) stay as they are. Rows that were pooled
    before keep all their sources. Vectors are (n_rows, dim) float32, of length 1 or all zero.

    Args:
        given: the rows.
        pooling: how they become fewer.
        trees: what `trees_of` made of the same rows, for pooling by several factors.

    Raises:
        ShapeError: `dim` is more than the rows have.
    """
    vectors = truncate(given.vectors, pooling.dim) if pooling.dim else given.vectors
    cut = MultiVector(vectors, given.locators)
    if pooling.method == "none" or not given.n_rows:
        return cut
    if pooling.method == "grid":
        return grid_means(cut)
    free = _free(given, pooling)
    labels = np.full(given.n_rows, -1, np.int64)
    rows = np.flatnonzero(free)
    if pooling.method == "ward":
        labels[rows] = ward_labels(vectors[rows], pooling.factor, trees)
        return merge(cut, _numbered(labels), mean=True)
    keepers = cover(vectors[rows], pooling.threshold)
    labels[rows] = keepers
    return merge(cut, _numbered(labels), kept=np.union1d(rows[np.unique(keepers)], _rest(free)))


def trees_of(given: MultiVector, pooling: Pooling) -> list[Float64Array]:
    """Return how the rows that `pool` clusters by Ward's method come together, for any factor."""
    vectors = truncate(given.vectors, pooling.dim) if pooling.dim else given.vectors
    return ward_trees(vectors[_free(given, pooling)])


def _free(given: MultiVector, pooling: Pooling) -> BoolArray:
    """Return (n_rows,) bool: which rows may be pooled."""
    free = has_place(given.locators, given.n_rows)
    free[: pooling.protected] = False
    return free


# -- what each method does --------------------------------------------------------------------


def ward_labels(
    vectors: Float32Array, factor: int, trees: Sequence[Float64Array] | None = None
) -> Int64Array:
    """Return (n_rows,) int64: the cluster of each row, about n_rows / factor of them.

    Clusters minimise Ward's criterion on cosine distances. The same rows always give the same
    clusters. More than 2,048 rows are clustered in runs of neighbours.

    Args:
        vectors: (n_rows, dim) float32, of length 1.
        factor: at least 1.
        trees: what `ward_trees` returned for the same rows; made here by default.
    """
    if factor == 1:
        return np.arange(len(vectors))
    labels = np.empty(len(vectors), np.int64)
    first = 0
    trees = ward_trees(vectors) if trees is None else trees
    for run, tree in zip(_runs(len(vectors)), trees, strict=True):
        labels[run] = _cut(tree, factor) + first
        first = int(labels[run].max()) + 1
    return labels


def ward_trees(vectors: Float32Array) -> list[Float64Array]:
    """Return the linkage of each run of rows: (n - 1, 4) float64, as scipy's `linkage` has it.

    Cutting it gives the clusters of any factor, so that it need not be made for each. Most of the
    work is done without the interpreter's lock: threads share it.

    Args:
        vectors: (n_rows, dim) float32, of length 1.
    """
    return [_tree(vectors[run]) for run in _runs(len(vectors))]


def _runs(n_rows: int) -> list[slice]:
    """Return runs of neighbours that are looked at together, all of about the same length."""
    edges = np.linspace(0, n_rows, math.ceil(n_rows / MOST_ROWS) + 1).astype(np.int64)
    return [slice(int(a), int(b)) for a, b in pairwise(edges)]


def _tree(vectors: Float32Array) -> Float64Array:
    n_rows = len(vectors)
    if n_rows < 2:
        return np.zeros((0, 4))
    linkage, _ = _clustering()
    rows = vectors.astype(np.float64)
    distances = np.clip(1 - (rows @ rows.T)[np.triu_indices(n_rows, 1)], 0, 2)
    tree: Float64Array = linkage(distances, "ward")
    return tree


def _cut(tree: Float64Array, factor: int) -> Int64Array:
    n_rows = len(tree) + 1
    if n_rows < 2:
        return np.zeros(n_rows, np.int64)
    _, fcluster = _clustering()
    clusters: Int64Array = fcluster(tree, max(n_rows // factor, 1), "maxclust").astype(np.int64) - 1
    return clusters


def _clustering() -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return scipy's linkage and fcluster, which come with the extra `models`."""
    try:
        from scipy.cluster.hierarchy import fcluster, linkage
    except ImportError as error:
        raise SettingError(
            "Pooling with method 'ward' needs scipy, which is not installed. Install it: "
            "pip install latelight[models]; or use method 'cover'."
        ) from error
    return linkage, fcluster


def cover(vectors: Float32Array, threshold: float) -> Int64Array:
    """Return (n_rows,) int64: for each row the kept row that stands for it, itself if it is kept.

    Greedily: the row with the most others within `threshold` is looked at first (the lowest number
    among equals); it is kept if no kept row covers it, and covers all that nobody covers yet.
    So every row has a cosine of at least `threshold` with the row that stands for it.

    Args:
        vectors: (n_rows, dim) float32, of length 1.
        threshold: smallest cosine between a row and the one that stands for it.
    """
    keeper = np.full(len(vectors), -1, np.int64)
    for run in _runs(len(vectors)):
        keeper[run] = _cover_run(vectors[run], threshold) + run.start
    return keeper


def _cover_run(vectors: Float32Array, threshold: float) -> Int64Array:
    rows = vectors.astype(np.float64)
    near = rows @ rows.T >= threshold + _SLACK
    np.fill_diagonal(near, True)
    keeper = np.full(len(vectors), -1, np.int64)
    for row in np.argsort(-near.sum(axis=1), kind="stable"):
        if keeper[row] < 0:
            keeper[near[row] & (keeper < 0)] = row
    return keeper


def maxsim_bound(threshold: float) -> float:
    """Return the most by which `cover` lowers a query token's best cosine: sqrt(2 - 2 threshold).

    Unit rows with a cosine of at least t are at most sqrt(2 - 2t) apart, so their products with a
    query row of length 1 differ by no more. Rows are only left out, so no cosine ever rises.
    """
    return math.sqrt(max(2 - 2 * threshold, 0))


def grid_means(given: MultiVector) -> MultiVector:
    """Return the mean of each row and each column of a picture's grid of patches, normalised.

    Coarse: what is particular in a page is lost in them. A patch is a source of two of them. Rows
    without boxes are left out, but for those of sound, which has no grid: they stay as they are.

    Raises:
        ShapeError: the rows were pooled already, so that there is no grid any more.
    """
    boxes = given.locators.boxes
    if given.locators.offsets is not None:
        raise ShapeError("Means of a grid are taken of a model's own rows; these are pooled.")
    placed = np.flatnonzero([] if boxes is None else ~np.isnan(boxes).any(axis=1))
    if not len(placed) and given.locators.times is not None:
        return given  # sound has no grid
    if boxes is None:
        return MultiVector(given.vectors[:0], _taken(given.locators, np.zeros(0, np.int64)))
    members: list[Int64Array] = []
    for edges in ([1, 3], [0, 2]):
        _, label = np.unique(boxes[placed][:, edges], axis=0, return_inverse=True)
        label = label.reshape(-1)
        members += [placed[label == i] for i in range(int(label.max(initial=-1)) + 1)]
    means = [given.vectors[rows].mean(axis=0) for rows in members]
    vectors = np.stack(means) if means else given.vectors[:0]
    return MultiVector(normalised(vectors), _grouped(given.locators, members))


def truncate(vectors: Float32Array, dim: int) -> Float32Array:
    """Return the first `dim` dimensions of each row, normalised again.

    Raises:
        ShapeError: the rows have fewer.
    """
    if dim > vectors.shape[1]:
        raise ShapeError(f"Rows of {vectors.shape[1]} dims cannot be cut to {dim}; give fewer.")
    return normalised(vectors[:, :dim])


def normalised(vectors: Float32Array) -> Float32Array:
    """Return the rows with length 1; rows of zeros stay as they are."""
    norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
    rows: Float32Array = (vectors / np.maximum(norms, _SMALLEST_NORM)).astype(np.float32)
    return rows


# -- rows with their places -------------------------------------------------------------------


def has_place(locators: RowLocators, n_rows: int) -> BoolArray:
    """Return (n_rows,) bool: which rows have a place of their own; all where no row has any."""
    n_sources = n_rows if locators.offsets is None else int(locators.offsets[-1])
    placed = np.zeros(n_sources, np.bool_)
    if locators.spans is not None:
        placed |= locators.spans[:, 0] >= 0
    for column in (locators.boxes, locators.times):
        if column is not None:
            placed |= ~np.isnan(column[:, 0])
    if locators.offsets is not None:
        placed = np.array(
            [placed[locators.sources_of(row)].any() for row in range(n_rows)], np.bool_
        )
    return placed if placed.any() else np.ones(n_rows, np.bool_)


def merge(
    given: MultiVector,
    labels: Int64Array,
    *,
    mean: bool = False,
    kept: Int64Array | None = None,
) -> MultiVector:
    """Return one row for each label, with the sources of all rows that have it.

    Args:
        given: the rows.
        labels: (n_rows,) int64, 0 to n - 1, numbered by their first row.
        mean: the new row is the mean of the old ones, normalised.
        kept: (n,) int64, ascending: without `mean`, the row of each label that stays as it is.
    """
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(int(labels.max()) + 2))
    members = [order[a:b] for a, b in pairwise(starts)]
    if mean:
        vectors = np.add.reduceat(given.vectors[order].astype(np.float64), starts[:-1], axis=0)
        sizes = np.diff(starts)[:, None]
        rows = normalised((vectors / sizes).astype(np.float32))
        single = np.flatnonzero(sizes[:, 0] == 1)
        rows[single] = given.vectors[order[starts[single]]]
    else:
        assert kept is not None
        rows = np.empty((len(members), given.dim), np.float32)
        rows[labels[kept]] = given.vectors[kept]
    return MultiVector(rows, _grouped(given.locators, members))


def _numbered(labels: Int64Array) -> Int64Array:
    """Return labels numbered by the first row that has them; -1 is a label of its own each time."""
    apart = labels.copy()
    alone = np.flatnonzero(labels < 0)
    apart[alone] = labels.max(initial=-1) + 1 + np.arange(len(alone))
    _, first, inverse = np.unique(apart, return_index=True, return_inverse=True)
    rank = np.empty(len(first), np.int64)
    rank[np.argsort(first, kind="stable")] = np.arange(len(first))
    numbered: Int64Array = rank[inverse.reshape(-1)]
    return numbered


def _rest(free: BoolArray) -> Int64Array:
    return np.flatnonzero(~free)


def _grouped(locators: RowLocators, members: list[Int64Array]) -> RowLocators:
    """Return the sources of the rows `members` of each new row, side by side."""
    sources = [_sources(locators, rows) for rows in members]
    taken = _taken(locators, np.concatenate([np.zeros(0, np.int64), *sources]))
    ends = np.cumsum([0, *map(len, sources)]).astype(np.int64)
    return RowLocators(taken.spans, taken.boxes, taken.times, ends)


def _sources(locators: RowLocators, rows: Int64Array) -> Int64Array:
    if locators.offsets is None:
        return rows
    parts = [np.asarray(locators.sources_of(int(row)), np.int64) for row in rows]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _taken(locators: RowLocators, sources: Int64Array) -> RowLocators:
    return RowLocators(
        spans=None if locators.spans is None else locators.spans[sources],
        boxes=None if locators.boxes is None else locators.boxes[sources],
        times=None if locators.times is None else locators.times[sources],
    )
