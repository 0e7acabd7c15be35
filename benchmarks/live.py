"""How fast is a document that is added one by one, and what does writing cost the queries?

    python benchmarks/live.py                               toy size
    python benchmarks/live.py --documents 5000 20000 --seconds 20 --out live.json

Documents are random rows, normalised. Latencies hold for the disk below `--work`; the load of the
machine at the start is part of the result.
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
from pathlib import Path
from typing import Any

import numpy as np

from latelight.index import MultiVectorIndex

N_ROWS, DIM, N_QUERY, SEED = 120, 128, 32, 7
BATCH = 2500


class Making:
    """Random multi-vectors, a few hundred different ones."""

    def __init__(self) -> None:
        self._chance = np.random.default_rng(SEED)
        self._pool = [self.rows(N_ROWS) for _ in range(300)]

    def rows(self, n: int) -> np.ndarray:
        rows = self._chance.standard_normal((n, DIM), dtype=np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    def document(self, n: int) -> np.ndarray:
        return self._pool[n % len(self._pool)]


def timed(action: Callable[[], object]) -> float:
    began = time.perf_counter()
    action()
    return (time.perf_counter() - began) * 1e3


def spread(milliseconds: list[float]) -> dict[str, float]:
    """Return p50, p99 and the largest, in milliseconds."""
    p50, p99, largest = np.percentile(milliseconds, [50, 99, 100])
    return {"p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "max_ms": round(largest, 2)}


def fill(index: MultiVectorIndex, making: Making, n: int) -> None:
    for first in range(0, n, BATCH):
        numbers = range(first, min(first + BATCH, n))
        index.add([f"d{i}" for i in numbers], [making.document(i) for i in numbers])


def adding(index: MultiVectorIndex, making: Making, n_adds: int) -> dict[str, Any]:
    """Add documents one by one; each is searched for by id, as a reader would see it."""
    took = []
    for n in range(n_adds):
        took.append(timed(lambda n=n: index.add([f"new{n}"], [making.document(n)])))
        assert f"new{n}" in index
    return {"n_adds": n_adds, **spread(took)}


def querying(
    index: MultiVectorIndex, making: Making, seconds: float, pause: float
) -> dict[str, Any]:
    """Search at a steady pace for so long."""
    took, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        query = making.rows(N_QUERY)
        took.append(timed(lambda q=query: index.search(q)))
        time.sleep(pause)
    return {"n_queries": len(took), **spread(took)}


def mixed(index: MultiVectorIndex, making: Making, options: argparse.Namespace) -> dict[str, Any]:
    """Queries beside a writer of so many adds a minute and a tenth of that in deletes."""
    stop, took = threading.Event(), []

    def write() -> None:
        n = 0
        while not stop.wait(60 / options.adds_per_minute):
            took.append(timed(lambda n=n: index.add([f"mixed{n}"], [making.document(n)])))
            if n % 10 == 9:
                index.delete([f"mixed{n - 5}"])
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    queries = querying(index, making, options.seconds, options.pause)
    stop.set()
    writer.join()
    return {"queries": queries, "adds": {"n_adds": len(took), **spread(took)}}


def measured(n: int, options: argparse.Namespace) -> dict[str, Any]:
    making, folder = Making(), Path(tempfile.mkdtemp(dir=options.work))
    try:
        with MultiVectorIndex(folder / "index", dim=DIM) as index:
            fill(index, making, n)
            index.compact()
            row: dict[str, Any] = {"n_documents": n, "n_rows": N_ROWS, "dim": DIM}
            row["quiet"] = querying(index, making, options.seconds, options.pause)
            row["adding"] = adding(index, making, options.adds)
            row["mixed"] = mixed(index, making, options)
        row["opening_ms"] = round(timed(lambda: len(MultiVectorIndex(folder / "index"))), 2)
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
    parser.add_argument("--pause", type=float, default=0.02, help="seconds between queries")
    parser.add_argument("--adds-per-minute", type=float, default=1200)
    parser.add_argument("--work", type=Path, default=None, help="a directory on the disk to time")
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args(given)
    result = {**surroundings(), "rows": [measured(n, options) for n in options.documents]}
    print(json.dumps(result, indent=1))
    if options.out is not None:
        options.out.write_text(json.dumps(result, indent=1))
    return result


if __name__ == "__main__":
    main()
