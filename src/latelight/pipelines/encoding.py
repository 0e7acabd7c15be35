"""Documents of all lengths, encoded together in batches that keep the encoder busy."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from latelight.encoders.protocol import Encoder
from latelight.pipelines.channel import Channel, Closed
from latelight.pipelines.extracted import Extracted, work_of
from latelight.types import MultiVector

BATCH_CHARACTERS = 60_000
LINGER_SECONDS = 0.02
"""How long a batch that is not full waits for the next document."""

Told = Callable[[int, int, int], None]
"""Called with how many units, rows and bytes were encoded."""


@dataclass(frozen=True)
class EncodedDocument:
    """A document to write: one multi-vector for each unit, by space."""

    extracted: Extracted
    vectors: Mapping[str, Sequence[MultiVector]]

    @property
    def n_rows(self) -> int:
        """Rows of all spaces."""
        return sum(rows.n_rows for own in self.vectors.values() for rows in own)

    @property
    def n_held_bytes(self) -> int:
        """About what it takes in memory."""
        own = sum(rows.vectors.nbytes for many in self.vectors.values() for rows in many)
        return own + self.extracted.n_held_bytes


def take_batch(ready: Channel[Extracted]) -> list[Extracted]:
    """Return the next documents: enough to fill a batch, or what there is just now.

    Raises:
        Closed: there are no more.
    """
    batch = [ready.get()]
    n_work = batch[0].n_work
    while n_work < BATCH_CHARACTERS:
        try:
            batch.append(ready.get(LINGER_SECONDS))
        except (TimeoutError, Closed):
            break
        n_work += batch[-1].n_work
    return batch


class BatchEncoder:
    """Encodes batches in every space."""

    def __init__(self, encoders: Mapping[str, Encoder], told: Told) -> None:
        """Use loaded encoders; `told` hears of each slice that is done."""
        self._encoders = encoders
        self._told = told

    def encode(
        self, batch: Sequence[Extracted], is_stopped: Callable[[], bool]
    ) -> list[EncodedDocument] | None:
        """Return the batch with its vectors; None when it was stopped before the end.

        A batch is one call of each encoder, which sorts its work by length; a document that is
        much longer than a batch takes several, so that it can be stopped in between.
        """
        units = [(one, number) for one in batch for number in range(len(one.extraction.units))]
        vectors: dict[str, list[MultiVector]] = {space: [] for space in self._encoders}
        meter = _ByteMeter(batch)
        for part in _slices(units):
            if is_stopped() and meter.has_begun:
                return None
            for space in self._encoders:
                vectors[space] += self._encode(space, part)
            n_rows = sum(rows.n_rows for own in vectors.values() for rows in own[-len(part) :])
            self._told(len(part), n_rows, meter.after(len(part)))
        self._told(0, 0, meter.rest())
        return _by_document(batch, vectors)

    def _encode(self, space: str, part: Sequence[tuple[Extracted, int]]) -> list[MultiVector]:
        encoder = self._encoders[space]
        nothing = MultiVector(np.zeros((0, encoder.info.dim), np.float32))
        rows = [nothing] * len(part)
        kinds = encoder.info.unit_kinds
        units = [one.extraction.units[number] for one, number in part]
        covered = [
            i
            for i, (one, _) in enumerate(part)
            if units[i].kind in kinds and space not in one.vectors
        ]
        if covered:
            encoded = encoder.encode_documents([units[i] for i in covered])
            for i, own in zip(covered, encoded, strict=True):
                rows[i] = own
        for i, (one, number) in enumerate(part):
            if space in one.vectors:
                rows[i] = one.vectors[space][number]
        return rows


def _slices(
    units: Sequence[tuple[Extracted, int]],
) -> Iterator[Sequence[tuple[Extracted, int]]]:
    """Yield runs of units with no more work than two batches, whole when that is little."""
    begin = n_work = 0
    for i, (one, number) in enumerate(units):
        n_own = work_of(one.extraction.units[number])
        if n_work and n_work + n_own > 2 * BATCH_CHARACTERS:
            yield units[begin:i]
            begin, n_work = i, 0
        n_work += n_own
    if begin < len(units):
        yield units[begin:]


def _by_document(
    batch: Sequence[Extracted], vectors: Mapping[str, Sequence[MultiVector]]
) -> list[EncodedDocument]:
    documents, begin = [], 0
    for one in batch:
        end = begin + len(one.extraction.units)
        own = {space: rows[begin:end] for space, rows in vectors.items()}
        documents.append(EncodedDocument(one, own))
        begin = end
    return documents


class _ByteMeter:
    """Which share of a batch's bytes the units so far stand for."""

    def __init__(self, batch: Sequence[Extracted]) -> None:
        self._n_units = sum(len(one.extraction.units) for one in batch)
        self._n_bytes = sum(one.identity.n_bytes for one in batch)
        self._n_units_done = 0
        self._n_bytes_told = 0

    @property
    def has_begun(self) -> bool:
        return self._n_units_done > 0

    def after(self, n_units: int) -> int:
        """Return how many more bytes are done after so many more units."""
        self._n_units_done += n_units
        return self._tell(self._n_bytes * self._n_units_done // self._n_units)

    def rest(self) -> int:
        """Return the bytes that no unit stood for."""
        return self._tell(self._n_bytes)

    def _tell(self, n_bytes: int) -> int:
        more, self._n_bytes_told = n_bytes - self._n_bytes_told, n_bytes
        return more
