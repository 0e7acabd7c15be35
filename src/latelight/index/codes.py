"""The coded rows of one space of a segment: chosen codebook, sections, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakValueDictionary

import numpy as np

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index.sections import Array, SectionFile, SectionWriter
from latelight.kernels.codec import (
    BITS,
    Bits,
    Codebook,
    CodedRows,
    centroid_lists,
    coding_error,
    encode_rows,
    suggested_centroids,
    train_codebook,
)
from latelight.kernels.maxsim import Rows
from latelight.kernels.search import CodedSegment
from latelight.types import Float32Array, Int64Array

MAX_UNITS = 1 << 16  # lists number units in 16 bits
TRAINING_ROWS = 16  # for each centroid
DRIFT = 1.15  # rows that lie so many times farther from their centroids need new ones
_DRIFT_SAMPLE = 4096
_SEED = 20_260

_ROW_PARTS = ("centroid_of", "codes", "code_scales", "means", "mean_scales")


@dataclass(frozen=True)
class CodingOptions:
    """How rows of a segment are coded.

    Attributes:
        bits: of a residual code.
        n_threads: for training and coding; does not change what is stored.
        existing: the codebook of an earlier segment, kept while it fits.
    """

    bits: Bits = 2
    n_threads: int = 1
    existing: Codebook | None = None


class DequantisedRows:
    """Stored rows as float32, a run at a time: a `RowSource`."""

    def __init__(self, values: Array, scales: Float32Array | None) -> None:
        """Keep (n_rows, dim) values and, for int8, (n_rows,) scales."""
        self._values = values
        self._scales = scales

    def __len__(self) -> int:
        """How many rows."""
        return len(self._values)

    def __getitem__(self, span: slice | Int64Array) -> Float32Array:
        """Return some rows, (n, dim) float32."""
        rows: Float32Array = self._values[span].astype(np.float32)
        if self._scales is not None:
            rows *= self._scales[span][:, None]
        return rows


def choose_codebook(rows: DequantisedRows, options: CodingOptions) -> Codebook:
    """Return the existing codebook while it fits, else one trained on a sample of the rows.

    It fits when it has as many centroids as so many rows would get, and when the rows lie no more
    than `DRIFT` times as far from their centroids as rows like the trained ones did.
    """
    rng = np.random.default_rng(_SEED)
    n_centroids, old = suggested_centroids(len(rows)), options.existing
    if old is not None and old.bits == options.bits and len(old.centroids) >= n_centroids:
        sample = rows[np.sort(rng.permutation(len(rows))[:_DRIFT_SAMPLE])]
        if coding_error(old, sample, options.n_threads) <= DRIFT * old.error:
            return old
    order = rng.permutation(len(rows))
    n_training = min(TRAINING_ROWS * n_centroids, len(rows) - len(rows) // 8)
    return train_codebook(
        rows[np.sort(order[:n_training])],
        options.bits,
        n_centroids,
        rng,
        rotation=None if old is None else old.rotation,
        unseen=rows[np.sort(order[n_training : n_training + _DRIFT_SAMPLE])],
        n_threads=options.n_threads,
    )


def write_codes(
    writer: SectionWriter,
    prefix: str,
    rows: DequantisedRows,
    offsets: Int64Array,
    options: CodingOptions,
) -> None:
    """Write the code sections of one space, `offsets` being (n_units + 1,) int64."""
    book = choose_codebook(rows, options)
    coded, _ = encode_rows(book, rows, offsets, options.n_threads)
    list_offsets, lists = centroid_lists(coded.centroid_of, offsets, len(book.centroids))
    writer.add(f"{prefix}.book.rotation", book.rotation)
    writer.add(f"{prefix}.book.centroids", book.centroids)
    writer.add(f"{prefix}.book.scales", book.scales)
    writer.add(f"{prefix}.book.measure", np.array([book.bits, book.error], np.float64))
    for name in _ROW_PARTS:
        writer.add(f"{prefix}.{name}", getattr(coded, name))
    writer.add(f"{prefix}.list_offsets", list_offsets)
    writer.add(f"{prefix}.lists", lists)


def has_codes(file: SectionFile, prefix: str) -> bool:
    """Return whether a space of a segment has code sections."""
    return f"{prefix}.codes" in file


def read_codes(
    file: SectionFile, prefix: str, offsets: Int64Array, exact: Rows | None
) -> CodedSegment:
    """Return the coded rows, views of the map.

    Raises:
        CorruptFileError: sections are missing, or their lengths do not go together.
    """
    parts = CodedRows(*(file.array(f"{prefix}.{name}") for name in _ROW_PARTS))
    book, list_offsets = _read_book(file, prefix), file.array(f"{prefix}.list_offsets")
    problem = _mismatch(book, parts, offsets, list_offsets)
    if problem:
        raise CorruptFileError(
            f"{file.name}: {problem}. The file is damaged: restore it from a copy, or add the "
            "documents again; `latelight verify` lists all damage."
        )
    lists = file.array(f"{prefix}.lists")
    return CodedSegment(book, parts, offsets, list_offsets, lists, exact)


def _mismatch(
    book: Codebook, coded: CodedRows, offsets: Int64Array, list_offsets: Int64Array
) -> str:
    """Return what is wrong with the shapes of code sections, nothing when all is well."""
    n_rows, n_units, dim = int(offsets[-1]), len(offsets) - 1, book.dim
    wanted = {
        "codes": (coded.codes.shape, (n_rows, dim * book.bits // 8)),
        "centroid_of": (coded.centroid_of.shape, (n_rows,)),
        "code_scales": (coded.code_scales.shape, (n_rows,)),
        "means": (coded.means.shape, (n_units, dim)),
        "mean_scales": (coded.mean_scales.shape, (n_units,)),
        "list_offsets": (list_offsets.shape, (len(book.centroids) + 1,)),
        "book.rotation": (book.rotation.shape, (dim, dim)),
        "book.scales": (book.scales.shape, (len(book.centroids),)),
    }
    wrong = [f"{k} has the shape {a}, not {b}" for k, (a, b) in wanted.items() if a != b]
    return "; ".join(wrong)


_Key = tuple[int, ...]
_books: WeakValueDictionary[_Key, Codebook] = WeakValueDictionary()


def _read_book(file: SectionFile, prefix: str) -> Codebook:
    """Return the codebook; segments that share one get one object, so a query meets it once."""
    names = [f"{prefix}.book.{name}" for name in ("rotation", "centroids", "scales", "measure")]
    key = tuple(file.header.sections[name].crc32 for name in names)
    rotation, centroids, scales, measure = (file.array(name) for name in names)
    known = _books.get(key)
    if known is not None and np.array_equal(known.centroids, centroids):
        return known
    bits = next((bits for bits in BITS if bits == int(measure[0])), None)
    if bits is None:
        raise FormatVersionError(
            f"{file.name} has codes of {measure[0]:g} bits; this Latelight reads {BITS}. "
            "Upgrade Latelight, or rebuild the index with this one."
        )
    book = Codebook(rotation, centroids, scales, bits, float(measure[1]))
    _books[key] = book
    return book


def share_rotation(segments: Sequence[CodedSegment]) -> bool:
    """Return whether one turned query serves all segments."""
    first = segments[0].book.rotation
    return all(
        s.book.rotation is first or np.array_equal(s.book.rotation, first) for s in segments[1:]
    )
