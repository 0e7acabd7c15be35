"""Searching with a piece of what is stored: a unit's own rows, or those of a region of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.encoders.pooling import ward_labels
from latelight.errors import InputError, NotFoundError
from latelight.index import Snapshot
from latelight.types import (
    Box,
    CharSpan,
    Float32Array,
    Int64Array,
    QueryToken,
    QueryVectors,
    RowLocators,
    TimeRange,
    Unit,
)

BoolArray = npt.NDArray[np.bool_]

MOST_ROWS = 64
"""Of a query: more rows give way to those that stand for their likes."""
_COVERED = (
    0.5  # how much of a row's box lies in a region that it belongs to, or of the region in it
)
_GAP = 2  # characters between two pieces of text that still are one


@dataclass(frozen=True)
class Likeness:
    """A unit, or a region of it, to search with.

    Attributes:
        doc_id, unit_id: which unit.
        box: the part of its page or picture; None for all of it.
        span: the characters of the document's text; None for all of the unit's.
        time: the seconds of its sound; None for all of it.
    """

    doc_id: str
    unit_id: str
    box: Box | None = None
    span: CharSpan | None = None
    time: TimeRange | None = None

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole unit."""
        return self.box is None and self.span is None and self.time is None


@dataclass(frozen=True, eq=False)
class Piece:
    """What a likeness holds: rows by space, and the text there.

    Attributes:
        text: the region's words, empty where it has none.
        vectors: by space; tokens' characters are those of `text`.
    """

    text: str
    vectors: dict[str, QueryVectors]


def find_unit(snapshot: Snapshot, like: Likeness) -> int:
    """Return the unit's ordinal.

    Raises:
        NotFoundError: there is no such document, or it has no such unit.
    """
    for ordinal in snapshot.find(like.doc_id):
        if snapshot.unit(ordinal).unit_id == like.unit_id:
            return ordinal
    raise NotFoundError(f"Document {like.doc_id!r} has no unit {like.unit_id!r}.")


def piece_of(snapshot: Snapshot, spaces: Sequence[str], like: Likeness) -> Piece:
    """Return the rows and the text of a unit, or of the region of it.

    Rows of spaces that know no places of the region's kind take no part. Of more than `MOST_ROWS`
    rows in a space, clustered by Ward's criterion, the one nearest to each cluster's mean stays.

    Raises:
        NotFoundError: there is no such unit.
        InputError: no row lies in the region.
    """
    ordinal = find_unit(snapshot, like)
    unit = snapshot.unit(ordinal)
    rows = {space: snapshot.row_locators(space, ordinal) for space in spaces}
    inside = {
        space: _inside(rows[space], _n_rows(snapshot, space, ordinal), like, unit) for space in rows
    }
    if not any(len(own) for own in inside.values()):
        raise InputError(
            f"Nothing that is stored of unit {like.unit_id!r} of document {like.doc_id!r} lies in "
            f"{_said(like)}; give a larger region, or none for the whole unit."
        )
    spans = [_spans_of(rows[space], own) for space, own in inside.items()]
    pieces = _Pieces.of(unit.text, spans)
    vectors = {}
    for space, own in inside.items():
        if len(own):
            decoded = _decoded(snapshot, space, ordinal)[own]
            kept = _telling(decoded)
            tokens = tuple(pieces.token(unit, rows[space], int(row)) for row in own[kept])
            vectors[space] = QueryVectors(np.ascontiguousarray(decoded[kept]), tokens)
    return Piece(pieces.text, vectors)


# -- which rows ----------------------------------------------------------------------------------


def _n_rows(snapshot: Snapshot, space: str, ordinal: int) -> int:
    return len(snapshot.rows(space, ordinal)[0])


def _decoded(snapshot: Snapshot, space: str, ordinal: int) -> Float32Array:
    values, scales = snapshot.rows(space, ordinal)
    rows = values.astype(np.float32)
    return rows if scales is None else rows * scales[:, None]


def _inside(rows: RowLocators, n_rows: int, like: Likeness, unit: Unit) -> Int64Array:
    """Return the numbers of a unit's rows with a source in the region; all, for the whole unit.

    Rows without any place, such as markers, are not part of what is looked for.
    """
    sources = _sources_inside(rows, like, unit)
    if rows.offsets is None:
        return np.flatnonzero(sources[:n_rows])
    found = [bool(sources[rows.sources_of(row)].any()) for row in range(n_rows)]
    return np.flatnonzero(found)


def _sources_inside(rows: RowLocators, like: Likeness, unit: Unit) -> BoolArray:
    columns = [column for column in (rows.spans, rows.boxes, rows.times) if column is not None]
    n_sources = len(columns[0]) if columns else 0
    inside = np.zeros(n_sources, np.bool_)
    for column, is_there in (
        (rows.spans, _has_span),
        (rows.boxes, _is_number),
        (rows.times, _is_number),
    ):
        if column is not None:
            inside |= is_there(column)
    if like.box is not None:
        inside &= _in_box(rows.boxes, like.box) if rows.boxes is not None else False
    if like.span is not None:
        start = unit.locator.span.start if unit.locator.span is not None else 0
        inside &= _in_range(rows.spans, like.span.start - start, like.span.end - start)
    if like.time is not None:
        inside &= _in_range(rows.times, like.time.start_s, like.time.end_s)
    return inside


def _has_span(spans: npt.NDArray[Any]) -> BoolArray:
    return np.asarray(spans[:, 0] >= 0, np.bool_)


def _is_number(column: npt.NDArray[Any]) -> BoolArray:
    return ~np.isnan(column[:, 0].astype(np.float64))


def _in_range(column: npt.NDArray[Any] | None, start: float, end: float) -> BoolArray | bool:
    if column is None:
        return False
    return np.asarray((column[:, 0] < end) & (column[:, 1] > start), np.bool_)


def _in_box(boxes: Float32Array, box: Box) -> BoolArray:
    """Return which boxes lie in a region by half, or hold half of it: it may be in one patch."""
    with np.errstate(invalid="ignore"):
        width = np.minimum(boxes[:, 2], box.right) - np.maximum(boxes[:, 0], box.left)
        height = np.minimum(boxes[:, 3], box.bottom) - np.maximum(boxes[:, 1], box.top)
        shared = np.maximum(width, 0) * np.maximum(height, 0)
        own = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
        region = (box.right - box.left) * (box.bottom - box.top)
        return np.asarray((shared > 0) & (shared >= _COVERED * np.minimum(own, region)), np.bool_)


def _telling(rows: Float32Array) -> Int64Array:
    """Return the numbers of at most about `MOST_ROWS` rows that stand for all, in their order."""
    if len(rows) <= MOST_ROWS:
        return np.arange(len(rows))
    labels = ward_labels(rows, -(-len(rows) // MOST_ROWS))
    kept = []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        mean = rows[members].mean(axis=0)
        kept.append(int(members[np.argmax(rows[members] @ mean)]))
    return np.sort(np.array(kept, np.int64))


# -- what they are called ------------------------------------------------------------------------


def _spans_of(rows: RowLocators, own: Int64Array) -> list[tuple[int, int]]:
    if rows.spans is None:
        return []
    sources = (source for row in own for source in rows.sources_of(int(row)))
    found = (rows.spans[source] for source in sources)
    return [(int(start), int(end)) for start, end in found if start >= 0]


@dataclass(frozen=True)
class _Pieces:
    """Pieces of a unit's text, put together to the text of a query.

    Attributes:
        text: the pieces with a space between them.
        starts: of each piece in the unit's text.
        ends: likewise.
        places: of each piece in `text`.
    """

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]
    places: tuple[int, ...]

    @classmethod
    def of(cls, text: str, spans: Sequence[Sequence[tuple[int, int]]]) -> "_Pieces":
        merged: list[list[int]] = []
        for start, end in sorted(span for own in spans for span in own):
            if merged and start <= merged[-1][1] + _GAP:
                merged[-1][1] = max(merged[-1][1], end)
            else:
                merged.append([start, end])
        parts = [text[start:end] for start, end in merged]
        places = np.cumsum([0, *(len(part) + 1 for part in parts)])[: len(parts)]
        return cls(
            " ".join(parts),
            tuple(start for start, _ in merged),
            tuple(end for _, end in merged),
            tuple(int(place) for place in places),
        )

    def token(self, unit: Unit, rows: RowLocators, row: int) -> QueryToken:
        """Return what a row of the unit is called as a row of the query."""
        for source in rows.sources_of(row):
            if rows.spans is not None and rows.spans[source, 0] >= 0:
                start, end = (int(x) for x in rows.spans[source])
                for first, last, place in zip(self.starts, self.ends, self.places, strict=True):
                    if first <= start and end <= last:
                        span = CharSpan(start - first + place, end - first + place)
                        return QueryToken(unit.text[start:end], span)
        return QueryToken(f"place {row + 1}", None, "patch")


def _said(like: Likeness) -> str:
    if like.box is not None:
        box = (like.box.left, like.box.top, like.box.right, like.box.bottom)
        return f"the box {[round(edge, 3) for edge in box]}"
    if like.span is not None:
        return f"characters {like.span.start} to {like.span.end}"
    if like.time is not None:
        return f"seconds {like.time.start_s} to {like.time.end_s}"
    return "a space that is searched"
