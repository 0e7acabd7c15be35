import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import ShapeError
from latelight.explain.similarity_map import (
    MIDDLE,
    evidence_map,
    light_map,
    paint,
    row_glow,
    similarity_map,
    summed_light_map,
)
from latelight.types import Box, Locator, RowLocators, TokenEvidence

# Two words side by side on the upper half of a page, one over the whole lower half.
BOXES = np.array([(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 1, 1)], np.float32)
ROWS = RowLocators(boxes=BOXES)
SIZE = (4, 6)


def floats(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_a_pixel_has_the_similarity_of_the_row_over_it() -> None:
    found = similarity_map(floats((0.25, 0.5, 1.0)), ROWS, SIZE)
    assert found.shape == (1, 4, 6)
    assert found.dtype == np.float32
    assert found[0, 0].tolist() == [0.25] * 3 + [0.5] * 3
    assert found[0, 3].tolist() == [1.0] * 6


def test_where_rows_overlap_the_most_similar_counts() -> None:
    twice = RowLocators(boxes=np.array([(0, 0, 1, 1), (0, 0, 0.5, 1)], np.float32))
    found = similarity_map(floats((0.5, 0.75)), twice, (1, 2))
    assert found[0].tolist() == [[0.75, 0.5]]


def test_rows_without_boxes_light_nothing() -> None:
    boxes = BOXES.copy()
    boxes[1] = np.nan
    found = similarity_map(floats((0.5, 1.0, 0.5)), RowLocators(boxes=boxes), SIZE)
    assert found[0, 0].tolist() == [0.5] * 3 + [0.0] * 3
    assert not similarity_map(floats((0.5, 1.0, 0.5)), RowLocators(), SIZE).any()


def test_a_tiny_box_still_lights_a_pixel() -> None:
    tiny = RowLocators(boxes=np.array([(0.999, 0.999, 0.9991, 0.9991)], np.float32))
    assert similarity_map(floats((0.5,)), tiny, SIZE).sum() == 0.5


def test_a_grid_of_patches_is_its_own_picture() -> None:
    edges = np.arange(5) / 4
    grid = [(edges[x], edges[y], edges[x + 1], edges[y + 1]) for y in range(4) for x in range(4)]
    values = np.linspace(0.1, 0.9, 16, dtype=np.float32)
    found = similarity_map(values[None], RowLocators(boxes=np.array(grid, np.float32)), (4, 4))
    assert np.array_equal(found[0], values.reshape(4, 4))


def test_the_winner_has_the_contribution_and_a_near_win_glows() -> None:
    unplaced = np.full((3, 4), np.nan, np.float32)
    rows = RowLocators(boxes=np.vstack([BOXES, unplaced]))
    similarities = floats((0.0, 0.95, 1.0, 0.0, 0.0, 0.0))
    found = light_map(similarities, np.array([2.0], np.float32), rows, SIZE)
    assert found[0, 3, 0] == 2.0
    assert found[0, 0, 0] == 0.0
    assert 0.0 < found[0, 0, 5] <= 1.0


def test_glow_begins_at_seven_tenths_and_ends_at_half() -> None:
    glow = row_glow(floats((0.0, 0.0, 0.0, 0.0, 0.7, 0.85, 1.0)))
    assert glow[0].tolist() == pytest.approx([0, 0, 0, 0, 0, 0.125, 0.5], abs=1e-6)


def test_winning_contributions_add_up_and_glows_do_not() -> None:
    similarities = floats((1.0, 0.0, 0.0), (1.0, 0.0, 0.0))
    found = summed_light_map(similarities, np.array([1.0, 0.5], np.float32), ROWS, SIZE)
    assert found[0, 0] == 1.5
    assert found[3, 0] == 0.0
    near = floats((1.0, 0.99, 0.0), (1.0, 0.99, 0.0), (1.0, 0.99, 0.0))
    many = summed_light_map(near, np.ones(3, np.float32), ROWS, SIZE)
    assert many[0, 0] == 3.0
    assert many[0, 5] <= 0.5


def test_wordpieces_of_one_word_add_up_on_its_box() -> None:
    word = RowLocators(boxes=np.array([(0, 0, 1, 1), (0, 0, 1, 1)], np.float32))
    similarities = floats((0.9, 0.1), (0.1, 0.8))
    found = summed_light_map(similarities, np.array([0.9, 0.8], np.float32), word, (1, 1))
    assert found[0, 0] == pytest.approx(1.7)


def test_a_pooled_row_shares_its_contribution_between_its_places() -> None:
    pooled = RowLocators(boxes=BOXES, offsets=np.array([0, 2, 3], np.int64))
    found = light_map(floats((1.0, 0.0)), np.array([1.0], np.float32), pooled, SIZE)
    assert found[0, 0].tolist() == [0.5] * 6
    assert not found[0, 3].any()


def test_negative_contributions_are_dark() -> None:
    assert not light_map(floats((0.5, -1, -1)), np.array([-0.5], np.float32), ROWS, SIZE).any()


def test_evidence_alone_lights_its_places() -> None:
    left, right = (Locator(page=1, box=Box(*map(float, box))) for box in BOXES[:2])
    evidence = (
        TokenEvidence("a", None, "token", 1.0, 1.0, (left,)),
        TokenEvidence("b", None, "token", 1.0, 1.0, (left, right)),
        TokenEvidence("c", None, "token", 1.0, 9.0, (Locator(page=1),)),
    )
    assert evidence_map(evidence, SIZE)[0].tolist() == [1.5] * 3 + [0.5] * 3


def test_arrays_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ShapeError, match="3 rows"):
        similarity_map(floats((0.5, 0.5)), ROWS, SIZE)
    with pytest.raises(ShapeError, match="one contribution"):
        light_map(floats((0.5, 0.5, 0.5)), np.ones(2, np.float32), ROWS, SIZE)
    with pytest.raises(ShapeError, match="not a picture"):
        similarity_map(floats((0.5, 0.5, 0.5)), ROWS, (0, 6))


def test_a_unit_without_rows_is_dark() -> None:
    nothing = np.zeros((2, 0), np.float32)
    empty = RowLocators(boxes=np.zeros((0, 4), np.float32))
    assert not summed_light_map(nothing, np.ones(2, np.float32), empty, SIZE).any()


@given(st.integers(1, 6), st.integers(1, 12), st.integers(0, 2**31))
def test_no_pixel_is_brighter_than_all_contributions_together(
    n_query: int, n_rows: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    corners = np.sort(rng.random((n_rows, 2, 2), np.float32), axis=1).reshape(n_rows, 4)
    similarities = rng.standard_normal((n_query, n_rows)).astype(np.float32)
    contributions = np.maximum(similarities.max(axis=1), 0)
    rows = RowLocators(boxes=corners)
    each = light_map(similarities, contributions, rows, (16, 16))
    together = summed_light_map(similarities, contributions, rows, (16, 16))
    assert together.max() <= contributions.sum() * 1.0001
    assert (each.max(axis=(1, 2)) <= contributions * 1.0001).all()
    assert (together >= each.max(axis=0) - 1e-5).all()


def test_a_large_place_can_be_lit_along_its_edges_and_hides_no_word() -> None:
    boxes = np.array([(0.1, 0.1, 0.9, 0.6), (0.2, 0.2, 0.3, 0.24)], np.float32)
    light = paint(boxes, floats((1.0, 0.8)), (500, 500), hollow=True)[0]
    assert light[52, 250] == light[250, 52] == light[250, 448] == light[298, 250] == 1
    assert light[200, 250] == pytest.approx(MIDDLE)
    assert light[110, 110] == pytest.approx(0.8)
    assert paint(boxes, floats((1.0, 0.8)), (500, 500))[0, 200, 250] == 1


@pytest.mark.parametrize("side", [1, 2, 3])
def test_a_place_of_a_few_pixels_is_all_edge(side: int) -> None:
    light = paint(floats((0, 0, 1, 1)), floats((1.0,)), (side, side), hollow=True)
    assert light.max() == 1 and light[0, 0, 0] == 1
