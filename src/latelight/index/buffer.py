"""Logged commits as small segments in memory, merged so that there are never many."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from latelight.index.documents import hash_ids
from latelight.index.log import Record
from latelight.index.manifest import FEATURES
from latelight.index.rows import SpaceSpec
from latelight.index.sections import SectionFile
from latelight.index.segment import KIND, Segment, StoredDocument, encode_segment
from latelight.index.snapshot import SegmentView
from latelight.index.strings import StringColumn

FANOUT = 4
"""So many neighbours of one level become one of the next: a full buffer has a dozen segments."""


@dataclass(frozen=True, eq=False)
class Buffered:
    """A segment in memory; its level says how often its documents were merged."""

    view: SegmentView
    level: int = 0


def buried(view: SegmentView, doc_ids: Sequence[str]) -> tuple[SegmentView, list[str]]:
    """Return the view with these documents deleted, and the ids that were alive in it."""
    found = view.segment.documents.find(doc_ids, hash_ids(doc_ids)) if doc_ids else []
    alive = [(number, doc_id) for number, doc_id in found if view.is_live(number)]
    return _without(view, [number for number, _ in alive]), [doc_id for _, doc_id in alive]


def added_ids(record: Record) -> list[str]:
    """Return the ids of the documents that a record adds or replaces."""
    if record.segment is None:
        return []
    file = SectionFile.over(f"log record {record.sequence}", record.segment, KIND, FEATURES)
    return list(StringColumn.read(file, "document.id"))


def live_documents(view: SegmentView) -> Iterator[StoredDocument]:
    """Yield all of every document that is not deleted."""
    for number in range(view.segment.n_documents):
        if view.is_live(number):
            yield view.segment.stored(number)


def replayed(
    buffer: Sequence[Buffered], records: Sequence[Record], spaces: Mapping[str, SpaceSpec]
) -> tuple[tuple[Buffered, ...], list[str]]:
    """Return the buffer after more commits, and the ids that they deleted or replaced."""
    gone: dict[str, None] = {}
    fresh: list[Buffered] = []
    for record in reversed(records):  # a later commit decides what lives of an earlier one
        ids: list[str] = []
        if record.segment is not None:
            segment = Segment.over(f"log record {record.sequence}", record.segment, spaces)
            ids = list(segment.documents.ids)
            dead = [number for number, doc_id in enumerate(ids) if doc_id in gone]
            fresh.append(Buffered(_without(SegmentView(segment, None), dead)))
        gone.update(dict.fromkeys((*record.deleted, *ids)))
    killed = list(gone)
    kept = [replace(b, view=buried(b.view, killed)[0]) for b in buffer]
    return tuple(_merged([*kept, *reversed(fresh)], spaces)), killed


def plan_merges(levels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return runs (first, stop, level) of neighbours that become one, single ones included.

    However the commits come, one by one or at once, the runs are the same.
    """
    runs: list[tuple[int, int, int]] = []
    for number, level in enumerate(levels):
        runs.append((number, number + 1, level))
        while len(runs) >= FANOUT and len({run[2] for run in runs[-FANOUT:]}) == 1:
            last = runs[-FANOUT:]
            runs[-FANOUT:] = [(last[0][0], last[-1][1], level := level + 1)]
    return runs


def _merged(buffer: Sequence[Buffered], spaces: Mapping[str, SpaceSpec]) -> Iterator[Buffered]:
    for first, stop, level in plan_merges([b.level for b in buffer]):
        if stop - first == 1:
            yield buffer[first]
            continue
        documents = [d for b in buffer[first:stop] for d in live_documents(b.view)]
        if documents:
            data = memoryview(encode_segment("merged", spaces, documents))
            segment = Segment.over("merged log records", data, spaces)
            yield Buffered(SegmentView(segment, None), level)


def _without(view: SegmentView, numbers: Iterable[int]) -> SegmentView:
    chosen = list(numbers)
    if not chosen:
        return view
    dead = np.zeros(view.segment.n_documents, np.bool_) if view.dead is None else view.dead.copy()
    dead[chosen] = True
    return replace(view, dead=dead)
