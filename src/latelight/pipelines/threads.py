"""Work shared by a few threads, its results in order."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

_T = TypeVar("_T")


def in_threads(n_threads: int, work: Callable[..., _T], *arguments: Sequence[Any]) -> list[_T]:
    """Return `work` of each set of arguments, as `map` does, with up to `n_threads` at once."""
    if n_threads == 1 or len(arguments[0]) == 1:
        return list(map(work, *arguments))
    with ThreadPoolExecutor(min(n_threads, len(arguments[0]))) as pool:
        return list(pool.map(work, *arguments))
