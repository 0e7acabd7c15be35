"""A search, from the query's words to hits with evidence; the stages in order."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latelight.errors import QueryError
from latelight.index import Snapshot
from latelight.index.analyzer import analyze
from latelight.kernels.maxsim import top_k
from latelight.pipelines.evidence import collect_evidence
from latelight.pipelines.focus import focus, focus_on
from latelight.pipelines.narrowing import Narrowing
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.row_weights import row_weights
from latelight.pipelines.signals import NOT_NARROWED, Signals, chosen_mode, score_signals
from latelight.pipelines.spec import SearchMode
from latelight.pipelines.stages import Stage, Stopwatch
from latelight.types import Float32Array, Hit, Int64Array


@dataclass(frozen=True, eq=False)
class Found:
    """The outcome of one search.

    Attributes:
        query: as encoded.
        hits: best first.
        ordinals: (n_hits,) the hits' units in the snapshot.
        signals: every unit's scores and the weights that were used.
        stages: what was done, with times.
    """

    query: EncodedQuery
    hits: tuple[Hit, ...]
    ordinals: Int64Array
    signals: Signals
    stages: tuple[Stage, ...]


def run_search(reader: Reader, request: SearchRequest) -> Found:
    """Return the best units for a request.

    Raises:
        QueryError: nothing in the query can be searched for.
        FilterError: the filter cannot be understood.
    """
    watch = Stopwatch()
    with watch.stage("encode") as count:
        query = encode_query(reader, request.text, request.mode)
        count.count = query.n_tokens
    with watch.stage("allow-list") as count:
        allow = reader.snapshot.allow_list(request.filter)
        count.count = int(np.count_nonzero(allow))
    signals, ordinals = _ranked(reader, query, allow, request, request.narrowing, watch)
    if request.group_by is not None and len(ordinals) < request.k:
        # The best units were of too few documents: look at all of them.
        signals, ordinals = _ranked(reader, query, allow, request, NOT_NARROWED, watch)
    with watch.stage("evidence") as count:
        hits = make_hits(reader, query, signals, ordinals, explain=request.explain)
        count.count = len(hits) if request.explain else 0
    return Found(query, hits, ordinals, signals, watch.stages)


def _ranked(
    reader: Reader,
    query: EncodedQuery,
    allow: npt.NDArray[np.bool_],
    request: SearchRequest,
    narrowing: Narrowing,
    watch: Stopwatch,
) -> tuple[Signals, Int64Array]:
    """Return the signals of what was scored, and the best units."""
    signals = score_signals(reader, query, allow, request.mode, watch, narrowing)
    with watch.stage("focus") as count:
        signals, count.count = focus(
            reader, query, signals, lambda scores: best_units(reader.snapshot, scores, request)
        )
    with watch.stage("select") as count:
        ordinals = best_units(reader.snapshot, signals.scores, request)
        count.count = len(ordinals)
    return signals, ordinals


def encode_query(reader: Reader, text: str, mode: SearchMode = "auto") -> EncodedQuery:
    """Return the query's terms, and its rows in every space unless only BM25 ranks.

    Raises:
        QueryError: it has neither rows nor terms.
    """
    ranks_rows = chosen_mode(reader, mode) != "bm25"
    encoders = reader.encoders if ranks_rows else {}
    vectors = {space: encoder.encode_query(text) for space, encoder in encoders.items()}
    terms = tuple(analyze(text))
    function_weight = reader.spec.maxsim.function_weight
    weights = {name: row_weights(rows, terms, function_weight) for name, rows in vectors.items()}
    query = EncodedQuery(text, vectors, weights, terms)
    if not query.terms and not any(len(rows.tokens) for rows in vectors.values()):
        raise QueryError(f"The query {text!r} holds no word to search for; use letters or digits.")
    return query


def best_units(snapshot: Snapshot, scores: Float32Array, request: SearchRequest) -> Int64Array:
    """Return the best units' ordinals, at most k, one for each document when grouped."""
    if request.group_by is None:
        return top_k(scores, request.k)
    return _best_of_each(scores, snapshot.document_ordinals(), request.k)


def _best_of_each(scores: Float32Array, groups: npt.NDArray[np.integer], k: int) -> Int64Array:
    """Return the best unit of each of the k best groups, best first, ties by lower ordinal."""
    width = k
    while True:
        width = min(width * 4, len(scores))
        best = top_k(scores, max(width, 1))
        _, first = np.unique(groups[best], return_index=True)
        if len(first) >= k or len(best) < width or width == len(scores):
            chosen: Int64Array = best[np.sort(first)[:k]]
            return chosen


def make_hits(
    reader: Reader,
    query: EncodedQuery,
    signals: Signals,
    ordinals: Int64Array,
    *,
    explain: bool,
) -> tuple[Hit, ...]:
    """Return the hits for units in this order, with evidence when asked."""
    evidence = (
        collect_evidence(reader, query, signals, ordinals) if explain else [()] * len(ordinals)
    )
    return tuple(
        Hit(
            rank=rank,
            score=float(signals.scores[ordinal]),
            score_norm=float(signals.scores[ordinal]) / query.n_tokens,
            document=reader.snapshot.document_of(ordinal),
            unit=reader.snapshot.unit(ordinal),
            evidence=tuple(found),
        )
        for rank, (ordinal, found) in enumerate(zip(map(int, ordinals), evidence, strict=True), 1)
    )


def explain_units(
    reader: Reader, text: str, ordinals: Sequence[int], mode: SearchMode = "auto"
) -> Found:
    """Return given units as hits with evidence, ranked among themselves, whatever their score."""
    request = SearchRequest(text, mode=mode, explain=True)
    watch = Stopwatch()
    query = encode_query(reader, request.text, request.mode)
    chosen = np.unique(np.asarray(ordinals, dtype=np.int64))
    only = np.zeros(reader.snapshot.n_units, np.bool_)
    only[chosen] = True
    signals = score_signals(reader, query, only, request.mode, watch)
    signals = focus_on(reader, query, signals, chosen)
    ordered = chosen[np.argsort(-signals.scores[chosen], kind="stable")]
    hits = make_hits(reader, query, signals, ordered, explain=True)
    return Found(query, hits, ordered, signals, watch.stages)
