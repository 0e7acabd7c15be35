"""A reader's frozen view: the segments and tombstones that one manifest names."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate
from typing import Any

import numpy as np

from latelight.errors import NotFoundError, ShapeError
from latelight.index.beginnings import (
    Beginnings,
    Context,
    answer_beginnings,
    score_in_context,
)
from latelight.index.documents import hash_ids
from latelight.index.exact import check_query, score_allowed, score_plain
from latelight.index.filters import Condition, parse_filter
from latelight.index.lexical import LexicalView, Postings
from latelight.index.manifest import Manifest
from latelight.index.metadata import BoolArray
from latelight.index.recent import Recent
from latelight.index.row_block import RowBlock
from latelight.index.rows import SpaceRows, SpaceSpec
from latelight.index.sections import Array
from latelight.index.segment import Segment
from latelight.index.segment_view import KEPT_FILTERS, SegmentView, joined_beginnings
from latelight.index.strings import starts
from latelight.index.windows import BestWindows, best_windows
from latelight.kernels.maxsim import maxsim_argmax, similarity_matrix
from latelight.types import (
    Document,
    Float32Array,
    Int32Array,
    Int64Array,
    OffsetMap,
    RowLocators,
    Unit,
)


class Snapshot:
    """What was committed at one moment; later commits, compaction and clean-up do not reach it.

    Units are addressed by an ordinal from 0 to `n_units` - 1 that holds for this snapshot only.
    Arrays that come back may be views of the files and are read-only.

    Attributes:
        manifest: what it shows.
        n_logged: how many commits of the manifest's log it shows on top.
        unit_offsets: (n_segments + 1,) int64, the ordinals at which segments begin.
    """

    def __init__(
        self,
        manifest: Manifest,
        views: Sequence[SegmentView],
        n_logged: int = 0,
        logs: Sequence[tuple[int, Mapping[str, RowBlock]]] = (),
    ) -> None:
        """Show these segments; of each log, so many of the last, whose rows also lie in blocks."""
        self.manifest = manifest
        self._allowed: Recent[BoolArray] = Recent(KEPT_FILTERS)
        self.n_logged = n_logged
        self._views = tuple(views)
        self._logs = tuple(logs)
        self.unit_offsets: Int64Array = starts(np.array([v.segment.n_units for v in views]))
        n_documents = np.array([v.segment.n_documents for v in views])
        self._document_offsets: Int64Array = starts(n_documents)

    @property
    def number(self) -> int:
        """The manifest's number."""
        return self.manifest.number

    @property
    def version(self) -> int:
        """Which state this is: grows with every commit, logged or not, and with compaction."""
        return self.manifest.n_commits + self.n_logged

    @property
    def spaces(self) -> Mapping[str, SpaceSpec]:
        """How rows are stored, by space."""
        return self.manifest.spaces

    @property
    def n_documents(self) -> int:
        """How many live documents."""
        return sum(view.segment.n_documents - view.n_dead for view in self._views)

    @property
    def n_units(self) -> int:
        """How many units, those of deleted documents included: the length of every mask."""
        return int(self.unit_offsets[-1])

    @property
    def n_live_units(self) -> int:
        """How many units of live documents."""
        return int(np.count_nonzero(self._live))

    @property
    def n_rows(self) -> int:
        """How many stored rows in all spaces, those of deleted documents included."""
        return sum(view.segment.n_rows for view in self._views)

    @property
    def n_bytes(self) -> int:
        """How long the segments are together, those in the log's buffer included."""
        return sum(view.segment.file.n_bytes for view in self._views)

    # Choosing

    def allow_list(self, filter: Mapping[str, Any] | None = None) -> BoolArray:
        """Return (n_units,) bool: the live units whose documents satisfy the filter.

        Raises:
            FilterError: the filter cannot be understood.
        """
        if filter is None:
            return self._live
        condition = parse_filter(filter)
        return self._allowed.get(repr(condition), lambda: self._satisfying(condition))

    def _satisfying(self, condition: Condition) -> BoolArray:
        found = _joined([view.allowed(condition) for view in self._views], np.bool_)
        found.flags.writeable = False
        return found

    def document_ordinals(self) -> Int64Array:
        """Return (n_units,) int64: the snapshot-wide number of each unit's document."""
        return self._document_ordinals

    # Scoring

    def scores(
        self,
        space: str,
        query: Float32Array,
        allow: BoolArray,
        n_threads: int = 1,
        context: Context | None = None,
    ) -> Float32Array:
        """Return (n_units,) float32: every allowed unit's exact MaxSim over the stored rows.

        -inf where the unit is not allowed or has no rows in the space. With a context, documents'
        beginnings count in their other units, see `index/beginnings.py`.

        Args:
            space: which vectors.
            query: (n_query_tokens, dim) float32, normalised.
            allow: (n_units,) bool, as `allow_list` gives.
            n_threads: how many threads score.
            context: how much beginnings count; None for not at all.

        Raises:
            NotFoundError: there is no such space.
            ShapeError: `query` or `allow` do not fit.
        """
        spec = self._spec(space)
        check_query(query, spec.dim)
        if allow.shape != (self.n_units,) or allow.dtype != np.bool_:
            raise ShapeError(
                f"allow is a bool array ({self.n_units},) of this snapshot; got {allow.dtype} "
                f"{allow.shape}. Take it from the same snapshot's allow_list()."
            )
        scores = np.full(self.n_units, -np.inf, np.float32)
        for rows, span, views in self._scored_together(space):
            if context is None:
                score_allowed(rows, query, allow[span], scores[span], n_threads)
            else:
                chosen = np.flatnonzero(allow[span] & rows.filled)
                begun = joined_beginnings(views, space)[chosen]
                found = score_in_context(query, rows, chosen, begun, context, n_threads)
                scores[span][chosen] = found
        return scores

    def parts(self, space: str) -> Iterator[tuple[SpaceRows, slice]]:
        """Yield each segment's rows of a space, and the ordinals of its units.

        Raises:
            NotFoundError: there is no such space.
        """
        self._spec(space)
        for view, span in self._spans():
            yield view.segment.spaces[space], span

    def argmax(
        self, space: str, query: Float32Array, ordinals: Sequence[int] | Int64Array
    ) -> tuple[Int32Array, Float32Array]:
        """Return the winning row and its similarity, for each given unit and query row.

        Returns:
            winners: (n, n_query_tokens) int32, row numbers within the unit, -1 without rows.
            similarities: (n, n_query_tokens) float32; their sums are the units' `scores`.
        """
        check_query(query, self._spec(space).dim)
        wanted = np.asarray(ordinals, np.int64).reshape(-1)
        winners = np.full((len(wanted), len(query)), -1, np.int32)
        similarities = np.full((len(wanted), len(query)), -np.inf, np.float32)
        segments = self._segments_of(wanted)
        for number in np.unique(segments).tolist():
            chosen = np.flatnonzero(segments == number)
            rows = self._views[number].segment.spaces[space]
            local = wanted[chosen] - self.unit_offsets[number]
            filled = rows.filled[local]
            places, units = chosen[filled], local[filled]
            for piece in rows.pieces(units):
                own = rows.scorable(query, units[piece])
                found = maxsim_argmax(own.query, own.rows, documents=own.units)
                winners[places[piece]], similarities[places[piece]] = found
        return winners, similarities

    def scores_of(
        self, space: str, query: Float32Array, ordinals: Int64Array, n_threads: int = 1
    ) -> Float32Array:
        """Return (n,) float32: the exact MaxSim of the given units, which all have rows."""
        check_query(query, self._spec(space).dim)
        scores = np.empty(len(ordinals), np.float32)
        segments = self._segments_of(ordinals)
        for number in np.unique(segments).tolist():
            at = np.flatnonzero(segments == number)
            rows = self._views[number].segment.spaces[space]
            local = ordinals[at] - self.unit_offsets[number]
            scores[at] = score_plain(query, rows, local, n_threads)
        return scores

    def similarities(self, space: str, query: Float32Array, ordinal: int) -> Float32Array:
        """Return each row of a query with each row of a unit, (n_query_tokens, n_rows) float32.

        Their maxima are the unit's `argmax`.
        """
        check_query(query, self._spec(space).dim)
        view, local = self._locate(ordinal)
        own = self._rows(view, space).scorable(query, np.array([local], np.int64))
        at = int(own.units[0])
        rows = slice(int(own.rows.offsets[at]), int(own.rows.offsets[at + 1]))
        scales = None if own.rows.scales is None else own.rows.scales[rows]
        return similarity_matrix(own.query, own.rows.values[rows], scales)

    def best_windows(
        self,
        space: str,
        query: Float32Array,
        ordinals: Int64Array,
        window_rows: int,
        floor: Float32Array | None = None,
        n_threads: int = 1,
    ) -> BestWindows:
        """Return the window of each given unit that answers the query best; all have rows.

        `index/windows.py` says what a window is.
        """
        check_query(query, self._spec(space).dim)
        spans = np.zeros((len(ordinals), 2), np.int64)
        winners = np.zeros((len(ordinals), len(query)), np.int32)
        similarities = np.zeros((len(ordinals), len(query)), np.float32)
        segments = self._segments_of(ordinals)
        for number in np.unique(segments).tolist():
            at = np.flatnonzero(segments == number)
            rows = self._views[number].segment.spaces[space]
            local = ordinals[at] - self.unit_offsets[number]
            for piece in rows.pieces(local):
                places = at[piece]
                own = rows.scorable(query, local[piece], n_threads)
                least = None if floor is None else floor[places]
                found = best_windows(own.query, own.rows, own.units, window_rows, least, n_threads)
                spans[places], winners[places] = found.spans, found.winners
                similarities[places] = found.similarities
        return BestWindows(spans, winners, similarities)

    def beginnings(
        self, space: str, query: Float32Array, ordinals: Int64Array, n_rows: int
    ) -> Beginnings:
        """Return what the first `n_rows` rows of each given unit's document answer."""
        check_query(query, self._spec(space).dim)
        units = np.full(len(ordinals), -1, np.int64)
        winners = np.full((len(ordinals), len(query)), -1, np.int32)
        similarities = np.full((len(ordinals), len(query)), -np.inf, np.float32)
        segments = self._segments_of(ordinals)
        for number in np.unique(segments).tolist():
            at = np.flatnonzero(segments == number)
            view, first = self._views[number], self.unit_offsets[number]
            rows = view.segment.spaces[space]
            local = view.beginnings(space)[ordinals[at] - first]
            found = answer_beginnings(query, rows, local, n_rows)
            units[at] = np.where(local >= 0, local + first, -1)
            winners[at], similarities[at] = found.winners, found.similarities
        return Beginnings(units, winners, similarities)

    def row_counts(self, space: str) -> Int64Array:
        """Return (n_units,) int64: how many rows each unit has in a space."""
        self._spec(space)
        counts = [np.diff(view.segment.spaces[space].offsets) for view in self._views]
        return _joined(counts, np.int64)

    def lexical(self) -> list[Postings]:
        """Return the postings of each segment; their units begin at `unit_offsets`."""
        return [view.segment.postings for view in self._views]

    @cached_property
    def lexical_view(self) -> LexicalView:
        """BM25 over the live units."""
        return LexicalView(self.lexical(), self.unit_offsets, self._live)

    # Reading

    def unit(self, ordinal: int) -> Unit:
        """Return one unit, without its words and picture."""
        view, local = self._locate(ordinal)
        return view.segment.units.unit(local)

    def document_of(self, ordinal: int) -> Document:
        """Return the document that a unit belongs to."""
        view, local = self._locate(ordinal)
        return view.segment.documents.document(view.segment.document_of_unit(local))

    def doc_id_of(self, ordinal: int) -> str:
        """Return the id of the document that a unit belongs to."""
        view, local = self._locate(ordinal)
        return view.segment.documents.ids[view.segment.document_of_unit(local)]

    def doc_ids_of(self, ordinals: Int64Array) -> list[str]:
        """Return the ids of the documents that units belong to."""
        numbers = self._segments_of(ordinals)
        found = [""] * len(ordinals)
        for number in np.unique(numbers).tolist():
            places = np.flatnonzero(numbers == number)
            segment = self._views[number].segment
            local = ordinals[places] - self.unit_offsets[number]
            documents = np.searchsorted(segment.unit_offsets, local, "right") - 1
            for place, document in zip(places.tolist(), documents.tolist(), strict=True):
                found[place] = segment.documents.ids[document]
        return found

    def row_locators(self, space: str, ordinal: int) -> RowLocators:
        """Return where a unit's rows come from."""
        view, local = self._locate(ordinal)
        return self._rows(view, space).locators(local)

    def rows(self, space: str, ordinal: int) -> tuple[Array, Float32Array | None]:
        """Return a unit's rows: (n_rows, dim) values and, for int8, (n_rows,) scales.

        Where only codes are stored: what they stand for, float32 without scales.
        """
        view, local = self._locate(ordinal)
        return self._rows(view, space).of(local)

    def contains(self, doc_id: str) -> bool:
        """Return whether there is a live document of this id."""
        return self._find(doc_id) is not None

    def find(self, doc_id: str) -> list[int]:
        """Return the ordinals of a document's units in reading order.

        Raises:
            NotFoundError: there is no live document of this id.
        """
        number, document = self._found(doc_id)
        first = int(self.unit_offsets[number])
        return [first + unit for unit in self._views[number].segment.units_of(document)]

    def document(self, doc_id: str) -> Document:
        """Return one document; NotFoundError when there is no live one of this id."""
        number, document = self._found(doc_id)
        return self._views[number].segment.documents.document(document)

    def documents_from(self, sources: Iterable[str]) -> Iterator[Document]:
        """Yield the live documents that came from given sources, in no order."""
        wanted = list(dict.fromkeys(sources))
        hashes = hash_ids(wanted)
        for view in self._views:
            for number, document in view.segment.documents.from_sources(wanted, hashes):
                if view.is_live(number):
                    yield document

    def documents(self) -> Iterator[Document]:
        """Yield the live documents in the order of their ordinals: as they were last written."""
        for view in self._views:
            for number in range(view.segment.n_documents):
                if view.is_live(number):
                    yield view.segment.documents.document(number)

    def document_ids(self) -> Iterator[str]:
        """Yield the ids of the live documents, in the order of their ordinals."""
        for view in self._views:
            for number in range(view.segment.n_documents):
                if view.is_live(number):
                    yield view.segment.documents.ids[number]

    def text_of(self, doc_id: str) -> str:
        """Return a document's readable text; NotFoundError as `document`."""
        number, document = self._found(doc_id)
        return self._views[number].segment.documents.text(document)

    def offset_map(self, doc_id: str) -> OffsetMap | None:
        """Return how a document's text maps to its file's; NotFoundError as `document`."""
        number, document = self._found(doc_id)
        return self._views[number].segment.documents.offset_map(document)

    @cached_property
    def _live(self) -> BoolArray:
        live = _joined([view.live_units for view in self._views], np.bool_)
        live.flags.writeable = False
        return live

    @cached_property
    def _document_ordinals(self) -> Int64Array:
        parts = [
            np.repeat(np.arange(first, first + v.segment.n_documents), _n_units_each(v.segment))
            for v, first in zip(self._views, self._document_offsets.tolist(), strict=False)
        ]
        numbers = _joined(parts, np.int64)
        numbers.flags.writeable = False
        return numbers

    def _spans(self) -> Iterator[tuple[SegmentView, slice]]:
        for number, view in enumerate(self._views):
            yield view, slice(int(self.unit_offsets[number]), int(self.unit_offsets[number + 1]))

    def _scored_together(
        self, space: str
    ) -> Iterator[tuple[SpaceRows, slice, Sequence[SegmentView]]]:
        """Yield rows that one call scores, their units' ordinals, and the segments that have them.

        Those of a log, in many small segments, lie in one block.
        """
        for first, stop, blocks in self._runs:
            views = self._views[first:stop]
            span = slice(int(self.unit_offsets[first]), int(self.unit_offsets[stop]))
            if blocks is None:
                yield views[0].segment.spaces[space], span, views
            else:
                yield blocks[space].rows(space, self.spaces[space]), span, views

    @cached_property
    def _runs(self) -> list[tuple[int, int, Mapping[str, RowBlock] | None]]:
        """Which segments are scored together: from one to another, and the blocks of a log."""
        sizes = [n for n, _ in self._logs]
        n_plain = len(self._views) - sum(sizes)
        runs: list[tuple[int, int, Mapping[str, RowBlock] | None]] = [
            (number, number + 1, None) for number in range(n_plain)
        ]
        for (n, blocks), first in zip(self._logs, accumulate(sizes, initial=n_plain), strict=False):
            if n:
                runs.append((first, first + n, blocks))
        return runs

    def _segments_of(self, ordinals: Int64Array) -> Int64Array:
        if len(ordinals) and not (ordinals.min() >= 0 and ordinals.max() < self.n_units):
            raise NotFoundError(
                f"Ordinals {int(ordinals.min())} to {int(ordinals.max())} are not all units of "
                f"this snapshot, which has {self.n_units}; ordinals hold for one snapshot only."
            )
        return np.searchsorted(self.unit_offsets, ordinals, "right") - 1

    def _locate(self, ordinal: int) -> tuple[SegmentView, int]:
        number = int(self._segments_of(np.array([ordinal], np.int64))[0])
        return self._views[number], int(ordinal) - int(self.unit_offsets[number])

    def _spec(self, space: str) -> SpaceSpec:
        if space not in self.spaces:
            raise NotFoundError(f"There is no space {space!r}; there are {sorted(self.spaces)}.")
        return self.spaces[space]

    def _rows(self, view: SegmentView, space: str) -> SpaceRows:
        self._spec(space)
        return view.segment.spaces[space]

    def _find(self, doc_id: str) -> tuple[int, int] | None:
        hashes = hash_ids([doc_id])
        for number, view in enumerate(self._views):
            for document, _ in view.segment.documents.find([doc_id], hashes):
                if view.is_live(document):
                    return number, document
        return None

    def _found(self, doc_id: str) -> tuple[int, int]:
        found = self._find(doc_id)
        if found is None:
            raise NotFoundError(f"There is no document {doc_id!r} among {self.n_documents}.")
        return found


def _n_units_each(segment: Segment) -> Int64Array:
    return np.diff(segment.unit_offsets)


def _joined(parts: Sequence[Array], dtype: Any) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0, dtype)
