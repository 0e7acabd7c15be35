"""What a search did, stage by stage, with times and counts."""

import time
from collections.abc import Iterator
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
        self._stages.append(Stage(name, took, counter.count))

    @property
    def stages(self) -> tuple[Stage, ...]:
        """The stages so far, in order."""
        return tuple(self._stages)


class Counter:
    """Takes the count of a stage."""

    count: int = 0
