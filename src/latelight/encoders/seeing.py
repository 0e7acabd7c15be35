"""A text encoder that also sees: what a page shows becomes rows among the rows of its words.

The rows of a region ("line chart", "rising", "blue") lie in the text encoder's own space, so one
MaxSim takes *line chart* from a region and *monthly revenue* from the words beside it.
"""

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image

from latelight.encoders.protocol import Encoder, Progress, encode_queries, no_progress
from latelight.encoders.sight import PatchEncoder, Region
from latelight.errors import InputError, SettingError
from latelight.types import (
    Box,
    EncoderInfo,
    Float32Array,
    Int64Array,
    MultiVector,
    QueryVectors,
    RowLocators,
    Unit,
    UnitKind,
)

SEEN_KINDS: tuple[UnitKind, ...] = ("page", "image", "frame")
SPACE_OF = "latelight-small"
"""The text encoder whose space the patch encoder's rows lie in."""
IMAGE_SIDE = 1024
"""Pixels of a picture's longer side: half as many again as the patch encoder looks at."""


def goes_with(encoder: Encoder, patches: PatchEncoder) -> bool:
    """Return whether the patch encoder's rows lie in this encoder's space."""
    return (encoder.info.name, encoder.info.dim) == (SPACE_OF, patches.dim)


class SeeingEncoder:
    """An `Encoder` whose pages, pictures and frames have rows of what is seen on them, too.

    Queries are the text encoder's. A region's rows have its box and no characters. They stand
    where its words are, so that a window of a long page holds both; at the beginning of a document
    they stand last, where they are no context of its other units (`index/beginnings.py`).
    """

    def __init__(self, encoder: Encoder, patches: PatchEncoder, *, n_threads: int = 1) -> None:
        """Wrap a text encoder.

        Raises:
            SettingError: the patch encoder's rows lie in another encoder's space.
        """
        if not goes_with(encoder, patches):
            raise SettingError(
                f"sight goes with the encoder {SPACE_OF!r} of {patches.dim} dimensions, in whose "
                f"space its rows lie; got {encoder.info.name!r} with {encoder.info.dim}. Leave "
                "sight off for this space."
            )
        self._encoder = encoder
        self._patches = patches
        self._n_threads = n_threads

    @property
    def info(self) -> EncoderInfo:
        """The text encoder's, and the patch encoder's weights."""
        info = self._encoder.info
        return replace(
            info,
            unit_kinds=tuple(dict.fromkeys((*info.unit_kinds, *SEEN_KINDS))),
            weights={**info.weights, **self._patches.weights},
            sees_images=True,
            image_side=IMAGE_SIDE,
            rendering={**info.rendering, "sight": self._patches.name},
        )

    @property
    def inner(self) -> Encoder:
        """The text encoder."""
        return self._encoder

    def load(self) -> None:
        """Read and check the weights of both; later calls do nothing."""
        self._encoder.load()
        self._patches.load()

    def encode_query(self, text: str) -> QueryVectors:
        """Return the rows of a query: (n_query_tokens, dim) float32.

        Raises:
            QueryError: `text` holds no token.
        """
        return self._encoder.encode_query(text)

    def encode_queries(self, texts: Sequence[str]) -> list[QueryVectors]:
        """Return the rows of each query, in order.

        Raises:
            QueryError: a text holds no token.
        """
        return encode_queries(self._encoder, texts)

    def encode_documents(
        self, units: Sequence[Unit], *, progress: Progress = no_progress
    ) -> list[MultiVector]:
        """Return one multi-vector per unit, in order: rows of words, and of what is seen."""
        written = self._encoder.encode_documents(units, progress=progress)
        seen = [i for i, unit in enumerate(units) if unit.image and unit.kind in SEEN_KINDS]
        with ThreadPoolExecutor(self._n_threads) as pool:
            looked = pool.map(lambda i: self._look(units[i].image or b""), seen)
            for i, regions in zip(seen, looked, strict=True):
                written[i] = with_regions(written[i], regions, among=_is_later_page(units[i]))
        return written

    def _look(self, image: bytes) -> tuple[Region, ...]:
        picture = Image.open(io.BytesIO(image))
        try:
            return self._patches.look(picture)
        except InputError:  # too small or thin to show anything
            return ()

    def names_of(self, rows: Float32Array) -> list[str]:
        """Return which concept each of (n_rows, dim) stored rows of regions was.

        Storage rounds rows; the nearest concept is still the one.
        """
        concepts = self._concepts
        return [concepts.names[i] for i in (rows @ concepts.rows.T).argmax(axis=1).tolist()]

    @cached_property
    def _concepts(self) -> "_Concepts":
        table = self._patches.rows()
        names = [name for name, rows in table.items() for _ in rows]
        return _Concepts(tuple(names), np.concatenate(list(table.values())))


@dataclass(frozen=True, eq=False)
class _Concepts:
    names: tuple[str, ...]
    rows: Float32Array  # (n_names, dim)


def with_regions(
    written: MultiVector, regions: Sequence[Region], *, among: bool = True
) -> MultiVector:
    """Return rows of words with the rows of regions, whose places are their boxes.

    Args:
        written: the rows of a unit's words.
        regions: what is seen there.
        among: put a region's rows behind the word row that is next to it; behind all otherwise.
    """
    if not regions:
        return written
    places = written.locators
    after = [_place_of(one.box, places, written.n_rows) if among else -1 for one in regions]
    at = np.repeat(
        [written.n_rows if row < 0 else row + 1 for row in after],
        [len(one.rows) for one in regions],
    ).astype(np.int64)
    vectors = np.insert(written.vectors, at, np.concatenate([one.rows for one in regions]), axis=0)
    boxes = np.concatenate([np.tile(_sides(one.box), (len(one.rows), 1)) for one in regions])
    return MultiVector(vectors.astype(np.float32), _inserted(places, written.n_rows, at, boxes))


def _is_later_page(unit: Unit) -> bool:
    """Return whether a unit is a page that no document begins with."""
    return unit.kind == "page" and (unit.locator.page or 1) > 1


def _sides(box: Box) -> Float32Array:
    return np.asarray([box.left, box.top, box.right, box.bottom], np.float32)


def _place_of(box: Box, places: RowLocators, n_rows: int) -> int:
    """Return the row whose word is next to a box, -1 where no row has a place on the page."""
    if places.boxes is None or not n_rows:
        return -1
    own = places.boxes if places.offsets is None else places.boxes[places.offsets[:-1]]
    x, y = (own[:, 0] + own[:, 2]) / 2, (own[:, 1] + own[:, 3]) / 2
    away_x = np.maximum(np.maximum(box.left - x, x - box.right), 0)
    away_y = np.maximum(np.maximum(box.top - y, y - box.bottom), 0)
    distances = np.hypot(away_x, away_y)
    return -1 if np.isnan(distances).all() else int(np.nanargmin(distances))


def _inserted(places: RowLocators, n_rows: int, at: Int64Array, boxes: Float32Array) -> RowLocators:
    """Return locators with one more source for each new row, put before the rows `at`."""
    offsets = places.offsets
    starts = np.arange(n_rows + 1) if offsets is None else offsets
    n_sources, where = int(starts[-1]), starts[at]
    spans = _or_empty(places.spans, np.full((n_sources, 2), -1, np.int32))
    old = _or_empty(places.boxes, np.full((n_sources, 4), np.nan, np.float32))
    times = places.times
    counts = np.insert(np.diff(starts), at, 1)
    return RowLocators(
        spans=np.insert(spans, where, -1, axis=0),
        boxes=np.insert(old, where, boxes, axis=0),
        times=None if times is None else np.insert(times, where, np.nan, axis=0),
        offsets=None if offsets is None else np.concatenate([[0], np.cumsum(counts)]),
    )


def _or_empty(column: np.ndarray | None, empty: np.ndarray) -> np.ndarray:
    return empty if column is None else column
