"""The rows of one space: stored vectors with their scales, and where each row comes from."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, get_args

import numpy as np

from latelight.errors import InputError, ShapeError
from latelight.index.codes import CodingOptions, has_codes, read_codes, write_codes
from latelight.index.runs import CodedPart, Run, join_coded, slice_coded
from latelight.index.sections import Array, SectionFile, SectionWriter
from latelight.index.strings import starts
from latelight.kernels.decoding import decode_units, turned
from latelight.kernels.maxsim import Rows, quantize_int8
from latelight.kernels.residuals import BITS
from latelight.kernels.search import CodedSegment
from latelight.types import Float32Array, Int64Array, MultiVector, RowLocators

RowStore = Literal["int8", "float16", "codes"]

_BOX_STEPS = 65534  # a 16-bit step is 1.5e-5 of the page, a tenth of a pixel at 6,500 pixels
_NO_BOX = 65535
_DECODED_ROWS = 1 << 14  # at once: 8 MB at 128 dims
_LOCATOR_WIDTHS = {"spans": 2, "boxes": 4, "times": 2}


@dataclass(frozen=True)
class SpaceSpec:
    """How one encoder's rows are stored.

    Attributes:
        dim: length of a row, a multiple of 8 of at most 1,024.
        store: `int8` with a float32 scale per row, `float16`, or `codes`: large segments keep
            nothing but the codes, small ones int8 rows until they are merged into a large one.
        bits: of the codes of large segments, for approximate search: 1 to 4; 0 for none, so
            that every search is exact.
    """

    dim: int
    store: RowStore = "int8"
    bits: int = 0

    def __post_init__(self) -> None:
        if self.store not in get_args(RowStore):
            raise InputError(f"store is 'int8', 'float16' or 'codes'; got {self.store!r}.")
        if not 8 <= self.dim <= 1024 or self.dim % 8:
            raise InputError(
                f"dim is a multiple of 8 from 8 to 1,024; got {self.dim}. "
                "Pad rows with zeros to the next multiple: similarities stay the same."
            )
        if self.bits not in (0, *BITS):
            raise InputError(f"bits is 0 (no codes), 1, 2, 3 or 4; got {self.bits}.")
        if self.store == "codes" and not self.bits:
            raise InputError("store 'codes' with bits 0 would keep nothing. Give bits 1 to 4.")

    @property
    def dtype(self) -> Any:
        """The dtype of stored values."""
        return np.int8 if self.has_scales else np.float16

    @property
    def has_scales(self) -> bool:
        """Whether stored values come with a scale for each row."""
        return self.store != "float16"


@dataclass(frozen=True, eq=False)
class StoredRows:
    """The rows of several units in one space, as they lie on the disk.

    Attributes:
        values: (n_rows, dim) int8 or float16; None where only codes are kept.
        scales: (n_rows,) float32, value times scale is the vector; None without int8 values.
        offsets: (n_units + 1,) int64, unit `u` has the rows `offsets[u]` to `offsets[u + 1]`.
        locators: one per unit.
        part: their codes, None for rows that never had any.
    """

    values: Array | None  # (n_rows, dim)
    scales: Float32Array | None  # (n_rows,)
    offsets: Int64Array  # (n_units + 1,)
    locators: Sequence[RowLocators]
    part: CodedPart | None = None

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return int(self.offsets[-1])

    @property
    def n_bytes(self) -> int:
        """How much memory values and codes take."""
        codes = 0 if self.part is None else self.part.coded.codes.nbytes
        return codes + (0 if self.values is None else self.values.nbytes)


def store_rows(spec: SpaceSpec, vectors: Sequence[MultiVector]) -> StoredRows:
    """Return the multi-vectors of a document's units as they will be stored.

    Raises:
        ShapeError: another dim, a value that is not finite, or locators of another length.
    """
    for multivector in vectors:
        _check(spec, multivector)
    values, scales = _encoded(spec, [m.vectors for m in vectors if m.n_rows])
    offsets = starts(np.array([m.n_rows for m in vectors], np.int64))
    return StoredRows(values, scales, offsets, [m.locators for m in vectors])


def _encoded(spec: SpaceSpec, parts: Sequence[Float32Array]) -> tuple[Array, Float32Array | None]:
    if not parts:
        no_scales = np.zeros(0, np.float32) if spec.has_scales else None
        return np.zeros((0, spec.dim), spec.dtype), no_scales
    rows = parts[0] if len(parts) == 1 else np.concatenate(parts)
    return quantize_int8(rows) if spec.has_scales else (_half(rows), None)


def _half(rows: Float32Array) -> Array:
    largest = np.abs(rows).max()
    if not largest <= 65504:  # so written, NaN is caught too
        raise ShapeError(
            f"The largest value is {largest:g}; float16 takes finite ones up to 65504. Normalise "
            "rows to length 1 and drop those with NaN or infinity."
        )
    return rows.astype(np.float16)


def _check(spec: SpaceSpec, multivector: MultiVector) -> None:
    if multivector.dim != spec.dim:
        raise ShapeError(
            f"Rows have {multivector.dim} dimensions, the space has {spec.dim}. "
            "Encode with the encoder that the index was made for."
        )
    places = multivector.locators
    n_sources = n_sources_of(places, multivector.n_rows)
    for name, width in _LOCATOR_WIDTHS.items():
        column = getattr(places, name)
        if column is not None and column.shape != (n_sources, width):
            raise ShapeError(
                f"Row locators' {name} have the shape {column.shape}, expected "
                f"({n_sources}, {width}) for {multivector.n_rows} rows."
            )


def n_sources_of(locators: RowLocators, n_rows: int) -> int:
    """Return how many places the rows stand for, after checking the pooling offsets."""
    offsets = locators.offsets
    if offsets is None:
        return n_rows
    if offsets.shape != (n_rows + 1,) or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise ShapeError(
            f"Row locators' offsets are {n_rows + 1} ascending numbers from 0 for {n_rows} "
            f"rows; got the shape {offsets.shape}."
        )
    return int(offsets[-1])


# Writing


def write_space(
    writer: SectionWriter,
    name: str,
    spec: SpaceSpec,
    parts: list[StoredRows],
    coding: CodingOptions | None = None,
) -> None:
    """Write the sections of one space from the rows of consecutive documents, coded when asked."""
    prefix = f"space.{name}"
    runs = _runs(parts)
    if coding is None or spec.store != "codes":
        _write_values(writer, prefix, spec, runs)
    per_unit = np.concatenate([np.zeros(0, np.int64), *(np.diff(p.offsets) for p in parts)])
    writer.add(f"{prefix}.row_offsets", starts(per_unit))
    if coding is not None:
        write_codes(writer, prefix, runs, coding)
    units = [(place, n) for p in parts for place, n in zip(p.locators, _counts(p), strict=True)]
    _write_locators(writer, prefix, units)


def _write_values(writer: SectionWriter, prefix: str, spec: SpaceSpec, runs: Sequence[Run]) -> None:
    pairs = [_valued(run) for run in runs]
    empty = np.zeros((0, spec.dim), spec.dtype)
    writer.add_chunks(f"{prefix}.values", [empty, *(values for values, _ in pairs)])
    if spec.has_scales:
        scales = [scales for _, scales in pairs if scales is not None]
        writer.add_chunks(f"{prefix}.scales", [np.zeros(0, np.float32), *scales])


def _valued(run: Run) -> tuple[Array, Float32Array | None]:
    """Return a run's values and scales; those of bare codes are what the codes stand for."""
    if run.values is None:
        return quantize_int8(run.rows(np.arange(run.n_rows)))
    return run.values, run.scales


def _runs(parts: Sequence[StoredRows]) -> list[Run]:
    """Return the rows of documents as few runs: neighbours that are kept alike become one."""
    groups = groupby(parts, lambda p: (p.values is None, p.part and (p.part.book, p.part.length)))
    return [_run(list(group)) for _, group in groups]


def _run(parts: Sequence[StoredRows]) -> Run:
    values = [p.values for p in parts if p.values is not None]
    scales = [p.scales for p in parts if p.scales is not None]
    coded = [p.part for p in parts if p.part is not None]
    return Run(
        starts(np.concatenate([np.diff(p.offsets) for p in parts])),
        np.concatenate(values) if values else None,
        np.concatenate(scales) if scales else None,
        _joined(coded) if coded else None,
    )


def _joined(parts: Sequence[CodedPart]) -> CodedPart:
    first = parts[0]
    return CodedPart(first.book, join_coded([part.coded for part in parts]), first.length)


def _counts(rows: StoredRows) -> list[int]:
    counts: list[int] = np.diff(rows.offsets).tolist()
    return counts


def _write_locators(
    writer: SectionWriter, prefix: str, units: Sequence[tuple[RowLocators, int]]
) -> None:
    if any(places.offsets is not None for places, _ in units):
        per_row = [_sources_per_row(places, n) for places, n in units]
        writer.add(f"{prefix}.source_offsets", starts(np.concatenate(per_row)))
    for column in _LOCATOR_WIDTHS:
        if any(getattr(places, column) is not None for places, _ in units):
            chunks = [_ENCODE[column](_filled(places, column, n)) for places, n in units]
            writer.add_chunks(f"{prefix}.{column}", chunks)


def _sources_per_row(places: RowLocators, n_rows: int) -> Int64Array:
    return np.ones(n_rows, np.int64) if places.offsets is None else np.diff(places.offsets)


def _filled(places: RowLocators, column: str, n_rows: int) -> Array:
    """Return the column, or one that says 'no place' for every source."""
    found: Array | None = getattr(places, column)
    if found is not None:
        return found
    shape = (n_sources_of(places, n_rows), _LOCATOR_WIDTHS[column])
    return np.full(shape, -1, np.int32) if column == "spans" else np.full(shape, np.nan, np.float32)


def _encode_boxes(boxes: Array) -> Array:
    steps = np.rint(np.clip(boxes, 0, 1) * _BOX_STEPS)
    return np.where(np.isnan(steps), _NO_BOX, steps).astype(np.uint16)


def _decode_boxes(codes: Array) -> Float32Array:
    boxes = codes.astype(np.float32) / np.float32(_BOX_STEPS)
    boxes[codes == _NO_BOX] = np.nan
    return boxes


_ENCODE: Mapping[str, Any] = {
    "spans": lambda spans: spans.astype(np.int32),
    "boxes": _encode_boxes,
    "times": lambda times: times.astype(np.float32),
}


# Reading


@dataclass(frozen=True, eq=False)
class Scorable:
    """What exact kernels take to score some units.

    Attributes:
        query: (n_query_tokens, dim) float32, in the space of `rows`.
        rows: their rows, maybe among others.
        units: (n,) int64, which document of `rows` each unit is.
    """

    query: Float32Array
    rows: Rows
    units: Int64Array


class SpaceRows:
    """One space of one segment, memory-mapped."""

    def __init__(self, file: SectionFile, name: str, spec: SpaceSpec) -> None:
        self._file = file
        self._prefix = f"space.{name}"
        self.spec = spec
        self.offsets: Int64Array = file.array(f"{self._prefix}.row_offsets")

    @property
    def has_values(self) -> bool:
        """Whether the rows themselves are stored, not only their codes."""
        return f"{self._prefix}.values" in self._file

    @cached_property
    def rows(self) -> Rows:
        """Every stored row, as the kernels take them; a document of the kernel is a unit of ours.

        Raises:
            CorruptFileError: only codes are stored; ask `scorable`.
        """
        return Rows(self._array("values"), self.offsets, self._scales())

    @cached_property
    def coded(self) -> CodedSegment | None:
        """The codes, None for a segment without; their last stage scores `rows`."""
        if not has_codes(self._file, self._prefix):
            return None
        exact = self.rows if self.has_values else None
        return read_codes(self._file, self._prefix, self.offsets, exact)

    def scorable(self, query: Float32Array, units: Int64Array, n_threads: int = 1) -> Scorable:
        """Return rows that exact kernels score for some units, decoded where there are only codes.

        Args:
            query: (n_query_tokens, dim) float32.
            units: (n,) int64.
            n_threads: how many threads decode.
        """
        coded = None if self.has_values else self.coded
        if coded is None:
            return Scorable(query, self.rows, units)
        distinct, which = np.unique(units, return_inverse=True)
        rows = decode_units(coded, distinct, n_threads=n_threads)
        return Scorable(turned(coded, query), rows, which.astype(np.int64))

    def pieces(self, units: Int64Array) -> Iterator[slice]:
        """Yield slices of `units` that are few enough to be decoded at once; all, if stored."""
        if self.has_values or not len(units):
            yield slice(0, len(units))
            return
        n_rows = np.cumsum(self.offsets[units + 1] - self.offsets[units])
        first = 0
        while first < len(units):
            before = int(n_rows[first - 1]) if first else 0
            stop = int(np.searchsorted(n_rows, before + _DECODED_ROWS, "right"))
            stop = max(stop, first + 1)
            yield slice(first, stop)
            first = stop

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return int(self.offsets[-1])

    @cached_property
    def filled(self) -> Array:
        """(n_units,) bool: which units have rows."""
        return np.diff(self.offsets) > 0

    @cached_property
    def reading_lengths(self) -> Int64Array:
        """(n_units,) int64: how many rows each unit has before the first of what is only seen.

        Rows of words have characters; what is only seen has a box and none. In a space without
        characters, as visual models have, all rows count.
        """
        lengths: Int64Array = np.diff(self.offsets)
        if not all(f"{self._prefix}.{column}" in self._file for column in ("spans", "boxes")):
            return lengths
        wordless = self._array("spans")[:, 0] < 0
        seen = np.flatnonzero(wordless & (self._array("boxes")[:, 0] != _NO_BOX))
        if f"{self._prefix}.source_offsets" in self._file:
            seen = np.searchsorted(self._array("source_offsets"), seen, "right") - 1
        first = np.append(seen, self.n_rows)[np.searchsorted(seen, self.offsets[:-1])]
        return np.minimum(lengths, first - self.offsets[:-1])

    def of(self, unit: int) -> tuple[Array, Float32Array | None]:
        """Return the values and scales of one unit; float32 without scales where decoded."""
        span = self._span(unit)
        if not self.has_values:
            run = self._run(unit, unit + 1)
            return run.rows(np.arange(run.n_rows)), None
        scales = self._scales()
        return self._array("values")[span], None if scales is None else scales[span]

    def locators(self, unit: int) -> RowLocators:
        """Return where one unit's rows come from; columns that nothing filled are None."""
        span = self._span(unit)
        offsets = None
        if f"{self._prefix}.source_offsets" in self._file:
            absolute = self._array("source_offsets")[span.start : span.stop + 1]
            span = slice(int(absolute[0]), int(absolute[-1]))
            offsets = absolute - absolute[0]
        boxes = self._column("boxes", span)
        return RowLocators(
            spans=self._column("spans", span),
            boxes=None if boxes is None else _decode_boxes(boxes),
            times=self._column("times", span),
            offsets=offsets,
        )

    def stored(self, first: int, stop: int) -> StoredRows:
        """Return the rows of the units `first` to `stop` for a rewrite."""
        run = self._run(first, stop)
        locators = [self.locators(unit) for unit in range(first, stop)]
        return StoredRows(run.values, run.scales, run.offsets, locators, run.part)

    def _run(self, first: int, stop: int) -> Run:
        rows = slice(int(self.offsets[first]), int(self.offsets[stop]))
        values = scales = part = None
        if self.has_values:
            all_scales = self._scales()
            values = self._array("values")[rows]
            scales = None if all_scales is None else all_scales[rows]
        if self.coded is not None:
            coded = slice_coded(self.coded.coded, slice(first, stop), rows)
            part = CodedPart(self.coded.book, coded, self.coded.length)
        return Run(self.offsets[first : stop + 1] - self.offsets[first], values, scales, part)

    def _span(self, unit: int) -> slice:
        return slice(int(self.offsets[unit]), int(self.offsets[unit + 1]))

    def _scales(self) -> Float32Array | None:
        return self._array("scales") if self.spec.has_scales else None

    def _array(self, name: str) -> Array:
        return self._file.array(f"{self._prefix}.{name}")

    def _column(self, name: str, span: slice) -> Array | None:
        full = f"{self._prefix}.{name}"
        return self._file.array(full)[span] if full in self._file else None
