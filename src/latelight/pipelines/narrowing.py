"""The units worth scoring: what approximate search and the words bring up, of large collections."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latelight.index.candidates import Effort, Wanted, is_approximate, search_snapshot
from latelight.index.self_check import SelfCheck
from latelight.kernels.maxsim import top_k
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.stages import Stopwatch
from latelight.types import Float32Array

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Narrowing:
    """How far a search is narrowed.

    Attributes:
        effort: of the approximate search; one without options narrows nothing.
        depth: units that each signal brings up at least.
    """

    effort: Effort
    depth: int = 128


def narrowed(
    reader: Reader,
    query: EncodedQuery,
    allow: BoolArray,
    lexical: Float32Array | None,
    narrowing: Narrowing,
    watch: Stopwatch,
) -> BoolArray:
    """Return (n_units,) bool: the allowed units that some signal ranks among its best.

    They are then scored exactly, by every signal. `allow` comes back as it is when no space that
    the query has rows in holds codes, or few rows are allowed.

    Args:
        reader: what is searched.
        query: as encoded.
        allow: (n_units,) bool.
        lexical: (n_units,) float32, BM25's scores when they take part.
        narrowing: how far.
        watch: gets a stage for each space, with the number of units brought up.
    """
    spaces = [space for space, rows in query.vectors.items() if len(rows.tokens)]
    if narrowing.effort.options is None:
        return allow
    if not any(is_approximate(reader.snapshot, space, allow) for space in spaces):
        return allow
    chosen = np.zeros_like(allow)
    for space in spaces:
        chosen[_best_of(reader, query, allow, space, narrowing, watch)] = True
    if lexical is not None:
        found = top_k(np.where(lexical > 0, lexical, -np.inf).astype(np.float32), narrowing.depth)
        chosen[found] = True
    return allow & chosen


def _best_of(
    reader: Reader,
    query: EncodedQuery,
    allow: BoolArray,
    space: str,
    narrowing: Narrowing,
    watch: Stopwatch,
) -> npt.NDArray[np.int64]:
    check: SelfCheck = reader.self_check
    effort = check.effort(space, narrowing.effort)
    wanted = Wanted(space, allow, narrowing.depth, effort, reader.n_threads)
    vectors = query.weighted(space)
    with watch.stage(f"candidates:{space}") as count:
        ranked = search_snapshot(reader.snapshot, [vectors], wanted)[0]
        count.count = len(ranked.ordinals)
    if effort.widening:
        with watch.stage(f"widened:{space}") as count:
            count.count = 2**effort.widening
    check.observe(reader.snapshot, vectors, wanted, ranked)
    return ranked.ordinals
