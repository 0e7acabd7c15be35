"""Which rows brought a unit its MaxSim: its own, its best window's, its document's beginning's."""

from dataclasses import dataclass, replace

import numpy as np

from latelight.explain.attribution import attribute
from latelight.pipelines.focus import is_long, windows_of
from latelight.pipelines.naming import with_names
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.signals import Signals
from latelight.pipelines.spec import MaxSimSpec
from latelight.types import Float32Array, Int32Array, Int64Array, QueryVectors, TokenEvidence
from latelight.types.evidence import Part

_Won = tuple[Int32Array, Float32Array]  # (n_query_tokens,) row numbers and cosines


@dataclass(frozen=True, eq=False)
class _Winners:
    """The winning row of each query row, and its cosine, in each place that counts.

    Attributes:
        unit: of the unit's rows; -1 where it has none.
        window: of the rows of its best window; None where the unit fits into one.
        beginning: of the rows that the document begins with; -1 for none.
        credit: (n_query_tokens,) float32, what the beginning counts; -inf for nothing.
        first_unit: the unit that the document begins with, -1 for none.
    """

    unit: _Won
    window: _Won | None
    beginning: _Won
    credit: Float32Array
    first_unit: int


def maxsim_evidence(
    reader: Reader,
    query: EncodedQuery,
    signals: Signals,
    space: str,
    ordinals: Int64Array,
) -> list[tuple[TokenEvidence, ...]]:
    """Return each unit's evidence in one space; contributions add up to its weighted MaxSim.

    A query row has one evidence for each different row that it scored with: the unit's winner,
    the best window's where that is another, and the beginning's where that counts more.
    """
    weights = np.float32(signals.weights[space]) * query.weights[space]
    winners = _winners(reader, query, space, ordinals)
    return [
        _evidence(reader, query.vectors[space], space, ordinal, found, weights)
        for ordinal, found in zip(ordinals.tolist(), winners, strict=True)
    ]


def _winners(
    reader: Reader, query: EncodedQuery, space: str, ordinals: Int64Array
) -> list[_Winners]:
    given, vectors = reader.spec.maxsim, query.vectors[space].vectors
    rows, cosines = reader.snapshot.argmax(space, vectors, ordinals)
    begun = reader.snapshot.beginnings(space, vectors, ordinals, given.context_rows)
    credit = begun.credit(given.context_share)
    windows = _windows(reader, query, space, ordinals, credit)
    return [
        _Winners(
            unit=(rows[i], cosines[i]),
            window=windows.get(ordinal),
            beginning=(begun.winners[i], begun.similarities[i]),
            credit=credit[i],
            first_unit=int(begun.units[i]),
        )
        for i, ordinal in enumerate(ordinals.tolist())
    ]


def _windows(
    reader: Reader, query: EncodedQuery, space: str, ordinals: Int64Array, credit: Float32Array
) -> dict[int, _Won]:
    """Return what wins in the best windows of those units that are long."""
    long = is_long(reader, space)[ordinals]
    if not long.any():
        return {}
    weights = query.weights[space]
    best = windows_of(reader, query, space, ordinals[long], credit[long] * weights)
    found = zip(best.winners, best.similarities / weights, strict=True)
    return dict(zip(ordinals[long].tolist(), found, strict=True))


def _evidence(
    reader: Reader,
    rows: QueryVectors,
    space: str,
    ordinal: int,
    found: _Winners,
    weights: Float32Array,
) -> tuple[TokenEvidence, ...]:
    """Return one unit's evidence: of its own rows, its window's and its document's beginning's."""

    def of(won: _Won, part: Part, where: int, share: Float32Array) -> list[TokenEvidence | None]:
        if where < 0 or not share.any():
            return [None] * len(share)
        locators, unit = reader.snapshot.row_locators(space, where), reader.snapshot.unit(where)
        given = attribute(rows, *won, locators, unit, space=space, weight=weights * share)
        kept = [
            replace(one, part=part) if counts else None
            for one, counts in zip(given, share.tolist(), strict=True)
        ]
        return with_names(reader, space, where, kept)

    own, inside, borrowed = _shares(found, reader.spec.maxsim)
    columns = (
        of(found.unit, "unit", ordinal, own),
        of(found.window or found.unit, "window", ordinal, inside),
        of(found.beginning, "document", found.first_unit, borrowed),
    )
    return tuple(one for token in zip(*columns, strict=True) for one in token if one is not None)


def _shares(found: _Winners, given: MaxSimSpec) -> tuple[Float32Array, Float32Array, Float32Array]:
    """Return what a query row's similarity to each winner counts: unit, window, beginning.

    Three arrays (n_query_tokens,) float32. Where the unit's winner lies in the window it has the
    window's share too.
    """
    won, cosines = found.unit
    won_inside, cosines_inside = found.window or found.unit
    share = given.window_share if found.window else 0.0
    borrows = (found.credit > cosines) & (won >= 0)
    borrows_inside = (found.credit > cosines_inside) & (won >= 0)
    same = won == won_inside
    own = (1 - share) * ~borrows + share * (~borrows_inside & same)
    inside = share * (~borrows_inside & ~same)
    borrowed = given.context_share * ((1 - share) * borrows + share * borrows_inside)
    return own.astype(np.float32), inside.astype(np.float32), borrowed.astype(np.float32)
