import argparse
import importlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from latelight.kernels.maxsim import maxsim, top_k

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
DIM, N_UNITS, EACH = 64, 60, 40


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("compression")


@pytest.fixture
def given(benchmark: Any) -> Any:
    """Rows in clumps, as those of texts are: 60 units of 40 rows near 50 directions."""
    chance = np.random.default_rng(3)
    directions = chance.standard_normal((50, DIM))
    rows = directions[chance.integers(0, 50, N_UNITS * EACH)]
    rows = rows + 0.6 * chance.standard_normal(rows.shape)
    rows = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    offsets = np.arange(0, N_UNITS * EACH + 1, EACH)
    queries = {f"t{unit}": rows[unit * EACH : unit * EACH + 8] for unit in range(0, N_UNITS, 7)}
    return benchmark.Material(rows, offsets, [f"d{n}" for n in range(N_UNITS)], queries)


def cosines(given: Any, rows: Any, rotation: Any) -> Any:
    """Cosine of each row with what it was made into."""
    made = rows.values * rows.scales[:, None]
    lengths = np.linalg.norm(made, axis=1)
    return ((given.rows @ rotation) * made).sum(axis=1) / lengths


def test_signs_keep_most_of_a_row(benchmark: Any, given: Any) -> None:
    rows, rotation = benchmark.signs_of(given)
    made = rows.values * rows.scales[:, None]
    np.testing.assert_allclose(np.linalg.norm(made, axis=1), 1, atol=1e-5)
    # A random direction keeps sqrt(2 / pi) of its length along its signs.
    kept = ((given.rows @ rotation) * made).sum(axis=1)
    assert kept.mean() == pytest.approx((2 / np.pi) ** 0.5, abs=0.02)


def test_every_store_finds_the_unit_that_a_query_is_from(
    benchmark: Any, given: Any, tmp_path: Path
) -> None:
    rankers = [benchmark.scan(*benchmark.signs_of(given))]
    for name, store, bits in benchmark.STORES:
        index = benchmark.index_of(given, tmp_path / name, store, bits)
        rankers += [benchmark.scorer(index), benchmark.searcher(index)]
    for rank in rankers:
        assert all(f"t{rank(query)[0]}" == topic for topic, query in given.queries.items())


def test_rescoring_orders_what_was_found_as_the_rows_do(benchmark: Any, given: Any) -> None:
    rows = benchmark.as_int8(given.rows, given.offsets)
    (query, *_) = given.queries.values()
    found = benchmark.rescored(benchmark.scan(*benchmark.signs_of(given)), rows)(query)
    assert found.tolist() == top_k(maxsim(query, rows), N_UNITS).tolist()


def test_bytes_are_those_that_a_score_needs(benchmark: Any, given: Any) -> None:
    assert benchmark.bytes_of(given, "int8", 8) == EACH * (DIM + 4)
    book = 2 * 128 * (DIM + 4) + 4 * DIM**2  # the codebook, shared by all
    expected = EACH * (DIM / 4 + 3) + (DIM + 4) + book / N_UNITS
    assert benchmark.bytes_of(given, "codes", 2) == pytest.approx(expected)


def test_the_report_tests_every_store_against_whole_rows(benchmark: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    shared = {
        "set": "s", "encoder": "e", "measure": "nDCG@10", "factor": 1, "n_documents": 9,
        "n_rows": 900, "machine": "m", "commit": "c", "seed": 7, "data": "d",
    }  # fmt: skip
    whole = {f"t{n}": 0.9 for n in range(30)}
    stores = (
        {"store": "8 bits", "bytes": 900, "values": whole, "searched": whole},
        {"store": "4 bits", "bytes": 500, "values": whole, "searched": whole},
        {"store": "sign", "bytes": 100, "values": dict.fromkeys(whole, 0.5)},
    )
    lines = [json.dumps({**shared, **store}) for store in stores]
    (tmp_path / "rows.jsonl").write_text("\n".join([*lines, lines[-1]]))
    benchmark.report(argparse.Namespace(rows=tmp_path / "rows.jsonl", out=tmp_path / "out"))
    page = (tmp_path / "out" / "compression.md").read_text()
    assert "| ×1 | 8 bits | 900 | 0.900 | 0.900 | +0.000 |  |" in page
    assert "| ×1 | 4 bits | 500 | 0.900 | 0.900 | +0.000 | 1.000 |" in page
    assert page.count("| ×1 | sign | 100 | 0.500 |  | -0.400 | < .001 |") == 1
    assert (tmp_path / "out" / "compression.png").read_bytes().startswith(b"\x89PNG")
