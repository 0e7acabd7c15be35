"""Logged commits as small segments in memory, merged so that there are never many."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from latelight.index.documents import HashedIds
from latelight.index.log import LogMark, Record
from latelight.index.manifest import FEATURES
from latelight.index.row_block import RowBlock
from latelight.index.rows import SpaceSpec
from latelight.index.sections import SectionFile
from latelight.index.segment import KIND, Segment, encode_segment
from latelight.index.segment_view import SegmentView
from latelight.index.strings import StringColumn

FANOUTS = (4, 4, 16)
"""So many neighbours of the levels 0, 1, ... become one of the next; higher ones as the last.

The first two keep a full buffer at two dozen segments. A merge of more documents than 16 would be
felt by the commit that finds it due, and by readers in other processes: a buffer of the usual size
has none.
"""


@dataclass(frozen=True, eq=False)
class Buffered:
    """A segment in memory; its level says how often its documents were merged."""

    view: SegmentView
    level: int = 0


@dataclass(frozen=True, eq=False)
class Logged:
    """What one log says, as far as it was read.

    Attributes:
        mark: how far.
        buffer: the documents that it added, in memory; those that went again are marked.
        blocks: their rows by space, in the same order.
        gone: the ids that it deleted or replaced; they are dead in everything before the log.
    """

    mark: LogMark
    buffer: tuple[Buffered, ...] = ()
    blocks: Mapping[str, RowBlock] = field(default_factory=dict)
    gone: Mapping[str, None] = field(default_factory=dict)

    def after(
        self, records: Sequence[Record], spaces: Mapping[str, SpaceSpec]
    ) -> "tuple[Logged, HashedIds]":
        """Return what the log says with more commits, and the ids that they deleted or replaced."""
        fresh, gone = _opened(records, spaces)
        ids = HashedIds.of(gone)
        merged = tuple(_merged([*self.without(ids).buffer, *fresh], spaces))
        blocks = {name: self._extended_block(name, fresh) for name in spaces}
        return Logged(self.mark.after(records), merged, blocks, {**self.gone, **gone}), ids

    def _extended_block(self, space: str, fresh: Sequence[Buffered]) -> RowBlock:
        block = self.blocks.get(space, RowBlock())
        for buffered in fresh:
            block = block.extended(space, buffered.view.segment)
        return block

    def without(self, ids: HashedIds) -> "Logged":
        """Return the same with documents deleted by what came after the log."""
        return replace(
            self, buffer=tuple(replace(b, view=b.view.buried(ids)[0]) for b in self.buffer)
        )


def added_ids(record: Record) -> list[str]:
    """Return the ids of the documents that a record adds or replaces."""
    if record.segment is None:
        return []
    file = SectionFile.over(f"log record {record.sequence}", record.segment, KIND, FEATURES)
    return list(StringColumn.read(file, "document.id"))


def _opened(
    records: Sequence[Record], spaces: Mapping[str, SpaceSpec]
) -> tuple[list[Buffered], dict[str, None]]:
    """Return the documents that live after these commits, and the ids that they deal with."""
    gone: dict[str, None] = {}
    fresh: list[Buffered] = []
    for record in reversed(records):  # a later commit decides what lives of an earlier one
        ids: list[str] = []
        if record.segment is not None:
            segment = Segment.over(f"log record {record.sequence}", record.segment, spaces)
            ids = list(segment.documents.ids)
            dead = [number for number, doc_id in enumerate(ids) if doc_id in gone]
            fresh.append(Buffered(SegmentView(segment, None).without(dead)))
        gone.update(dict.fromkeys((*record.deleted, *ids)))
    return fresh[::-1], gone


def plan_merges(levels: Sequence[int]) -> list[tuple[int, int, int]]:
    """Return runs (first, stop, level) of neighbours that become one, single ones included.

    However the commits come, one by one or at once, the runs are the same.
    """
    runs: list[tuple[int, int, int]] = []
    for number, level in enumerate(levels):
        runs.append((number, number + 1, level))
        while len(runs) >= (n := _fanout(level)) and len({run[2] for run in runs[-n:]}) == 1:
            runs[-n:] = [(runs[-n][0], runs[-1][1], level := level + 1)]
    return runs


def _fanout(level: int) -> int:
    return FANOUTS[min(level, len(FANOUTS) - 1)]


def _merged(buffer: Sequence[Buffered], spaces: Mapping[str, SpaceSpec]) -> Iterator[Buffered]:
    for first, stop, level in plan_merges([b.level for b in buffer]):
        if stop - first == 1:
            yield buffer[first]
            continue
        views = [buffered.view for buffered in buffer[first:stop]]
        # The dead stay, marked: units keep their places, which the blocks of rows go by.
        documents = [v.segment.stored(n) for v in views for n in range(v.segment.n_documents)]
        data = memoryview(encode_segment("merged", spaces, documents))
        segment = Segment.over("merged log records", data, spaces)
        dead = np.flatnonzero(np.concatenate([view.marks for view in views]))
        yield Buffered(SegmentView(segment, None).without(dead), level)
