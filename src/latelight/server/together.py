"""Searches that wait at the same time are made together, as one batch.

Nobody waits for others to come: a thread that is free takes the search that waits longest, and with
it those that wait for the same of the same collection. On an idle server that is one search.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from latelight.app import Collection
from latelight.app.hits import Hits
from latelight.server.json_answers import encoded
from latelight.server.pools import Pool
from latelight.server.tracing import Tracer, no_tracer

MOST = 8
"""Searches of one batch; more made nobody sooner (decision 0169), and all wait for the last."""
MOST_EXPLAINED = 4
"""Passages of explained hits are cut one after the other, so fewer wait for each other."""

Open = Callable[[str, str], Collection]
"""Returns a collection by its namespace and name."""
Write = Callable[[Hits, float, bool, bool], bytes]
"""Writes an answer: the hits, milliseconds of the search, whether explained, whether profiled."""


@dataclass(eq=False)
class Asked:
    """A search by text; those of one kind can be made together.

    Attributes:
        place: namespace and name of the collection.
        text: the query.
        key: the caller's, by which a release routes.
        options: the others of `Collection.search`.
        profile: whether the times of its stages are told.
    """

    place: tuple[str, str]
    text: str
    key: str | None
    options: Mapping[str, Any]
    profile: bool = False
    kind: bytes = field(init=False)
    done: "Future[bytes]" = field(default_factory=Future, init=False)
    is_waiting: bool = field(default=True, init=False)

    def __post_init__(self) -> None:
        """Say what can be made together."""
        self.kind = encoded((self.place, self.options, self.profile))


class Together:
    """Makes the searches of many callers in the threads of a pool."""

    def __init__(
        self, pool: Pool, open_collection: Open, write: Write, tracer: Tracer = no_tracer
    ) -> None:
        """Answer with what `write` makes of hits."""
        self._pool = pool
        self._tracer = tracer
        self._open = open_collection
        self._write = write
        self._mutex = threading.Lock()
        self._waiting: deque[Asked] = deque()

    async def search(self, asked: Asked) -> bytes:
        """Return the answer of a search; `asked` is used once.

        Raises:
            Refusal: too many wait already.
            LatelightError: as the search alone.
        """
        with self._mutex:
            self._waiting.append(asked)
        try:
            while asked.is_waiting:  # the first time, a thread may have taken an older one
                await self._pool.run(self._make_next)
        except BaseException:
            self._forget(asked)
            raise
        if asked.done.done():  # spares the loop a turn
            return asked.done.result()
        return await asyncio.wrap_future(asked.done)

    def _forget(self, asked: Asked) -> None:
        """Let a search go that nobody waits for, unless it has begun."""
        with self._mutex:
            if asked.is_waiting:
                self._waiting.remove(asked)

    def _make_next(self) -> None:
        """Make what waits longest, and what goes with it; nothing if others have taken all."""
        first = self._take(lambda _: True, 1)
        if not first:
            return
        try:
            target = self._open(*first[0].place)
            most = _most_at_once(target, first[0])
        except Exception as error:
            first[0].done.set_exception(error)
            return
        kind = first[0].kind
        self._make(target, first + self._take(lambda one: one.kind == kind, most - 1))

    def _take(self, fits: Callable[[Asked], bool], most: int) -> list[Asked]:
        """Return those that fit and wait longest, which wait no more."""
        with self._mutex:
            taken = list(islice(filter(fits, self._waiting), most))
            for one in taken:
                self._waiting.remove(one)
                one.is_waiting = False
                one.done.set_running_or_notify_cancel()  # from here on nobody can cancel it
        return taken

    def _make(self, target: Collection, batch: list[Asked]) -> None:
        began = time.perf_counter()
        try:
            with self._tracer.span("search") as span:
                found = _found(target, batch)
                span.tell({"latelight.searches": len(batch), **stage_times(found[0])})
        except Exception as error:
            self._fail(target, batch, error)
            return
        took_ms = 1000 * (time.perf_counter() - began)
        for one, hits in zip(batch, found, strict=True):
            self._answer(one, hits, took_ms)

    def _fail(self, target: Collection, batch: list[Asked], error: Exception) -> None:
        """Tell the one who asked; of several, one may be at fault, so each is tried alone."""
        if len(batch) == 1:
            batch[0].done.set_exception(error)
            return
        for one in batch:
            self._make(target, [one])

    def _answer(self, asked: Asked, hits: Hits, took_ms: float) -> None:
        try:
            body = self._write(hits, took_ms, asked.options["explain"], asked.profile)
        except Exception as error:
            asked.done.set_exception(error)
        else:
            asked.done.set_result(body)


def stage_times(hits: Hits) -> dict[str, float]:
    """Return the milliseconds of a search's stages, as attributes of a span."""
    return {f"latelight.{one.name}_ms": round(one.milliseconds, 3) for one in hits.stages}


def _found(target: Collection, batch: list[Asked]) -> list[Hits]:
    first = batch[0]
    if len(batch) == 1:
        return [target.search(first.text, key=first.key, **first.options)]
    texts, keys = [one.text for one in batch], [one.key for one in batch]
    return target.search_batch(texts, key=keys, **first.options)


def _most_at_once(target: Collection, first: Asked) -> int:
    """Return how many searches may be made at once with this one.

    While a release takes part in searches, each is made alone: its latency is measured for the
    guards.
    """
    if target.is_releasing:
        return 1
    return MOST_EXPLAINED if first.options["explain"] else MOST
