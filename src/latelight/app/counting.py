"""What live searches did while a release is under way, counted in memory and written in batches."""

import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace

from latelight.errors import LatelightError
from latelight.experiments import Histogram, Traffic
from latelight.experiments.guards import LATENCY_EDGES
from latelight.releases.store import Counted, ReleaseStore, Shown

WRITE_SECONDS = 1.0
FORGET_SECONDS = 3600.0
SECONDS_A_DAY = 86_400
MOST_SHOWN = 500
"""Searches that wait to be written at most; beyond, they are written at once."""


@dataclass(frozen=True)
class Answer:
    """How one version answered one search.

    Attributes:
        release_id, stage, step, arm: where it is counted.
        milliseconds: that it took, None where it was made together with others.
        failed: whether it raised.
        n_hits: how many it found.
        overlap: share of the other version's documents that it found too; None where nobody asked.
        shown: remembers the search for its clicks.
    """

    release_id: str
    stage: str
    step: int
    arm: str
    milliseconds: float | None
    failed: bool = False
    n_hits: int = 0
    overlap: float | None = None
    shown: Shown | None = None


@dataclass
class _Sums:
    """Counters of one arm that are not written yet."""

    n_queries: int = 0
    n_errors: int = 0
    n_zero_hits: int = 0
    overlap: float = 0.0
    n_overlap: int = 0
    milliseconds: list[float] = field(default_factory=list)

    def add(self, one: Answer) -> None:
        self.n_queries += 1
        self.n_errors += one.failed
        self.n_zero_hits += not one.failed and not one.n_hits
        if one.milliseconds is not None:
            self.milliseconds.append(one.milliseconds)
        if one.overlap is not None:
            self.overlap, self.n_overlap = self.overlap + one.overlap, self.n_overlap + 1

    def merge(self, other: "_Sums") -> None:
        self.n_queries += other.n_queries
        self.n_errors += other.n_errors
        self.n_zero_hits += other.n_zero_hits
        self.overlap, self.n_overlap = (
            self.overlap + other.overlap,
            self.n_overlap + other.n_overlap,
        )
        self.milliseconds += other.milliseconds

    def counted(self, stage: str, step: int, arm: str) -> Counted:
        latency = Histogram.of(self.milliseconds, LATENCY_EDGES)
        traffic = Traffic(self.n_queries, self.n_errors, self.n_zero_hits, 0, latency)
        return Counted(stage, step, arm, traffic, self.overlap, self.n_overlap)


@dataclass(frozen=True)
class Keeping:
    """How long searches that were shown wait for interaction.

    Attributes:
        days: older ones are forgotten.
        most: of more, in a collection, the oldest are forgotten.
    """

    days: float = 30.0
    most: int = 100_000


DEFAULT_KEEPING = Keeping()


class Counting:
    """Counts answers; written every second, when somebody asks, and as the process ends."""

    def __init__(
        self,
        store: ReleaseStore,
        written: Callable[[str], None],
        keeping: Keeping = DEFAULT_KEEPING,
    ) -> None:
        """Write into `store`; `written` is told of each release that was."""
        self._store = store
        self._buffer = _Buffer(store)
        self._written = written
        self._keeping = keeping
        self._n_new = 0
        self._last_look = float("-inf")
        weakref.finalize(self, self._buffer.write_quietly)

    def add(self, *answers: Answer) -> None:
        """Count answers; they are written soon."""
        if self._buffer.add(answers):
            timer = threading.Timer(WRITE_SECONDS, self._write)
            timer.name, timer.daemon = "latelight-count", True
            timer.start()
        if self._buffer.n_shown >= MOST_SHOWN:
            self._write()

    def write(self) -> None:
        """Write what was counted so far.

        Raises:
            StorageError: the catalog cannot be written; the counters are kept for the next time.
        """
        written = self._buffer.write()
        self._forget(sum(written.values()))
        for release_id in written:
            self._written(release_id)

    def _forget(self, n_new: int) -> None:
        """Bound what waits for interaction: every hour, and whenever a tenth more has come."""
        self._n_new += n_new
        is_time = time.monotonic() - self._last_look >= FORGET_SECONDS
        if self._n_new and (is_time or self._n_new > self._keeping.most // 10):
            self._n_new, self._last_look = 0, time.monotonic()
            oldest = time.time() - self._keeping.days * SECONDS_A_DAY
            self._store.forget_shown(oldest, self._keeping.most)

    def _write(self) -> None:
        with suppress(LatelightError):  # counting must not disturb anybody
            self.write()


class _Buffer:
    """Counters in memory; outlives whoever fills it, so that nothing is lost at the end."""

    def __init__(self, store: ReleaseStore) -> None:
        self._store = store
        self._mutex = threading.Lock()
        self._writing = threading.Lock()
        self._sums: dict[tuple[str, str, int, str], _Sums] = {}
        self._shown: dict[str, list[Shown]] = {}
        self._is_due = False

    @property
    def n_shown(self) -> int:
        with self._mutex:
            return sum(len(own) for own in self._shown.values())

    def add(self, answers: tuple[Answer, ...]) -> bool:
        """Count answers; return whether nobody has promised to write yet."""
        with self._mutex:
            for one in answers:
                key = (one.release_id, one.stage, one.step, one.arm)
                self._sums.setdefault(key, _Sums()).add(one)
                if one.shown is not None:
                    self._shown.setdefault(one.release_id, []).append(one.shown)
            promised, self._is_due = self._is_due, True
            return not promised

    def write(self) -> dict[str, int]:
        """Write everything; return the releases that had something, and how many were shown."""
        with self._writing:
            with self._mutex:
                sums, self._sums = self._sums, {}
                shown, self._shown = self._shown, {}
                self._is_due = False
            ids = [*(key[0] for key in sums), *shown]
            releases = {release_id: len(shown.get(release_id, ())) for release_id in ids}
            try:
                for release_id in releases:
                    own = {key: sums[key] for key in sums if key[0] == release_id}
                    counted = [one.counted(*key[1:]) for key, one in own.items()]
                    self._store.count(release_id, counted, shown.get(release_id, ()))
                    for key in own:
                        del sums[key]
                    shown.pop(release_id, None)
            except LatelightError:
                self._take_back(sums, shown)
                raise
            return releases

    def _take_back(
        self, sums: dict[tuple[str, str, int, str], _Sums], shown: dict[str, list[Shown]]
    ) -> None:
        """Keep what could not be written for the next time."""
        with self._mutex:
            for key, own in sums.items():
                own.merge(self._sums.get(key, _Sums()))
                self._sums[key] = own
            for release_id, waiting in shown.items():
                self._shown[release_id] = [*waiting, *self._shown.get(release_id, [])]

    def write_quietly(self) -> None:
        with suppress(LatelightError):
            self.write()


def total(counted: list[Counted], stage: str, arm: str) -> Traffic:
    """Return the counters of an arm over all steps of a stage."""
    found = [one.traffic for one in counted if (one.stage, one.arm) == (stage, arm)]
    whole = Traffic()
    for one in found:
        counts = zip(whole.latency.counts, one.latency.counts, strict=True)
        whole = replace(
            whole,
            n_queries=whole.n_queries + one.n_queries,
            n_errors=whole.n_errors + one.n_errors,
            n_zero_hits=whole.n_zero_hits + one.n_zero_hits,
            n_clicked=whole.n_clicked + one.n_clicked,
            latency=Histogram(tuple(a + b for a, b in counts)),
        )
    return whole
