"""How documents begin, as context of their other units.

A page seldom says whose report it is in; the report's first page does. The first rows of a
document's first unit stand in for what its other units leave unsaid. What is only seen there, a
logo or a photograph, says nothing of the others.
"""

from dataclasses import dataclass

import numpy as np

from latelight.index.exact import score_plain
from latelight.index.rows import SpaceRows
from latelight.index.segment import Segment
from latelight.index.stretches import stretch_maxima
from latelight.kernels.maxsim import maxsim_argmax
from latelight.types import Float32Array, Int32Array, Int64Array

# Query rows times units whose maxima are held at once: 16 MB.
_CHUNK = 1 << 22


@dataclass(frozen=True, slots=True)
class Context:
    """How much a document's beginning says for its other units.

    Attributes:
        n_rows: how many of the first rows count.
        share: what a similarity there counts beside one in the unit itself; 0 for nothing.
    """

    n_rows: int = 128
    share: float = 0.85


@dataclass(frozen=True, eq=False)
class Beginnings:
    """What the beginnings of several units' documents answer.

    Attributes:
        units: (n,) int64, the unit that each one's document begins with, -1 where there is none
            or where it is the document's only one with rows.
        winners: (n, n_query_tokens) int32, row numbers within that unit.
        similarities: (n, n_query_tokens) float32, -inf without such a unit.
    """

    units: Int64Array  # (n,)
    winners: Int32Array  # (n, n_query_tokens)
    similarities: Float32Array  # (n, n_query_tokens)

    def credit(self, share: float) -> Float32Array:
        """Return (n, n_query_tokens) float32: what each query row has without the unit itself.

        Rows that are unlike the query's give nothing: -inf.
        """
        likes = self.similarities > 0
        credit = np.float32(share) * np.where(likes, self.similarities, np.float32(0))
        return np.where(likes & (share > 0), credit, np.float32(-np.inf))


def beginning_units(segment: Segment, filled: np.ndarray) -> Int64Array:
    """Return (n_units,) int64: the first unit with rows of each unit's document.

    -1 where no other unit of the document has rows.

    Args:
        segment: whose units.
        filled: (n_units,) bool, which units have rows.
    """
    counts = np.diff(segment.unit_offsets)
    before = np.concatenate([np.zeros(1, np.int64), np.cumsum(filled)])
    n_filled = before[segment.unit_offsets[1:]] - before[segment.unit_offsets[:-1]]
    places = np.append(np.flatnonzero(filled), -1)  # the last is for documents at the very end
    first = places[np.minimum(before[segment.unit_offsets[:-1]], len(places) - 1)]
    return np.repeat(np.where(n_filled > 1, first, -1), counts)


def answer_beginnings(
    query: Float32Array, rows: SpaceRows, units: Int64Array, n_rows: int, n_threads: int = 1
) -> Beginnings:
    """Return what the beginnings answer, each scored once.

    Args:
        query: (n_query_tokens, dim) float32.
        rows: of the segment.
        units: (n,) int64 as `beginning_units` gives them.
        n_rows: how many rows of a unit are its beginning.
        n_threads: how many threads share the work.
    """
    winners = np.full((len(units), len(query)), -1, np.int32)
    similarities = np.full((len(units), len(query)), -np.inf, np.float32)
    known = units >= 0
    known[known] = rows.reading_lengths[units[known]] > 0
    if known.any():
        distinct, which = np.unique(units[known], return_inverse=True)
        found = rows.scorable(query, distinct, n_threads)
        starts = found.rows.offsets[found.units]
        ends = starts + np.minimum(rows.reading_lengths[distinct], n_rows)
        won, best = stretch_maxima(found.query, found.rows, starts, ends, n_threads)
        winners[known], similarities[known] = won[which], best[which]
    return Beginnings(units, winners, similarities)


def score_in_context(
    query: Float32Array,
    rows: SpaceRows,
    units: Int64Array,
    beginnings: Int64Array,
    context: Context,
    n_threads: int = 1,
) -> Float32Array:
    """Return each unit's MaxSim where its document's beginning says what it leaves unsaid.

    The sum over query rows of the larger of the unit's own maximum and `context.share` times the
    beginning's. A document's first unit, and one of a document with nothing else, has its plain
    MaxSim.

    Args:
        query: (n_query_tokens, dim) float32.
        rows: of the segment.
        units: (n,) int64, units with rows.
        beginnings: (n,) int64, their `beginning_units`.
        context: how much it counts.
        n_threads: how many threads share the work.

    Returns:
        (n,) float32.
    """
    # The unit that a document begins with holds these rows itself, at their full worth.
    alone = (beginnings < 0) | (beginnings == units)
    scores = np.empty(len(units), np.float32)
    scores[alone] = score_plain(query, rows, units[alone], n_threads)
    others = np.flatnonzero(~alone)
    width = max(_CHUNK // len(query), 1)
    for piece in rows.pieces(units[others]):
        for first in range(piece.start, piece.stop, width):
            chunk = others[first : min(first + width, piece.stop)]
            found = answer_beginnings(query, rows, beginnings[chunk], context.n_rows, n_threads)
            own = rows.scorable(query, units[chunk], n_threads)
            _, best = maxsim_argmax(own.query, own.rows, documents=own.units, n_threads=n_threads)
            scores[chunk] = np.maximum(best, found.credit(context.share)).sum(axis=1)
    return scores
