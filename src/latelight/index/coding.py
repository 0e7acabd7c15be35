"""Which spaces of a new segment get codes, and against which codebook."""

from collections.abc import Iterable, Mapping, Sequence

from latelight.index.codes import MAX_UNITS, CodingOptions
from latelight.index.options import WriterOptions
from latelight.index.rows import SpaceSpec
from latelight.index.segment import Segment, StoredDocument
from latelight.kernels.codec import Codebook
from latelight.kernels.residuals import BITS


def choose_coding(
    spaces: Mapping[str, SpaceSpec],
    documents: Sequence[StoredDocument],
    segments: Iterable[Segment],
    options: WriterOptions,
    min_shared_rows: int | None = None,
) -> dict[str, CodingOptions]:
    """Return how each space of a new segment is coded; spaces with few rows are left out.

    Args:
        spaces: how rows are stored.
        documents: of the new segment.
        segments: those that are there, whose codebooks may be kept.
        options: from how many rows on there are codes, and threads.
        min_shared_rows: from how many rows on there are codes that share a codebook; None for as
            many as without one.
    """
    n_units = sum(len(stored.units) for stored in documents)
    least = options.min_coded_rows
    if min_shared_rows is not None:
        least = min(least, min_shared_rows)
    found = {}
    for name, spec in spaces.items():
        n_rows = sum(stored.rows[name].n_rows for stored in documents)
        bits = next((bits for bits in BITS if bits == spec.bits), None)
        if not bits or n_rows < least or n_units > MAX_UNITS:
            continue
        book, alone = largest_codebook(segments, name), spec.store == "codes"
        if book is not None or n_rows >= options.min_coded_rows:
            found[name] = CodingOptions(bits, options.n_threads, book, alone)
    return found


def largest_codebook(segments: Iterable[Segment], space: str) -> Codebook | None:
    """Return the codebook of the coded segment with the most rows."""
    by_size = sorted(segments, key=lambda segment: -segment.spaces[space].n_rows)
    coded = (segment.spaces[space].coded for segment in by_size)
    return next((one.book for one in coded if one is not None), None)
