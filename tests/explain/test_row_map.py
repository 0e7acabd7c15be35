"""Row maps keep their places and similarities on the way through JSON."""

import json

import numpy as np
import pytest

from latelight.explain.row_map import RowMap
from latelight.types import Box, CharSpan, Locator, QueryToken, RowLocators, TimeRange

TOKENS = (QueryToken("ferry", CharSpan(0, 5)), QueryToken("[Q]", None, "marker"))
NAN = float("nan")


def locators(**columns: list[list[float]]) -> RowLocators:
    kinds = {"spans": np.int32, "boxes": np.float32, "times": np.float32, "offsets": np.int64}
    return RowLocators(**{name: np.array(c, kinds[name]) for name, c in columns.items()})


CASES = {
    "words of a passage": (
        Locator(span=CharSpan(100, 120)),
        locators(spans=[[0, 5], [-1, -1], [6, 9]]),
    ),
    "words of a page": (
        Locator(span=CharSpan(10, 90), page=3),
        locators(spans=[[0, 5], [-1, -1]], boxes=[[0.1, 0.2, 0.3, 0.25], [NAN] * 4]),
    ),
    "pooled patches": (
        Locator(page=1),
        locators(boxes=[[0, 0, 0.5, 1], [0.5, 0, 1, 1], [0, 0, 1, 0.5]], offsets=[0, 2, 3]),
    ),
    "seconds": (
        Locator(time=TimeRange(2.0, 8.0)),
        locators(spans=[[0, 2], [-1, -1]], times=[[2.5, 3.0], [NAN, NAN]]),
    ),
    "an embedded picture": (
        Locator(box=Box(0, 0, 1, 1), part=("a.eml",)),
        locators(boxes=[[0, 0, 0.5, 0.5], [NAN] * 4]),
    ),
    "nothing": (Locator(), RowLocators(spans=np.zeros((0, 2), np.int32))),
}


@pytest.mark.parametrize("name", CASES)
def test_the_json_form_is_read_back(name: str) -> None:
    unit, rows = CASES[name]
    columns = [c for c in (rows.spans, rows.boxes, rows.times) if c is not None]
    n_rows = len(columns[0]) if rows.offsets is None else len(rows.offsets) - 1
    values = np.random.default_rng(0).uniform(-1, 1, (2, n_rows)).astype(np.float32)
    made = RowMap("text", TOKENS, values, rows, unit)
    read = RowMap.from_dict(json.loads(json.dumps(made.to_dict())), unit)
    assert (read.space, read.tokens, read.unit) == ("text", TOKENS, unit)
    np.testing.assert_allclose(read.similarities, values, atol=5e-5)
    assert read.to_dict() == made.to_dict()
    for row in range(n_rows):
        assert read.locators.locators_of(row, unit) == made.locators.locators_of(row, unit)
        boxes = read.locators.boxes
        if rows.boxes is not None and boxes is not None:
            for mine, own in zip(read.locators.sources_of(row), rows.sources_of(row), strict=True):
                np.testing.assert_array_equal(boxes[mine], rows.boxes[own])
