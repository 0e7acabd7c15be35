"""Every allowed unit's score by each signal, and the weighted sum that ranks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latelight.index.lexical import Bm25Options, bm25_scores
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.spec import SearchMode
from latelight.pipelines.stages import Stopwatch
from latelight.types import Float32Array

BM25 = "bm25"
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Signals:
    """The parts of a ranking.

    `scores[u]` is the sum over signals of `weights[name] * by_name[name][u]`.

    Attributes:
        by_name: (n_units,) float32 by signal: a space's name, or `bm25`.
        weights: factor of each signal in this search.
        scores: (n_units,) float32; -inf where a unit is not allowed or nothing scored it.
    """

    by_name: Mapping[str, Float32Array]
    weights: Mapping[str, float]
    scores: Float32Array


def score_signals(
    reader: Reader, query: EncodedQuery, allow: BoolArray, mode: SearchMode, watch: Stopwatch
) -> Signals:
    """Return the scores of every unit under a mode; `auto` takes the pipeline's."""
    chosen = _mode(reader, mode)
    by_name: dict[str, Float32Array] = {}
    if chosen != "bm25":
        by_name |= _maxsim(reader, query, allow, watch)
    if chosen != "maxsim":
        by_name[BM25] = _bm25(reader, query, allow, watch)
    weights = dict.fromkeys(by_name, 1.0)
    return Signals(by_name, weights, weighted_sum(by_name, weights, allow))


def weighted_sum(
    by_name: Mapping[str, Float32Array], weights: Mapping[str, float], allow: BoolArray
) -> Float32Array:
    """Return the sum of the signals under their weights; -inf where nothing is to be found.

    A unit without rows in a space gets nothing from it rather than being lost to the others.
    """
    total = np.zeros(len(allow), np.float32)
    scored = np.zeros(len(allow), bool)
    for name, scores in by_name.items():
        present = np.isfinite(scores) & (scores != 0 if name == BM25 else True)
        total[present] += np.float32(weights[name]) * scores[present]
        scored |= present
    total[~(scored & allow)] = -np.inf
    return total


def _mode(reader: Reader, mode: SearchMode) -> SearchMode:
    chosen = reader.spec.search.mode if mode == "auto" else mode
    if chosen == "auto":
        return "hybrid" if reader.spec.lexical.enabled else "maxsim"
    return chosen


def _maxsim(
    reader: Reader, query: EncodedQuery, allow: BoolArray, watch: Stopwatch
) -> dict[str, Float32Array]:
    found: dict[str, Float32Array] = {}
    for space, rows in query.vectors.items():
        if len(rows.tokens):
            with watch.stage(f"maxsim:{space}") as count:
                found[space] = reader.snapshot.scores(
                    space, rows.vectors, allow, n_threads=reader.n_threads
                )
                count.count = int(np.count_nonzero(allow))
    return found


def _bm25(reader: Reader, query: EncodedQuery, allow: BoolArray, watch: Stopwatch) -> Float32Array:
    lexical = reader.spec.lexical
    with watch.stage(BM25) as count:
        scores = bm25_scores(
            reader.snapshot.lexical(),
            reader.snapshot.unit_offsets,
            [term.text for term in query.terms],
            reader.snapshot.allow_list(None),
            Bm25Options(lexical.k1, lexical.b),
        )
        count.count = int(np.count_nonzero(scores))
    return np.where(allow, scores, np.float32(0))
