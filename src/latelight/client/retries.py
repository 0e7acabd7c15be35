"""A call, tried again when that may help: exponential back-off with full jitter, and a bound."""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

from latelight.client.problems import error_of
from latelight.client.steps import Answer, Attempt, Call, Pause, Talking
from latelight.errors import InputError, ServerUnreachableError

PASSING = frozenset({429, 502, 503, 504})
"""Statuses of a bad moment, whatever was asked."""
CONFLICT = 409  # passes when the server says after how long
REPEATABLE = frozenset({"GET", "HEAD", "PUT", "DELETE"})


@dataclass(frozen=True)
class Retries:
    """How often and how long a call is tried.

    Attributes:
        most: attempts after the first one.
        first_seconds: upper end of the first pause, which is drawn from 0 on; it doubles each time.
        longest_seconds: upper end of a pause; what a server asks for may be longer.
        total_seconds: after so long no further attempt begins, and none may stay silent for longer
            than what is left of it.
        silent_seconds: how long the server may stay silent within an attempt.
    """

    most: int = 5
    first_seconds: float = 0.25
    longest_seconds: float = 8.0
    total_seconds: float = 120.0
    silent_seconds: float = 60.0

    def __post_init__(self) -> None:
        for name in ("most", "first_seconds", "longest_seconds"):
            if getattr(self, name) < 0:
                raise InputError(f"{name} is {getattr(self, name)}; give a number from 0 up.")
        for name in ("total_seconds", "silent_seconds"):
            if not getattr(self, name) > 0:
                raise InputError(f"{name} is {getattr(self, name)}; give seconds above 0.")

    def pause(self, number: int, asked: float | None, draw: Callable[[], float]) -> float:
        """Return the seconds before another attempt.

        Args:
            number: of the failed attempts before this one.
            asked: what the server asked for, None for nothing.
            draw: returns a number from 0 to 1, as `random.random`.
        """
        longest: float = min(self.longest_seconds, self.first_seconds * 2**number)
        jitter = draw() * longest
        # Whoever was told the same comes back at the same moment, but for the jitter.
        return jitter if asked is None else asked + jitter


def persistent(
    call: Call[Any],
    retries: Retries,
    *,
    clock: Callable[[], float] = time.monotonic,
    draw: Callable[[], float] = random.random,
) -> Talking[Answer]:
    """Return the good answer to a call, after as many attempts as it takes and is allowed.

    Raises:
        LatelightError: what the last answer meant, or that there was none.
    """
    until = clock() + retries.total_seconds
    number = 0
    while True:
        left = max(until - clock(), 0.001)
        answer: Answer | None = None
        try:
            answer = yield Attempt(call, min(retries.silent_seconds, left))
        except ServerUnreachableError as error:
            failure: Exception = error
            helps = may_repeat(call)
        else:
            if 200 <= answer.status < 300:
                return answer
            failure = error_of(call, answer)
            helps = may_repeat(call) and passes(answer)
        asked = None if answer is None else retry_after(answer)
        seconds = retries.pause(number, asked, draw)
        if not helps or number >= retries.most or clock() + seconds > until:
            raise failure
        number += 1
        yield Pause(seconds)


def may_repeat(call: Call[Any]) -> bool:
    """Return whether asking twice does no more than asking once."""
    return call.method in REPEATABLE or bool(call.key)


def passes(answer: Answer) -> bool:
    """Return whether the same request may be answered well a moment later."""
    told_when = "retry-after" in answer.headers
    return answer.status in PASSING or (answer.status == CONFLICT and told_when)


def retry_after(answer: Answer, now: Callable[[], float] = time.time) -> float | None:
    """Return the seconds that a server asks to wait for, given as such or as a date, or None."""
    value = answer.headers.get("retry-after", "").strip()
    if value.isdecimal():
        return float(value)
    try:
        return max(parsedate_to_datetime(value).timestamp() - now(), 0.0)
    except ValueError:
        return None
