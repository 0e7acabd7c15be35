"""What is wrong with a pipeline as it was written: the field, its value, what is expected instead.

The types of the spec say it all; this reads them beside the value, because a decoder's own message
tells neither the value nor the choices.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec import inspect

_LONGEST = 80
_SCALARS: Mapping[type, tuple[str, tuple[type, ...]]] = {
    inspect.BoolType: ("true or false", (bool,)),
    inspect.IntType: ("a whole number", (int,)),
    inspect.FloatType: ("a number", (int, float)),
    inspect.StrType: ("a text", (str,)),
}


def first_fault(value: Any, kind: type, whole: str = "the pipeline") -> str:
    """Return the first thing in `value` that a `kind` cannot have, as a sentence; empty for none.

    Args:
        value: of YAML or JSON: mappings, lists and scalars.
        kind: a msgspec struct.
        whole: what `value` is called where the fault is not in one of its fields.
    """
    return next(_faults(value, inspect.type_info(kind), ""), "").replace("\0", whole)


def _faults(value: Any, kind: inspect.Type, path: str) -> Iterator[str]:
    """Yield faults; a NUL stands for the name of the whole."""
    if isinstance(kind, inspect.StructType):
        yield from _struct(value, kind, path)
    elif isinstance(kind, inspect.DictType):
        if not isinstance(value, Mapping):
            yield _said(path, value, "names, each with a value")
            return
        for name, own in value.items():
            yield from _faults(own, kind.value_type, f"{path}.{name}")
    elif isinstance(kind, inspect.VarTupleType | inspect.ListType):
        if not isinstance(value, list | tuple):
            yield _said(path, value, "a list")
            return
        for i, own in enumerate(value):
            yield from _faults(own, kind.item_type, f"{path}[{i}]")
    else:
        yield from _single(value, kind, path)


def _single(value: Any, kind: inspect.Type, path: str) -> Iterator[str]:
    """Yield faults of what has no parts."""
    if isinstance(kind, inspect.LiteralType):
        if not any(value == one and type(value) is type(one) for one in kind.values):
            choices = ", ".join(map(str, kind.values))
            yield _said(path, value, f"one of: {choices}") + _meant(value, kind.values)
    elif isinstance(kind, inspect.UnionType):
        if all(any(_faults(value, one, path)) for one in kind.types):
            yield _said(path, value, " or ".join(map(_expected, kind.types)))
    elif type(kind) in _SCALARS:
        expected, types = _SCALARS[type(kind)]
        if type(value) not in types:
            yield _said(path, value, expected)


def _struct(value: Any, kind: inspect.StructType, path: str) -> Iterator[str]:
    names = tuple(field.encode_name for field in kind.fields)
    if not isinstance(value, Mapping):
        yield _said(path, value, f"fields of these names: {', '.join(names)}")
        return
    for name, own in value.items():
        field = next((one for one in kind.fields if one.encode_name == name), None)
        if field is None:
            where = path.removeprefix(".") or "\0"
            yield f"{where} has no field {_short(name)}; expected some of: {', '.join(names)}" + (
                _meant(name, names)
            )
        else:
            yield from _faults(own, field.type, f"{path}.{name}")


def _expected(kind: inspect.Type) -> str:
    """Return what one kind of a union may be."""
    if isinstance(kind, inspect.LiteralType):
        return ", ".join(map(str, kind.values))
    return _SCALARS[type(kind)][0] if type(kind) in _SCALARS else "another form"


def _said(path: str, value: Any, expected: str) -> str:
    return f"{path.removeprefix('.') or chr(0)} is {_short(value)}; expected {expected}"


def _short(value: Any) -> str:
    if isinstance(value, msgspec.Struct | Mapping | list):
        return f"a {'list' if isinstance(value, list) else 'mapping'}"
    told = repr(value)
    return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}…"


def _meant(value: Any, known: tuple[Any, ...]) -> str:
    """Return the hint that another of the known words was meant, empty where none is near."""
    words = [one for one in known if isinstance(one, str)]
    near = difflib.get_close_matches(str(value), words, 1)
    return f" (did you mean {near[0]}?)" if near else ""
