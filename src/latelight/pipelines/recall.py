"""How much of an exact search each recall level finds, and how long each takes."""

import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from latelight.index.candidates import RECALL_LEVELS, Effort, Ranked, Wanted, search_snapshot
from latelight.index.self_check import recall_of
from latelight.pipelines.reader import Reader
from latelight.types import Float32Array


@dataclass(frozen=True)
class RecallRow:
    """One space at one level.

    Attributes:
        space: which vectors.
        level: `fast`, `balanced`, `best` or `exact`.
        recall: mean share of the exact best k that was found.
        worst: of any query.
        p50_ms: median time of a search without encoding, in milliseconds.
        n_queries: that these are of.
        is_exact: whether everything was scored, because the space has no codes or few rows.
    """

    space: str
    level: str
    recall: float
    worst: float
    p50_ms: float
    n_queries: int
    is_exact: bool


def sample_queries(reader: Reader, n: int, seed: int = 0, n_words: int = 12) -> list[str]:
    """Return runs of up to `n_words` words from units drawn at random, one from each."""
    rng = np.random.default_rng(seed)
    live = np.flatnonzero(reader.snapshot.allow_list())
    found: list[str] = []
    for ordinal in rng.permutation(live).tolist():
        words = reader.snapshot.unit(ordinal).text.split()
        if words:
            start = int(rng.integers(0, max(len(words) - n_words, 0) + 1))
            found.append(" ".join(words[start : start + n_words]))
        if len(found) == n:
            break
    return found


def measure_recall(reader: Reader, queries: Sequence[str], k: int = 10) -> Iterator[RecallRow]:
    """Yield a row for each space and level."""
    allow = reader.snapshot.allow_list()
    for space, encoder in reader.encoders.items():
        vectors = [encoder.encode_query(text).vectors for text in queries]
        vectors = [rows for rows in vectors if len(rows)]
        exact = [reader.snapshot.scores(space, rows, allow, reader.n_threads) for rows in vectors]
        for level in RECALL_LEVELS:
            wanted = Wanted(space, allow, k, Effort.of(level), reader.n_threads)
            yield _row(reader, level, vectors, exact, wanted)


def _row(
    reader: Reader,
    level: str,
    vectors: Sequence[Float32Array],
    exact: Sequence[Float32Array],
    wanted: Wanted,
) -> RecallRow:
    times: list[float] = []
    found: list[Ranked] = []
    for rows in vectors:
        began = time.perf_counter()
        found += search_snapshot(reader.snapshot, [rows], wanted)
        times.append(1000 * (time.perf_counter() - began))
    recalls = [recall_of(s, f, wanted.k) for s, f in zip(exact, found, strict=True)]
    return RecallRow(
        space=wanted.space,
        level=level,
        recall=statistics.fmean(recalls) if recalls else 1.0,
        worst=min(recalls, default=1.0),
        p50_ms=statistics.median(times) if times else 0.0,
        n_queries=len(recalls),
        is_exact=all(ranked.is_exact for ranked in found),
    )
