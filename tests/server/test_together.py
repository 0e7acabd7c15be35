"""Searches that wait at once are one batch; none is lost, and none pays for another's fault."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest

from latelight.errors import NotFoundError, QueryError
from latelight.server.pools import Pool
from latelight.server.problems import Refusal
from latelight.server.together import MOST, MOST_EXPLAINED, Asked, Together

PLAIN = {"k": 10, "explain": False}
EXPLAINED = {"k": 10, "explain": True}


class Found(str):
    """Hits that are one word."""

    stages = ()


class Slow:
    """A collection whose searches wait until they are let go, and that notes what came together."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.made: list[list[str]] = []
        self.keys: list[list[str | None]] = []
        self.is_releasing = False

    def search(self, text: str, key: str | None, **options: Any) -> Found:
        return self._make([text], [key])[0]

    def search_batch(
        self, texts: Sequence[str], key: Sequence[str | None], **_: Any
    ) -> list[Found]:
        return self._make(list(texts), list(key))

    def _make(self, texts: list[str], keys: list[str | None]) -> list[Found]:
        self.made.append(texts)
        self.keys.append(keys)
        self.begun.set()
        assert self.gate.wait(20)
        if "bad" in texts:
            raise QueryError("bad")
        return [Found(text.upper()) for text in texts]


class World:
    """A slow collection behind a pool of few threads."""

    def __init__(self, n_threads: int = 1, most_waiting: int = 1000) -> None:
        self.slow = Slow()
        self.pool = Pool("search", n_threads, most_waiting)
        self.together = Together(self.pool, self._open, self._write)  # type: ignore[arg-type]

    def _open(self, namespace: str, name: str) -> Any:
        if name == "gone":
            raise NotFoundError("gone")
        return self.slow if name == "slow" else SimpleNamespace(**vars(self.slow))

    @staticmethod
    def _write(hits: Any, took_ms: float, explain: bool, profile: bool) -> bytes:
        if hits == "UNWRITABLE":
            raise TypeError("unwritable")
        return str(hits).encode()

    def ask(
        self,
        text: str,
        options: dict[str, Any] = PLAIN,
        name: str = "slow",
        key: str | None = None,
        profile: bool = False,
    ) -> "asyncio.Task[bytes]":
        asked = Asked(("default", name), text, key, options, profile)
        return asyncio.create_task(self.together.search(asked))

    async def first(self) -> "asyncio.Task[bytes]":
        """Begin a search that keeps the only thread busy."""
        task = self.ask("first")
        await until(self.slow.begun.is_set)
        return task


async def until(there: Callable[[], bool]) -> None:
    for _ in range(2000):
        if there():
            return
        await asyncio.sleep(0.005)
    raise TimeoutError


def test_what_waits_is_one_batch_and_each_has_its_own_answer() -> None:
    async def run() -> None:
        world = World()
        first = await world.first()
        others = [world.ask(f"q{n}", key=f"user {n}") for n in range(MOST + 3)]
        await asyncio.sleep(0.05)
        world.slow.gate.set()
        assert await first == b"FIRST"
        assert await asyncio.gather(*others) == [f"Q{n}".encode() for n in range(MOST + 3)]
        assert list(map(len, world.slow.made)) == [1, MOST, 3]
        assert world.slow.keys[1] == [f"user {n}" for n in range(MOST)]
        assert world.pool.n_under_way == 0

    asyncio.run(run())


def test_an_idle_server_waits_for_nobody() -> None:
    async def run() -> None:
        world = World(n_threads=4)
        world.slow.gate.set()
        for n in range(5):
            assert await world.ask(f"q{n}") == f"Q{n}".encode()
        assert list(map(len, world.slow.made)) == [1] * 5

    asyncio.run(run())


def test_only_what_asks_for_the_same_goes_together() -> None:
    async def run() -> None:
        world = World()
        first = await world.first()
        mixed = [
            world.ask("a"),
            world.ask("b", {**PLAIN, "filter": {"year": 2020}}),
            world.ask("c"),
            world.ask("d", profile=True),
            world.ask("e", {**PLAIN, "filter": {"year": 2020}}),
            *(world.ask(f"x{n}", EXPLAINED) for n in range(MOST_EXPLAINED + 1)),
        ]
        await asyncio.sleep(0.05)
        world.slow.gate.set()
        await asyncio.gather(first, *mixed)
        explained = [f"x{n}" for n in range(MOST_EXPLAINED)]
        assert world.slow.made[1:] == [
            ["a", "c"], ["b", "e"], ["d"], explained, [f"x{MOST_EXPLAINED}"]
        ]  # fmt: skip

    asyncio.run(run())


def test_nothing_goes_together_while_a_release_measures() -> None:
    async def run() -> None:
        world = World()
        world.slow.is_releasing = True
        first = await world.first()
        others = [world.ask(f"q{n}") for n in range(4)]
        await asyncio.sleep(0.05)
        world.slow.gate.set()
        await asyncio.gather(first, *others)
        assert list(map(len, world.slow.made)) == [1] * 5

    asyncio.run(run())


def test_one_at_fault_fails_alone() -> None:
    async def run() -> None:
        world = World()
        first = await world.first()
        good, bad, unwritable = world.ask("good"), world.ask("bad"), world.ask("unwritable")
        gone = world.ask("q", name="gone")
        await asyncio.sleep(0.05)
        world.slow.gate.set()
        found = await asyncio.gather(first, good, bad, unwritable, gone, return_exceptions=True)
        assert found[:2] == [b"FIRST", b"GOOD"]
        assert [type(one) for one in found[2:]] == [QueryError, TypeError, NotFoundError]

    asyncio.run(run())


def test_whoever_leaves_takes_nobody_along() -> None:
    async def run() -> None:
        world = World()
        first = await world.first()
        tasks = [world.ask(f"q{n}", {**PLAIN, "k": 1 + n % 3}) for n in range(12)]
        await asyncio.sleep(0.05)
        for leaving in (first, *tasks[::4]):
            leaving.cancel()
        await asyncio.sleep(0.05)
        world.slow.gate.set()
        stayed = [n for n in range(12) if n % 4]
        found = await asyncio.wait_for(asyncio.gather(*(tasks[n] for n in stayed)), 20)
        assert found == [f"Q{n}".encode() for n in stayed]
        made = {text for texts in world.slow.made for text in texts}
        assert made == {"first", *(f"q{n}" for n in stayed)}

    asyncio.run(run())


def test_more_than_may_wait_are_refused_and_leave_nothing_behind() -> None:
    async def run() -> None:
        world = World(most_waiting=2)
        first = await world.first()
        waiting = [world.ask("a"), world.ask("b")]
        await asyncio.sleep(0.05)
        with pytest.raises(Refusal):
            await world.ask("c")
        world.slow.gate.set()
        assert await asyncio.gather(first, *waiting) == [b"FIRST", b"A", b"B"]
        assert world.slow.made == [["first"], ["a", "b"]]

    asyncio.run(run())
