"""The coded rows of one space of a segment: chosen codebook, sections, and the way back."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import numpy as np

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index.runs import Run, RunRows, common_length, join_coded
from latelight.index.sections import SectionFile, SectionWriter
from latelight.index.strings import starts
from latelight.kernels.codec import (
    Codebook,
    CodedRows,
    centroid_lists,
    coding_error,
    encode_rows,
    suggested_centroids,
    train_codebook,
)
from latelight.kernels.maxsim import Rows
from latelight.kernels.residuals import BITS, Bits, levels_of, uniform_levels
from latelight.kernels.search import CodedSegment
from latelight.types import Int64Array

MAX_UNITS = 1 << 16  # lists number units in 16 bits
MAX_CENTROIDS = 1 << 16
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
        alone: nothing but the codes will be stored.
    """

    bits: Bits = 2
    n_threads: int = 1
    existing: Codebook | None = None
    alone: bool = False


def choose_codebook(rows: RunRows, options: CodingOptions) -> Codebook:
    """Return the existing codebook while it fits, else one trained on a sample of the rows.

    It fits when it has as many centroids as so many rows would get, and when the rows lie no more
    than `DRIFT` times as far from their centroids as rows like the trained ones did.
    """
    rng = np.random.default_rng(_SEED)
    n_centroids, old = (
        suggested_centroids(len(rows)) * (2 if options.alone else 1),
        options.existing,
    )
    if old is not None and _is_as_now(old, options) and len(old.centroids) >= n_centroids:
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


def _is_as_now(book: Codebook, options: CodingOptions) -> bool:
    return np.array_equal(book.levels, levels_of(options.bits))


def write_codes(
    writer: SectionWriter, prefix: str, runs: Sequence[Run], options: CodingOptions
) -> None:
    """Write the code sections of one space.

    Runs that are coded against the codebook that is chosen keep their codes as they are.
    """
    book = choose_codebook(RunRows(runs), _with_existing(runs, options))
    coded = join_coded([_coded(run, book, options.n_threads) for run in runs])
    offsets = starts(np.concatenate([np.diff(run.offsets) for run in runs]))
    list_offsets, lists = centroid_lists(coded.centroid_of, offsets, len(book.centroids))
    writer.add(f"{prefix}.book.rotation", book.rotation)
    writer.add(f"{prefix}.book.centroids", book.centroids)
    writer.add(f"{prefix}.book.scales", book.scales)
    writer.add(f"{prefix}.book.levels", book.levels)
    writer.add(f"{prefix}.book.measure", np.array([book.bits, book.error], np.float64))
    for name in _ROW_PARTS:
        writer.add(f"{prefix}.{name}", getattr(coded, name))
    writer.add(f"{prefix}.list_offsets", list_offsets)
    writer.add(f"{prefix}.lists", lists)
    if options.alone:
        writer.add(f"{prefix}.length", np.array([common_length(runs)], np.float32))


def _with_existing(runs: Sequence[Run], options: CodingOptions) -> CodingOptions:
    """Return options that prefer the codebook of most of the rows, whose codes could stay."""
    n_rows: Counter[Codebook] = Counter()
    for run in runs:
        if run.part is not None:
            n_rows[run.part.book] += run.n_rows
    if not n_rows:
        return options
    return replace(options, existing=n_rows.most_common(1)[0][0])


def _coded(run: Run, book: Codebook, n_threads: int) -> CodedRows:
    if run.part is not None and run.part.book is book:
        return run.part.coded
    return encode_rows(book, RunRows([run]), run.offsets, n_threads)[0]


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
    length = 0.0
    if f"{prefix}.length" in file:
        length = float(file.array(f"{prefix}.length")[0])
    return CodedSegment(book, parts, offsets, list_offsets, lists, exact, length)


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
        "book.levels": (book.levels.shape, (16,)),
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
    levels = uniform_levels(bits)
    if f"{prefix}.book.levels" in file:
        levels = file.array(f"{prefix}.book.levels")
    book = Codebook(rotation, centroids, scales, bits, float(measure[1]), levels)
    _books[key] = book
    return book


def share_rotation(segments: Sequence[CodedSegment]) -> bool:
    """Return whether one turned query serves all segments."""
    first = segments[0].book.rotation
    return all(
        s.book.rotation is first or np.array_equal(s.book.rotation, first) for s in segments[1:]
    )
