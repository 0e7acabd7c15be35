"""The last few values by key, so that what is asked for again need not be made again."""

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Recent(Generic[_T]):
    """At most so many values; the oldest one goes first. Safe to share between threads."""

    def __init__(self, n_kept: int) -> None:
        """Keep at most `n_kept` values."""
        self._n_kept = n_kept
        self._values: dict[str, _T] = {}
        self._lock = threading.Lock()

    def get(self, key: str, make: Callable[[], _T]) -> _T:
        """Return the value of a key, made when it is not there; two threads may both make it."""
        with self._lock:
            if key in self._values:
                return self._values[key]
        value = make()
        with self._lock:
            if len(self._values) >= self._n_kept:
                self._values.pop(next(iter(self._values)))
            self._values[key] = value
        return value
