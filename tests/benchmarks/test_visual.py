import importlib
import json
from pathlib import Path
from typing import Any

import pytest

from latelight.evaluation import EvidenceJudgement, Run
from latelight.testing.files import PdfPage, PdfText, make_pdf
from latelight.types import Box, Locator

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SHIPS = (("Harbour", "Ships", "Tons"), ("Aberdeen", "412", "9,310"), ("Leith", "205", "7,644"))
PROSE = "The customs house kept its books with care."
LABELS = (
    {"pdf": "a", "page": 1, "labels": []},
    {
        "pdf": "a",
        "page": 2,
        "labels": [
            # The page is 612 by 792 points; the table's words stand from 380 to 430 from below.
            {"kind": "table", "box": [0.1, 0.4, 0.7, 0.55], "attributes": {"subject": "ships"}}
        ],
    },
    {"pdf": "b", "page": 1, "labels": [{"kind": "cover page"}]},
)
QUERIES = (
    {
        "id": "t",
        "group": "table",
        "text": "harbour ships tons aberdeen leith",
        "wanted": {"kind": ["table"], "subject": ["ships"]},
    },
    {"id": "p", "group": "page", "text": "whale cover", "wanted": {"kind": ["cover page"]}},
)
TWO_SPACES = """
name: two
spaces:
  text: {encoder: latelight-small}
  other: {encoder: minilm}
"""


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("visual")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Two PDFs of three pages, their labels and queries."""
    folder = tmp_path / "data" / "pages" / "icdar2013-tables-us" / "pdfs"
    folder.mkdir(parents=True)
    cells = tuple(
        PdfText(cell, 72 + 120 * column, 430 - 20 * row)
        for row, cells in enumerate(SHIPS)
        for column, cell in enumerate(cells)
    )
    pages = [PdfPage((PdfText(PROSE, 72, 700),)), PdfPage(cells)]
    (folder / "a.pdf").write_bytes(make_pdf(pages))
    (folder / "b.pdf").write_bytes(make_pdf([PdfPage((PdfText("Whales of the north", 72, 700),))]))
    for name, rows in (("labels", LABELS), ("queries", QUERIES)):
        told = "".join(json.dumps({"set": "icdar2013", **row}) + "\n" for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(told)
    return tmp_path


def run(benchmark: Any, place: Path, *more: str) -> list[dict[str, Any]]:
    names = ("labels", "queries", "rows")
    files = [part for name in names for part in (f"--{name}", str(place / f"{name}.jsonl"))]
    given = ["--data", str(place / "data"), "--set", "icdar2013", *files]
    return list(benchmark.main([*given, "--work", str(place / "work"), *more]))


@pytest.mark.model
def test_a_toy_set_is_searched_explained_and_told(benchmark: Any, place: Path) -> None:
    (row,) = run(benchmark, place, "--mode", "bm25")
    assert row["n_units"] == 3
    table, cover = row["queries"]["t"], row["queries"]["p"]
    assert table["recall"] == table["capped"] == table["ndcg"] == table["pointing"] == 1
    assert table["chance"] == pytest.approx(0.6 * 0.15, abs=0.01)
    assert cover["recall"] == 1
    assert "pointing" not in cover  # its label is of the whole page
    assert row["groups"]["table"] == row["groups"]["table, with words"]
    assert row["groups"]["page, plain"]["n"] == 1
    benchmark.main(["report", "--rows", str(place / "rows.jsonl"), "--out", str(place / "out")])
    told = (place / "out" / "visual-table.md").read_text()
    assert "| icdar2013 | default, bm25 | table | 1 | 1.000 | 1.000 | 1.000 | 1.000 |" in told
    assert (place / "out" / "visual.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.model
def test_a_space_is_left_out_of_the_same_collection(benchmark: Any, place: Path) -> None:
    pipeline = place / "two.yaml"
    pipeline.write_text(TWO_SPACES)
    whole, without = run(
        benchmark, place, "--pipeline", str(pipeline), "--without", "other", "--mode", "maxsim"
    )
    assert (whole["system"], without["system"]) == ("two, maxsim", "two without other, maxsim")
    assert whole["digest"] == without["digest"]


def test_recall_is_told_of_what_five_places_can_hold(benchmark: Any) -> None:
    labels = importlib.import_module("visual_labels")
    label = labels.Label("table", Box(0.1, 0.1, 0.2, 0.2))
    pages = [labels.PageLabels("s", "d", n, (label,)) for n in range(1, 11)]
    query = labels.VisualQuery("q", "s", "table", "table", {"kind": ("table",)})
    judged = labels.judge("s", pages, [query])
    found = Run({"q": tuple((f"d#p{n}", -float(n)) for n in (1, 20, 2, 21, 3, 4))})
    ranks = benchmark.ranks(found, judged, "q")
    assert ranks["recall"] == pytest.approx(3 / 10)
    assert ranks["capped"] == pytest.approx(3 / 5)


def test_chance_is_the_area_of_the_boxes_together(benchmark: Any) -> None:
    boxes = (Box(0, 0, 0.5, 0.5), Box(0.25, 0, 0.75, 0.5))
    places = [EvidenceJudgement("q", "d", Locator(page=1, box=box)) for box in boxes]
    assert benchmark.covered(places) == pytest.approx(0.375)


def test_queries_of_several_sets_are_pooled_by_query(benchmark: Any) -> None:
    report = importlib.import_module("visual_report")
    told = {"group": "chart", "plain": True, "recall": 1.0, "capped": 1.0, "ndcg": 1.0}
    rows = [
        {"set": "one", "system": "s", "queries": {"a": told, "b": told}},
        {"set": "two", "system": "s", "queries": {"c": {**told, "recall": 0.0, "pointing": 0.5}}},
        {"set": "one", "system": "alone", "queries": {"a": told}},
    ]
    (both,) = report.pooled(rows)
    assert (both["set"], both["system"]) == ("both", "s")
    assert both["groups"]["chart"]["n"] == 3
    assert both["groups"]["chart"]["recall"] == pytest.approx(2 / 3, abs=1e-4)
    assert both["groups"]["chart"]["pointing"] == 0.5  # of those that have it
