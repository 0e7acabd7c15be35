import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from latelight.testing.files import text_pdf

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("ocr")


@pytest.mark.model
def test_a_toy_set_is_read_and_measured(benchmark: Any, tmp_path: Path) -> None:
    folder = tmp_path / "data" / "pages" / "icdar2013-tables-us" / "pdfs"
    folder.mkdir(parents=True)
    line = "the harbour trust paid for boats, piers and ropes"
    (folder / "a.pdf").write_bytes(text_pdf("\n".join(f"{line} {n}00" for n in range(1, 7))))
    given = ["--data", str(tmp_path / "data"), "--set", "icdar2013-tables-us", "--pages", "1"]
    given += ["--damage", "clean", "--out", str(tmp_path / "ocr.json")]
    row = benchmark.main(given)["rows"][0]
    assert row["n_pages"] == 1
    assert row["recall"] > 0.97
    assert row["precision"] > 0.97


def test_words_are_compared_as_bags_of_letters_and_digits(benchmark: Any) -> None:
    assert benchmark.bag(["Cost:", "$1,200", "cost", "—"]) == {"cost": 2, "1200": 1}


def test_edges_are_compared_for_words_that_occur_once_in_both(benchmark: Any) -> None:
    truth = [("a", (0, 0, 10, 10)), ("b", (0, 0, 1, 1)), ("b", (5, 5, 6, 6))]
    found = [("a", (1, 0, 10, 8)), ("b", (0, 0, 1, 1))]
    assert benchmark.edge_errors(truth, found) == [1, 0, 0, 2]


@pytest.mark.parametrize("number", range(4))
def test_every_damage_says_where_things_went(benchmark: Any, number: int) -> None:
    damage = benchmark.DAMAGES[number]
    page = Image.new("RGB", (200, 300), "white")
    page.paste((0, 0, 0), (40, 50, 80, 70))
    spoilt = np.asarray(damage.picture(page).convert("L")) < 128
    ys, xs = np.nonzero(spoilt)
    expected = damage.place(np.array([[40.0, 50, 80, 70]]), page.size)[0]
    found = [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]
    assert np.abs(expected - found).max() <= 1.5
