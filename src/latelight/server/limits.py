"""How often, and how much at once: token buckets, counts of what is under way, bytes."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from starlette.requests import HTTPConnection
from starlette.types import Message, Receive

from latelight.server.problems import Refusal, wait

MOST_CALLERS = 10_000
"""Whose buckets are remembered; beyond, those that are full again are forgotten."""


class Rate:
    """A bucket of tokens for each caller; filled at an even rate."""

    def __init__(
        self, per_second: float, burst: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Allow so many requests a second, and so many at once; 0 a second: no limit."""
        self._per_second = per_second
        self._burst = float(burst or max(2 * per_second, 1))
        self._clock = clock
        self._mutex = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def take(self, caller: str) -> None:
        """Take a token.

        Raises:
            Refusal: there is none; it says when there will be.
        """
        if not self._per_second:
            return
        with self._mutex:
            now = self._clock()
            tokens, at = self._buckets.get(caller, (self._burst, now))
            tokens = min(tokens + (now - at) * self._per_second, self._burst)
            if tokens < 1:
                detail = f"More than {self._per_second:g} requests a second."
                raise wait(429, "rate_limited", detail, (1 - tokens) / self._per_second)
            self._buckets[caller] = (tokens - 1, now)
            if len(self._buckets) > MOST_CALLERS:
                self._forget(now)

    def _forget(self, now: float) -> None:
        full = self._burst / self._per_second
        kept = {caller: own for caller, own in self._buckets.items() if now - own[1] < full}
        self._buckets = kept


class Concurrency:
    """How much of one caller is under way."""

    def __init__(self, most: int) -> None:
        """Allow so many at once; 0: no limit."""
        self._most = most
        self._mutex = threading.Lock()
        self._under_way: Counter[str] = Counter()

    @contextmanager
    def one(self, caller: str) -> Iterator[None]:
        """Count one more while the body runs.

        Raises:
            Refusal: there are too many.
        """
        with self._mutex:
            if self._most and self._under_way[caller] >= self._most:
                raise wait(
                    429, "rate_limited", f"{self._most} searches of this key are under way.", 1
                )
            self._under_way[caller] += 1
        try:
            yield
        finally:
            with self._mutex:
                self._under_way[caller] -= 1
                if not self._under_way[caller]:
                    del self._under_way[caller]


def limited(connection: HTTPConnection, receive: Receive, most: int) -> Receive:
    """Return a `receive` that refuses a body of more than `most` bytes as it streams.

    Raises:
        Refusal: the body says beforehand that it is longer.
    """
    declared = connection.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most:
        raise too_large(most)
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        seen += len(message.get("body", b""))
        if seen > most:
            raise too_large(most)
        return message

    return bounded


def too_large(most: int) -> Refusal:
    """Return the answer for a body that is too long; the connection is not used again."""
    return Refusal(
        413,
        "too_large",
        f"The body is longer than the {most:,} bytes that are taken here.",
        "Send it in several parts, or raise the server's limit.",
        {"Connection": "close"},
    )
