"""Threads for what blocks; searches have their own, so that they never wait for writes."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import ParamSpec, TypeVar

from latelight.server.problems import wait

P = ParamSpec("P")
T = TypeVar("T")


class Pool:
    """So many threads, and so many calls at most that wait for one."""

    def __init__(self, name: str, n_threads: int, most_waiting: int) -> None:
        """Make threads as they are needed."""
        self.n_threads = n_threads
        self._most = n_threads + most_waiting
        self._threads = ThreadPoolExecutor(n_threads, thread_name_prefix=f"latelight-{name}")
        self.n_under_way = 0
        """Calls that run or wait; changed by the event loop's thread alone."""

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what a call in one of the threads returns.

        Raises:
            Refusal: too many wait already.
        """
        if self.n_under_way >= self._most:
            raise wait(503, "busy", "More is asked than this server can do now.", 1)
        self.n_under_way += 1
        loop, context = asyncio.get_running_loop(), copy_context()
        done = loop.run_in_executor(self._threads, lambda: context.run(call, *args, **kwargs))
        # Counted until the thread is done, also where nobody waits for it any more.
        done.add_done_callback(self._ended)
        return await done

    def _ended(self, done: "asyncio.Future[T]") -> None:
        self.n_under_way -= 1

    def shutdown(self) -> None:
        """Take no more; what waits is not begun."""
        self._threads.shutdown(wait=False, cancel_futures=True)
