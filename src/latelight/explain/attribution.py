"""Which row of a unit answered each query token, and how much of the score it brought."""

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.explain.surface import whole_words
from latelight.types import (
    CharSpan,
    Float32Array,
    Int32Array,
    Locator,
    QueryVectors,
    RowLocators,
    TokenEvidence,
    Unit,
)

# A pooled row can stand for hundreds of places; a reader needs a few words of them.
SHOWN_PLACES = 8


def attribute(  # noqa: PLR0913  the two arrays are what the arg-max kernel returns
    query: QueryVectors,
    winners: Int32Array,
    similarities: Float32Array,
    locators: RowLocators,
    unit: Unit,
    *,
    space: str = "",
    weight: float | npt.ArrayLike = 1.0,
) -> tuple[TokenEvidence, ...]:
    """Return one evidence for each query token, in the query's order.

    A contribution is `weight * similarity`, so the contributions add up to the part of the score
    that MaxSim gave under that weight. The locators are exactly the winning row's own; `text` is
    grown to whole words for display.

    Args:
        query: the encoded query.
        winners: (n_query,) int32, the winning row of each query token, -1 where the unit has none.
        similarities: (n_query,) float32, its similarity; ignored where there is no winner.
        locators: where the unit's rows come from.
        unit: the unit that was scored; its text gives the words.
        space: name of the encoder's space.
        weight: factor from similarity to score: one for all query tokens, or (n_query,).

    Raises:
        ShapeError: the arrays do not fit the query, or a winner is not a row of the unit.
    """
    n_query = len(query.tokens)
    weights = _weights(weight, n_query)
    _check(winners, similarities, n_query, n_rows_of(locators))
    rows: list[int] = winners.tolist()
    values: list[float] = similarities.astype(np.float64).tolist()
    return tuple(
        TokenEvidence(
            token=token.text,
            query_span=token.span,
            kind=token.kind,
            similarity=value if row >= 0 else 0.0,
            contribution=factor * value if row >= 0 else 0.0,
            locators=locators.locators_of(row, unit.locator) if row >= 0 else (),
            text=row_text(row, locators, unit.text) if row >= 0 else "",
            row=max(row, -1),
            space=space,
            query_row=number,
        )
        for number, (token, row, value, factor) in enumerate(
            zip(query.tokens, rows, values, weights, strict=True)
        )
    )


def row_text(row: int, locators: RowLocators, text: str) -> str:
    """Return the whole words of `text` that `row` stands for, joined by ` … ` where they part.

    Empty when the row has no characters.
    """
    if locators.spans is None:
        return ""
    pairs = (locators.spans[i].tolist() for i in list(locators.sources_of(row))[:SHOWN_PLACES])
    spans = {whole_words(text, CharSpan(*pair)) for pair in pairs if pair[0] >= 0}
    return " … ".join(text[span.start : span.end] for span in sorted(spans))


def n_rows_of(locators: RowLocators) -> int | None:
    """Return how many rows the locators describe, None when they say nothing."""
    if locators.offsets is not None:
        return len(locators.offsets) - 1
    columns = (locators.spans, locators.boxes, locators.times)
    return next((len(column) for column in columns if column is not None), None)


def evidence_places(evidence: TokenEvidence) -> tuple[tuple[Locator, float], ...]:
    """Return the places of an evidence, each with its equal share of the contribution.

    The shares of a hit's evidence add up to its score, however many places a row stands for.
    """
    n = len(evidence.locators)
    return tuple((place, evidence.contribution / n) for place in evidence.locators)


def _weights(weight: float | npt.ArrayLike, n_query: int) -> list[float]:
    weights = np.asarray(weight, dtype=np.float64)
    if weights.shape not in ((), (n_query,)):
        raise ShapeError(
            f"weight has the shape {weights.shape}; the query has {n_query} tokens. "
            f"Give one number, or an array of shape ({n_query},)."
        )
    values: list[float] = np.broadcast_to(weights, (n_query,)).tolist()
    return values


def _check(
    winners: Int32Array, similarities: Float32Array, n_query: int, n_rows: int | None
) -> None:
    for name, array in (("winners", winners), ("similarities", similarities)):
        if array.shape != (n_query,):
            raise ShapeError(
                f"{name} has the shape {array.shape}; the query has {n_query} tokens, "
                f"so it must be ({n_query},)."
            )
    if n_rows is not None and n_query and int(winners.max()) >= n_rows:
        raise ShapeError(
            f"winners names row {int(winners.max())}, but the unit has {n_rows} rows. "
            "Take winners and locators from the same unit and pipeline version."
        )
