"""A search, from the query's words to hits with evidence; the stages in order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from latelight.encoders.protocol import ImageQueryEncoder
from latelight.encoders.protocol import encode_queries as encode_all
from latelight.errors import QueryError
from latelight.index import Snapshot
from latelight.index.analyzer import analyze
from latelight.kernels.maxsim import top_k
from latelight.pipelines.evidence import collect_evidence
from latelight.pipelines.focus import focus, focus_on
from latelight.pipelines.narrowing import Narrowing, Pending, narrowed
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.rerank import reranked
from latelight.pipelines.row_weights import row_weights
from latelight.pipelines.signals import (
    BoolArray,
    Signals,
    chosen_mode,
    lexical_scores,
    score_signals,
)
from latelight.pipelines.similar import find_unit, piece_of
from latelight.pipelines.spec import SearchMode
from latelight.pipelines.stages import Stage, Stopwatch, shared_stage
from latelight.pipelines.threads import in_threads
from latelight.types import Float32Array, Hit, Int64Array, QueryVectors

SEARCHES_TOGETHER = 32
"""At most, or four for each thread: while they are made, each takes a few bytes of every unit."""


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


def run_searches(reader: Reader, requests: Sequence[SearchRequest]) -> Iterator[Found]:
    """Yield the best units for each of several requests that differ in their texts only.

    What comes back for one does not depend on the others. They are taken together some at a time,
    so that memory is bounded.

    Raises:
        QueryError: nothing in a query can be searched for.
        FilterError: the filter cannot be understood.
    """
    width = max(SEARCHES_TOGETHER, 4 * reader.n_threads)
    for first in range(0, len(requests), width):
        yield from _run_together(reader, requests[first : first + width])


def _run_together(reader: Reader, requests: Sequence[SearchRequest]) -> list[Found]:
    watches = [Stopwatch() for _ in requests]
    with shared_stage(watches, "encode") as counts:
        queries = _encoded_requests(reader, requests)
        counts[:] = [query.n_tokens for query in queries]
    with shared_stage(watches, "allow-list") as counts:
        allow = _allowed(reader, requests[0])
        counts[:] = [int(np.count_nonzero(allow))] * len(counts)
    searches = [
        Pending(query, lexical_scores(reader, query, allow, request.mode, watch), watch)
        for query, request, watch in zip(queries, requests, watches, strict=True)
    ]
    chosen = narrowed(reader, searches, allow, _narrowing(reader, requests[0]))

    # From here on each search goes its own way, on its share of the threads.
    own = replace(reader, n_threads=max(reader.n_threads // len(requests), 1))

    def finish(request: SearchRequest, search: Pending, worth: BoolArray) -> Found:
        return _ranked(own, search, request, allow, worth)

    return in_threads(reader.n_threads, finish, requests, searches, chosen)


def _allowed(reader: Reader, request: SearchRequest) -> BoolArray:
    """Return which units may be found: those of the filter, not the one that is searched with."""
    allow = reader.snapshot.allow_list(request.filter)
    if request.like is not None:
        allow = allow.copy()
        allow[find_unit(reader.snapshot, request.like)] = False
    return allow


def _narrowing(reader: Reader, request: SearchRequest) -> Narrowing:
    """Return the request's own; a cross-encoder wants at least as many units as it looks at."""
    asked = request.narrowing
    if reader.cross_encoder is None:
        return asked
    wider = replace(request, k=max(request.k, reader.spec.search.rerank_depth))
    return replace(asked, depth=max(asked.depth, wider.narrowing.depth))


def _ranked(
    reader: Reader, search: Pending, request: SearchRequest, allow: BoolArray, worth: BoolArray
) -> Found:
    """Return the outcome of one search, whose best units are among those `worth` scoring."""
    k = request.k
    query, watch, cross_encoder = search.query, search.watch, reader.cross_encoder
    if cross_encoder is not None:
        request = replace(request, k=max(request.k, reader.spec.search.rerank_depth))
    signals, ordinals = _scored(reader, search, request, worth)
    if request.group_by is not None and len(ordinals) < request.k:
        # The best units were of too few documents: look at all of them.
        signals, ordinals = _scored(reader, search, request, allow)
    judged = None
    if cross_encoder is not None:
        ordinals, judged = reranked(reader, cross_encoder, query.text, ordinals, watch)
        ordinals, judged = ordinals[:k], judged[:k]
    with watch.stage("evidence") as count:
        hits = make_hits(reader, query, signals, ordinals, explain=request.explain)
        hits = hits if judged is None else _with_rerank_scores(hits, judged)
        count.count = len(hits) if request.explain else 0
    return Found(query, hits, ordinals, signals, watch.stages)


def _scored(
    reader: Reader, search: Pending, request: SearchRequest, allow: BoolArray
) -> tuple[Signals, Int64Array]:
    """Return the signals of the allowed units, and the best of those."""
    query, watch = search.query, search.watch
    signals = score_signals(reader, query, allow, search.lexical, watch)
    with watch.stage("focus") as count:
        signals, count.count = focus(
            reader, query, signals, lambda scores: best_units(reader.snapshot, scores, request)
        )
    with watch.stage("select") as count:
        ordinals = best_units(reader.snapshot, signals.scores, request)
        count.count = len(ordinals)
    return signals, ordinals


def _encoded_requests(reader: Reader, requests: Sequence[SearchRequest]) -> list[EncodedQuery]:
    if requests[0].like is not None:
        return [_encoded_piece(reader, one) for one in requests]
    if requests[0].image is None:
        return encode_queries(reader, [one.text for one in requests], requests[0].mode)
    return [_encoded_picture(reader, one) for one in requests]


def _encoded_piece(reader: Reader, request: SearchRequest) -> EncodedQuery:
    """Return stored rows as a query, and the words beside them; nothing is encoded."""
    assert request.like is not None
    piece = piece_of(reader.snapshot, list(reader.encoders), request.like)
    vectors = piece.vectors if chosen_mode(reader, request.mode) != "bm25" else {}
    return _encoded(reader, piece.text, vectors)


def _encoded_picture(reader: Reader, request: SearchRequest) -> EncodedQuery:
    """Return a picture as a query: as patches where the encoder sees, else the words on it."""
    vectors: dict[str, QueryVectors] = {}
    encoders = reader.encoders if chosen_mode(reader, request.mode) != "bm25" else {}
    for space, encoder in encoders.items():
        sees = getattr(encoder, "inner", encoder)  # queries are not pooled
        if isinstance(sees, ImageQueryEncoder):
            assert request.image is not None
            vectors[space] = sees.encode_image_query(request.image)
        elif request.text:
            vectors[space] = encoder.encode_query(request.text)
    return _encoded(reader, request.text, vectors)


def encode_query(reader: Reader, text: str, mode: SearchMode = "auto") -> EncodedQuery:
    """Return the query's terms, and its rows in every space unless only BM25 ranks.

    Raises:
        QueryError: it has neither rows nor terms.
    """
    return encode_queries(reader, [text], mode)[0]


def encode_queries(
    reader: Reader, texts: Sequence[str], mode: SearchMode = "auto"
) -> list[EncodedQuery]:
    """Return each query as `encode_query` returns it, encoded together."""
    encoders = reader.encoders if chosen_mode(reader, mode) != "bm25" else {}
    by_space = {space: encode_all(encoder, texts) for space, encoder in encoders.items()}
    return [
        _encoded(reader, text, {space: rows[i] for space, rows in by_space.items()})
        for i, text in enumerate(texts)
    ]


def _encoded(reader: Reader, text: str, vectors: Mapping[str, QueryVectors]) -> EncodedQuery:
    terms = tuple(analyze(text))
    function_weight = reader.spec.maxsim.function_weight
    weights = {name: row_weights(rows, terms, function_weight) for name, rows in vectors.items()}
    if not terms and not any(len(rows.tokens) for rows in vectors.values()):
        raise QueryError(f"The query {text!r} holds no word to search for; use letters or digits.")
    return EncodedQuery(text, vectors, weights, terms)


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


def _with_rerank_scores(hits: Sequence[Hit], scores: Float32Array) -> tuple[Hit, ...]:
    return tuple(
        hit if np.isnan(score) else replace(hit, rerank_score=float(score))
        for hit, score in zip(hits, scores, strict=True)
    )


def explain_units(
    reader: Reader, text: str, ordinals: Sequence[int], mode: SearchMode = "auto"
) -> Found:
    """Return given units as hits with evidence, ranked among themselves, whatever their score.

    What no signal scores has 0, the sum of no contributions.
    """
    request = SearchRequest(text, mode=mode, explain=True)
    watch = Stopwatch()
    query = encode_query(reader, request.text, request.mode)
    chosen = np.unique(np.asarray(ordinals, dtype=np.int64))
    only = np.zeros(reader.snapshot.n_units, np.bool_)
    only[chosen] = True
    lexical = lexical_scores(reader, query, only, request.mode, watch)
    signals = score_signals(reader, query, only, lexical, watch)
    signals = focus_on(reader, query, signals, chosen)
    nothing = np.isneginf(signals.scores)
    signals = replace(signals, scores=np.where(nothing, np.float32(0), signals.scores))
    ordered = chosen[np.argsort(-signals.scores[chosen], kind="stable")]
    hits = make_hits(reader, query, signals, ordered, explain=True)
    return Found(query, hits, ordered, signals, watch.stages)
