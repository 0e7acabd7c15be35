"""BM25 over the postings of a snapshot's segments.

Each segment keeps its own postings; what BM25 knows of the whole collection (how many units
there are, how long they are, how many hold a term) is counted at query time over the live units,
so that it never goes stale when units are added or deleted.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.index.analyzer import is_function_term
from latelight.types import Float32Array, Int64Array

Uint8Array = npt.NDArray[np.uint8]
Uint32Array = npt.NDArray[np.uint32]
BoolArray = npt.NDArray[np.bool_]

_KEPT_BYTES = 32 << 20  # of terms, for each snapshot that is searched


@dataclass(frozen=True, slots=True)
class Bm25Options:
    """The constants of the score.

    Attributes:
        k1: how late a term's repetition stops to count.
        b: how much a unit's length counts, 0 to 1.
        function_weight: what a function word of the query ("what", "did", "the") counts beside a
            content word. Where such words are rare, as in tables, their idf would mislead.
    """

    k1: float = 1.2
    b: float = 0.75
    function_weight: float = 0.05


@dataclass(frozen=True, eq=False)
class Postings:
    """Which units of a segment hold which terms: arrays only, usable from memory maps.

    Terms are sorted by their UTF-8 bytes; term `t` is `term_blob[term_offsets[t]:
    term_offsets[t + 1]]`, its postings are `postings_offsets[t]` to `postings_offsets[t + 1]`.

    Attributes:
        term_blob: (n_bytes,) uint8, the terms' UTF-8 bytes one after the other.
        term_offsets: (n_terms + 1,) int64.
        postings_offsets: (n_terms + 1,) int64.
        ordinals: (n_postings,) uint32, units of the segment, ascending within a term.
        frequencies: (n_postings,) uint32, how often the unit holds the term; at least 1.
        unit_lengths: (n_units,) uint32, how many terms the unit holds.
    """

    term_blob: Uint8Array
    term_offsets: Int64Array
    postings_offsets: Int64Array
    ordinals: Uint32Array
    frequencies: Uint32Array
    unit_lengths: Uint32Array

    @property
    def n_terms(self) -> int:
        """How many different terms."""
        return len(self.term_offsets) - 1

    @property
    def n_units(self) -> int:
        """How many units, those without terms included."""
        return len(self.unit_lengths)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays by name, as a segment stores them."""
        return {part.name: getattr(self, part.name) for part in fields(self)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, npt.NDArray[np.generic]]) -> "Postings":
        """Return the postings that `arrays()` came from; nothing is copied."""
        return cls(**{part.name: arrays[part.name] for part in fields(cls)})  # type: ignore[arg-type]

    def term(self, number: int) -> str:
        """Return the term with this number, from 0 to `n_terms` - 1."""
        return self._term_bytes(number).decode("utf-8")

    def lookup(self, term: str) -> tuple[Uint32Array, Uint32Array]:
        """Return the ordinals and frequencies of `term`, both empty when no unit holds it."""
        number = self._find(term.encode("utf-8"))
        start, end = self.postings_offsets[number : number + 2] if number >= 0 else (0, 0)
        return self.ordinals[start:end], self.frequencies[start:end]

    def _find(self, wanted: bytes) -> int:
        """Return the number of a term, -1 when it is not there: a binary search of the bytes."""
        start, blob = self.term_offsets.item, self.term_blob.data
        low, high = 0, self.n_terms
        while low < high:
            middle = (low + high) // 2
            if bytes(blob[start(middle) : start(middle + 1)]) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < self.n_terms and self._term_bytes(low) == wanted else -1

    def _term_bytes(self, number: int) -> bytes:
        start, end = self.term_offsets[number : number + 2]
        return self.term_blob[start:end].tobytes()


def build_postings(terms_per_unit: Sequence[Sequence[str]]) -> Postings:
    """Return the postings of a segment whose units hold these terms, in ordinal order."""
    lengths = np.array([len(terms) for terms in terms_per_unit], dtype=np.uint32)
    numbers: dict[str, int] = {}
    flat = [numbers.setdefault(term, len(numbers)) for unit in terms_per_unit for term in unit]
    vocabulary = sorted(numbers, key=lambda term: term.encode("utf-8"))
    rank = np.empty(len(numbers), dtype=np.int64)
    rank[[numbers[term] for term in vocabulary]] = np.arange(len(numbers))
    n_units = max(len(lengths), 1)
    units = np.repeat(np.arange(len(lengths), dtype=np.int64), lengths)
    # One key for each (term, unit): sorting the keys sorts terms first, then units.
    keys, counts = np.unique(rank[flat] * n_units + units, return_counts=True)
    encoded = [term.encode("utf-8") for term in vocabulary]
    return Postings(
        term_blob=np.frombuffer(b"".join(encoded), dtype=np.uint8),
        term_offsets=_offsets([len(term) for term in encoded]),
        postings_offsets=_offsets(np.bincount(keys // n_units, minlength=len(vocabulary))),
        ordinals=(keys % n_units).astype(np.uint32),
        frequencies=counts.astype(np.uint32),
        unit_lengths=lengths,
    )


def bm25_scores(
    postings_per_segment: Sequence[Postings],
    unit_offsets: Int64Array,
    query_terms: Sequence[str],
    live: BoolArray,
    options: Bm25Options = Bm25Options(),
) -> Float32Array:
    """Return the BM25 score of every unit of a snapshot, (n_units,) float32.

    Units that are not live, and those that hold no query term, score 0. A term that the query
    repeats counts as often as it is repeated. A term's weight is Lucene's (Robertson and
    Zaragoza, "The Probabilistic Relevance Framework", with idf = ln(1 + (n - df + ½)/(df + ½))
    and without the constant factor k1 + 1), so that a score never exceeds `bm25_ceiling`.

    Args:
        postings_per_segment: one for each segment.
        unit_offsets: (n_segments + 1,) int64, where each segment's units begin in the snapshot.
        query_terms: the analysed query.
        live: (n_units,) bool; statistics are counted over these units only. Apply a filter to
            the scores, not here: a unit's score should not depend on the filter.
        options: BM25's constants.

    Raises:
        ShapeError: the offsets, the segments and `live` do not fit together.
    """
    return LexicalView(postings_per_segment, unit_offsets, live).scores(query_terms, options)


def bm25_contributions(
    postings_per_segment: Sequence[Postings],
    unit_offsets: Int64Array,
    query_terms: Sequence[str],
    live: BoolArray,
    units: Int64Array,
    options: Bm25Options = Bm25Options(),
) -> Float32Array:
    """Return what each query term adds to the scores of `units`, (n_given, n_query_terms) float32.

    A row's sum is the unit's `bm25_scores` score. Arguments and errors are those of
    `bm25_scores`; `units` are (n_given,) numbers of the snapshot.
    """
    view = LexicalView(postings_per_segment, unit_offsets, live)
    return view.contributions(query_terms, units, options)


def bm25_ceiling(
    postings_per_segment: Sequence[Postings],
    unit_offsets: Int64Array,
    query_terms: Sequence[str],
    live: BoolArray,
    options: Bm25Options = Bm25Options(),
) -> float:
    """Return what no unit's `bm25_scores` score can exceed: the sum of the terms' weights.

    A term that no unit holds counts in full, so that `score / ceiling` is the share of the query
    that a unit covers. Arguments and errors are those of `bm25_scores`.
    """
    return LexicalView(postings_per_segment, unit_offsets, live).ceiling(query_terms, options)


@dataclass(frozen=True, eq=False)
class _Term:
    """What a query term brings: its weight, and by segment its live units and their parts of it."""

    weight: float
    holders: list[tuple[Int64Array, Float32Array]]

    @property
    def n_bytes(self) -> int:
        return 500 + sum(units.nbytes + weights.nbytes for units, weights in self.holders)


class LexicalView:
    """A snapshot's live units, seen as one; safe to share between threads.

    Lengths are added up once, and what the last terms brought is kept: queries repeat words.
    """

    def __init__(
        self, segments: Sequence[Postings], unit_offsets: Int64Array, live: BoolArray
    ) -> None:
        _check_shapes(segments, unit_offsets, live)
        self._starts = [int(start) for start in unit_offsets[:-1]]
        self._segments = segments
        self._live = live
        parts = [segment.unit_lengths for segment in segments]
        self._lengths = parts[0] if len(parts) == 1 else np.concatenate([*parts, _NO_UNITS])
        self._n_live = int(np.count_nonzero(live))
        total = int(self._lengths.sum(where=live, dtype=np.int64))
        self._mean_length = max(total / max(self._n_live, 1), 1e-9)
        self._kept: dict[tuple[str, Bm25Options], _Term] = {}
        self._n_kept_bytes = 0
        self._lock = threading.Lock()

    def scores(self, query_terms: Sequence[str], options: Bm25Options) -> Float32Array:
        """Return `bm25_scores`."""
        scores = np.zeros(len(self._live), dtype=np.float64)
        for term in query_terms:
            for units, weights in self._term(term, options).holders:
                scores[units] += weights
        return scores.astype(np.float32)

    def contributions(
        self, query_terms: Sequence[str], units: Int64Array, options: Bm25Options
    ) -> Float32Array:
        """Return `bm25_contributions`."""
        contributions = np.zeros((len(units), len(query_terms)), dtype=np.float32)
        of_term = np.zeros(len(self._live), dtype=np.float32)
        for column, term in enumerate(query_terms):
            of_term[:] = 0
            for holders, weights in self._term(term, options).holders:
                of_term[holders] = weights
            contributions[:, column] = of_term[units]
        return contributions

    def ceiling(self, query_terms: Sequence[str], options: Bm25Options) -> float:
        """Return `bm25_ceiling`."""
        return sum(self._term(term, options).weight for term in query_terms)

    def _term(self, term: str, options: Bm25Options) -> _Term:
        found = self._kept.get((term, options))
        if found is None:
            found = self._read(term, options)
            self._keep((term, options), found)
        return found

    def _keep(self, key: tuple[str, Bm25Options], found: _Term) -> None:
        with self._lock:
            if self._n_kept_bytes + found.n_bytes > _KEPT_BYTES:
                self._kept, self._n_kept_bytes = {}, 0
            self._kept[key] = found
            self._n_kept_bytes += found.n_bytes

    def _read(self, term: str, options: Bm25Options) -> _Term:
        holders = self._holders(term)
        weight = self._weight(term, holders, options)
        parts = [(units, self._saturated(units, tf, options) * weight) for units, tf in holders]
        return _Term(float(weight), parts)

    def _weight(
        self, term: str, holders: list[tuple[Int64Array, Float32Array]], options: Bm25Options
    ) -> np.float32:
        n_holding = sum(len(units) for units, _ in holders)
        idf = np.log1p((self._n_live - n_holding + 0.5) / (n_holding + 0.5))
        return np.float32(idf * (options.function_weight if is_function_term(term) else 1.0))

    def _saturated(
        self, units: Int64Array, frequencies: Float32Array, options: Bm25Options
    ) -> Float32Array:
        relative = (self._lengths[units] / self._mean_length).astype(np.float32)
        damping = np.float32(options.k1) * (
            np.float32(1 - options.b) + np.float32(options.b) * relative
        )
        return np.divide(frequencies, frequencies + damping, dtype=np.float32)

    def _holders(self, term: str) -> list[tuple[Int64Array, Float32Array]]:
        found = []
        for start, segment in zip(self._starts, self._segments, strict=True):
            ordinals, frequencies = segment.lookup(term)
            units = ordinals.astype(np.int64) + start
            kept = self._live[units]
            found.append((units[kept], frequencies[kept].astype(np.float32)))
        return found


_NO_UNITS: Uint32Array = np.zeros(0, dtype=np.uint32)


def _check_shapes(segments: Sequence[Postings], unit_offsets: Int64Array, live: BoolArray) -> None:
    sizes = [segment.n_units for segment in segments]
    if list(np.diff(unit_offsets)) == sizes and live.shape == (sum(sizes),):
        return
    raise ShapeError(
        f"Segments of {sizes} units need unit offsets that grow by these and {sum(sizes)} live "
        f"flags; got offsets {list(unit_offsets)} and flags of shape {live.shape}. Take all "
        "three from the same snapshot."
    )


def _offsets(lengths: Sequence[int] | npt.NDArray[np.generic]) -> Int64Array:
    offsets = np.zeros(len(lengths) + 1, dtype=np.int64)
    np.cumsum(np.asarray(lengths, dtype=np.int64), out=offsets[1:])
    return offsets
