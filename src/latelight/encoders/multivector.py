"""Late interaction with a published model of text: the encoder, apart from what runs the model."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from latelight.encoders.places import row_locators
from latelight.encoders.protocol import Progress, no_progress
from latelight.encoders.renderer import RenderedQuery, RenderedWindow, Renderer, TokenSequence
from latelight.types import EncoderInfo, Float32Array, Int32Array, MultiVector, QueryVectors, Unit

_SMALLEST_NORM = 1e-12


class RowModel(Protocol):
    """Runs sequences of tokens through a model; safe to call from several threads."""

    def rows(self, sequences: Sequence[TokenSequence]) -> Iterator[tuple[int, Float32Array]]:
        """Yield (number of a sequence, its rows (n_tokens, dim) float32), in any order.

        The rows of a sequence depend on that sequence alone, beyond float noise.
        """
        ...


@dataclass(frozen=True, eq=False)
class TextParts:
    """What `load` makes.

    Attributes:
        renderer: texts to sequences.
        model: sequences to rows, not normalised or normalised.
        weights: sha256 by file of what was read.
        rendering: what was found out while loading and shapes vectors, such as a dtype.
    """

    renderer: Renderer
    model: RowModel
    weights: Mapping[str, str]
    rendering: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class _Task:
    """One window to encode, and the unit that it belongs to."""

    unit: int
    window: RenderedWindow


class MultiVectorTextEncoder:
    """An `Encoder` made of a renderer and a model of rows.

    `info.weights` is empty until `load` has hashed the files.
    """

    def __init__(self, info: EncoderInfo, open_parts: Callable[[], TextParts]) -> None:
        self._info = info
        self._open_parts = open_parts
        self._parts: TextParts | None = None
        self._lock = threading.Lock()

    @property
    def info(self) -> EncoderInfo:
        """Name, geometry and provenance; digests once it is loaded."""
        return self._info

    def load(self) -> None:
        """Read, hash and check the weights; later calls do nothing.

        Raises:
            WeightsNotFoundError: files or libraries are missing.
            ModelError: the weights are not complete, or not those of this architecture.
        """
        self._loaded()

    def _loaded(self) -> TextParts:
        with self._lock:
            if self._parts is None:
                parts = self._open_parts()
                self._info = replace(
                    self._info,
                    max_query_tokens=parts.renderer.max_query_tokens,
                    weights=dict(parts.weights),
                    rendering={**self._info.rendering, **parts.rendering},
                )
                self._parts = parts
            return self._parts

    # -- queries ---------------------------------------------------------------------------

    def encode_query(self, text: str) -> QueryVectors:
        """Return the rows of a query: vectors (n_query_tokens, dim) float32, normalised.

        Raises:
            QueryError: `text` holds no token.
        """
        return self.encode_queries([text])[0]

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Return the rows of each query, in order; they are run together.

        Raises:
            QueryError: a text holds no token.
        """
        parts = self._loaded()
        queries: list[RenderedQuery] = [parts.renderer.query(text) for text in texts]
        rows = dict(parts.model.rows([query.sequence for query in queries]))
        return [QueryVectors(normalised(rows[i]), query.tokens) for i, query in enumerate(queries)]

    # -- documents -------------------------------------------------------------------------

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, in order; a unit without text has 0 rows."""
        parts = self._loaded()
        tasks = [
            _Task(i, window)
            for i, unit in enumerate(units)
            for window in parts.renderer.windows(unit.text)
        ]
        progress(len(units) - len({task.unit for task in tasks}))
        rows = _run(parts.model, tasks, progress)
        by_unit: list[list[tuple[Float32Array, Int32Array]]] = [[] for _ in units]
        for task, own in zip(tasks, rows, strict=True):
            by_unit[task.unit].append((own, task.window.spans))
        return [self._join(unit, own) for unit, own in zip(units, by_unit, strict=True)]

    def _join(self, unit: Unit, windows: Sequence[tuple[Float32Array, Int32Array]]) -> MultiVector:
        if not windows:
            nothing = np.zeros((0, self._info.dim), np.float32)
            return MultiVector(nothing, row_locators(np.zeros((0, 2), np.int32), unit))
        vectors = np.concatenate([rows for rows, _ in windows])
        spans = np.concatenate([spans for _, spans in windows])
        return MultiVector(vectors, row_locators(spans, unit))


def _run(model: RowModel, tasks: Sequence[_Task], progress: Progress) -> list[Float32Array]:
    """Return the kept rows of each task, in order; tells progress as units are done."""
    left = Counter(task.unit for task in tasks)
    done: dict[int, Float32Array] = {}
    for number, rows in model.rows([task.window.sequence for task in tasks]):
        task = tasks[number]
        done[number] = normalised(rows[task.window.kept])
        left[task.unit] -= 1
        if not left[task.unit]:
            progress(1)
    return [done[i] for i in range(len(tasks))]


def normalised(rows: Float32Array) -> Float32Array:
    """Return rows (n, dim) float32 of length 1; zero rows stay zero."""
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    scaled: Float32Array = (rows / np.maximum(norms, _SMALLEST_NORM)).astype(np.float32)
    return scaled
