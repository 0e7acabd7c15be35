"""Late interaction over the token states of a BERT-like model: the assembly of its parts."""

import os
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from latelight.encoders.head import project
from latelight.encoders.places import NOWHERE, row_locators
from latelight.encoders.protocol import Progress, no_progress
from latelight.encoders.windows import cut_windows
from latelight.encoders.wordpieces import CLS, MASK, SEP, Wordpieces
from latelight.errors import QueryError
from latelight.types import (
    CharSpan,
    EncoderInfo,
    Float32Array,
    Int32Array,
    MultiVector,
    QueryToken,
    QueryVectors,
    Unit,
)


class TokenModel(Protocol):
    """Hidden states of one sequence; safe to call from several threads."""

    def hidden_states(self, ids: Int32Array, attended: int | None = None) -> Float32Array:
        """Return (n_tokens, width) float32."""
        ...


class Tokenizer(Protocol):
    """Text to wordpieces."""

    @property
    def is_punctuation(self) -> npt.NDArray[np.bool_]:
        """(n_vocabulary,) bool: which wordpieces are punctuation alone."""
        ...

    def split(self, text: str) -> Wordpieces:
        """Return the wordpieces of `text`."""
        ...


@dataclass(frozen=True, eq=False)
class Parts:
    """What `load` reads."""

    tokenizer: Tokenizer
    model: TokenModel
    head: Float32Array  # (width, dim)


@dataclass(frozen=True)
class Rendering:
    """How texts become sequences, and which of their states become rows.

    Attributes:
        query_marker: id after [CLS] in queries; None for models without markers.
        document_marker: the same for documents.
        window: most wordpieces of a document that are read together.
        query_length: shorter queries are filled up with [MASK] tokens to this many, which attend
            but are not attended to (Khattab and Zaharia, 2020); 0 adds none.
        query_special_rows: queries keep the rows of [CLS], marker and [SEP].
        document_special_rows: documents keep those of their first window.
    """

    query_marker: int | None
    document_marker: int | None
    window: int = 509
    query_length: int = 0
    query_special_rows: bool = False
    document_special_rows: bool = False


@dataclass(frozen=True, eq=False)
class _Task:
    """One window to encode: `ids` of its wordpieces, and the unit that it belongs to."""

    unit: int
    is_first: bool
    pieces: Wordpieces


_Rows = tuple[Float32Array, Int32Array]  # (n_rows, dim) vectors, (n_rows, 2) spans


class TokenEncoder:
    """An `Encoder` made of a tokenizer, a model and a projection head."""

    def __init__(
        self,
        info: EncoderInfo,
        rendering: Rendering,
        open_parts: Callable[[], Parts],
        *,
        n_threads: int = 0,
    ) -> None:
        self._info = info
        self._rendering = rendering
        self._open_parts = open_parts
        self._n_threads = n_threads or usable_cores()
        self._parts: Parts | None = None
        self._lock = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        """Name, geometry and provenance."""
        return self._info

    def load(self) -> None:
        """Read and check the weights; later calls do nothing.

        Raises:
            WeightsNotFoundError: what carries the weights is missing.
            DigestMismatchError: the weights are not the recorded ones.
        """
        self._loaded()

    def _loaded(self) -> Parts:
        with self._lock:
            if self._parts is None:
                self._parts = self._open_parts()
            return self._parts

    # -- queries ---------------------------------------------------------------------------

    def encode_query(self, text: str) -> QueryVectors:
        """Return the rows of a query: vectors (n_query_tokens, dim) float32, normalised.

        Raises:
            QueryError: `text` holds no token.
        """
        parts = self._loaded()
        pieces = parts.tokenizer.split(text).cut(0, self._info.max_query_tokens)
        if not len(pieces):
            raise QueryError(f"The query {text!r} holds no word or number; type at least one.")
        ids = _sequence(pieces.ids, self._rendering.query_marker)
        n_masks = max(self._rendering.query_length - len(ids), 0)
        masked = np.concatenate([ids, np.full(n_masks, MASK, np.int32)])
        rows = project(parts.model.hidden_states(masked, attended=len(ids)), parts.head)
        tokens = self._query_tokens(text, pieces, n_masks)
        kept = [i for i, token in enumerate(tokens) if self._is_kept(token)]
        return QueryVectors(rows[kept], tuple(tokens[i] for i in kept))

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Return the rows of each query, in order, as `encode_query`; threads share the queries.

        Each is a run of its own: in one tensor they would change each other's vectors (0011).
        """
        with ThreadPoolExecutor(self._n_threads) as pool:
            return list(pool.map(self.encode_query, texts))

    def _query_tokens(self, text: str, pieces: Wordpieces, n_masks: int) -> list[QueryToken]:
        marker = [QueryToken("[Q]", None, "marker")] * (self._rendering.query_marker is not None)
        return [
            QueryToken("[CLS]", None, "marker"),
            *marker,
            *(QueryToken(text[a:b], CharSpan(a, b)) for a, b in pieces.spans.tolist()),
            QueryToken("[SEP]", None, "marker"),
            *[QueryToken("[MASK]", None, "expansion")] * n_masks,
        ]

    def _is_kept(self, token: QueryToken) -> bool:
        return self._rendering.query_special_rows or token.kind != "marker"

    # -- documents -------------------------------------------------------------------------

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, in order; a unit without text has 0 rows."""
        tokenizer = self._loaded().tokenizer
        tasks = [
            task
            for i, unit in enumerate(units)
            for task in self._tasks(i, unit.text, tokenizer.split(unit.text))
        ]
        done = self._run(tasks, progress)
        progress(len(units) - len({task.unit for task in tasks}))
        by_unit: list[list[_Rows]] = [[] for _ in units]
        for task, rows in zip(tasks, done, strict=True):
            by_unit[task.unit].append(rows)
        return [self._join(unit, rows) for unit, rows in zip(units, by_unit, strict=True)]

    def _tasks(self, number: int, text: str, pieces: Wordpieces) -> list[_Task]:
        windows = cut_windows(text, pieces.spans, self._rendering.window)
        return [_Task(number, w.start == 0, pieces.cut(w.start, w.end)) for w in windows]

    def _run(self, tasks: Sequence[_Task], progress: Progress) -> list[_Rows]:
        """Return the rows of each task, in order; the longest are begun first."""
        left = Counter(task.unit for task in tasks)
        with ThreadPoolExecutor(self._n_threads) as pool:
            longest_first = sorted(tasks, key=lambda task: -len(task.pieces))
            futures = {pool.submit(self._encode_window, task): task for task in longest_first}
            try:
                _tell_progress(futures, left, progress)
            except BaseException:  # an interrupted caller does not wait for windows not begun
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        rows = {id(task): future.result() for future, task in futures.items()}
        return [rows[id(task)] for task in tasks]

    def _encode_window(self, task: _Task) -> _Rows:
        parts = self._loaded()
        ids = _sequence(task.pieces.ids, self._rendering.document_marker)
        n_before = len(ids) - len(task.pieces) - 1
        spans = np.full((len(ids), 2), NOWHERE, np.int32)
        spans[n_before:-1] = task.pieces.spans
        kept = np.full(len(ids), task.is_first and self._rendering.document_special_rows)
        kept[n_before:-1] = ~parts.tokenizer.is_punctuation[task.pieces.ids]
        hidden = parts.model.hidden_states(ids)
        return project(hidden[kept], parts.head), spans[kept]

    def _join(self, unit: Unit, windows: Sequence[_Rows]) -> MultiVector:
        if not windows:
            nothing = np.zeros((0, self._info.dim), np.float32)
            return MultiVector(nothing, row_locators(np.zeros((0, 2), np.int32), unit))
        vectors = np.concatenate([rows for rows, _ in windows])
        spans = np.concatenate([spans for _, spans in windows])
        return MultiVector(vectors, row_locators(spans, unit))


def usable_cores() -> int:
    """Return how many cores this process may use; not every system can limit them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _sequence(ids: Int32Array, marker: int | None) -> Int32Array:
    """Return [CLS], the marker if there is one, `ids`, [SEP]."""
    before = [CLS] if marker is None else [CLS, marker]
    return np.concatenate([before, ids, [SEP]]).astype(np.int32)


def _tell_progress(
    futures: dict[Future[_Rows], _Task], left: Counter[int], progress: Progress
) -> None:
    """Call `progress` whenever the last window of a unit is done; raise what a window raised."""
    for future in as_completed(futures):
        future.result()
        unit = futures[future].unit
        left[unit] -= 1
        if not left[unit]:
            progress(1)
