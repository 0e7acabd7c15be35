"""Rests of background work: nobody waits for it, so it leaves room for what somebody waits for.

The interpreter lets one thread run at a time and hands over after 5 ms only; a search needs it a
few times. And two cores are soon taken. So a thread that works in the background sleeps again and
again, for as long as it worked. Where it does is deep inside, and who calls does not know who
called: the thread itself remembers, and elsewhere a rest is nothing.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

_Piece = TypeVar("_Piece")
_T = TypeVar("_T")

SLICE = 0.0005
"""Seconds of work before a rest."""
LONGEST = 0.02
"""Seconds that a rest lasts at most."""


class _Worker(threading.local):
    """What a thread remembers: whether it works in the background, and since when without rest."""

    is_urgent: Callable[[], bool] | None = None
    since: float = 0.0


_worker = _Worker()


@contextmanager
def in_background(is_urgent: Callable[[], bool] = lambda: False) -> Iterator[None]:
    """Let this thread rest within, except while the work is urgent."""
    before = _worker.is_urgent
    _worker.is_urgent, _worker.since = is_urgent, time.monotonic()
    try:
        yield
    finally:
        _worker.is_urgent = before


def each(work: Callable[[_Piece], _T], pieces: Iterable[_Piece], n_threads: int) -> list[_T]:
    """Return what `work` makes of every piece, in order, by some threads or with rests by this."""
    if n_threads > 1:
        with ThreadPoolExecutor(n_threads) as pool:
            return list(pool.map(work, pieces))
    made = []
    for piece in pieces:
        made.append(work(piece))
        rest()
    return made


def rest() -> None:
    """Sleep for as long as this thread worked since its last rest, if it works in the background.

    Called between two pieces of work, of a millisecond or less where that can be had.
    """
    if _worker.is_urgent is None:
        return
    now = time.monotonic()
    worked = now - _worker.since
    if worked < SLICE:
        return
    if not _worker.is_urgent():
        time.sleep(min(worked, LONGEST))
    _worker.since = time.monotonic()
