import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.kernels.maxsim import maxsim, top_k
from latelight.types import MultiVector, RowLocators

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DIM = 32


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("first_stage")


def page(rng: np.random.Generator, n_rows: int) -> MultiVector:
    """Rows with boxes of words, anywhere; the first one has none."""
    rows = rng.standard_normal((n_rows, DIM)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    corner = rng.uniform(0, 0.9, (n_rows, 2))
    boxes = np.concatenate([corner, corner + 0.05], axis=1).astype(np.float32)
    boxes[0] = np.nan
    return MultiVector(rows, RowLocators(boxes=boxes))


def test_a_row_lies_in_the_cell_of_its_words_middle(benchmark: Any) -> None:
    boxes = np.array([[0, 0, 0.02, 0.02], [0.5, 0.25, 0.6, 0.26], [0.99, 0.99, 1, 1]], np.float32)
    given = MultiVector(np.eye(3, DIM, dtype=np.float32), RowLocators(boxes=boxes))
    cells = benchmark.on_grid(given).locators.boxes * benchmark.CELLS
    np.testing.assert_allclose(cells[:, :2], [[0, 0], [17, 8], [31, 31]])


def test_a_grid_has_a_mean_for_each_row_and_column_that_holds_something(benchmark: Any) -> None:
    given = page(np.random.default_rng(1), 40)
    cells = benchmark.on_grid(given).locators.boxes
    n_means = len(np.unique(cells[:, 0])) + len(np.unique(cells[:, 1]))
    assert len(cells) == 39 and len(benchmark.grid_rows([given]).values) == n_means


def test_a_first_stage_as_deep_as_the_collection_ranks_as_all_rows_do(benchmark: Any) -> None:
    rng = np.random.default_rng(2)
    pages = [page(rng, 50) for _ in range(12)]
    whole = benchmark.stacked([one.vectors for one in pages])
    query = pages[5].vectors[:4]
    exact = top_k(maxsim(query, whole), 12).tolist()
    deep = benchmark.staged(benchmark.grid_rows(pages), whole, 12)
    assert deep(query).tolist() == exact and exact[0] == 5
    shallow = benchmark.staged(benchmark.grid_rows(pages), whole, 3)(query).tolist()
    assert len(shallow) == 3 and shallow == [one for one in exact if one in shallow]


def test_made_queries_stand_at_their_cosine_from_patches(benchmark: Any) -> None:
    own = page(np.random.default_rng(3), 60).vectors
    made = benchmark.made(own, np.random.default_rng(4))
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    assert (np.abs(made @ own.T - benchmark.TURNED).min(axis=1) < 1e-5).all()
