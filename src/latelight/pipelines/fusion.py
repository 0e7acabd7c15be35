"""One score out of several signals, as a sum whose parts can be shown.

A hybrid score is `sum over spaces of weight * MaxSim + weight * BM25`. The weights come from the
query alone, so that a unit's score depends neither on the filter nor on what else was found:

* MaxSim becomes a mean similarity when divided by its query's rows, in [-1, 1];
* BM25 becomes a coverage, in [0, 1], when divided by its ceiling: the score of a unit that would
  repeat every term of the query without end;
* `lexical_weight` says what full coverage is worth, in units of mean similarity, for a query that
  the encoder reads fluently.

An encoder that was not trained on a language spells its words: a row then stands for a letter or
two instead of a word, and similarities say little. So the words' weight grows as the letters that
a row stands for become fewer, and faster once they are single ones (on the measure: Rust et al.,
"How Good is Your Tokenizer?", 2021).
Scaling each signal by the spread of its own scores, the usual alternative, would instead blow up
the differences between similarities that mean nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from latelight.errors import SettingError
from latelight.types import Float32Array, QueryToken

BM25 = "bm25"
BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class FusionOptions:
    """How much the words count beside the meaning.

    Attributes:
        lexical_weight: what a unit that covers all of the query's terms gains, in units of mean
            similarity, when rows stand for `fluent_letters`; 0 leaves BM25 out.
        fluent_letters: letters of a row of a query in the encoder's own language.
        spelling_power: how steeply the weight grows as the letters of a row become fewer.
        spaces: what each space's mean similarity counts beside the others'; 1 where unnamed.
        letters_only: with so many times fewer letters a row than a fluent one rows are single
            letters, whose similarities say nothing: beyond it the weight grows a power more.
    """

    lexical_weight: float = 0.15
    fluent_letters: float = 4.5
    spelling_power: float = 1.5
    letters_only: float = 2.0
    spaces: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0 <= self.lexical_weight < float("inf"):
            raise SettingError(
                f"lexical_weight is {self.lexical_weight}; give a number of at least 0, "
                "such as 0.15."
            )


@dataclass(frozen=True, slots=True)
class QuerySize:
    """What the weights are made of.

    Attributes:
        n_rows: the query's rows by space; spaces without rows are left out.
        ceiling: `bm25_ceiling` of the query's terms; 0 when it has none.
        letters: of the query that a row stands for on average (`letters_per_row`), in the space
            that reads it best; None when unknown, as for a query of figures.
    """

    n_rows: Mapping[str, int]
    ceiling: float = 0.0
    letters: float | None = None

    @property
    def scale(self) -> int:
        """Rows of all spaces together, 1 without any: turns a mean similarity into a sum."""
        return sum(self.n_rows.values()) or 1


@dataclass(frozen=True, eq=False)
class FusedScores:
    """The ranking and the factors that it was made with.

    Attributes:
        scores: (n_units,) float32, the sum over signals of `weights[name] * by_name[name]`; -inf
            where a unit is not allowed or no signal scored it.
        weights: each signal's factor.
    """

    scores: Float32Array
    weights: Mapping[str, float]


def fuse(
    by_name: Mapping[str, Float32Array],
    allow: BoolArray,
    query: QuerySize,
    options: FusionOptions = FusionOptions(),
) -> FusedScores:
    """Return the fused scores of every unit.

    Args:
        by_name: (n_units,) float32 by signal: a space's name, or `bm25`. MaxSim is not finite
            where a unit has no rows in the space, BM25 is 0 where it holds no term.
        allow: (n_units,) bool, the units that may be found.
        query: what the query's scores can reach.
        options: the balance between the signals.
    """
    weights = fusion_weights(by_name, query, options)
    return FusedScores(weighted_sum(by_name, weights, allow), weights)


def fusion_weights(
    signals: Mapping[str, object], query: QuerySize, options: FusionOptions = FusionOptions()
) -> dict[str, float]:
    """Return each signal's factor; a signal that stands alone has 1.

    Spaces share by their own weights whatever their numbers of query rows, so that one space alone
    keeps its plain MaxSim sum.
    """
    if len(signals) < 2:
        return dict.fromkeys(signals, 1.0)
    spaces = [name for name in signals if name != BM25]
    own = {name: options.spaces.get(name, 1.0) for name in spaces}
    whole = sum(own.values()) or 1.0
    shares = {name: own[name] / whole * query.scale / query.n_rows[name] for name in spaces}
    lexical = lexical_weight(query, options) * query.scale / query.ceiling if query.ceiling else 0.0
    return {name: shares.get(name, lexical) for name in signals}


def lexical_weight(query: QuerySize, options: FusionOptions) -> float:
    """Return what full coverage is worth for this query, in units of mean similarity."""
    if query.letters is None:
        return options.lexical_weight
    spelling = max(options.fluent_letters / max(query.letters, 1.0), 0.5)
    unread = max(spelling / options.letters_only, 1.0)
    return options.lexical_weight * float(spelling**options.spelling_power * unread)


def letters_per_row(tokens: Sequence[QueryToken]) -> float | None:
    """Return the mean length of the tokens that are letters only; None when there are none."""
    lengths = [len(t.text) for t in tokens if t.kind == "token" and t.text.isalpha()]
    return sum(lengths) / len(lengths) if lengths else None


def weighted_sum(
    by_name: Mapping[str, Float32Array], weights: Mapping[str, float], allow: BoolArray
) -> Float32Array:
    """Return the sum of the signals under their weights, (n_units,) float32.

    A unit without rows in a space gets nothing from it rather than being lost to the others; one
    that is not allowed, or that no signal scored, gets -inf.
    """
    total = np.zeros(len(allow), np.float32)
    scored = np.zeros(len(allow), bool)
    for name, scores in by_name.items():
        present = scores > 0 if name == BM25 else np.isfinite(scores)
        total[present] += np.float32(weights[name]) * scores[present]
        scored |= present
    total[~(scored & allow)] = -np.inf
    return total
