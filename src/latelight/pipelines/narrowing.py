"""The units worth scoring: what approximate search and the words bring up, of large collections."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latelight.index.candidates import Effort, Wanted, is_approximate, search_snapshot
from latelight.kernels.maxsim import top_k
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.stages import Stopwatch, shared_stage
from latelight.types import Float32Array, Int64Array

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


@dataclass(frozen=True, eq=False)
class Pending:
    """One of several searches that are made together.

    Attributes:
        query: as encoded.
        lexical: (n_units,) float32, BM25's scores when they take part, else None.
        watch: gets the stages.
    """

    query: EncodedQuery
    lexical: Float32Array | None
    watch: Stopwatch


def narrowed(
    reader: Reader, searches: Sequence[Pending], allow: BoolArray, narrowing: Narrowing
) -> list[BoolArray]:
    """Return, for each search, (n_units,) bool: the allowed units that some signal ranks high.

    They are then scored exactly, by every signal. `allow` comes back as it is when no space that
    the query has rows in holds codes, or few rows are allowed. What a search gets does not depend
    on the others.

    Args:
        reader: what is searched.
        searches: under one pipeline and one filter.
        allow: (n_units,) bool.
        narrowing: how far.
    """
    if narrowing.effort.options is None:
        return [allow] * len(searches)
    spaces = [s for s in reader.encoders if any(one.query.has_rows(s) for one in searches)]
    coded = [space for space in spaces if is_approximate(reader.snapshot, space, allow)]
    chosen = {
        one: _best_by_words(one, narrowing.depth, np.zeros_like(allow))
        for one in searches
        if any(map(one.query.has_rows, coded))
    }
    for space in spaces:
        ours = [one for one in chosen if one.query.has_rows(space)]
        for one, ordinals in zip(
            ours, _best_by_rows(reader, space, ours, allow, narrowing), strict=True
        ):
            chosen[one][ordinals] = True
    return [allow & chosen[one] if one in chosen else allow for one in searches]


def _best_by_words(search: Pending, depth: int, chosen: BoolArray) -> BoolArray:
    """Return `chosen` with the best units by BM25 marked."""
    if search.lexical is not None:
        scores = np.where(search.lexical > 0, search.lexical, -np.inf).astype(np.float32)
        chosen[top_k(scores, depth)] = True
    return chosen


def _best_by_rows(
    reader: Reader,
    space: str,
    searches: Sequence[Pending],
    allow: BoolArray,
    narrowing: Narrowing,
) -> list[Int64Array]:
    """Return the ordinals of each search's best units in one space."""
    check = reader.self_check
    effort = check.effort(space, narrowing.effort)
    wanted = Wanted(space, allow, narrowing.depth, effort, reader.n_threads)
    vectors = [one.query.weighted(space) for one in searches]
    watches = [one.watch for one in searches]
    with shared_stage(watches, f"candidates:{space}") as counts:
        found = search_snapshot(reader.snapshot, vectors, wanted)
        counts[:] = [len(ranked.ordinals) for ranked in found]
    if effort.widening:
        with shared_stage(watches, f"widened:{space}") as counts:
            counts[:] = [2**effort.widening] * len(searches)
    for rows, ranked in zip(vectors, found, strict=True):
        check.observe(reader.snapshot, rows, wanted, ranked)
    return [ranked.ordinals for ranked in found]
