"""What each row of a query counts in MaxSim."""

from collections.abc import Sequence

import numpy as np

from latelight.index.analyzer import Term, is_function_term
from latelight.types import Float32Array, QueryToken, QueryVectors


def row_weights(query: QueryVectors, terms: Sequence[Term], function_weight: float) -> Float32Array:
    """Return the weights of a query's rows, (n_query_tokens,) float32 of mean 1.

    A row of a function word counts `function_weight` of any other: every unit holds some "the"
    that matches well, the more surely the longer it is. As the mean is 1, a query's best score
    stays its number of rows, and a query of function words alone keeps the plain MaxSim.

    Args:
        query: the encoded query.
        terms: its analysed terms, with their characters in the query.
        function_weight: above 0, at most 1.
    """
    functions = [_is_function(token, terms) for token in query.tokens]
    weights = np.where(functions, function_weight, 1.0)
    return (weights / weights.mean()).astype(np.float32) if len(weights) else np.ones(0, np.float32)


def _is_function(token: QueryToken, terms: Sequence[Term]) -> bool:
    """Return whether a token lies in function words only; marks and markers lie in no word."""
    if token.span is None:
        return False
    span = token.span
    around = [term for term in terms if term.start < span.end and term.end > span.start]
    return bool(around) and all(is_function_term(term.text) for term in around)
