import numpy as np
import pytest

from latelight.encoders.sight.regions import STRIDE, Cells, find_regions
from latelight.encoders.sight.vocabulary import ATTRIBUTES, KINDS

H, W = 20, 16
Rectangle = tuple[int, int, int, int]  # first and last column and row, in cells, ends left out


def empty() -> Cells:
    kinds = np.zeros((len(KINDS), H, W), np.float32)
    kinds[0] = 1
    attributes = np.zeros((len(ATTRIBUTES), H, W), np.float32)
    return Cells(kinds, attributes, np.full((4, H, W), 0.5, np.float32))


def paint(cells: Cells, kind: str, where: Rectangle, share: float = 0.9) -> None:
    """Let the cells of a rectangle say a kind, and propose that rectangle as their box."""
    left, top, right, bottom = where
    area = np.s_[top:bottom, left:right]
    cells.kinds[:, top:bottom, left:right] = 0
    cells.kinds[(KINDS.index(kind), *area)] = share
    cells.kinds[(0, *area)] = 1 - share
    y, x = np.mgrid[top:bottom, left:right] + 0.5
    for i, distance in enumerate((x - left, y - top, right - x, bottom - y)):
        cells.distances[(i, *area)] = distance


def look(cells: Cells, **options: float) -> list[tuple[str, tuple[float, ...]]]:
    found = find_regions(cells, W * STRIDE, H * STRIDE, **options)  # type: ignore[arg-type]
    return [(one.kind, tuple(round(side / STRIDE, 3) for side in one.box)) for one in found]


def test_nothing_is_found_where_all_is_background() -> None:
    assert look(empty()) == []


def test_cells_that_propose_one_box_are_one_region() -> None:
    cells = empty()
    paint(cells, "pie chart", (2, 3, 8, 10))
    assert look(cells) == [("pie chart", (2, 3, 8, 10))]


def test_two_charts_of_a_kind_side_by_side_stay_two() -> None:
    cells = empty()
    paint(cells, "bar chart", (0, 4, 8, 10))
    paint(cells, "bar chart", (8, 4, 16, 10))
    assert sorted(look(cells)) == [("bar chart", (0, 4, 8, 10)), ("bar chart", (8, 4, 16, 10))]


def test_a_stamp_on_a_table_is_found_beside_the_table() -> None:
    cells = empty()
    paint(cells, "ruled table", (1, 1, 15, 19))
    paint(cells, "stamp", (5, 6, 9, 9))
    assert sorted(look(cells)) == [("ruled table", (1, 1, 15, 19)), ("stamp", (5, 6, 9, 9))]


def test_running_text_and_titles_make_no_region() -> None:
    cells = empty()
    for top, kind in ((0, "title"), (2, "text"), (9, "list")):
        paint(cells, kind, (1, top, 15, top + 2))
    assert look(cells) == []


def test_what_lies_beyond_the_picture_is_not_seen() -> None:
    cells = empty()
    paint(cells, "logo", (10, 2, 14, 5))
    assert find_regions(cells, 9 * STRIDE, H * STRIDE) == []


def test_surer_things_come_first_and_unsure_ones_are_left_out() -> None:
    cells = empty()
    paint(cells, "map", (0, 0, 6, 6), share=0.7)
    paint(cells, "logo", (8, 0, 14, 6), share=0.95)
    assert [kind for kind, _ in look(cells)] == ["logo", "map"]
    assert [kind for kind, _ in look(cells, least_confidence=0.8)] == ["logo"]
    assert [kind for kind, _ in look(cells, most=1)] == ["logo"]


@pytest.mark.parametrize(("share", "told"), [(0.4, "bar chart"), (0.7, "stacked bar chart")])
def test_what_is_a_case_of_another_kind_is_told_when_it_is_sure(share: float, told: str) -> None:
    cells = empty()
    paint(cells, "stacked bar chart", (2, 4, 14, 16), share)
    cells.kinds[KINDS.index("bar chart"), 4:16, 2:14] = 0.9 - share
    cells.kinds[0, 4:16, 2:14] = 0.1
    assert [kind for kind, _ in look(cells)] == [told]


def test_a_single_stray_cell_is_no_region() -> None:
    cells = empty()
    paint(cells, "photograph", (2, 2, 14, 14))
    cells.kinds[:, 2:14, 2:14] = empty().kinds[:, 2:14, 2:14]
    cells.kinds[:, 7, 7] = 0
    cells.kinds[KINDS.index("photograph"), 7, 7] = 0.95
    assert look(cells) == []


def test_a_kind_keeps_only_attributes_that_it_can_have() -> None:
    cells = empty()
    paint(cells, "pie chart", (2, 3, 8, 10))
    cells.attributes[ATTRIBUTES.index("donut")] = 0.9
    cells.attributes[ATTRIBUTES.index("rising")] = 0.9
    cells.attributes[ATTRIBUTES.index("legend")] = 0.2
    (found,) = find_regions(cells, W * STRIDE, H * STRIDE)
    assert found.attributes == ("donut",)
