"""Rows of what is seen, among the rows of words."""

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latelight.encoders.seeing import IMAGE_SIDE, SeeingEncoder, with_regions
from latelight.encoders.sight import Region
from latelight.errors import InputError, SettingError
from latelight.testing.encoders import FakeEncoder
from latelight.types import (
    Box,
    EncoderInfo,
    Float32Array,
    Locator,
    MultiVector,
    RowLocators,
    Unit,
    UnitKind,
)

CHART, TABLE = np.eye(128, dtype=np.float32)[:2]


class Text(FakeEncoder):
    """A fake that says it is the encoder whose space the patch encoder's rows lie in."""

    @property
    def info(self) -> EncoderInfo:
        return replace(super().info, name="latelight-small")


class Patches:
    """Sees a chart in the upper half of whatever it is shown, and a table below it."""

    name, dim = "fake-sight", 128
    weights: Mapping[str, str] = {"sight.onnx": "00"}

    def load(self) -> None:
        """Nothing to load."""

    def rows(self) -> Mapping[str, Float32Array]:
        return {"line chart": CHART[None], "table": TABLE[None]}

    def look(self, image: Image.Image) -> tuple[Region, ...]:
        if min(image.size) < 16:
            raise InputError("too small")
        return (
            region("line chart", Box(0.1, 0.0, 0.9, 0.5), CHART),
            region("table", Box(0.1, 0.5, 0.9, 1.0), TABLE),
        )


def region(kind: str, box: Box, *rows: Float32Array) -> Region:
    return Region(kind, box, 0.9, (), (), np.stack(rows), (kind,) * len(rows))


def seeing(patches: Any = None) -> SeeingEncoder:
    return SeeingEncoder(Text(dim=128), patches or Patches())


def png(side: int = 32) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, side), "white").save(out, "PNG")
    return out.getvalue()


def page(number: int, text: str = "one two", image: bytes | None = None) -> Unit:
    kind: UnitKind = "page"
    return Unit(f"p{number}", kind, Locator(page=number), text, image=image or png())


def test_it_says_what_it_needs_and_what_it_is_made_of() -> None:
    info = seeing().info
    assert info.sees_images and info.image_side == IMAGE_SIDE
    assert info.weights["sight.onnx"] == "00"
    assert {"page", "image", "frame", "passage"} <= set(info.unit_kinds)
    assert info.rendering["sight"] == "fake-sight"


def test_it_goes_with_the_encoder_whose_space_it_knows() -> None:
    with pytest.raises(SettingError, match=r"latelight-small.*got 'fake"):
        SeeingEncoder(FakeEncoder(dim=128), Patches())  # type: ignore[arg-type]
    with pytest.raises(SettingError, match="with 64"):
        SeeingEncoder(Text(dim=64), Patches())  # type: ignore[arg-type]


def test_pictures_have_rows_with_boxes_and_without_characters() -> None:
    words, seen = Text(dim=128).encode_documents([page(1)]), seeing().encode_documents([page(1)])
    (own,) = seen
    n_words = words[0].n_rows
    assert own.n_rows == n_words + 2
    np.testing.assert_array_equal(own.vectors[:n_words], words[0].vectors)
    np.testing.assert_array_equal(own.vectors[n_words:], [CHART, TABLE])
    places = own.locators
    assert places.spans is not None and (places.spans[n_words:] == -1).all()
    (place,) = places.locators_of(n_words, page(1).locator)
    assert place.page == 1 and place.span is None
    assert place.box is not None and place.box.bottom == 0.5


def test_what_has_no_picture_or_too_small_a_one_has_its_words_alone() -> None:
    words = Text(dim=128).encode_documents([page(1)])[0].n_rows
    small, none = page(1, image=png(8)), replace(page(1), image=None)
    passage = replace(page(1), kind="passage")
    for own in seeing().encode_documents([small, none, passage]):
        assert own.n_rows == words


def test_a_unit_has_the_same_rows_alone_and_among_others() -> None:
    units = [page(n, f"words of page {n}") for n in range(1, 9)]
    together = SeeingEncoder(Text(dim=128), Patches(), n_threads=4).encode_documents(units)  # type: ignore[arg-type]
    for unit, own in zip(units, together, strict=True):
        np.testing.assert_array_equal(seeing().encode_documents([unit])[0].vectors, own.vectors)


def test_stored_rows_are_named_though_storage_rounds_them() -> None:
    rows = np.stack([TABLE, CHART]) + np.float32(0.05)
    assert seeing().names_of(rows) == ["table", "line chart"]


WORDS = np.full((4, 4), np.nan, np.float32)
WORDS[:3] = [[0.1, 0.1, 0.2, 0.12], [0.1, 0.6, 0.2, 0.62], [0.1, 0.9, 0.2, 0.92]]
SPANS = np.asarray([[0, 1], [2, 3], [4, 5], [6, 7]], np.int32)


def test_rows_stand_behind_the_word_that_is_next_to_the_region() -> None:
    written = MultiVector(np.zeros((4, 128), np.float32), RowLocators(SPANS, WORDS))
    low = region("table", Box(0.1, 0.65, 0.9, 0.8), TABLE, TABLE)
    high = region("line chart", Box(0.05, 0.05, 0.9, 0.4), CHART)
    own = with_regions(written, [low, high])
    assert np.abs(own.vectors).sum(axis=1).tolist() == [0, 1, 0, 1, 1, 0, 0]
    assert own.vectors[1, 0] == 1 and own.vectors[3, 1] == 1
    spans, boxes = own.locators.spans, own.locators.boxes
    assert spans is not None and boxes is not None
    assert spans[:, 0].tolist() == [0, -1, 2, -1, -1, 4, 6]
    np.testing.assert_allclose(boxes[3], [0.1, 0.65, 0.9, 0.8], rtol=1e-6)
    last = with_regions(written, [low], among=False)
    assert last.locators.spans is not None
    assert last.locators.spans[:, 0].tolist() == [0, 2, 4, 6, -1, -1]
    assert with_regions(written, []) is written


def test_pooled_rows_keep_all_their_places() -> None:
    places = RowLocators(SPANS, WORDS, offsets=np.asarray([0, 2, 4]))
    written = MultiVector(np.zeros((2, 128), np.float32), places)
    own = with_regions(written, [region("line chart", Box(0.1, 0.05, 0.9, 0.4), CHART)])
    assert own.locators.offsets is not None and own.locators.spans is not None
    assert own.locators.offsets.tolist() == [0, 2, 3, 5]
    assert own.locators.spans[:, 0].tolist() == [0, 2, -1, 4, 6]


def test_regions_of_a_picture_without_words_are_all_there_is() -> None:
    written = MultiVector(np.zeros((0, 128), np.float32))
    own = with_regions(written, [region("line chart", Box(0, 0, 1, 1), CHART)])
    assert own.n_rows == 1
    assert own.locators.boxes is not None and own.locators.boxes.shape == (1, 4)
