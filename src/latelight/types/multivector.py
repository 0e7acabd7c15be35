"""Rows of vectors with a locator each."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from latelight.errors import ShapeError
from latelight.types.locator import Box, CharSpan, Locator, TimeRange

Float32Array = npt.NDArray[np.float32]
Int16Array = npt.NDArray[np.int16]
Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class RowLocators:
    """Where each row of a multi-vector comes from, as columns.

    A *source* is one place; usually row `i` stands for source `i`. After pooling a row stands
    for several: row `i` then has the sources `offsets[i]` to `offsets[i + 1]`.

    Attributes:
        spans: (n_sources, 2) int32, characters of the unit's text; (-1, -1) where there are none.
        boxes: (n_sources, 4) float32, left, top, right, bottom in 0–1; NaN where there is none.
        times: (n_sources, 2) float32, seconds; NaN where there is none.
        offsets: (n_rows + 1,) int64, or None when rows and sources are the same.
    """

    spans: Int32Array | None = None  # (n_sources, 2)
    boxes: Float32Array | None = None  # (n_sources, 4)
    times: Float32Array | None = None  # (n_sources, 2)
    offsets: Int64Array | None = None  # (n_rows + 1,)

    def sources_of(self, row: int) -> range:
        """Return the source numbers that `row` stands for."""
        if self.offsets is None:
            return range(row, row + 1)
        return range(int(self.offsets[row]), int(self.offsets[row + 1]))

    def locators_of(self, row: int, unit: Locator) -> tuple[Locator, ...]:
        """Return the places in the document of a row of the unit that lies at `unit`.

        A row without a place of its own (a marker, say) has the place of its whole unit.
        """
        places = tuple(self._source_locator(i, unit) for i in self.sources_of(row))
        return tuple(place for place in places if place is not None) or (unit,)

    def _source_locator(self, source: int, unit: Locator) -> Locator | None:
        span = self._span(source)
        box = self._box(source)
        time = self._time(source)
        if span is None and box is None and time is None:
            return None
        start = unit.span.start if unit.span is not None else 0
        return Locator(
            span=span.shifted(start) if span is not None else None,
            page=unit.page,
            box=box,
            time=time or unit.time,
            cells=unit.cells,
            part=unit.part,
            again=() if time else unit.again,
        )

    def _span(self, source: int) -> CharSpan | None:
        if self.spans is None or self.spans[source, 0] < 0:
            return None
        return CharSpan(int(self.spans[source, 0]), int(self.spans[source, 1]))

    def _box(self, source: int) -> Box | None:
        if self.boxes is None or np.isnan(self.boxes[source, 0]):
            return None
        left, top, right, bottom = (float(x) for x in self.boxes[source])
        return Box(left, top, right, bottom)

    def _time(self, source: int) -> TimeRange | None:
        if self.times is None or np.isnan(self.times[source, 0]):
            return None
        return TimeRange(float(self.times[source, 0]), float(self.times[source, 1]))


@dataclass(frozen=True, eq=False)
class MultiVector:
    """The vectors of one unit.

    Attributes:
        vectors: (n_rows, dim) float32, rows normalised to length 1 (or all zero); n_rows may be 0.
        locators: where the rows come from.
    """

    vectors: Float32Array  # (n_rows, dim)
    locators: RowLocators = field(default_factory=RowLocators)

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or self.vectors.dtype != np.float32:
            raise ShapeError(
                f"A multi-vector is a float32 array (n_rows, dim); got {self.vectors.dtype} "
                f"{self.vectors.shape}. Convert it with numpy.asarray(rows, dtype='float32')."
            )

    @property
    def n_rows(self) -> int:
        """How many rows."""
        return int(self.vectors.shape[0])

    @property
    def dim(self) -> int:
        """Length of a row."""
        return int(self.vectors.shape[1])
