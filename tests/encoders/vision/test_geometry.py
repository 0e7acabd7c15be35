"""Cutting rules, checked by what must hold of any picture and against hand-counted cases."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.encoders.vision import geometry as g
from latelight.errors import ModelError

SIDES = st.integers(1, 3000)


def area(boxes: np.ndarray) -> float:
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.float64)
    return float(sides.prod(axis=1).sum())


def check_tiles_the_picture(boxes: np.ndarray) -> None:
    """Cells lie in 0-1, none is empty, no two overlap, and together they are the whole."""
    assert boxes.dtype == np.float32
    assert (boxes >= 0).all() and (boxes <= 1).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert area(boxes) == pytest.approx(1, abs=1e-4)
    middles = (boxes[:, :2] + boxes[:, 2:]) / 2
    for x, y in middles[:: max(len(middles) // 50, 1)]:
        inside = (boxes[:, 0] < x) & (x < boxes[:, 2]) & (boxes[:, 1] < y) & (y < boxes[:, 3])
        assert inside.sum() == 1


@given(st.integers(1, 40), st.integers(1, 40))
def test_a_grid_tiles_the_picture_row_by_row(n_rows: int, n_columns: int) -> None:
    boxes = g.grid_boxes(n_rows, n_columns)
    assert len(boxes) == n_rows * n_columns
    check_tiles_the_picture(boxes)
    corners = boxes[:, [1, 0]]
    assert [tuple(c) for c in corners] == sorted(tuple(c) for c in corners)
    np.testing.assert_array_equal(boxes[:n_columns, 0], boxes[-n_columns:, 0])


def test_colpali_has_1024_rows_of_equal_cells() -> None:
    cells = g.square_cells(448, 14)
    assert len(cells.boxes) == 1024
    np.testing.assert_allclose(cells.boxes[33], [1 / 32, 1 / 32, 2 / 32, 2 / 32])
    assert (cells.roles == g.PATCH).all()


@given(SIDES, SIDES, st.sampled_from([28, 32]), st.integers(16, 768))
def test_smart_resize_keeps_its_promises(
    height: int, width: int, factor: int, n_tokens: int
) -> None:
    most = n_tokens * factor**2
    if max(height, width) > 200 * min(height, width):
        with pytest.raises(ModelError, match="at most 200 times"):
            g.smart_resize(height, width, factor=factor, min_pixels=1, max_pixels=most)
        return
    high, wide = g.smart_resize(
        height, width, factor=factor, min_pixels=4 * factor**2, max_pixels=most
    )
    assert high % factor == wide % factor == 0 and min(high, wide) >= factor
    # Very long pictures may not shrink further than one cell on the short side.
    assert high * wide <= most or min(high, wide) == factor


def test_smart_resize_of_a_page() -> None:
    # A4 at 150 dpi under ColQwen2's 768 tokens: 1240 x 1754 becomes 23 x 33 cells.
    size = g.smart_resize(1754, 1240, factor=28, min_pixels=4 * 784, max_pixels=768 * 784)
    assert size == (32 * 28, 23 * 28)
    assert len(g.merged_cells((1, size[0] // 14, size[1] // 14), 2).boxes) == 736


def test_a_small_picture_grows_to_the_fewest_tokens() -> None:
    size = g.smart_resize(20, 40, factor=28, min_pixels=4 * 784, max_pixels=768 * 784)
    assert size[0] * size[1] >= 4 * 784


@given(st.integers(1, 3), st.integers(1, 20), st.integers(1, 20))
def test_merged_cells_repeat_the_grid_for_every_frame(t: int, rows: int, columns: int) -> None:
    boxes = g.merged_cells((t, 2 * rows, 2 * columns), 2).boxes
    assert len(boxes) == t * rows * columns
    for frame in boxes.reshape(t, rows * columns, 4):
        check_tiles_the_picture(frame)


def test_video_rows_have_the_time_of_their_frame() -> None:
    cells = g.video_cells((3, 20, 28), 2, 1.0, start_s=5.0)
    assert cells.times is not None
    assert len(cells.boxes) == 420
    np.testing.assert_allclose(cells.times[[0, 139, 140, 419]], [[5, 6], [5, 6], [6, 7], [7, 8]])


@given(SIDES, SIDES)
def test_tiles_and_thumbnail_both_cover_the_picture(width: int, height: int) -> None:
    tiles = g.tile_grid(width, height, longest=128, tile=32)
    cells = g.tile_cells(tiles, 2)
    assert len(cells.boxes) == (tiles[0] * tiles[1] + 1) * 4
    check_tiles_the_picture(cells.boxes[-4:])
    if tiles != (0, 0):
        assert max(tiles) == 4
        check_tiles_the_picture(cells.boxes[cells.roles == g.PATCH])
        assert (cells.roles[-4:] == g.THUMBNAIL).all()


def test_rows_of_a_tile_stay_together() -> None:
    cells = g.tile_cells((2, 3), 2)
    second = cells.boxes[4:8]  # the tile in the middle of the first row
    np.testing.assert_allclose(second[:, 0].min(), 1 / 3)
    np.testing.assert_allclose(second[:, 2].max(), 2 / 3)
    np.testing.assert_allclose(second[:, 3].max(), 1 / 2)


def test_tiles_of_known_pictures() -> None:
    assert g.tile_grid(300, 200, longest=128, tile=32) == (3, 4)  # 12 tiles and the thumbnail
    assert g.tile_grid(170, 420, longest=128, tile=32) == (4, 2)
    assert g.tile_grid(10, 10, longest=32, tile=32) == (0, 0)


@given(SIDES, SIDES, st.sampled_from([16, 32]))
def test_padded_cells_end_at_the_picture(width: int, height: int, patch: int) -> None:
    boxes = g.padded_cells(width, height, patch).boxes
    assert len(boxes) == -(-width // patch) * -(-height // patch)
    check_tiles_the_picture(boxes)
    np.testing.assert_allclose(boxes[0, 2], min(patch / width, 1), rtol=1e-6)


def test_sound_has_25_rows_a_second() -> None:
    assert (g.n_sound_rows(16_000), g.n_sound_rows(24_000)) == (25, 37)
    cells = g.sound_cells(25, start_s=10.0)
    assert cells.times is not None
    np.testing.assert_allclose(cells.times[[0, 24]], [[10, 10.04], [10.96, 11]], atol=1e-5)
    assert np.isnan(cells.boxes).all() and (cells.roles == g.SOUND).all()


def test_rows_are_found_by_their_id_wherever_they_stand() -> None:
    ids = np.array([7, 9, 9, 3, 9, 9, 7])
    found = g.place(ids, 9, g.square_cells(28, 14))
    assert np.isnan(found.boxes[[0, 3, 6]]).all()
    np.testing.assert_allclose(found.boxes[4], [0, 0.5, 0.5, 1])
    assert found.roles.tolist() == [0, 1, 1, 0, 1, 1, 0]


def test_a_leading_marker_with_the_same_id_is_passed_over() -> None:
    found = g.place(np.array([5, 9, 9, 9, 9, 9]), 9, g.square_cells(28, 14), skip=1)
    assert np.isnan(found.boxes[1]).all()
    np.testing.assert_allclose(found.boxes[2], [0, 0, 0.5, 0.5])


def test_another_number_of_rows_is_an_error() -> None:
    with pytest.raises(ModelError, match="holds 2 tokens of id 9 for a picture or sound of 4"):
        g.place(np.array([9, 1, 9]), 9, g.square_cells(28, 14))
