"""How often do merges rewrite a document, and how many segments are there meanwhile?

    python benchmarks/merging.py                               toy size
    python benchmarks/merging.py --documents 100000 --out merging.json

Nothing is encoded or written: the policy of `latelight.index` is asked about segments that are only
numbers. `every` makes the background slow: it merges after so many segments came, and then all
that there is to merge. `written` is what was written, the documents' own segments included, by what
was added; the smallest is 1.
"""

import argparse
import json
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Any

from latelight.index.manifest import SegmentEntry
from latelight.index.merge_policy import plan_upkeep
from latelight.index.options import DEFAULT_OPTIONS

N_ROWS, ROW_BYTES, SEED = 120, 170, 7
LOG = 256  # documents of a full log
BULK, FULL = 2_500, 13_000  # documents: of a commit, of a full segment
FULL_BYTES, N_ALIKE = DEFAULT_OPTIONS.flush_bytes, DEFAULT_OPTIONS.merge_factor


@dataclass(frozen=True)
class Step:
    """Documents that come in a segment of their own, and how many others are deleted then."""

    n_added: int
    n_deleted: int = 0


def one_by_one(n: int, chance: random.Random) -> Iterator[Step]:
    """Adds of one document each; full logs become segments."""
    yield from [Step(LOG)] * (n // LOG)


def without_log(n: int, chance: random.Random) -> Iterator[Step]:
    """The same, each add a segment."""
    yield from [Step(1)] * n


def job(n: int, chance: random.Random) -> Iterator[Step]:
    """A job that publishes what came in a second."""
    yield from (Step(chance.randint(50, 300)) for _ in range(n // 175))


def replaced(n: int, chance: random.Random) -> Iterator[Step]:
    """Ten logs full of documents that are then replaced again and again."""
    yield from [Step(LOG)] * 10
    yield from [Step(LOG, LOG)] * (n // LOG)


def bulk(n: int, chance: random.Random) -> Iterator[Step]:
    """Large commits and deletes."""
    yield from [Step(BULK, BULK // 5)] * max(1, n // BULK)


def bulk_and_singles(n: int, chance: random.Random) -> Iterator[Step]:
    """Large commits, nine full logs after each."""
    yield from [Step(BULK), *[Step(LOG)] * 9] * max(1, n // (BULK + 9 * LOG))


def days(n: int, chance: random.Random) -> Iterator[Step]:
    """More than a full segment at a time, then five full logs."""
    yield from [Step(FULL), Step(BULK), *[Step(LOG)] * 5] * max(1, n // (FULL + BULK + 5 * LOG))


def any_size(n: int, chance: random.Random) -> Iterator[Step]:
    """Commits of one document and of thousands, small ones most often."""
    while n > 0:
        step = Step(max(1, min(FULL, int(math.exp(chance.gauss(5, 2))))))
        n -= step.n_added
        yield step


_NUMBERS = count()
STREAMS = (one_by_one, without_log, job, replaced, bulk, bulk_and_singles, days, any_size)


class Index:
    """Segments as numbers, rewritten as the policy says, and the count of what that took."""

    def __init__(self, chance: random.Random) -> None:
        self.segments: list[SegmentEntry] = []
        self.n_added = self.n_written = self.n_merges = 0
        self.largest_merge_mb = 0.0
        self._chance = chance

    def add(self, n: int) -> None:
        self.segments.append(entry(n))
        self.n_added += n
        self.n_written += n

    def delete(self, n: int) -> None:
        """Delete some of the living, each as likely as the others."""
        living = [e.n_documents - e.n_dead for e in self.segments]
        n_picked = min(n, sum(living))
        picked = (
            self._chance.sample(range(len(living)), n_picked, counts=living) if n_picked else []
        )
        for number in picked:
            one = self.segments[number]
            self.segments[number] = replace(one, n_dead=one.n_dead + 1)
        self.segments = [e for e in self.segments if e.n_dead < e.n_documents]

    def merge(self) -> None:
        """Merge until there is nothing to merge."""
        while ids := plan_upkeep(self.segments, FULL_BYTES, N_ALIKE):
            sources = [e for e in self.segments if e.segment_id in ids]
            first = self.segments.index(sources[0])
            new = list(rewritten(sum(e.n_documents - e.n_dead for e in sources)))
            kept = [e for e in self.segments if e.segment_id not in ids]
            self.segments = [*kept[:first], *new, *kept[first:]]
            self.n_merges += 1
            self.n_written += sum(e.n_documents for e in new)
            self.largest_merge_mb = max(self.largest_merge_mb, sum(e.n_bytes for e in new) / 1e6)


def entry(n: int) -> SegmentEntry:
    """Return a segment of so many documents."""
    rows = n * N_ROWS
    return SegmentEntry(f"{next(_NUMBERS)}", n, n, {"text": rows}, rows * ROW_BYTES)


def rewritten(n: int) -> Iterator[SegmentEntry]:
    while n > 0:
        yield entry(min(n, FULL))
        n -= FULL


def measured(steps: Sequence[Step], every: int) -> dict[str, Any]:
    index, counts = Index(random.Random(SEED)), []
    for number, step in enumerate(steps, 1):
        index.delete(step.n_deleted)
        index.add(step.n_added)
        if number % every == 0:
            index.merge()
        counts.append(len(index.segments))
    return {
        "written": round(index.n_written / index.n_added, 2),
        "n_segments": round(sum(counts) / len(counts), 1),
        "n_segments_at_most": max(counts),
        "n_merges": index.n_merges,
        "largest_merge_mb": round(index.largest_merge_mb),
    }


def main(given: list[str] | None = None) -> list[dict[str, Any]]:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--documents", type=int, default=5000)
    parser.add_argument("--every", type=int, nargs="+", default=[1, 7])
    parser.add_argument("--out", type=Path, default=None)
    options = parser.parse_args(given)
    rows = []
    for stream in STREAMS:
        steps = list(stream(options.documents, random.Random(SEED)))
        for every in options.every:
            about = {"stream": stream.__name__, "n_came": len(steps), "every": every}
            rows.append(about | measured(steps, every))
            print(json.dumps(rows[-1]))
    if options.out is not None:
        options.out.write_text(json.dumps(rows, indent=1))
    return rows


if __name__ == "__main__":
    main()
