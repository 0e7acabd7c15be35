"""Spaces whose large segments keep only codes: scores, evidence, merges, what is refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from latelight.errors import FormatVersionError, InputError
from latelight.index import MultiVectorIndex, SpaceSpec, Store, WriterOptions
from latelight.index.candidates import Effort, Wanted, search_snapshot
from latelight.index.manifest import FEATURES, manifest_path, read_newest
from latelight.index.runs import Run, RunRows
from latelight.kernels.search import SearchOptions
from latelight.types import Document, Locator, MultiVector, Unit
from tests.kernels.test_codec import topical_rows

DIM, N_ROWS, N_UNITS = 32, 10, 120
OPTIONS = WriterOptions(min_coded_rows=500, n_threads=1, log_documents=0, background=False)
UNIT = Unit("v", "passage", Locator())
QUERY = topical_rows(np.random.default_rng(0), N_UNITS, N_ROWS, DIM)[0][[3, 99, 500, 777]]


def rows_of(seed: int = 0, n_units: int = N_UNITS) -> np.ndarray:
    return topical_rows(np.random.default_rng(seed), n_units, N_ROWS, DIM)[0]


def add(store: Store, rows: np.ndarray, first: int = 0) -> None:
    with store.writer() as writer:
        for i, start in enumerate(range(0, len(rows), N_ROWS)):
            own = MultiVector(rows[start : start + N_ROWS])
            document = Document(f"d{first + i}", "", "text/plain", "", {"even": i % 2 == 0})
            writer.add(document, [UNIT], {"s": [own]})
        writer.commit()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store.create(tmp_path / "g", {"s": SpaceSpec(DIM, "codes", 4)}, options=OPTIONS)
    add(made, rows_of())
    return made


def parts_of(store: Store):
    return [rows for rows, _ in store.snapshot().parts("s")]


def scores_of(store: Store) -> dict[str, float]:
    snapshot = store.snapshot()
    scores = snapshot.scores("s", QUERY, snapshot.allow_list())
    found = np.flatnonzero(np.isfinite(scores))
    return {snapshot.doc_id_of(int(i)): float(scores[i]) for i in found}


def test_a_large_segment_keeps_codes_and_nothing_else(store):
    assert [rows.has_values for rows in parts_of(store)] == [False]
    sections = parts_of(store)[0]._file.header.sections
    assert not {"space.s.values", "space.s.scales"} & set(sections)
    assert store.verify() == []


def test_scores_are_near_those_of_the_rows(store, tmp_path):
    beside = Store.create(tmp_path / "b", {"s": SpaceSpec(DIM, "int8", 4)}, options=OPTIONS)
    add(beside, rows_of())
    found, expected = scores_of(store), scores_of(beside)
    assert found.keys() == expected.keys()
    assert max(abs(found[name] - expected[name]) for name in found) < 0.25
    best = {max(scores, key=scores.get) for scores in (found, expected)}
    assert len(best) == 1


def test_evidence_adds_up_to_the_score_and_to_every_similarity(store):
    snapshot = store.snapshot()
    scores = snapshot.scores("s", QUERY, snapshot.allow_list())
    ordinals = np.arange(0, N_UNITS, 7)
    winners, similarities = snapshot.argmax("s", QUERY, ordinals)
    np.testing.assert_allclose(similarities.sum(axis=1), scores[ordinals], rtol=1e-6)
    np.testing.assert_array_equal(snapshot.scores_of("s", QUERY, ordinals), scores[ordinals])
    for i, ordinal in enumerate(ordinals.tolist()):
        matrix = snapshot.similarities("s", QUERY, ordinal)
        np.testing.assert_array_equal(matrix.argmax(axis=1), winners[i])
        np.testing.assert_array_equal(matrix.max(axis=1), similarities[i])


def test_windows_and_beginnings_are_scored_on_decoded_rows(store):
    snapshot = store.snapshot()
    ordinals = np.array([5, 50, 80])
    windows = snapshot.best_windows("s", QUERY, ordinals, 2 * N_ROWS)
    winners, similarities = snapshot.argmax("s", QUERY, ordinals)
    np.testing.assert_array_equal(windows.winners, winners)
    np.testing.assert_array_equal(windows.similarities, similarities)


def test_few_decoded_rows_at_a_time_change_nothing(store, monkeypatch):
    snapshot, allow = store.snapshot(), store.snapshot().allow_list({"even": True})
    whole = snapshot.scores("s", QUERY, allow)
    monkeypatch.setattr("latelight.index.rows._DECODED_ROWS", 25)
    np.testing.assert_array_equal(snapshot.scores("s", QUERY, allow), whole)


@pytest.mark.parametrize("n_threads", [1, 2])
def test_an_approximate_search_returns_exact_scores(store, monkeypatch, n_threads):
    monkeypatch.setattr("latelight.index.candidates.FEW_DECODED_ROWS", 0)
    add(store, rows_of(n_units=20), first=500)  # a small segment, of int8 rows
    snapshot = store.snapshot()
    allow = snapshot.allow_list()
    effort = Effort(SearchOptions(16, 60, 30, 20))
    found = search_snapshot(snapshot, [QUERY], Wanted("s", allow, 5, effort, n_threads))[0]
    scores = snapshot.scores("s", QUERY, allow)
    assert not found.is_exact
    np.testing.assert_array_equal(found.scores, scores[found.ordinals])
    np.testing.assert_array_equal(found.scores, np.sort(scores)[::-1][:5])


def test_merges_carry_codes_over_as_they_are(store):
    add(store, rows_of(n_units=60), first=500)
    centroids = parts_of(store)[0].coded.book.centroids
    codes = np.concatenate([rows.coded.coded.codes for rows in parts_of(store)])
    before = scores_of(store)
    store.compact()
    (merged,) = parts_of(store)
    np.testing.assert_array_equal(merged.coded.book.centroids, centroids)
    np.testing.assert_array_equal(merged.coded.coded.codes, codes)
    assert scores_of(store) == before


def test_what_stays_keeps_its_scores_when_others_are_deleted(store):
    before = scores_of(store)
    with store.writer() as writer:
        writer.delete([f"d{i}" for i in range(0, N_UNITS, 3)])
        writer.commit()
    store.compact()
    after = scores_of(store)
    assert len(after) == 80
    assert all(after[name] == before[name] for name in after)
    assert store.verify() == []


def test_a_segment_that_became_small_keeps_what_its_codes_stood_for(store):
    before = scores_of(store)
    with store.writer() as writer:
        writer.delete([f"d{i}" for i in range(20, N_UNITS)])
        writer.commit()
    store.compact()
    (rows,) = parts_of(store)
    assert rows.has_values
    after = scores_of(store)
    assert max(abs(after[name] - before[name]) for name in after) < 0.02


def test_rows_are_read_back_in_their_own_space(store):
    values, scales = store.snapshot().rows("s", 7)
    assert (values.dtype, scales) == (np.float32, None)
    assert np.abs(values - rows_of()[70:80]).max() < 0.1


def test_small_segments_are_coded_when_they_are_merged(tmp_path):
    store = Store.create(tmp_path / "g", {"s": SpaceSpec(DIM, "codes", 3)}, options=OPTIONS)
    for first in range(0, 90, 30):
        add(store, rows_of(first, 30), first)
    assert all(rows.has_values for rows in parts_of(store))
    store.compact()
    assert [rows.has_values for rows in parts_of(store)] == [False]
    assert len(scores_of(store)) == 90


def test_codes_of_another_codebook_are_coded_again(store):
    add(store, rows_of(77), first=500)  # drifted: centroids of their own
    assert len({id(rows.coded.book) for rows in parts_of(store)}) == 2
    before = scores_of(store)
    store.compact()
    after = scores_of(store)
    assert len(parts_of(store)) == 1
    assert np.mean([abs(after[name] - before[name]) for name in before]) < 0.2


def test_runs_of_every_kind_give_their_rows(store):
    coded = parts_of(store)[0].stored(3, 9)
    mine = [
        Run(np.array([0, 4]), rows_of()[:4], None, None),
        Run(coded.offsets, None, None, coded.part),
        Run(np.array([0, 2]), np.full((2, DIM), 2, np.int8), np.full(2, 0.5, np.float32), None),
    ]
    rows = RunRows(mine)
    whole = rows[:]
    assert len(rows) == len(whole) == 66
    np.testing.assert_allclose(whole[4:64], rows_of()[30:90], atol=0.1)
    np.testing.assert_array_equal(whole[-2:], 1)
    chosen = np.array([0, 5, 40, 65])
    np.testing.assert_allclose(rows[chosen], whole[chosen], atol=1e-6)
    assert rows[np.zeros(0, np.int64)].shape == (0, DIM)


def test_versions_that_do_not_know_such_spaces_refuse_them(store, monkeypatch):
    manifest = read_newest(store.path)
    assert "codes" in manifest.requires
    monkeypatch.setattr("latelight.index.manifest.FEATURES", FEATURES - {"codes"})
    with pytest.raises(FormatVersionError, match="codes"):
        Store.open(store.path)
    body = manifest_path(store.path, manifest.number).read_bytes().split(b"\n", 1)[1]
    assert json.loads(body)["spaces"]["s"]["store"] == "codes"


def test_codes_of_no_bits_are_refused():
    with pytest.raises(InputError, match="would keep nothing"):
        SpaceSpec(8, "codes", 0)


@pytest.mark.parametrize("section", ["codes", "centroid_of", "means", "book.rotation"])
def test_verify_finds_what_is_damaged(store, section):
    rows = parts_of(store)[0]
    path = next(store.path.rglob("segment.ll"))
    offset = rows._file.header.sections[f"space.s.{section}"].offset
    store.release()
    data = bytearray(path.read_bytes())
    data[offset] ^= 16
    path.write_bytes(data)
    assert any(section in str(problem) for problem in Store.open(store.path).verify())


def test_own_vectors_can_be_kept_as_codes(tmp_path, monkeypatch):
    monkeypatch.setattr("latelight.index.candidates.FEW_DECODED_ROWS", 0)
    rows = rows_of().reshape(N_UNITS, N_ROWS, DIM)
    with MultiVectorIndex(tmp_path / "i", DIM, "codes", 4, options=OPTIONS) as index:
        index.add([f"d{i}" for i in range(N_UNITS)], list(rows))
        query = np.ascontiguousarray(rows[17, :4])
        hits = index.search(query, k=3)
        assert hits[0].id == "d17"
        evidence = index.explain(query, "d17")
        assert [e.row for e in evidence] == [0, 1, 2, 3]
        assert sum(e.contribution for e in evidence) == pytest.approx(hits[0].score, rel=1e-6)
