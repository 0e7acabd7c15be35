"""Long units are also judged by their best window: MaxSim that looks in one place.

In a page of a thousand rows every word of a query finds some row that is like it, scattered over
paragraphs that have nothing to do with each other. A page that answers has its matches in one
place. So a long unit's MaxSim becomes `(1 - share) * unit + share * best window`, both of them
sums over the same query rows. A window's rows are some of the unit's: the mixture never exceeds
the unit's own MaxSim, which is therefore a bound, and only units that could still be among the
best have to be looked into.
"""

from collections.abc import Callable

import numpy as np

from latelight.index.windows import BestWindows
from latelight.kernels.maxsim import top_k
from latelight.pipelines.fusion import BM25
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.signals import BoolArray, Signals
from latelight.types import Float32Array, Int64Array

# Units that are looked into at once, at least.
BATCH = 64

Choose = Callable[[Float32Array], Int64Array]


def focus(
    reader: Reader, query: EncodedQuery, signals: Signals, choose: Choose
) -> tuple[Signals, int]:
    """Return the signals with the best units' windows counted, and how many were looked into.

    What `choose` then takes is what it would take if every unit's window were counted: units are
    looked into until all that it takes have been, and the others' scores are still upper bounds.

    Args:
        reader: the index and its pipeline.
        query: as encoded.
        signals: plain scores of every unit.
        choose: the best units' ordinals, best first, by (n_units,) scores.
    """
    left, n_read = _long_units(reader, signals), 0
    chosen = choose(signals.scores)
    while left[chosen].any():
        waiting = np.where(left, signals.scores, np.float32(-np.inf))
        batch = top_k(waiting, max(BATCH, len(chosen), n_read))
        signals = focus_on(reader, query, signals, batch)
        left[batch] = False
        n_read += len(batch)
        chosen = choose(signals.scores)
    return signals, n_read


def focus_on(
    reader: Reader, query: EncodedQuery, signals: Signals, ordinals: Int64Array
) -> Signals:
    """Return the signals with the windows of given units counted, which were not before.

    Units that fit into one window, and those that a space did not score, keep what they have.
    """
    by_name, scores = dict(signals.by_name), signals.scores.copy()
    for space in _spaces(signals):
        unit = signals.by_name[space]
        wanted = ordinals[is_long(reader, space)[ordinals] & np.isfinite(unit[ordinals])]
        if len(wanted):
            credit = credit_of(reader, query, space, wanted)
            best = windows_of(reader, query, space, wanted, credit)
            window = np.maximum(best.similarities, credit).sum(axis=1)
            lost = np.float32(reader.spec.maxsim.window_share) * np.maximum(
                unit[wanted] - window, 0
            )
            by_name[space] = unit.copy()
            by_name[space][wanted] -= lost
            scores[wanted] -= np.float32(signals.weights[space]) * lost
    return Signals(by_name, signals.weights, scores)


def credit_of(
    reader: Reader, query: EncodedQuery, space: str, ordinals: Int64Array
) -> Float32Array:
    """Return (n, n_query_tokens) float32: what beginnings give each unit, by weighted rows."""
    given, rows = reader.spec.maxsim, query.weighted(space)
    found = reader.snapshot.beginnings(space, rows, ordinals, given.context_rows)
    return found.credit(given.context_share)


def windows_of(
    reader: Reader, query: EncodedQuery, space: str, ordinals: Int64Array, credit: Float32Array
) -> BestWindows:
    """Return the best windows of units that are long; similarities are to the weighted rows."""
    return reader.snapshot.best_windows(
        space,
        query.weighted(space),
        ordinals,
        reader.spec.maxsim.window_rows,
        floor=credit,
        n_threads=reader.n_threads,
    )


def is_long(reader: Reader, space: str) -> BoolArray:
    """Return (n_units,) bool: which units have windows that count in a space."""
    if not reader.spec.maxsim.window_share:
        return np.zeros(reader.snapshot.n_units, np.bool_)
    longer: BoolArray = reader.snapshot.row_counts(space) > reader.spec.maxsim.window_rows
    return longer


def _long_units(reader: Reader, signals: Signals) -> BoolArray:
    """Return (n_units,) bool: which scored units are long in any space that ranks."""
    long = np.zeros(len(signals.scores), np.bool_)
    for space in _spaces(signals):
        long |= is_long(reader, space)
    return long & np.isfinite(signals.scores)


def _spaces(signals: Signals) -> list[str]:
    return [name for name in signals.by_name if name != BM25]
