"""Recall as it is: a sample of live queries is also scored exactly, and searches widen by it.

Queries unlike the documents (of another encoder version, padded, in another language) break the
candidate stage of any index that is probed by centroids, silently. Here a share of the queries is
answered a second time, exactly and in the background; when the observed recall is below the target
beyond chance, every later search of the space at that level tries twice as hard, and says so.
"""

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np

from latelight.index.candidates import Effort, Ranked, Wanted
from latelight.index.snapshot import Snapshot
from latelight.kernels.maxsim import top_k
from latelight.kernels.search import SearchOptions
from latelight.types import Float32Array

_Key = tuple[str, SearchOptions | None]

DEPTH = 10  # recall is that of the ten best


@dataclass(frozen=True)
class SelfCheckOptions:
    """How a self-check works.

    Attributes:
        every: one query in so many is checked.
        n_first: so many are checked one after the other, from a process's second query on and after
            each widening.
        share: of one core's time that later checks take at most.
        target: observed recall below this widens the search, when 19 of 20 such samples of a
            recall at the target would be better.
        window: how many of the last checks are averaged.
        most_widening: searches are doubled at most so often; beyond it everything is scored.
    """

    every: int = 50
    n_first: int = 8
    share: float = 0.02
    target: float = 0.9
    window: int = 100
    most_widening: int = 4


@dataclass(frozen=True)
class ObservedRecall:
    """What the checks of one space have seen, at the level that was searched last.

    Attributes:
        recall: mean share of the exact ten best that was found; None before the first check.
        n_checks: that this mean is of.
        widening: how often searches are doubled; `most_widening` + 1 means that all is scored.
    """

    recall: float | None
    n_checks: int
    widening: int


@dataclass
class _Watched:
    """The state of one space at one level."""

    seen: deque[float]
    widening: int = 0
    n_queries: int = 0
    n_since: int = 0  # checks begun since the last widening


@dataclass
class SelfCheck:
    """Watches the searches of one index; safe to share between threads.

    Attributes:
        options: how.
        run: takes a check to do; the default does one at a time in the background and drops those
            that come while it is busy. Tests pass one that does it at once.
    """

    options: SelfCheckOptions = field(default_factory=SelfCheckOptions)
    run: Callable[[Callable[[], None]], bool] | None = None
    _watched: dict[_Key, _Watched] = field(default_factory=dict)
    _last: dict[str, _Key] = field(default_factory=dict)
    _resume_at: float = 0.0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _background: "_Background" = field(default_factory=lambda: _Background())  # noqa: PLW0108  defined below

    def effort(self, space: str, effort: Effort) -> Effort:
        """Return an effort widened as far as the checks of this space ask for."""
        with self._lock:
            key = self._last[space] = (space, effort.options)
            widening = self._of(key).widening
        if widening > self.options.most_widening:
            return Effort(None, widening)
        return Effort(effort.options, widening)

    def observe(
        self, snapshot: Snapshot, query: Float32Array, wanted: Wanted, ranked: Ranked
    ) -> None:
        """Take note of a search; check it when its turn has come."""
        key = (wanted.space, wanted.effort.options)
        if not ranked.is_exact and self._is_due(key):
            (self.run or self._background)(lambda: self._check(snapshot, query, wanted, ranked))

    def observed(self, space: str) -> ObservedRecall:
        """Return what has been seen of a space."""
        with self._lock:
            watched = self._of(self._last.get(space, (space, None)))
            mean = float(np.mean(watched.seen)) if watched.seen else None
            return ObservedRecall(mean, len(watched.seen), watched.widening)

    def wait(self) -> None:
        """Return when no check is being done."""
        self._background.wait()

    def _of(self, key: _Key) -> _Watched:
        return self._watched.setdefault(key, _Watched(deque(maxlen=self.options.window)))

    def _is_due(self, key: _Key) -> bool:
        with self._lock:
            watched = self._of(key)
            watched.n_queries += 1
            # Not the very first: a process that searches once must not end with an exact search.
            due = watched.n_queries > 1 and watched.n_since < self.options.n_first
            if watched.n_queries % self.options.every == 0:
                due = due or time.monotonic() >= self._resume_at
            watched.n_since += due
            return due

    def _check(
        self, snapshot: Snapshot, query: Float32Array, wanted: Wanted, ranked: Ranked
    ) -> None:
        began = time.monotonic()
        scores = snapshot.scores(wanted.space, query, wanted.allow)
        recall = recall_of(scores, ranked, min(DEPTH, wanted.k))
        now = time.monotonic()
        with self._lock:
            self._resume_at = now + (now - began) * (1 / self.options.share - 1)
            watched = self._of((wanted.space, wanted.effort.options))
            watched.seen.append(recall)
            enough = len(watched.seen) >= self.options.n_first
            if enough and _is_below(watched.seen, self.options.target):
                watched.widening = min(watched.widening + 1, self.options.most_widening + 1)
                watched.seen.clear()
                watched.n_since = 0


def _is_below(seen: Sequence[float], target: float) -> bool:
    """Return whether a mean is below the target by more than chance (one-sided, 5 %)."""
    chance = 1.64 * float(np.std(seen)) / math.sqrt(len(seen))
    return float(np.mean(seen)) + chance < target


def recall_of(scores: Float32Array, ranked: Ranked, depth: int) -> float:
    """Return the share of the best `depth` that a ranking holds; 1 when nothing could be found.

    A unit whose score equals the last of the best counts as one of them.

    Args:
        scores: (n_units,) float32, exact.
        ranked: what a search found.
        depth: how many.
    """
    best = top_k(scores, depth)
    if not len(best):
        return 1.0
    found = scores[ranked.ordinals[:depth]] >= scores[best[-1]]
    return float(np.count_nonzero(found)) / len(best)


class _Background:
    """One thread, one check at a time."""

    def __init__(self) -> None:
        self._pool: ThreadPoolExecutor | None = None
        self._busy = threading.Lock()

    def __call__(self, check: Callable[[], None]) -> bool:
        """Do a check soon, unless one is being done; return whether."""
        if not self._busy.acquire(blocking=False):
            return False
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="latelight-self-check")
        self._pool.submit(self._do, check)
        return True

    def wait(self) -> None:
        """Return when nothing is being done."""
        with self._busy:
            pass

    def _do(self, check: Callable[[], None]) -> None:
        try:
            check()
        finally:
            self._busy.release()
