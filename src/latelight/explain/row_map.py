"""Every stored row of a unit, where it lies, and how much each query token looks like it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from latelight.types import CharSpan, Float32Array, Locator, QueryToken, RowLocators

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

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any], unit: Locator) -> "RowMap":
        """Return the map that `to_dict` wrote, of a unit that lies at `unit`.

        Similarities are rounded.
        """
        rows = np.array([place["row"] for place in parts["places"]], np.int64)
        n_rows = int(rows[-1]) + 1 if len(rows) else 0
        offsets = np.searchsorted(rows, np.arange(n_rows + 1)).astype(np.int64)
        by_place = np.array(parts["similarities"], np.float32).reshape(len(parts["tokens"]), -1)
        places = [_own(place, unit) for place in parts["places"]]
        start = unit.span.start if unit.span is not None else 0
        spans = [
            [end - start for end in one["span"]] if "span" in one else [-1, -1] for one in places
        ]
        return cls(
            parts["space"],
            tuple(_token(one) for one in parts["tokens"]),
            by_place[:, offsets[:-1]],
            RowLocators(
                np.array(spans, np.int32).reshape(-1, 2),
                _column(places, "box", 4),
                _column(places, "time", 2),
                offsets,
            ),
            unit,
        )


def _own(place: Mapping[str, Any], unit: Locator) -> Mapping[str, Any]:
    """Return the part of a place that is not the unit's: rows without one were given that."""
    whole = unit.to_dict()
    given = {name: place[name] for name in _SHOWN if name in place}
    if given == {name: whole[name] for name in _SHOWN if name in whole}:
        return {}
    return {name: at for name, at in given.items() if name != "time" or at != whole.get("time")}


def _token(parts: Mapping[str, Any]) -> QueryToken:
    span = CharSpan(*parts["span"]) if parts["span"] else None
    return QueryToken(parts["token"], span, parts["kind"])


def _column(places: Sequence[Mapping[str, Any]], name: str, width: int) -> Float32Array:
    values = [place.get(name, [np.nan] * width) for place in places]
    return np.array(values, np.float32).reshape(-1, width)


_SHOWN = ("span", "box", "time")
