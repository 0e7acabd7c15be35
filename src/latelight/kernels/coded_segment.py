"""One segment's coded rows, as the search kernels take them."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.kernels.codec import Codebook, CodedRows
from latelight.kernels.maxsim import native_or_none
from latelight.kernels.residuals import scale_of_code
from latelight.kernels.rows import Rows

Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class CodedSegment:
    """One segment's rows of one space, ready to be searched.

    Attributes:
        book: what they are coded against.
        coded: the codes.
        offsets: (n_units + 1,) int64, unit `u` has the rows `offsets[u]` to `offsets[u + 1]`.
        list_offsets, lists: as `codec.centroid_lists` gives.
        exact: the rows themselves, None when only codes are stored.
        length: of every row; decoded rows are stretched to it. 0 when they differ.
    """

    book: Codebook
    coded: CodedRows
    offsets: Int64Array
    list_offsets: Int64Array
    lists: npt.NDArray[np.uint16]
    exact: Rows | None
    length: float = 0.0

    @property
    def n_units(self) -> int:
        """How many units, those without rows included."""
        return len(self.offsets) - 1

    @cached_property
    def handle(self) -> Any:
        """The native form: addresses of the arrays, which it keeps alive."""
        native = native_or_none()
        assert native is not None
        exact = self.exact
        return native.Coded(
            self.book.centroids,
            self.book.scales,
            self.coded.centroid_of,
            self.coded.codes,
            self.coded.code_scales,
            self.offsets,
            self.coded.means,
            self.coded.mean_scales,
            self.list_offsets,
            self.lists,
            scale_of_code(),
            None if exact is None else exact.values,
            None if exact is None else exact.scales,
            "i8" if exact is None else exact.stored_as,
            self.book.bits,
            self.book.levels,
        )
