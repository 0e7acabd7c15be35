"""Words of the command line, read into values."""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from latelight.errors import FilterError, InputError, NotFoundError
from latelight.pipelines.records import check_metadata
from latelight.types import Metadata


def read_filter(text: str | None) -> Mapping[str, Any] | None:
    """Return the filter that a JSON text holds, None for none.

    Raises:
        FilterError: it is not a JSON object.
    """
    if text is None:
        return None
    try:
        value = json.loads(text)
    except ValueError as error:
        raise FilterError(
            f"The filter {text!r} is not JSON ({error}). Write it like '{{\"year\": 2023}}'."
        ) from error
    if not isinstance(value, dict):
        raise FilterError(f"The filter {text!r} is not an object; write '{{\"year\": 2023}}'.")
    return value


def read_queries(path: Path) -> list[str]:
    """Return the queries of a file, one a line, blank ones left out; `-` reads standard input.

    Raises:
        NotFoundError: there is no such file.
    """
    if str(path) == "-":
        lines = sys.stdin.read().splitlines()
    elif path.is_file():
        lines = path.read_text(encoding="utf-8").splitlines()
    else:
        raise NotFoundError(
            f"There is no file {str(path)!r}; give one with a query on each line, or '-' for "
            "standard input."
        )
    return [line.strip() for line in lines if line.strip()]


def read_metadata(pairs: Sequence[str]) -> Metadata:
    """Return metadata from `key=value` words; values that read as JSON are taken as such.

    Raises:
        InputError: a word has no '=' or no key.
    """
    return check_metadata(dict(_pair(word) for word in pairs))


def _pair(word: str) -> tuple[str, Any]:
    key, separator, value = word.partition("=")
    if not separator or not key:
        raise InputError(f"Metadata {word!r} is not key=value; write for example year=2023.")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
