"""What is searched for, as rows with names."""

from dataclasses import dataclass
from typing import Literal

from latelight.types.locator import CharSpan
from latelight.types.multivector import Float32Array

QueryTokenKind = Literal["token", "marker", "expansion", "patch"]


@dataclass(frozen=True, slots=True)
class QueryToken:
    """One row of a query.

    Attributes:
        text: what a reader would call it: the query's own characters, or the marker's name.
        span: its characters in the query's text, None for markers and expansion.
        kind: what it stands for.
    """

    text: str
    span: CharSpan | None
    kind: QueryTokenKind = "token"


@dataclass(frozen=True, eq=False)
class QueryVectors:
    """An encoded query.

    Attributes:
        vectors: (n_query_tokens, dim) float32, rows normalised to length 1.
        tokens: one for each row.
    """

    vectors: Float32Array  # (n_query_tokens, dim)
    tokens: tuple[QueryToken, ...]
