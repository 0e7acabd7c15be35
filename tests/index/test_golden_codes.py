"""Codes that were ever written can be searched: golden copies are kept for ever."""

from pathlib import Path

import numpy as np
import pytest

from latelight.index import Store
from latelight.index.candidates import Effort, Wanted, search_snapshot
from latelight.kernels.codec import decode_rows
from latelight.kernels.search import SearchOptions
from tests.index.golden_library import golden_rows

GOLDEN = sorted((Path(__file__).parent / "golden_codes").glob("v*"))


@pytest.fixture(params=GOLDEN, ids=lambda path: path.name)
def golden(request) -> Store:
    return Store.open(request.param)


def test_golden_codes_are_sound_and_stand_for_their_rows(golden):
    assert golden.verify() == []
    rows, _ = next(golden.snapshot().parts("text"))
    decoded = decode_rows(rows.coded.book, rows.coded.coded, rows.offsets)
    lost = ((decoded - golden_rows()) ** 2).sum(axis=1).mean()
    assert lost < (0.06 if golden.spaces["text"].bits == 1 else 0.01)
    assert rows.has_values == (golden.path.name == "v1")


def test_golden_codes_are_searched(golden, monkeypatch):
    monkeypatch.setattr("latelight.index.candidates.FEW_ROWS", 0)
    monkeypatch.setattr("latelight.index.candidates.FEW_DECODED_ROWS", 0)
    snapshot = golden.snapshot()
    query = np.eye(16, dtype=np.float32)[[3, 4, 5]]
    effort = Effort(SearchOptions(4, 20, 20, 10))
    found = search_snapshot(snapshot, [query], Wanted("text", snapshot.allow_list(), 3, effort))[0]
    exact = snapshot.scores("text", query, snapshot.allow_list())
    np.testing.assert_allclose(found.scores, np.sort(exact)[::-1][:3], rtol=1e-6)
    _, similarities = snapshot.argmax("text", query, found.ordinals)
    np.testing.assert_allclose(similarities.sum(axis=1), found.scores, rtol=1e-6)
    assert snapshot.doc_id_of(int(found.ordinals[0])) in {"d3", "d19", "d35"}
