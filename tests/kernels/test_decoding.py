"""Rows read back from codes: the same bytes on every path, near the rows themselves."""

import numpy as np
import pytest

from latelight.errors import ShapeError
from latelight.kernels.codec import (
    CodedRows,
    centroid_lists,
    decode_rows,
    encode_rows,
    train_codebook,
)
from latelight.kernels.coded_segment import CodedSegment
from latelight.kernels.decoding import decode_units, turned
from latelight.kernels.maxsim import Rows, available_isas, maxsim
from latelight.kernels.residuals import BITS
from tests.kernels.test_codec import topical_rows

UNITS = np.array([3, 0, 3, 11], np.int64)


def coded_segment(
    bits: int, dim: int = 48, n_units: int = 30, length: float = 0.0
) -> tuple[CodedSegment, np.ndarray]:
    rows, _ = topical_rows(np.random.default_rng(0), n_units, 20, dim)
    counts = np.random.default_rng(1).integers(0, 40, n_units)
    offsets = np.minimum(np.concatenate([[0], np.cumsum(counts)]), len(rows)).astype(np.int64)
    rows = rows[: offsets[-1]]
    book = train_codebook(rows, bits, 32, np.random.default_rng(2))
    coded, _ = encode_rows(book, rows, offsets)
    lists = centroid_lists(coded.centroid_of, offsets, len(book.centroids))
    return CodedSegment(book, coded, offsets, *lists, None, length), rows


@pytest.mark.parametrize("isa", available_isas())
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("dim", [8, 48, 264, 1024])
@pytest.mark.parametrize("length", [0.0, 1.0])
def test_every_path_decodes_to_the_same_bytes(isa, bits, dim, length):
    segment, _ = coded_segment(bits, dim, length=length)
    found, expected = (decode_units(segment, UNITS, isa=path) for path in (isa, "numpy"))
    np.testing.assert_array_equal(found.values, expected.values)
    np.testing.assert_array_equal(found.offsets, expected.offsets)


@pytest.mark.parametrize("bits", BITS)
def test_decoded_rows_are_those_of_the_codec(bits):
    segment, _ = coded_segment(bits)
    found = decode_units(segment, np.arange(segment.n_units))
    whole = decode_rows(segment.book, segment.coded, segment.offsets) @ segment.book.rotation
    np.testing.assert_allclose(found.values, whole, atol=1e-6)


def test_a_turned_query_scores_decoded_rows_as_the_rows_themselves():
    segment, rows = coded_segment(4)
    query = rows[::97][:6]
    filled = np.flatnonzero(np.diff(segment.offsets))
    decoded = decode_units(segment, filled)
    scores = maxsim(turned(segment, query), decoded)
    best = [
        (query @ rows[segment.offsets[u] : segment.offsets[u + 1]].T).max(axis=1).sum()
        for u in filled
    ]
    np.testing.assert_allclose(scores, best, atol=0.3)
    assert scores.argmax() == np.argmax(best)


def test_rows_of_one_length_get_it_back_and_score_nearer():
    plain, rows = coded_segment(3)
    stretched, _ = coded_segment(3, length=1.0)
    filled = np.flatnonzero(np.diff(plain.offsets))
    decoded = decode_units(stretched, filled)
    lengths = np.linalg.norm(decoded.values, axis=1)
    np.testing.assert_allclose(lengths, 1, atol=1e-5)
    query = rows[::53]
    exact = maxsim(query, Rows(rows, plain.offsets))[filled]
    lost = [
        np.abs(maxsim(turned(s, query), decode_units(s, filled)) - exact).mean()
        for s in (plain, stretched)
    ]
    assert lost[1] < 0.95 * lost[0]


def test_threads_change_nothing_and_units_may_repeat():
    segment, _ = coded_segment(3, 128, 600)
    units = np.tile(np.arange(segment.n_units), 3)
    one, three = (decode_units(segment, units, n_threads=n) for n in (1, 3))
    np.testing.assert_array_equal(one.values, three.values)
    assert decode_units(segment, units[:0]).n_rows == 0


@pytest.mark.parametrize("isa", available_isas())
def test_a_damaged_centroid_number_reads_nothing_outside(isa):
    segment, _ = coded_segment(2)
    parts = [np.array(getattr(segment.coded, n)) for n in ("centroid_of", "codes", "code_scales")]
    parts[0][:] = 65535
    coded = CodedRows(*parts, segment.coded.means, segment.coded.mean_scales)
    damaged = CodedSegment(
        segment.book, coded, segment.offsets, segment.list_offsets, segment.lists, None
    )
    assert np.isfinite(decode_units(damaged, UNITS, isa=isa).values).all()


def test_units_that_are_not_there_are_refused():
    segment, _ = coded_segment(2)
    with pytest.raises(ShapeError, match="from 0 to 30"):
        decode_units(segment, np.array([0, 30]))
