import hashlib
import json
import shutil
from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from latelight.encoders.sight import PatchEncoder, Region
from latelight.encoders.sight.encoder import CARD, MOST_ROWS
from latelight.encoders.sight.regions import MOST_REGIONS
from latelight.encoders.sight.vocabulary import CHARTS, KINDS, TABLES
from latelight.errors import (
    DigestMismatchError,
    InputError,
    ModelError,
    WeightsNotFoundError,
)
from tests.encoders.sight.drawn import (
    BARS,
    ROWS,
    SIZE,
    blank_page,
    page_of_text,
    page_with_bars,
    page_with_table,
)

HEADS = Path(str(resources.files("latelight.encoders").joinpath("heads")))
MOST_BYTES = 4 << 20


@pytest.fixture(scope="module")
def encoder() -> PatchEncoder:
    return PatchEncoder()


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    for name in (CARD, *PatchEncoder().weights):
        shutil.copy(HEADS / name, tmp_path / name)
    return tmp_path


def overlap(region: Region, box: tuple[int, int, int, int]) -> float:
    """Return intersection over union of a region with a box in pixels of a drawn page."""
    ours = np.array([region.box.left, region.box.top, region.box.right, region.box.bottom])
    theirs = np.array(box) / np.array([*SIZE, *SIZE])
    sides = np.minimum(ours[2:], theirs[2:]) - np.maximum(ours[:2], theirs[:2])
    common = np.maximum(sides, 0).prod()
    areas = (ours[2:] - ours[:2]).prod() + (theirs[2:] - theirs[:2]).prod()
    return float(common / (areas - common))


def test_every_file_is_the_one_on_the_card_and_small() -> None:
    card = json.loads((HEADS / CARD).read_text(encoding="utf-8"))
    for name, part in card["files"].items():
        data = (HEADS / name).read_bytes()
        assert hashlib.sha256(data).hexdigest() == part["sha256"]
        assert len(data) == part["n_bytes"]
    assert sum(part["n_bytes"] for part in card["files"].values()) <= MOST_BYTES
    assert card["n_parameters"] <= 10_000_000


def test_a_bar_chart_is_seen_where_it_was_drawn(encoder: PatchEncoder) -> None:
    charts = [one for one in encoder.look(page_with_bars()) if one.kind in CHARTS]
    assert [one.kind for one in charts] == ["bar chart"]
    assert overlap(charts[0], BARS) >= 0.5  # the labels of its axes are part of it
    assert "blue" in charts[0].colours


def test_a_ruled_table_is_seen_where_it_was_drawn(encoder: PatchEncoder) -> None:
    regions = encoder.look(page_with_table())
    assert regions[0].kind in TABLES
    assert overlap(regions[0], ROWS) > 0.6
    assert not [one for one in regions if one.kind in CHARTS]


@pytest.mark.parametrize("page", [blank_page(), page_of_text()])
def test_nothing_is_seen_on_a_blank_page_or_in_text(
    encoder: PatchEncoder, page: Image.Image
) -> None:
    assert encoder.look(page) == ()


def test_regions_are_few_and_their_rows_are_rows_of_the_text_space(encoder: PatchEncoder) -> None:
    for page in (page_with_bars(), page_with_table()):
        regions = encoder.look(page)
        assert 0 < len(regions) <= MOST_REGIONS
        for one in regions:
            assert one.kind in KINDS
            assert 0 <= one.box.left < one.box.right <= 1
            assert 0 <= one.box.top < one.box.bottom <= 1
            assert 0 < one.confidence <= 1
            assert 0 < len(one.rows) == len(one.names) <= MOST_ROWS
            assert one.rows.dtype == np.float32
            np.testing.assert_allclose(np.linalg.norm(one.rows, axis=1), 1, atol=1e-4)


def test_what_is_seen_does_not_depend_on_the_pictures_size_or_mode(encoder: PatchEncoder) -> None:
    page = page_with_bars()
    large = page.resize((page.width * 2, page.height * 2), Image.Resampling.LANCZOS)
    for other in (large, page.convert("L"), page.convert("RGBA")):
        kinds = [one.kind for one in encoder.look(other)]
        assert "bar chart" in kinds


@pytest.mark.parametrize("size", [(15, 400), (400, 3), (20, 2000)])
def test_a_picture_that_shows_nothing_is_refused(
    encoder: PatchEncoder, size: tuple[int, int]
) -> None:
    with pytest.raises(InputError, match=f"{size[0]} x {size[1]}"):
        encoder.look(Image.new("RGB", size))


def test_changed_weights_are_refused(copied: Path) -> None:
    name = next(one for one in PatchEncoder(copied).weights if one.endswith(".onnx"))
    data = bytearray((copied / name).read_bytes())
    data[-1] ^= 1
    (copied / name).write_bytes(bytes(data))
    with pytest.raises(DigestMismatchError, match=name):
        PatchEncoder(copied).load()


def test_missing_weights_are_named(copied: Path) -> None:
    name = next(iter(PatchEncoder(copied).weights))
    (copied / name).unlink()
    with pytest.raises(WeightsNotFoundError, match=name):
        PatchEncoder(copied).load()
    with pytest.raises(WeightsNotFoundError, match=CARD):
        PatchEncoder(copied / "elsewhere").load()


def test_weights_of_another_vocabulary_are_refused(copied: Path) -> None:
    card = json.loads((copied / CARD).read_text())
    card["kinds"] = card["kinds"][1:]
    (copied / CARD).write_text(json.dumps(card))
    with pytest.raises(ModelError, match="kinds"):
        PatchEncoder(copied).load()


def test_attributes_that_the_card_calls_unsure_are_not_told(copied: Path) -> None:
    card = json.loads((copied / CARD).read_text())
    before = PatchEncoder(copied).look(page_with_bars())[0].attributes
    assert before
    card["unsure_attributes"] = [*card["unsure_attributes"], before[0]]
    (copied / CARD).write_text(json.dumps(card))
    after = PatchEncoder(copied).look(page_with_bars())[0]
    assert after.attributes == before[1:]
    assert before[0] not in after.names
