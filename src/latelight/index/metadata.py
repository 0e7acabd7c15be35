"""Filterable metadata as typed columns: one segment's documents against a condition.

Every key's values lie as (document, value) entries, a list giving one entry per element, in five
groups by type. Keys are the rows of a table, not sections of their own, so a thousand rare keys
cost no more than their values.
"""

import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import InputError
from latelight.index.filters import All, AnyOf, Condition, Exists, Not, Order, Ordered, Some
from latelight.index.sections import Array, SectionFile, SectionWriter
from latelight.index.strings import StringColumn, starts, write_strings
from latelight.types import Metadata

BoolArray = npt.NDArray[np.bool_]

_MAX_INT = 2**63 - 1
_MIN_INT = -(2**63)
_VALUE_DTYPES: Mapping[str, Any] = {"bool": np.uint8, "int": np.int64, "float": np.float64}
_GROUPS = ("present", "null", "bool", "int", "float", "text")


def check_metadata(doc_id: str, metadata: Metadata) -> None:
    """Raise InputError for a key or value that metadata cannot hold."""
    for key, value in metadata.items():
        if not isinstance(key, str) or key.startswith("$"):
            raise InputError(
                f"Document {doc_id!r} has the metadata key {key!r}; a key is text that does not "
                "begin with '$'. Rename it."
            )
        for element in value if isinstance(value, list) else [value]:
            _check_value(doc_id, key, element, in_list=isinstance(value, list))


def _check_value(doc_id: str, key: str, value: object, *, in_list: bool) -> None:
    usable = isinstance(value, str | int | float) or (value is None and not in_list)
    if isinstance(value, float) and not math.isfinite(value):
        usable = False
    if isinstance(value, int) and not _MIN_INT <= value <= _MAX_INT:
        usable = False
    if not usable:
        raise InputError(
            f"Document {doc_id!r} has {value!r} in the metadata {key!r}; a value is text, a "
            "finite number (whole ones of at most 64 bits), True, False, None, or a list of "
            "those without None. Convert it, or leave the key out."
        )


@dataclass
class _Entries:
    """The entries of one group while they are collected: key number → documents and values."""

    documents: dict[int, list[int]] = field(default_factory=dict)
    values: dict[int, list[Any]] = field(default_factory=dict)

    def put(self, key: int, document: int, value: Any) -> None:
        self.documents.setdefault(key, []).append(document)
        self.values.setdefault(key, []).append(value)


def write_metadata(writer: SectionWriter, documents: Sequence[Metadata]) -> None:
    """Write the metadata sections for one map of values per document."""
    keys = sorted(set().union(*documents))
    groups = _collect(documents, {key: i for i, key in enumerate(keys)})
    texts = sorted({v for values in groups["text"].values.values() for v in values})
    codes = {text: code for code, text in enumerate(texts)}
    write_strings(writer, "metadata.keys", keys)
    write_strings(writer, "metadata.texts", texts)
    for name, entries in groups.items():
        _write_group(writer, name, entries, len(keys))
        if name in _VALUE_DTYPES:
            values = [np.array(v, _VALUE_DTYPES[name]) for _, v in sorted(entries.values.items())]
            writer.add(f"metadata.{name}.values", _joined(values, _VALUE_DTYPES[name]))
        if name == "text":
            coded = [
                np.array([codes[v] for v in vs], np.int32)
                for _, vs in sorted(entries.values.items())
            ]
            writer.add("metadata.text.values", _joined(coded, np.int32))


def _write_group(writer: SectionWriter, name: str, entries: _Entries, n_keys: int) -> None:
    per_key = np.array([len(entries.documents.get(i, ())) for i in range(n_keys)], np.int64)
    columns = [np.array(d, np.int32) for _, d in sorted(entries.documents.items())]
    writer.add(f"metadata.{name}.offsets", starts(per_key))
    writer.add(f"metadata.{name}.documents", _joined(columns, np.int32))


def _joined(columns: Sequence[Array], dtype: Any) -> Array:
    return np.concatenate(columns) if columns else np.zeros(0, dtype)


def _collect(documents: Sequence[Metadata], numbers: Mapping[str, int]) -> dict[str, _Entries]:
    groups = {name: _Entries() for name in _GROUPS}
    for document, metadata in enumerate(documents):
        for key, value in metadata.items():
            groups["present"].put(numbers[key], document, None)
            for group, element in _typed(value):
                groups[group].put(numbers[key], document, element)
    return groups


def _typed(value: Any) -> Iterator[tuple[str, Any]]:
    for element in value if isinstance(value, list) else [value]:
        yield _group_of(element), element


def _group_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, int):
        return "int"
    return "float" if isinstance(value, float) else "text"


class MetadataColumns:
    """One segment's metadata, ready to be filtered."""

    def __init__(self, file: SectionFile, n_documents: int) -> None:
        self._file = file
        self._n_documents = n_documents
        self._keys = StringColumn.read(file, "metadata.keys")
        self._texts = StringColumn.read(file, "metadata.texts")

    def matching(self, condition: Condition) -> BoolArray:
        """Return (n_documents,) bool: which documents satisfy the condition."""
        match condition:
            case AnyOf(key, values):
                return self._any_of(key, values)
            case Ordered(key, order, bound):
                return self._ordered(key, order, bound)
            case Exists(key):
                return self._marked(self._documents("present", key))
            case Not(inner):
                return ~self.matching(inner)
            case All(parts):
                return self._all(parts)
            case Some(parts):
                return ~self._all([Not(part) for part in parts])

    def _all(self, parts: Sequence[Condition]) -> BoolArray:
        result = np.ones(self._n_documents, np.bool_)
        for part in parts:
            result &= self.matching(part)
        return result

    def _any_of(self, key: str, values: Sequence[Any]) -> BoolArray:
        result = np.zeros(self._n_documents, np.bool_)
        if None in values:
            result |= self._marked(self._documents("null", key))
        for group, wanted in self._wanted(values).items():
            if len(wanted):
                held = np.isin(self._values(group, key), wanted)
                result[self._documents(group, key)[held]] = True
        return result

    def _wanted(self, values: Sequence[Any]) -> dict[str, Array]:
        """Return what to look for in each group of entries, exactly equal values only."""
        numbers = [v for v in values if isinstance(v, int | float) and not isinstance(v, bool)]
        texts = [self._texts.find(v) for v in values if isinstance(v, str)]
        whole = [int(v) for v in numbers if isinstance(v, int) or v.is_integer()]
        return {
            "bool": np.array([v for v in values if isinstance(v, bool)], np.uint8),
            "int": np.array([v for v in whole if _MIN_INT <= v <= _MAX_INT], np.int64),
            "float": np.array([f for v in numbers if (f := nearest_float(v)) == v], np.float64),
            "text": np.array([code for code in texts if code is not None], np.int32),
        }

    def _ordered(self, key: str, order: Order, bound: str | int | float) -> BoolArray:
        if isinstance(bound, str):
            return self._compared("text", key, *text_bound(self._texts, order, bound))
        whole = self._compared("int", key, *int_bound(order, bound))
        return whole | self._compared("float", key, *float_bound(order, bound))

    def _compared(self, group: str, key: str, order: Order, bound: int | float) -> BoolArray:
        values = self._values(group, key)
        if group != "float" and not _MIN_INT <= bound <= _MAX_INT:
            held = np.full(len(values), (bound < 0) == (order in ("$gt", "$gte")))
        else:
            held = _COMPARE[order](values, values.dtype.type(bound))
        return self._marked(self._documents(group, key)[held])

    def _marked(self, documents: Array) -> BoolArray:
        result = np.zeros(self._n_documents, np.bool_)
        result[documents] = True
        return result

    def _documents(self, group: str, key: str) -> Array:
        return self._file.array(f"metadata.{group}.documents")[self._span(group, key)]

    def _values(self, group: str, key: str) -> Array:
        return self._file.array(f"metadata.{group}.values")[self._span(group, key)]

    def _span(self, group: str, key: str) -> slice:
        number = self._keys.find(key)
        if number is None:
            return slice(0, 0)
        offsets = self._file.array(f"metadata.{group}.offsets")
        return slice(int(offsets[number]), int(offsets[number + 1]))


_COMPARE: Mapping[Order, Any] = {
    "$gt": np.greater,
    "$gte": np.greater_equal,
    "$lt": np.less,
    "$lte": np.less_equal,
}


# A bound of one type as a bound of a column's own type that splits the column's values alike.


def nearest_float(number: int | float) -> float:
    """Return the nearest float, infinite beyond the range."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def int_bound(order: Order, bound: int | float) -> tuple[Order, int | float]:
    """Return a bound that splits whole numbers as `bound` does."""
    if isinstance(bound, int) or math.isinf(bound):
        return order, bound
    if order in ("$gt", "$lte"):
        return order, math.floor(bound)
    return order, math.ceil(bound)


def float_bound(order: Order, bound: int | float) -> tuple[Order, float]:
    """Return a bound that splits floats as `bound` does, though it may not be one itself."""
    near = nearest_float(bound)
    if near == bound:
        return order, near
    if order in ("$gt", "$gte"):  # no float lies between `bound` and `near`
        return ("$gte" if near > bound else "$gt"), near
    return ("$lt" if near > bound else "$lte"), near


def text_bound(texts: StringColumn, order: Order, bound: str) -> tuple[Order, int]:
    """Return a bound that splits the texts' codes as `bound` splits the texts."""
    if order in ("$gt", "$lte"):
        code = bisect_right(texts, bound)
        return ("$gte" if order == "$gt" else "$lt"), code
    return order, bisect_left(texts, bound)
