"""Every allowed unit's score by each signal, and the weighted sum that ranks."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latelight.index.beginnings import Context
from latelight.index.lexical import Bm25Options
from latelight.pipelines.fusion import BM25, FusionOptions, QuerySize, fuse, letters_per_row
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.spec import SearchMode
from latelight.pipelines.stages import Stopwatch
from latelight.types import Float32Array

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Signals:
    """The parts of a ranking.

    `scores[u]` is the sum over signals of `weights[name] * by_name[name][u]`. Until `focus` has
    looked into a long unit, its MaxSim is an upper bound.

    Attributes:
        by_name: (n_units,) float32 by signal: a space's name, or `bm25`.
        weights: factor of each signal in this search.
        scores: (n_units,) float32; -inf where a unit is not allowed or nothing scored it.
    """

    by_name: Mapping[str, Float32Array]
    weights: Mapping[str, float]
    scores: Float32Array


def score_signals(
    reader: Reader,
    query: EncodedQuery,
    allow: BoolArray,
    lexical: Float32Array | None,
    watch: Stopwatch,
) -> Signals:
    """Return the scores of the allowed units; `lexical` as `lexical_scores` gives them."""
    by_name = _maxsim(reader, query, allow, watch)
    if lexical is not None:
        by_name[BM25] = np.where(allow, lexical, np.float32(0))
    options = FusionOptions(
        reader.spec.lexical.weight,
        spaces={name: given.weight for name, given in reader.spec.spaces.items()},
    )
    fused = fuse(by_name, allow, _size(reader, query), options)
    return Signals(by_name, fused.weights, fused.scores)


def chosen_mode(reader: Reader, mode: SearchMode) -> SearchMode:
    """Return the mode that `auto` stands for, any other as it is."""
    chosen = reader.spec.search.mode if mode == "auto" else mode
    if chosen == "auto":
        return "hybrid" if reader.spec.lexical.enabled else "maxsim"
    return chosen


def _maxsim(
    reader: Reader, query: EncodedQuery, allow: BoolArray, watch: Stopwatch
) -> dict[str, Float32Array]:
    found: dict[str, Float32Array] = {}
    context = Context(reader.spec.maxsim.context_rows, reader.spec.maxsim.context_share)
    for space, rows in query.vectors.items():
        if len(rows.tokens):
            with watch.stage(f"maxsim:{space}") as count:
                found[space] = reader.snapshot.scores(
                    space,
                    query.weighted(space),
                    allow,
                    n_threads=reader.n_threads,
                    context=context if context.share else None,
                )
                count.count = int(np.count_nonzero(allow))
    return found


def lexical_scores(
    reader: Reader, query: EncodedQuery, allow: BoolArray, mode: SearchMode, watch: Stopwatch
) -> Float32Array | None:
    """Return (n_units,) float32: BM25's scores of the allowed units, 0 elsewhere.

    None when words do not take part under the mode; `auto` takes the pipeline's.
    """
    if chosen_mode(reader, mode) == "maxsim":
        return None
    with watch.stage(BM25) as count:
        scores = reader.snapshot.lexical_view.scores(*_terms_of(reader, query))
        count.count = int(np.count_nonzero(scores))
    return np.where(allow, scores, np.float32(0))


def _size(reader: Reader, query: EncodedQuery) -> QuerySize:
    rows = {name: len(rows.tokens) for name, rows in query.vectors.items() if len(rows.tokens)}
    letters = [letters_per_row(rows.tokens) for rows in query.vectors.values()]
    best = max((found for found in letters if found is not None), default=None)
    ceiling = reader.snapshot.lexical_view.ceiling(*_terms_of(reader, query))
    return QuerySize(rows, ceiling, best)


def _terms_of(reader: Reader, query: EncodedQuery) -> tuple[list[str], Bm25Options]:
    """Return what BM25 takes."""
    lexical = reader.spec.lexical
    return [term.text for term in query.terms], Bm25Options(lexical.k1, lexical.b)
