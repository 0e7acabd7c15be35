import numpy as np
import pytest

from latelight.errors import ShapeError
from latelight.kernels.clustering import nearest_centroids, spherical_kmeans
from latelight.kernels.codec import (
    centroid_lists,
    decode_rows,
    encode_rows,
    random_rotation,
    suggested_centroids,
    train_codebook,
)
from latelight.kernels.maxsim import quantize_int8
from latelight.kernels.residuals import BITS, scale_of_code


def topical_rows(rng, n_units: int, n_rows: int, dim: int):
    """Units whose rows share something, as those of real texts do."""
    words = rng.standard_normal((64, dim))
    shared = np.repeat(rng.standard_normal((n_units, dim)) * 0.5, n_rows, axis=0)
    rows = words[rng.integers(0, 64, n_units * n_rows)] + shared
    rows += 0.3 * rng.standard_normal(rows.shape)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows.astype(np.float32), np.arange(n_units + 1, dtype=np.int64) * n_rows


def test_a_rotation_keeps_lengths_and_angles():
    rotation = random_rotation(40, np.random.default_rng(1))
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(40), atol=1e-5)


def test_more_bits_lose_less():
    rng = np.random.default_rng(2)
    rows, offsets = topical_rows(rng, 60, 20, 64)
    lost = []
    for bits in BITS:
        book = train_codebook(rows, bits, 48, np.random.default_rng(3))
        coded, _ = encode_rows(book, rows, offsets)
        lost.append(float(((decode_rows(book, coded, offsets) - rows) ** 2).sum(axis=1).mean()))
    assert lost[0] < 0.12 and lost[1] < 0.06
    assert lost[1] < 0.4 * lost[0]
    assert lost[2] < 0.4 * lost[1]


def test_the_mean_of_a_unit_takes_out_what_its_rows_share():
    rng = np.random.default_rng(4)
    rows, offsets = topical_rows(rng, 60, 20, 64)
    one_each = np.arange(len(rows) + 1, dtype=np.int64)
    book = train_codebook(rows, 2, 48, np.random.default_rng(5))
    together, apart = encode_rows(book, rows, offsets)[0], encode_rows(book, rows, one_each)[0]
    np.testing.assert_array_equal(together.centroid_of, apart.centroid_of)
    left = scale_of_code()[together.code_scales].mean()
    book_only = np.abs(
        rows @ book.rotation
        - book.centroids[together.centroid_of] * book.scales[together.centroid_of][:, None]
    ).mean()
    assert left < book_only


def test_a_seed_seeds():
    rows, offsets = topical_rows(np.random.default_rng(6), 40, 20, 32)
    books = [train_codebook(rows, 4, 16, np.random.default_rng(7), n_threads=n) for n in (1, 3)]
    np.testing.assert_array_equal(books[0].centroids, books[1].centroids)
    np.testing.assert_array_equal(books[0].rotation, books[1].rotation)
    coded = [encode_rows(books[0], rows, offsets, n_threads=n)[0] for n in (1, 3)]
    np.testing.assert_array_equal(coded[0].codes, coded[1].codes)


def test_chunks_of_units_change_nothing(monkeypatch):
    rows, offsets = topical_rows(np.random.default_rng(8), 40, 20, 32)
    book = train_codebook(rows, 3, 16, np.random.default_rng(9))
    whole, lost = encode_rows(book, rows, offsets)
    monkeypatch.setattr("latelight.kernels.codec.unit_chunks", lambda o: [(0, 7), (7, 40)])
    parts, lost_too = encode_rows(book, rows, offsets)
    np.testing.assert_array_equal(whole.codes, parts.codes)
    np.testing.assert_array_equal(whole.means, parts.means)
    assert lost == pytest.approx(lost_too)


def test_units_without_rows_and_zero_rows_are_coded():
    rows = np.zeros((4, 16), np.float32)
    rows[1, 3] = 1
    offsets = np.array([0, 0, 3, 3, 4], np.int64)
    book = train_codebook(np.eye(16, dtype=np.float32), 4, 8, np.random.default_rng(0))
    coded, _ = encode_rows(book, rows, offsets)
    assert coded.means.shape == (4, 16)
    assert np.isfinite(decode_rows(book, coded, offsets)).all()
    nothing, _ = encode_rows(book, rows[:0], np.zeros(3, np.int64))
    assert nothing.means.shape == (2, 16)


def test_the_nearest_centroid_has_the_greatest_product():
    rng = np.random.default_rng(10)
    rows = rng.standard_normal((2500, 24)).astype(np.float32)
    codes, scales = quantize_int8(rng.standard_normal((70, 24)).astype(np.float32))
    row_codes, _ = quantize_int8(rows)
    products = (row_codes.astype(np.int32) @ codes.astype(np.int32).T) * scales
    found = nearest_centroids(rows, codes, scales, n_threads=2)
    np.testing.assert_allclose(products[np.arange(2500), found], products.max(axis=1), rtol=1e-6)


def test_clusters_are_found():
    rng = np.random.default_rng(11)
    directions = np.eye(8, dtype=np.float32)
    rows = np.repeat(directions, 50, axis=0) + 0.02 * rng.standard_normal((400, 8))
    codes, scales = spherical_kmeans(rows.astype(np.float32), 40, rng)
    nearest = nearest_centroids(directions, codes, scales)
    found = codes[nearest] * scales[nearest][:, None]
    assert ((found * directions).sum(axis=1) > 0.99).all()


@pytest.mark.parametrize("n_centroids", [0, 11, 70_000])
def test_an_impossible_number_of_centroids_is_refused(n_centroids):
    with pytest.raises(ShapeError, match="centroids from 10 rows"):
        spherical_kmeans(np.ones((10, 8), np.float32), n_centroids, np.random.default_rng(0))


def test_lists_name_each_unit_once():
    centroid_of = np.array([2, 0, 2, 2, 0, 1], np.uint16)
    starts, units = centroid_lists(centroid_of, np.array([0, 3, 3, 5, 6], np.int64), 4)
    assert starts.tolist() == [0, 2, 3, 5, 5]
    assert units.tolist() == [0, 2, 3, 0, 2]


def test_too_many_units_for_a_list_are_refused():
    with pytest.raises(ShapeError, match="smaller segments"):
        centroid_lists(np.zeros(0, np.uint16), np.zeros(65_538, np.int64), 1)


@pytest.mark.parametrize(
    ("n_rows", "expected"),
    [(3, 1), (400, 16), (50_000, 2048), (600_000, 8192), (12_000_000, 16_384)],
)
def test_the_number_of_centroids_grows_slowly(n_rows, expected):
    assert suggested_centroids(n_rows) == expected
