import importlib
from pathlib import Path
from typing import Any

import pytest

from latelight.testing.files import PdfPage, PdfText, make_pdf

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
ROWS = (("Harbour", "Ships", "Tons"), ("Aberdeen", "412", "9,310"), ("Leith", "205", "7,644"))
CELL = "<cell start-row='{}' start-col='{}'><content>{}</content></cell>"
FORM = "<document><table id='1'><region id='1' page='1'>{}</region></table></document>"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("tables")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A page with prose at the top and a table below it."""
    folder = tmp_path / "data" / "pages" / "icdar2013-tables-us"
    (folder / "pdfs").mkdir(parents=True)
    (folder / "ground-truth").mkdir()
    texts = [PdfText("Ships were counted by the customs house in every month.", 72, 700)]
    texts += [
        PdfText(cell, 72 + 120 * column, 400 - 20 * row)
        for row, cells in enumerate(ROWS)
        for column, cell in enumerate(cells)
    ]
    (folder / "pdfs" / "a.pdf").write_bytes(make_pdf([PdfPage(tuple(texts))]))
    cells = [CELL.format(r, c, text) for r, row in enumerate(ROWS) for c, text in enumerate(row)]
    box = "<bounding-box x1='70' y1='350' x2='400' y2='415'/>"
    (folder / "ground-truth" / "a-str.xml").write_text(FORM.format("".join(cells)))
    (folder / "ground-truth" / "a-reg.xml").write_text(FORM.format(box))
    return tmp_path / "data"


@pytest.mark.model
def test_a_toy_table_is_lit_by_its_own_rows(benchmark: Any, data: Path) -> None:
    out = data.parent / "tables.json"
    result = benchmark.main(["--data", str(data), "--queries", "3", "--out", str(out)])
    assert result["n_queries"] == 3
    assert result["chance"] == pytest.approx(9 / 19)
    by_mode = {row["mode"]: row for row in result["rows"]}
    assert by_mode["bm25"]["page"] == by_mode["bm25"]["pointing"] == 1
    assert 0.8 < by_mode["bm25"]["share"] < 1  # "Ships" also stands above the table
    assert by_mode["maxsim"]["share"] > result["chance"]


def test_queries_are_rows_of_cells_and_regions_fractions_of_the_page(
    benchmark: Any, data: Path
) -> None:
    folder = data / "pages" / "icdar2013-tables-us"
    topics = benchmark.topics_of(folder / "pdfs" / "a.pdf", folder / "ground-truth", 3, 0)
    assert {topic.query for topic in topics} == {" ".join(row) for row in ROWS}
    box = topics[0].region.box
    assert (box.left, box.top) == pytest.approx((70 / 612, 1 - 415 / 792))
    assert (box.right, box.bottom) == pytest.approx((400 / 612, 1 - 350 / 792))
