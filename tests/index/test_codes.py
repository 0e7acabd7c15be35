"""Segments with codes: written, read back, shared, merged, refused when damaged."""

import shutil

import numpy as np
import pytest

from latelight.errors import CorruptFileError, InputError
from latelight.index import MultiVectorIndex, SpaceSpec, Store, WriterOptions
from latelight.index.codes import CodingOptions, choose_codebook, read_codes
from latelight.index.manifest import FEATURES
from latelight.index.runs import Run, RunRows
from latelight.index.sections import SectionFile
from latelight.kernels.codec import decode_rows
from latelight.kernels.residuals import BITS
from latelight.types import Document, Locator, MultiVector, Unit
from tests.kernels.test_codec import topical_rows

DIM, N_ROWS = 32, 10
OPTIONS = WriterOptions(min_coded_rows=500, n_threads=1, log_documents=0)
UNIT = Unit("v", "passage", Locator())


def add(store: Store, rows: np.ndarray, first: int = 0) -> None:
    with store.writer() as writer:
        for i, start in enumerate(range(0, len(rows), N_ROWS)):
            own = MultiVector(rows[start : start + N_ROWS])
            document = Document(f"d{first + i}", "", "text/plain", "", {"even": i % 2 == 0})
            writer.add(document, [UNIT], {"s": [own]})
        writer.commit()


def coded_store(path, n_units: int = 100, bits: int = 4, options=OPTIONS) -> Store:
    store = Store.create(path, {"s": SpaceSpec(DIM, "int8", bits)}, options=options)
    add(store, topical_rows(np.random.default_rng(0), n_units, N_ROWS, DIM)[0])
    return store


def plain(rows: np.ndarray) -> RunRows:
    return RunRows([Run(np.array([0, len(rows)]), rows, None, None)])


def only_coded(store: Store):
    return next(rows for rows, _ in store.snapshot().parts("s"))


@pytest.mark.parametrize("bits", BITS)
def test_a_large_segment_gets_codes_that_stand_for_its_rows(tmp_path, bits):
    store = coded_store(tmp_path / "g", bits=bits)
    rows = only_coded(store)
    coded = rows.coded
    decoded = decode_rows(coded.book, coded.coded, coded.offsets)
    stored = rows.rows.values * rows.rows.scales[:, None]
    lost = float(((decoded - stored) ** 2).sum(axis=1).mean())
    assert lost < {1: 0.2, 2: 0.08, 3: 0.03, 4: 0.01}[bits]
    assert store.verify() == []


def test_small_segments_and_spaces_without_bits_get_none(tmp_path):
    small = coded_store(tmp_path / "small", n_units=20)
    assert only_coded(small).coded is None
    plain = coded_store(tmp_path / "plain", bits=0)
    assert only_coded(plain).coded is None


def test_a_wrong_number_of_bits_is_refused():
    with pytest.raises(InputError, match="bits is 0"):
        SpaceSpec(8, "int8", 5)


def test_segments_of_like_rows_share_one_codebook(tmp_path):
    store = coded_store(tmp_path / "g")
    add(store, topical_rows(np.random.default_rng(0), 100, N_ROWS, DIM)[0], first=500)
    books = [rows.coded.book for rows, _ in store.snapshot().parts("s")]
    assert len(books) == 2
    assert books[0] is books[1]


def test_rows_that_drifted_get_centroids_of_their_own_in_the_same_rotation(tmp_path):
    store = coded_store(tmp_path / "g")
    add(store, topical_rows(np.random.default_rng(77), 100, N_ROWS, DIM)[0], first=500)
    books = [rows.coded.book for rows, _ in store.snapshot().parts("s")]
    assert books[0] is not books[1]
    np.testing.assert_array_equal(books[0].rotation, books[1].rotation)


def test_many_more_rows_get_more_centroids():
    rows, _ = topical_rows(np.random.default_rng(0), 800, N_ROWS, DIM)
    rows = rows[np.random.default_rng(1).permutation(len(rows))]
    few = choose_codebook(plain(rows[:600]), CodingOptions())
    kept = choose_codebook(plain(rows[:900]), CodingOptions(existing=few))
    more = choose_codebook(plain(rows), CodingOptions(existing=few))
    assert kept is few
    assert len(more.centroids) > 2 * len(few.centroids)


def test_compaction_codes_what_is_left(tmp_path):
    store = coded_store(tmp_path / "g")
    with store.writer() as writer:
        writer.delete([f"d{i}" for i in range(0, 100, 3)])
        writer.commit()
    store.compact()
    rows = only_coded(store)
    assert len(rows.coded.offsets) - 1 == 66
    assert store.verify() == []


def test_building_twice_gives_the_same_bytes(tmp_path):
    found = []
    for name, n_threads in (("a", 1), ("b", 3)):
        options = WriterOptions(min_coded_rows=500, n_threads=n_threads, log_documents=0)
        coded = only_coded(coded_store(tmp_path / name, options=options)).coded
        found.append((coded.coded.codes.tobytes(), coded.book.centroids.tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("section", ["codes", "centroid_of", "lists", "book.centroids", "means"])
def test_verify_finds_a_flipped_bit_in_the_codes(tmp_path, section):
    store = coded_store(tmp_path / "g")
    path = next(tmp_path.rglob("segment.ll"))
    offset = (
        SectionFile.open(path, "segment", FEATURES).header.sections[f"space.s.{section}"].offset
    )
    data = bytearray(path.read_bytes())
    data[offset + 1] ^= 64
    store.release()
    path.write_bytes(data)
    problems = Store.open(tmp_path / "g").verify()
    assert any(section in str(problem) for problem in problems)


@pytest.mark.parametrize("section", ["centroid_of", "lists", "list_offsets", "codes"])
def test_searching_damaged_codes_never_leaves_the_arrays(tmp_path, section, monkeypatch):
    monkeypatch.setattr("latelight.index.candidates.FEW_ROWS", 0)
    index = make_index(tmp_path / "g")
    index.close()
    path = next(tmp_path.rglob("segment.ll"))
    entry = SectionFile.open(path, "segment", FEATURES).header.sections[f"space.vectors.{section}"]
    data = bytearray(path.read_bytes())
    data[entry.offset : entry.offset + entry.length] = b"\xff" * entry.length
    path.write_bytes(data)
    query = topical_rows(np.random.default_rng(5), 1, 4, DIM)[0]
    with MultiVectorIndex(tmp_path / "g", dim=DIM) as damaged:
        assert len(damaged.search(query, k=5)) == 5


def test_code_sections_that_do_not_go_together_are_refused(tmp_path):
    offsets = only_coded(coded_store(tmp_path / "g")).offsets
    file = SectionFile.open(next(tmp_path.rglob("segment.ll")), "segment", FEATURES)
    with pytest.raises(CorruptFileError, match="codes has the shape"):
        read_codes(file, "space.s", offsets[:-1], None)


def test_an_index_from_before_codes_is_opened_and_stays_exact(tmp_path):
    golden = "tests/index/golden/v1"
    shutil.copytree(golden, tmp_path / "g")
    store = Store.open(tmp_path / "g")
    assert all(spec.bits == 0 for spec in store.spaces.values())


def make_index(path, n_units: int = 100) -> MultiVectorIndex:
    index = MultiVectorIndex(path, dim=DIM, options=OPTIONS)
    rows, _ = topical_rows(np.random.default_rng(0), n_units, N_ROWS, DIM)
    ids = [f"d{i}" for i in range(n_units)]
    parts = [rows[i * N_ROWS : (i + 1) * N_ROWS] for i in range(n_units)]
    index.add(ids, parts, [{"third": i % 3} for i in range(n_units)])
    return index
