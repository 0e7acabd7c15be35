"""Asking a version, and what came of it; versions whose models are still being loaded."""

import secrets
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from latelight.app.hits import Hits
from latelight.app.opened import OpenGeneration

Ask = Callable[[OpenGeneration], Hits]
"""Makes one search in whichever version."""
AskMany = Callable[[OpenGeneration, Sequence[int]], list[Hits]]
"""Makes those of several searches that have these numbers."""


@dataclass(frozen=True)
class Timed:
    """The outcome of asking one version: hits, or what it raised; None for a time not its own."""

    milliseconds: float | None
    hits: Hits | None = None
    error: Exception | None = None

    @classmethod
    def of(cls, ask: Ask, version: OpenGeneration) -> "Timed":
        """Return the outcome of a search in a version."""
        began = time.perf_counter()
        try:
            hits = ask(version)
        except Exception as error:
            return cls(1000 * (time.perf_counter() - began), error=error)
        return cls(1000 * (time.perf_counter() - began), hits)

    def given(self) -> Hits:
        """Return the hits, or raise what was raised instead."""
        if self.hits is None:
            assert self.error is not None
            raise self.error
        return self.hits


class Warming:
    """Loads the models of versions beside the live one, so that nobody waits for them."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._mutex = threading.Lock()
        self._threads: weakref.WeakKeyDictionary[OpenGeneration, threading.Thread] = (
            weakref.WeakKeyDictionary()
        )

    def is_ready(self, version: OpenGeneration, live: OpenGeneration) -> bool:
        """Return whether a version can be asked without anybody waiting for its models.

        Who has loaded nothing yet (a command) would wait for the live version's, too.
        """
        if not live.is_loaded:
            load(version)  # before anything is timed
            return True
        if version.is_loaded:
            return True
        with self._mutex:
            if version not in self._threads:
                thread = threading.Thread(
                    target=load, args=(version,), name="latelight-warm", daemon=True
                )
                self._threads[version] = thread
                thread.start()
            # Models that cannot be loaded are the version's error: it is asked, and fails.
            return not self._threads[version].is_alive()


def load(version: OpenGeneration) -> None:
    """Load a version's models; what hinders it is told by the search that needs them."""
    with suppress(Exception):
        version.loaded()


def asked_together(
    ask: AskMany, version: OpenGeneration, numbers: Sequence[int]
) -> dict[int, Timed]:
    """Return the outcome of several searches; where they fail together, each is asked alone."""
    if not numbers:
        return {}
    try:
        return {
            i: Timed(None, hits) for i, hits in zip(numbers, ask(version, numbers), strict=True)
        }
    except Exception:
        return {i: Timed.of(only_in(ask, i), version) for i in numbers}


def only_in(ask: AskMany, number: int) -> Ask:
    """Return how one of several searches is made."""
    return lambda version: ask(version, [number])[0]


def only(ask: AskMany, number: int, version: OpenGeneration) -> Callable[[], Hits]:
    """Return how one of several searches is made in a version."""
    return lambda: ask(version, [number])[0]


def own_key(key: str | None) -> str:
    """Return the caller's key, or one for this search alone."""
    return key if key is not None else secrets.token_hex(8)
