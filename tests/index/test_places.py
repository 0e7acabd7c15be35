"""Places that only some formats have: cells, files within files, pictures that come back."""

from dataclasses import replace
from pathlib import Path

import pytest

from latelight.index import Store
from latelight.types import CellRange, CharSpan, Locator, TimeRange, Unit
from tests.index.making import SPACES, axis_rows, document

CELLS = CellRange("Sales 2023", 40, 2, 55, 28, header=1)
UNITS = [
    Unit("c0", "passage", Locator(span=CharSpan(0, 4)), "text"),
    Unit("t0", "passage", Locator(span=CharSpan(6, 9), cells=CELLS, part=("ü.eml", "b")), "1\t2"),
    Unit("t1", "passage", Locator(cells=CellRange("", 1, 1, 1, 1)), "x"),
    Unit("f1", "frame", Locator(time=TimeRange(0, 2.5), again=(TimeRange(7, 9.25),)), "slide"),
    Unit("s0", "page", Locator(page=3, part=("a.pptx",)), "slide", heading=("Title",)),
]  # fmt: skip


def stored(path: Path, units: list[Unit], flush: bool) -> list[Unit]:
    store = Store.create(path, SPACES)
    with store.writer() as writer:
        vectors = {"text": [axis_rows(i) for i in range(len(units))]}
        writer.add(document("a"), units, vectors, [["w"]] * len(units), None)
        if flush:
            writer.flush()
        writer.commit()
    snapshot = Store.open(path).snapshot()
    return [snapshot.unit(ordinal) for ordinal in range(len(units))]


@pytest.mark.parametrize("flush", [True, False], ids=["segment", "log"])
def test_cells_and_parts_come_back_from_segments_and_logs(tmp_path: Path, flush: bool) -> None:
    assert stored(tmp_path / "store", UNITS, flush) == UNITS


def test_units_without_them_have_none(tmp_path: Path) -> None:
    plain = [replace(unit, locator=Locator(span=CharSpan(0, 1))) for unit in UNITS]
    assert stored(tmp_path / "store", plain, True) == plain
