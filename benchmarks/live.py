"""How fast is a document that is added one by one, and what does writing cost the queries?

    python benchmarks/live.py                               toy size
    python benchmarks/live.py --documents 5000 20000 --seconds 20 --rounds 4 --out live.json

Documents are made of rows near 2,000 directions, queries of rows near a document's. Runs of queries
alone and beside a writer take turns in one process. Latencies hold for the disk below `--work` and
for what else the machine does; its load is part of the result, and so is the processor time that
the asking thread took, which other processes change less.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from latelight.index import MultiVectorIndex

N_ROWS, DIM, N_QUERY, SEED = 120, 128, 32, 7
N_DIRECTIONS, ROW_NOISE, QUERY_NOISE = 2000, 0.06, 0.05
BATCH = 2500


class Making:
    """Documents by number, each one different, and queries like them."""

    def __init__(self, n_documents: int) -> None:
        chance = np.random.default_rng(SEED)
        self._directions = normalised(chance.standard_normal((N_DIRECTIONS, DIM)))
        self._n_documents = n_documents
        self._n_queries = 0

    def document(self, n: int) -> np.ndarray:
        chance = np.random.default_rng((SEED, 1, n))
        near = self._directions[chance.integers(0, N_DIRECTIONS, N_ROWS)]
        return normalised(near + ROW_NOISE * chance.standard_normal((N_ROWS, DIM)))

    def query(self) -> np.ndarray:
        self._n_queries += 1
        chance = np.random.default_rng((SEED, 2, self._n_queries))
        rows = self.document(int(chance.integers(self._n_documents)))
        near = rows[chance.permutation(N_ROWS)[:N_QUERY]]
        return normalised(near + QUERY_NOISE * chance.standard_normal((N_QUERY, DIM)))


def normalised(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@dataclass
class Times:
    """Milliseconds of many calls: on the clock, and of the calling thread's processor time."""

    clock: list[float] = field(default_factory=list)
    thread: list[float] = field(default_factory=list)

    def time(self, action: Callable[[], object]) -> None:
        began, before = time.perf_counter(), time.thread_time()
        action()
        self.thread.append((time.thread_time() - before) * 1e3)
        self.clock.append((time.perf_counter() - began) * 1e3)

    def spread(self) -> dict[str, float]:
        """Return p50, p99 and the largest, in milliseconds."""
        p50, p99, largest = np.percentile(self.clock, [50, 99, 100])
        cpu_p50, cpu_p99 = np.percentile(self.thread, [50, 99])
        found = {"p50_ms": p50, "p99_ms": p99, "max_ms": largest}
        found |= {"cpu_p50_ms": cpu_p50, "cpu_p99_ms": cpu_p99}
        return {"n": len(self.clock), **{k: round(float(v), 2) for k, v in found.items()}}


def fill(index: MultiVectorIndex, making: Making, n: int) -> None:
    for first in range(0, n, BATCH):
        numbers = range(first, min(first + BATCH, n))
        index.add([f"d{i}" for i in numbers], [making.document(i) for i in numbers])


def adding(index: MultiVectorIndex, making: Making, n_adds: int) -> dict[str, Any]:
    """Add documents one by one; each is searched for by id, as a reader would see it."""
    times = Times()
    for n in range(n_adds):
        rows = making.document(1_000_000 + n)
        times.time(lambda n=n, rows=rows: index.add([f"new{n}"], [rows]))
        assert f"new{n}" in index
    return times.spread()


def querying(
    index: MultiVectorIndex, making: Making, times: Times, options: argparse.Namespace
) -> None:
    """Search at a steady pace for so long."""
    until = time.monotonic() + options.seconds
    while time.monotonic() < until:
        query = making.query()
        times.time(lambda q=query: index.search(q))
        time.sleep(options.pause)


class Writing:
    """A writer of so many adds a minute, and of deletes, a fifth of that."""

    def __init__(self, index: MultiVectorIndex, making: Making, adds_per_minute: float) -> None:
        self.times = Times()
        self._index = index
        self._making = making
        self._pause = 60 / adds_per_minute
        self._stop = threading.Event()
        self._n = 0

    def beside(self, work: Callable[[], None]) -> None:
        """Write while the work is done."""
        self._stop.clear()
        writer = threading.Thread(target=self._write)
        writer.start()
        work()
        self._stop.set()
        writer.join()

    def _write(self) -> None:
        while not self._stop.wait(self._pause):
            n, rows = self._n, self._making.document(2_000_000 + self._n)
            self.times.time(lambda n=n, rows=rows: self._index.add([f"mixed{n}"], [rows]))
            if n % 5 == 4:
                self._index.delete([f"mixed{n - 3}"])
            self._n += 1


def compared(
    index: MultiVectorIndex, making: Making, options: argparse.Namespace
) -> dict[str, Any]:
    """Queries alone and beside a writer, in turns."""
    quiet, mixed = Times(), Times()
    writing = Writing(index, making, options.adds_per_minute)
    querying(index, making, Times(), options)  # wakes everything up
    for _ in range(options.rounds):
        querying(index, making, quiet, options)
        writing.beside(lambda: querying(index, making, mixed, options))
    row = {"quiet": quiet.spread(), "mixed": mixed.spread(), "adds": writing.times.spread()}
    for name in ("p50_ms", "p99_ms", "cpu_p50_ms", "cpu_p99_ms"):
        row[f"mixed_by_quiet_{name[:-3]}"] = round(row["mixed"][name] / row["quiet"][name], 2)
    return {**row, "n_segments": index.stats().n_segments, **recall(index)}


def recall(index: MultiVectorIndex) -> dict[str, Any]:
    """Return what the self-check saw; searches that it widened are not those of before."""
    observed = index.observed_recall()
    return {"recall": observed.recall, "widening": observed.widening}


def measured(n: int, options: argparse.Namespace) -> dict[str, Any]:
    making, folder = Making(n), Path(tempfile.mkdtemp(dir=options.work))
    opening = Times()
    try:
        with MultiVectorIndex(folder / "index", dim=DIM) as index:
            fill(index, making, n)
            index.compact()
            row: dict[str, Any] = {"n_documents": n, "n_rows": N_ROWS, "dim": DIM}
            row |= compared(index, making, options)
            row["adding"] = adding(index, making, options.adds)
        opening.time(lambda: len(MultiVectorIndex(folder / "index")))
        row["opening_ms"] = opening.spread()["max_ms"]
    finally:
        shutil.rmtree(folder)
    return row


def surroundings() -> dict[str, Any]:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    load = round(os.getloadavg()[0], 2)
    machine = {"machine": platform.machine(), "cpus": os.cpu_count(), "load": load}
    return {"commit": commit.stdout.strip(), "seed": SEED, **machine}


def main(given: list[str] | None = None) -> dict[str, Any]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, nargs="+", default=[200])
    parser.add_argument("--adds", type=int, default=60, help="timed one-document adds")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each run of queries")
    parser.add_argument("--rounds", type=int, default=1, help="runs alone, and as many mixed")
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between queries")
    parser.add_argument("--adds-per-minute", type=float, default=1000)
    parser.add_argument("--work", type=Path, default=None, help="a directory on the disk to time")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args(given)
    result = {**surroundings(), "rows": [measured(n, options) for n in options.documents]}
    result["load_after"] = round(os.getloadavg()[0], 2)
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
