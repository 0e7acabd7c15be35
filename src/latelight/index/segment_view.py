"""A segment as one snapshot sees it: which of its documents are deleted."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from latelight.index.beginnings import beginning_units
from latelight.index.documents import HashedIds
from latelight.index.filters import Condition
from latelight.index.metadata import BoolArray
from latelight.index.recent import Recent
from latelight.index.segment import Segment, StoredDocument
from latelight.types import Int64Array

KEPT_FILTERS = 16
"""So many filters' answers are kept: readers repeat them."""


def _recent_matches() -> Recent[BoolArray]:
    return Recent(KEPT_FILTERS)


@dataclass(frozen=True, eq=False)
class SegmentView:
    """A segment and which of its documents are deleted.

    A view with more deletions shares what does not depend on them, so that a commit costs the next
    search little.

    Attributes:
        segment: open for reading.
        dead: (n_documents,) bool, None when none is deleted.
    """

    segment: Segment
    dead: BoolArray | None
    _matches: Recent[BoolArray] = field(default_factory=_recent_matches, repr=False)
    _beginnings: dict[str, Int64Array] = field(default_factory=dict, repr=False)

    @cached_property
    def live_units(self) -> BoolArray:
        """(n_units,) bool."""
        if self.dead is None:
            return np.ones(self.segment.n_units, np.bool_)
        return self.segment.per_unit(~self.dead)

    def allowed(self, condition: Condition) -> BoolArray:
        """Return (n_units,) bool: live units of documents that satisfy the condition."""
        key = repr(condition)  # 1 and True are equal, but do not filter alike
        documents = self._matches.get(key, lambda: self.segment.metadata.matching(condition))
        if self.dead is not None:
            documents = documents & ~self.dead
        return self.segment.per_unit(documents)

    def beginnings(self, space: str) -> Int64Array:
        """Return (n_units,) int64: the first unit with rows of each unit's document, or -1.

        See `index/beginnings.py`.
        """
        found = self._beginnings.get(space)
        if found is None:
            found = beginning_units(self.segment, self.segment.spaces[space].filled)
            self._beginnings[space] = found
        return found

    @property
    def marks(self) -> BoolArray:
        """(n_documents,) bool: which are deleted."""
        return np.zeros(self.segment.n_documents, np.bool_) if self.dead is None else self.dead

    @cached_property
    def n_dead(self) -> int:
        """How many documents are deleted."""
        return 0 if self.dead is None else int(np.count_nonzero(self.dead))

    def is_live(self, document: int) -> bool:
        """Return whether a document is not deleted."""
        return self.dead is None or not self.dead[document]

    def documents(self) -> Iterator[StoredDocument]:
        """Yield all of every document that is not deleted."""
        for number in range(self.segment.n_documents):
            if self.is_live(number):
                yield self.segment.stored(number)

    def buried(self, ids: HashedIds) -> "tuple[SegmentView, list[str]]":
        """Return the view with these documents deleted, and the ids that were alive in it."""
        found = self.segment.documents.find(ids.ids, ids.hashes) if ids.ids else []
        alive = [(number, doc_id) for number, doc_id in found if self.is_live(number)]
        return self.without([number for number, _ in alive]), [doc_id for _, doc_id in alive]

    def without(self, numbers: Iterable[int]) -> "SegmentView":
        """Return the view with the documents of these numbers deleted."""
        chosen = np.fromiter(numbers, np.int64)
        if not len(chosen):
            return self
        dead = self.marks.copy()
        dead[chosen] = True
        return replace(self, dead=dead)


def joined_beginnings(views: Sequence[SegmentView], space: str) -> Int64Array:
    """Return the `beginnings` of consecutive segments, numbered as if they were one."""
    parts, first = [np.zeros(0, np.int64)], 0
    for view in views:
        found = view.beginnings(space)
        parts.append(np.where(found >= 0, found + first, -1))
        first += view.segment.n_units
    return np.concatenate(parts)
