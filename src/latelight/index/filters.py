"""The filter language: a mapping of conditions on metadata, and what it means for one document.

```
{"year": 2023}                               equality
{"year": {"$gte": 2020, "$lt": 2024}}        all conditions of a key hold
{"team": {"$in": ["a", "b"]}, "draft": {"$ne": True}}
{"$or": [{"year": 2023}, {"pinned": True}], "$not": {"team": "c"}}
```

Operators on a key: `$eq $ne $in $nin $gt $gte $lt $lte $exists $not`; around filters: `$and $or
$not`. The rules, which `matches` spells out and the columns of a segment follow exactly:

* Numbers compare exactly by value, 2 equals 2.0; a boolean is not a number; text compares by code
  point. A value of another type than the operand's simply does not match.
* On a list a condition holds when it holds for any element.
* `$ne`, `$nin` and `$not` are complements: they hold for every document, those without the key
  included, for which `$eq`, `$in` or the inner condition does not.
* `None` equals a key that is there with the value None. A missing key matches only
  `{"$exists": False}` and the complements.
* `{}` has no condition and matches every document.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from latelight.errors import FilterError
from latelight.types import Metadata

Scalar = str | int | float | bool | None
Order = Literal["$gt", "$gte", "$lt", "$lte"]

_ORDERS: tuple[Order, ...] = ("$gt", "$gte", "$lt", "$lte")
_ON_KEYS = ("$eq", "$ne", "$in", "$nin", *_ORDERS, "$exists", "$not")
_AROUND = ("$and", "$or", "$not")


@dataclass(frozen=True)
class AnyOf:
    """The key's value, or one of its elements, equals one of `values`."""

    key: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True)
class Ordered:
    """The key's value, or one of its elements, stands in this order to `bound`."""

    key: str
    order: Order
    bound: str | int | float


@dataclass(frozen=True)
class Exists:
    """The key is there, be its value None or an empty list."""

    key: str


@dataclass(frozen=True)
class Not:
    """The inner condition does not hold."""

    inner: "Condition"


@dataclass(frozen=True)
class All:
    """Every inner condition holds; with none, it holds."""

    inner: tuple["Condition", ...]


@dataclass(frozen=True)
class Some:
    """At least one inner condition holds."""

    inner: tuple["Condition", ...]


Condition = AnyOf | Ordered | Exists | Not | All | Some


def parse_filter(filter: Mapping[str, Any]) -> Condition:
    """Return the filter as a tree of conditions.

    Raises:
        FilterError: an unknown operator, or an operand that the operator does not take.
    """
    if not isinstance(filter, Mapping):
        raise FilterError(
            f"A filter is a mapping such as {{'year': 2023}}; got {_shown(filter)}. "
            "Use None for no filter."
        )
    return _together([_parse_entry(key, value) for key, value in filter.items()])


def _parse_entry(key: object, value: Any) -> Condition:
    if not isinstance(key, str):
        raise FilterError(f"A filter's keys are metadata names (str); got {_shown(key)}.")
    if key == "$not":
        return Not(parse_filter(value))
    if key in ("$and", "$or"):
        inner = tuple(parse_filter(part) for part in _parts(key, value))
        return All(inner) if key == "$and" else Some(inner)
    if key.startswith("$"):
        raise FilterError(_unknown(key, "around filters", _AROUND))
    return _parse_key(key, value)


def _parse_key(key: str, value: Any) -> Condition:
    if not isinstance(value, Mapping):
        return AnyOf(key, (_scalar(key, "equality", value),))
    if not value:
        raise FilterError(f"The filter on {key!r} holds no operator; name one of {_ON_KEYS}.")
    return _together([_parse_operator(key, name, operand) for name, operand in value.items()])


def _parse_operator(key: str, name: object, operand: Any) -> Condition:
    parse = _OPERATORS.get(name) if isinstance(name, str) else None
    if parse is None:
        raise FilterError(_unknown(name, f"on the key {key!r}", _ON_KEYS))
    return parse(key, operand)


def _parse_exists(key: str, operand: Any) -> Condition:
    if not isinstance(operand, bool):
        raise FilterError(f"$exists on {key!r} takes True or False; got {_shown(operand)}.")
    return Exists(key) if operand else Not(Exists(key))


def _parse_not(key: str, operand: Any) -> Condition:
    if not isinstance(operand, Mapping):
        raise FilterError(
            f"$not on {key!r} takes operators such as {{'$gte': 3}}; got {_shown(operand)}. "
            "Use $ne for a value."
        )
    return Not(_parse_key(key, operand))


def _equal(name: str) -> Callable[[str, Any], Condition]:
    return lambda key, operand: AnyOf(key, (_scalar(key, name, operand),))


def _among(name: str) -> Callable[[str, Any], Condition]:
    return lambda key, operand: AnyOf(
        key, tuple(_scalar(key, name, value) for value in _listed(key, name, operand))
    )


def _ordered(name: Order) -> Callable[[str, Any], Condition]:
    return lambda key, operand: Ordered(key, name, _bound(key, name, operand))


def _complement(parse: Callable[[str, Any], Condition]) -> Callable[[str, Any], Condition]:
    return lambda key, operand: Not(parse(key, operand))


_OPERATORS: Mapping[str, Callable[[str, Any], Condition]] = {
    "$eq": _equal("$eq"),
    "$ne": _complement(_equal("$ne")),
    "$in": _among("$in"),
    "$nin": _complement(_among("$nin")),
    "$exists": _parse_exists,
    "$not": _parse_not,
    **{name: _ordered(name) for name in _ORDERS},
}


def _scalar(key: str, name: str, value: Any) -> Scalar:
    if isinstance(value, float) and math.isnan(value):
        raise FilterError(f"{name} on {key!r} got NaN, which equals nothing.")
    if value is None or isinstance(value, str | int | float):
        return value
    raise FilterError(
        f"{name} on {key!r} takes text, a number, True, False or None; got {_shown(value)}. "
        "Use $in for several values."
    )


def _bound(key: str, name: str, value: Any) -> str | int | float:
    usable = isinstance(value, str | int | float) and not isinstance(value, bool)
    if not usable or (isinstance(value, float) and math.isnan(value)):
        raise FilterError(f"{name} on {key!r} takes a number or text; got {_shown(value)}.")
    return value  # type: ignore[no-any-return]


def _listed(key: str, name: str, operand: Any) -> Sequence[Any]:
    if isinstance(operand, list | tuple | set | frozenset):
        return list(operand)
    raise FilterError(f"{name} on {key!r} takes a list of values; got {_shown(operand)}.")


def _parts(name: str, value: Any) -> Sequence[Any]:
    if isinstance(value, list | tuple) and value:
        return value
    raise FilterError(f"{name} takes a list with at least one filter; got {_shown(value)}.")


def _together(conditions: Sequence[Condition]) -> Condition:
    return conditions[0] if len(conditions) == 1 else All(tuple(conditions))


def _unknown(name: object, where: str, known: Sequence[str]) -> str:
    return f"Unknown operator {name!r} {where}; known are {' '.join(known)}."


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


# What a condition means for one document: the specification of the segments' columns.


def matches(condition: Condition, metadata: Metadata) -> bool:
    """Return whether the condition holds for one document's metadata."""
    match condition:
        case AnyOf(key, values):
            return any(_same(v, w) for v in _elements(metadata, key) for w in values)
        case Ordered(key, order, bound):
            return any(_in_order(v, order, bound) for v in _elements(metadata, key))
        case Exists(key):
            return key in metadata
        case Not(inner):
            return not matches(inner, metadata)
        case All(parts):
            return all(matches(part, metadata) for part in parts)
        case Some(parts):
            return any(matches(part, metadata) for part in parts)


def _elements(metadata: Metadata, key: str) -> Sequence[Scalar]:
    if key not in metadata:
        return ()
    value = metadata[key]
    return value if isinstance(value, list) else (value,)


def type_name(value: Scalar) -> str:
    """Return the filter type of a value: `null`, `bool`, `number` or `text`."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    return "text" if isinstance(value, str) else "number"


def _same(value: Scalar, operand: Scalar) -> bool:
    return type_name(value) == type_name(operand) and value == operand


def _in_order(value: Any, order: Order, bound: Any) -> bool:
    if type_name(value) != type_name(bound):
        return False
    if order in ("$gt", "$gte"):
        return bool(value > bound) or (order == "$gte" and value == bound)
    return bool(value < bound) or (order == "$lte" and value == bound)
