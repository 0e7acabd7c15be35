"""What a search did, stage by stage, with times and counts."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One stage of a search.

    Attributes:
        name: such as `encode`, `allow-list`, `maxsim:text`, `bm25`, `fuse`, `evidence`.
        milliseconds: wall time.
        count: what went through (query tokens, allowed units, hits), as the name says.
    """

    name: str
    milliseconds: float
    count: int = 0


class Stopwatch:
    """Collects the stages of one search."""

    def __init__(self) -> None:
        """Start with no stages."""
        self._stages: list[Stage] = []

    @contextmanager
    def stage(self, name: str) -> Iterator["Counter"]:
        """Time the body of a `with`; set `.count` on what it gives."""
        counter = Counter()
        began = time.perf_counter()
        yield counter
        took = (time.perf_counter() - began) * 1000
        self.add(Stage(name, took, counter.count))

    def add(self, stage: Stage) -> None:
        """Take note of a stage."""
        self._stages.append(stage)

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages so far, in order."""
        return tuple(self._stages)


@contextmanager
def shared_stage(watches: Sequence[Stopwatch], name: str) -> Iterator[list[int]]:
    """Time the body of a `with` that works for several searches at once.

    Each gets an equal share of the time, and its own count from the list that this gives.
    """
    counts = [0] * len(watches)
    began = time.perf_counter()
    yield counts
    took = (time.perf_counter() - began) * 1000
    for watch, count in zip(watches, counts, strict=True):
        watch.add(Stage(name, took / len(watches), count))


class Counter:
    """Takes the count of a stage."""

    count: int = 0
