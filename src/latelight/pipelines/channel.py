"""A bounded queue between two stages: whoever is ahead waits for the other."""

import threading
from collections import deque
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Closed(Exception):  # noqa: N818  an end, not an error
    """Nothing more will come, or nobody takes any more."""


class Channel(Generic[_T]):
    """Values with weights; `put` waits while what is inside weighs too much.

    A value heavier than the cap goes in alone, so the channel never holds more than the cap and
    never stands still.
    """

    def __init__(self, cap: int) -> None:
        """Hold values of at most `cap` together."""
        self._cap = cap
        self._values: deque[tuple[_T, int]] = deque()
        self._weight = 0
        self._changed = threading.Condition()
        self._is_closed = False
        self._error: BaseException | None = None
        self.peak = 0

    def put(self, value: _T, weight: int) -> None:
        """Add a value once there is room.

        Raises:
            Closed: the other side has stopped taking.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._is_closed or self._has_room(weight))
            if self._is_closed:
                raise Closed
            self._values.append((value, weight))
            self._weight += weight
            self.peak = max(self.peak, self._weight)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> _T:
        """Return the next value.

        Raises:
            TimeoutError: none came in time.
            Closed: there are no more.
            BaseException: what ended the side that puts, once all before it has been taken.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._values or self._is_closed, timeout_s):
                raise TimeoutError
            if not self._values:
                raise self._error or Closed
            value, weight = self._values.popleft()
            self._weight -= weight
            self._changed.notify_all()
            return value

    def close(self, error: BaseException | None = None) -> None:
        """Say that no more will come, or be taken; what is inside can still be taken."""
        with self._changed:
            self._is_closed = True
            self._error = self._error or error
            self._changed.notify_all()

    def clear(self) -> None:
        """Drop what is inside."""
        with self._changed:
            self._values.clear()
            self._weight = 0
            self._changed.notify_all()

    def _has_room(self, weight: int) -> bool:
        return not self._values or self._weight + weight <= self._cap
