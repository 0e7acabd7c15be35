"""Every stored row of a unit, where it lies, and how much each query token looks like it."""

from dataclasses import dataclass
from typing import Any

from latelight.types import Float32Array, Locator, QueryToken, RowLocators

_DIGITS = 4


@dataclass(frozen=True, eq=False)
class RowMap:
    """The similarities behind a hit's evidence in one space, for whoever draws them.

    Attributes:
        space: the encoder's.
        tokens: of the query, one for each of its rows.
        similarities: (n_query_tokens, n_rows) float32, cosines with the stored rows.
        locators: where the rows come from.
        unit: where the unit lies.
    """

    space: str
    tokens: tuple[QueryToken, ...]
    similarities: Float32Array  # (n_query_tokens, n_rows)
    locators: RowLocators
    unit: Locator

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form: a place for each source of each row, and similarities by place.

        A pooled row has several places, which share its similarity; rows without a place of their
        own, such as markers, have that of the unit alone.
        """
        places, rows = [], []
        for row in range(self.similarities.shape[1]):
            for place in self.locators.locators_of(row, self.unit):
                own = place.to_dict()
                places.append({"row": row, **{k: own[k] for k in _SHOWN if k in own}})
                rows.append(row)
        return {
            "space": self.space,
            "tokens": [
                {
                    "query_row": number,
                    "token": token.text,
                    "span": [token.span.start, token.span.end] if token.span else None,
                    "kind": token.kind,
                }
                for number, token in enumerate(self.tokens)
            ],
            "places": places,
            "similarities": [
                [round(float(value), _DIGITS) for value in own[rows]] for own in self.similarities
            ],
        }


_SHOWN = ("span", "box", "time")
