import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.testing.files import PdfPage, PdfText, make_pdf
from latelight.types import Box

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = (("Harbour", "Ships", "Tons"), ("Aberdeen", "412", "9,310"), ("Leith", "205", "7,644"))
PROSE = "The customs house counted every ship that came into the harbour in that year, and wrote"
TABLE = [72 / 612, 350 / 792, 400 / 612, 402 / 792]  # of the words below


@pytest.fixture
def layout(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("layout")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A page of prose above a table, and one of prose alone."""
    folder = tmp_path / "data" / "pages" / "icdar2013-tables-us" / "pdfs"
    folder.mkdir(parents=True)
    prose = [PdfText(PROSE, 72, 700 - 16 * line, 11) for line in range(4)]
    cells = [
        PdfText(cell, 72 + 130 * column, 430 - 20 * row)
        for row, cells in enumerate(ROWS)
        for column, cell in enumerate(cells)
    ]
    pages = [PdfPage((*prose, *cells)), PdfPage(tuple(prose))]
    (folder / "a.pdf").write_bytes(make_pdf(pages))
    labels = ([{"kind": "table", "box": TABLE}], [])
    told = [
        {"set": "icdar2013", "pdf": "a", "page": number, "labels": own}
        for number, own in enumerate(labels, start=1)
    ]
    (tmp_path / "labels.jsonl").write_text("".join(json.dumps(row) + "\n" for row in told))
    return tmp_path


def run(layout: Any, place: Path, *more: str) -> dict[str, Any]:
    out = place / "layout.json"
    given = ["--data", str(place / "data"), "--labels", str(place / "labels.jsonl"), *more]
    result = layout.main([*given, "--set", "icdar2013", "--out", str(out)])
    assert json.loads(out.read_text()) == result
    return dict(result["rows"][0])


def test_words_in_columns_are_a_table_and_prose_is_none(layout: Any, place: Path) -> None:
    row = run(layout, place, "--detector", "words")
    table = row["classes"]["table"]
    assert (table["precision"], table["recall"], table["n_found"]) == (1, 1, 1)
    assert (table["page_precision"], table["page_recall"]) == (1, 1)
    assert row["kinds"] == row["places"] == {"table": [1, 1]}


def test_what_a_detector_misses_and_makes_up_is_counted(
    layout: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blind() -> Any:
        found = [layout.Region("table", Box(0.1, 0.8, 0.9, 0.9), 0.9)]
        return lambda picture, page: found

    monkeypatch.setitem(layout.DETECTORS, "words", blind)
    table = run(layout, place, "--detector", "words")["classes"]["table"]
    assert (table["precision"], table["recall"], table["n_found"]) == (0, 0, 2)
    assert (table["page_precision"], table["page_recall"]) == (0.5, 1)


def test_a_region_of_the_wrong_class_is_a_place_all_the_same(
    layout: Any, place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mistaken() -> Any:
        found = [layout.Region("figure", Box(*TABLE), 0.9)]
        return lambda picture, page: found

    monkeypatch.setitem(layout.DETECTORS, "words", mistaken)
    row = run(layout, place, "--detector", "words", "--regions", str(place / "regions.jsonl"))
    assert (row["kinds"], row["places"]) == ({"table": [0, 1]}, {"table": [1, 1]})
    written = [json.loads(line) for line in (place / "regions.jsonl").read_text().splitlines()]
    assert written[0]["labels"] == [{"kind": "figure", "box": TABLE, "score": 0.9}]


def test_each_labelled_region_is_taken_once_by_the_first_that_fits(layout: Any) -> None:
    label = Box(0, 0, 1, 1)
    found = [Box(0, 0, 1, 0.9), Box(0, 0, 1, 1), Box(0, 0, 1, 0.1)]
    assert layout.match(found, [label]) == [0, None, None]
    assert layout.match([found[2], found[1]], [label]) == [None, 0]


def test_overlap_is_intersection_over_union(layout: Any) -> None:
    assert layout.overlap(Box(0, 0, 0.5, 1), Box(0.25, 0, 0.75, 1)) == pytest.approx(1 / 3)
    assert layout.overlap(Box(0, 0, 0.2, 0.2), Box(0.5, 0.5, 1, 1)) == 0


def test_a_poor_scan_is_greyer_and_noisier_than_a_good_one(layout: Any) -> None:
    picture = layout.Image.new("RGB", (120, 160), "white")
    scans = [
        layout.scan_of(picture, layout.SCANS[name], np.random.default_rng(1))
        for name in ("good", "poor")
    ]
    assert all((seen.size, seen.mode) == (picture.size, "RGB") for seen in scans)
    good, poor = (np.asarray(seen, float) for seen in scans)
    assert 255 > good.mean() > poor.mean() > 200
    assert poor.std() > good.std() > 0.5
