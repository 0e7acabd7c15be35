"""An index of your own multi-vectors: ids in, hits out, nothing to configure."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import InputError, NotFoundError, QueryError
from latelight.index.candidates import Effort, Ranked, RecallLevel, Wanted, search_snapshot
from latelight.index.metadata import BoolArray
from latelight.index.options import DEFAULT_OPTIONS, WriterOptions
from latelight.index.rows import RowStore, SpaceSpec
from latelight.index.self_check import ObservedRecall, SelfCheck
from latelight.index.snapshot import Snapshot
from latelight.index.store import Store
from latelight.index.verify import Problem
from latelight.kernels.search import SearchOptions
from latelight.types import Document, Float32Array, Locator, Metadata, MultiVector, Unit

Recall = RecallLevel | SearchOptions

_SPACE = "vectors"
_MEDIA_TYPE = "application/x-latelight-multivector"


@dataclass(frozen=True, slots=True)
class VectorHit:
    """One result: MaxSim's sum over the query's rows, and its mean."""

    id: str
    score: float
    score_norm: float


@dataclass(frozen=True, slots=True)
class RowEvidence:
    """What one query row found: the winning row, the similarity, its part of the score."""

    row: int
    similarity: float
    contribution: float


@dataclass(frozen=True, slots=True)
class IndexStats:
    """How much an index holds."""

    n_documents: int
    n_rows: int
    n_segments: int
    n_bytes: int


class MultiVectorIndex:
    """MaxSim search over multi-vectors that are kept in a directory.

    Small indexes are scored exactly; large ones are searched by codes, and the best are then scored
    with the stored rows, so that every score that comes back is exact.

    Every `add` and `delete` is one commit: when it returns, the change is on the disk and the
    next search sees it, in this process and in others. One process writes at a time.

    ```python
    with MultiVectorIndex("./vectors", dim=8) as index:
        index.add(["a", "b"], [rows_a, rows_b], [{"year": 2023}, {"year": 2024}])
        hits = index.search(query_rows, k=5, filter={"year": 2024})
        evidence = index.explain(query_rows, hits[0].id)
    ```
    """

    def __init__(
        self,
        path: str | Path,
        dim: int = 128,
        store: RowStore = "int8",
        bits: int = 2,
        n_threads: int | None = None,
        options: WriterOptions = DEFAULT_OPTIONS,
    ) -> None:
        """Open the index at `path`, or create it.

        Args:
            path: a directory.
            dim: length of a row, a multiple of 8 from 8 to 1,024.
            store: `int8`, a quarter of float32 at nearly the same ranking; `float16`; or `codes`,
                an eighth at some loss: large segments keep only codes, best of 3 or 4 `bits`.
            bits: of the codes that make large segments fast to search, 1 to 4; 0 for an index
                that is always scored exactly. Holds for a new index only.
            n_threads: threads of a search; every CPU when left out.
            options: how writing works.

        Raises:
            InputError: an index is there with another dim or store.
        """
        spec = SpaceSpec(dim, store, bits)
        self._store = _open_or_create(Path(path), spec, options)
        self._self_check = SelfCheck()
        self._n_threads = n_threads or os.cpu_count() or 1
        self._dim = dim
        found = self._store.spaces.get(_SPACE)
        if found is None or (found.dim, found.store) != (dim, store):
            raise InputError(
                f"The index at {path} has the spaces {dict(self._store.spaces)}, not {spec}. "
                "Open it with its own dim and store, or choose another directory."
            )

    def __enter__(self) -> "MultiVectorIndex":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the files; nothing is pending between calls."""
        self._self_check.wait()
        self._store.release()

    def __len__(self) -> int:
        return self.snapshot().n_documents

    def __contains__(self, id: str) -> bool:
        return self.snapshot().contains(id)

    def add(
        self,
        ids: Sequence[str],
        multivectors: Sequence[npt.ArrayLike],
        metadata: Sequence[Metadata] | None = None,
    ) -> int:
        """Add multi-vectors; an id that is there already is replaced. Return the commit's number.

        Args:
            ids: unique in one call.
            multivectors: one (n_rows, dim) array for each id, rows normalised to length 1.
            metadata: filterable values for each id.

        Raises:
            InputError: the lengths differ, or an id is repeated.
            ShapeError: rows of another dim, or values that are not finite.
            WriterLockedError: another process is writing.
        """
        records = [{}] * len(ids) if metadata is None else metadata
        if not len(ids) == len(multivectors) == len(records) or len(set(ids)) != len(ids):
            raise InputError(
                f"{len(ids)} ids ({len(set(ids))} different), {len(multivectors)} multi-vectors "
                f"and {len(records)} metadata; give one of each for every id."
            )
        with self._store.writer() as writer:
            for id, rows, record in zip(ids, multivectors, records, strict=True):
                vectors = MultiVector(np.asarray(rows, np.float32))
                document = Document(
                    id, source="", media_type=_MEDIA_TYPE, sha256="", metadata=record
                )
                writer.add(document, [_UNIT], {_SPACE: [vectors]})
            return writer.commit()

    def delete(self, ids: Iterable[str]) -> int:
        """Delete multi-vectors and return how many of the ids there were."""
        with self._store.writer() as writer:
            n_deleted = writer.delete(ids)
            writer.commit()
        return n_deleted

    def search(
        self,
        query_vectors: npt.ArrayLike,
        k: int = 10,
        allow: Iterable[str] | None = None,
        exact: bool = False,
        filter: Mapping[str, Any] | None = None,
        recall: Recall = "balanced",
    ) -> list[VectorHit]:
        """Return the best k, best first; equal scores keep one order within a snapshot.

        Args:
            query_vectors: (n_query_rows, dim), rows normalised to length 1.
            k: how many.
            allow: only these ids; None allows all, an empty list nothing.
            exact: score everything.
            filter: condition on metadata, in the language of `latelight.index.filters`.
            recall: `fast`, `balanced`, `best`, `exact`, or `SearchOptions` of your own.

        Raises:
            QueryError: the query has no rows.
            ShapeError: rows of another dim.
            FilterError: the filter cannot be understood.
        """
        return self.search_batch([query_vectors], k, allow, exact, filter, recall)[0]

    def search_batch(
        self,
        queries: Sequence[npt.ArrayLike],
        k: int = 10,
        allow: Iterable[str] | None = None,
        exact: bool = False,
        filter: Mapping[str, Any] | None = None,
        recall: Recall = "balanced",
    ) -> list[list[VectorHit]]:
        """Return the hits of each query, all against one snapshot; arguments as `search`."""
        snapshot = self.snapshot()
        allowed = snapshot.allow_list(filter)
        if allow is not None:
            allowed = allowed & _only(snapshot, allow)
        arrays = [_query(query) for query in queries]
        effort = self._self_check.effort(_SPACE, _effort("exact" if exact else recall))
        wanted = Wanted(_SPACE, allowed, k, effort, self._n_threads)
        found = search_snapshot(snapshot, arrays, wanted)
        for query, ranked in zip(arrays, found, strict=True):
            self._self_check.observe(snapshot, query, wanted, ranked)
        return [
            _hits(snapshot, ranked, len(query)) for ranked, query in zip(found, arrays, strict=True)
        ]

    def explain(self, query_vectors: npt.ArrayLike, id: str) -> list[RowEvidence]:
        """Return, for each query row, which stored row won; contributions add up to the score.

        Raises:
            NotFoundError: there is no such id, or it has no rows.
        """
        snapshot, query = self.snapshot(), _query(query_vectors)
        winners, similarities = snapshot.argmax(_SPACE, query, snapshot.find(id))
        if (winners < 0).any():
            raise NotFoundError(f"{id!r} has no rows, so nothing in it can match.")
        pairs = zip(winners[0].tolist(), similarities[0].tolist(), strict=True)
        return [RowEvidence(row, similarity, similarity) for row, similarity in pairs]

    def observed_recall(self) -> ObservedRecall:
        """Return what the self-check has seen of this process's approximate searches."""
        return self._self_check.observed(_SPACE)

    def snapshot(self) -> Snapshot:
        """Return the newest committed state as a frozen view."""
        return self._store.snapshot()

    def stats(self) -> IndexStats:
        """Return how much the index holds."""
        snapshot = self.snapshot()
        n_segments = len(snapshot.manifest.segments)
        return IndexStats(snapshot.n_documents, snapshot.n_rows, n_segments, snapshot.n_bytes)

    def verify(self) -> list[Problem]:
        """Return everything that is wrong with the files, nothing when all is well."""
        return self._store.verify()

    def compact(self) -> None:
        """Rewrite everything without the deleted into few files; searches go on meanwhile."""
        self._store.compact()


_UNIT = Unit("v", "passage", Locator())


def _open_or_create(path: Path, spec: SpaceSpec, options: WriterOptions) -> Store:
    try:
        return Store.open(path, options=options)
    except NotFoundError:
        return Store.create(path, {_SPACE: spec}, options=options)


def _effort(recall: Recall) -> Effort:
    return Effort(recall) if isinstance(recall, SearchOptions) else Effort.of(recall)


def _hits(snapshot: Snapshot, ranked: Ranked, n_query: int) -> list[VectorHit]:
    ids = snapshot.doc_ids_of(ranked.ordinals)
    return [
        VectorHit(id, score, score / n_query)
        for id, score in zip(ids, ranked.scores.tolist(), strict=True)
    ]


def _query(vectors: npt.ArrayLike) -> Float32Array:
    query = np.ascontiguousarray(vectors, np.float32)
    if not len(query):
        raise QueryError("The query has no rows; give at least one (n_query_rows, dim).")
    return query


def _only(snapshot: Snapshot, ids: Iterable[str]) -> BoolArray:
    marks = np.zeros(snapshot.n_units, np.bool_)
    marks[[u for id in ids if snapshot.contains(id) for u in snapshot.find(id)]] = True
    return marks
