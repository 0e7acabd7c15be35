"""Residual codes: packing, levels, how much they lose, one byte of scale."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.kernels.residuals import (
    BITS,
    _best_path,
    _places,
    encode_residuals,
    levels_of,
    nearest_scale,
    numbers_of,
    pack_codes,
    scale_of_code,
    uniform_levels,
    unpack_codes,
)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(BITS), st.sampled_from([8, 24, 48, 96, 128, 264, 1024]), st.integers(0, 9))
def test_packing_is_undone_by_unpacking(bits, dim, n_rows):
    codes = np.random.default_rng(0).integers(0, 2**bits, (n_rows, dim)).astype(np.uint8)
    packed = pack_codes(codes, bits)
    assert packed.shape == (n_rows, dim * bits // 8)
    np.testing.assert_array_equal(unpack_codes(packed, bits, dim), codes)


def test_two_bits_lie_as_the_format_says():
    codes = np.array([[3, 0, 1, 0, 2, 0, 0, 3]], np.uint8)  # bytes hold dims 0 2 4 6 and 1 3 5 7
    assert pack_codes(codes, 2).tolist() == [[3 + 1 * 4 + 2 * 16, 3 * 64]]


def test_one_bit_lies_as_the_format_says():
    codes = np.array([[1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]], np.uint8)
    assert pack_codes(codes, 1).tolist() == [[1, 2 + 16]]  # even dims, odd dims


def test_a_scale_comes_back_within_a_sixteenth_of_an_octave():
    scales = np.geomspace(1e-4, 3, 1000).astype(np.float32)
    found = scale_of_code()[nearest_scale(scales)]
    assert np.abs(np.log2(found / scales)).max() <= 1 / 32 + 1e-6
    assert scale_of_code()[nearest_scale(np.zeros(1, np.float32))].tolist() == [0]


@pytest.mark.parametrize(("bits", "least"), [(1, 0.3634), (2, 0.1188), (3, 0.0276), (4, 0.0095)])
def test_gaussian_rows_lose_what_the_literature_says(bits, least):
    rows = np.random.default_rng(0).standard_normal((2000, 128)).astype(np.float32)
    codes, scales = encode_residuals(rows, bits)
    decoded = numbers_of(codes, bits, 128, levels_of(bits)) * scale_of_code()[scales][:, None]
    assert ((decoded - rows) ** 2).mean() < 1.02 * least


def test_the_trellis_takes_the_best_way():
    wanted = 40 * np.random.default_rng(1).standard_normal((20, 4)).astype(np.float32)
    every = np.stack(np.meshgrid(*[np.arange(8)] * 4), axis=-1).reshape(-1, 4).astype(np.uint8)
    found, possible = (levels_of(3)[_places(c, 3)] for c in (_best_path(wanted), every))
    lost = ((found - wanted) ** 2).sum(axis=1)
    best = ((possible[None] - wanted[:, None]) ** 2).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(lost, best, rtol=0.02)


def test_segments_that_name_no_levels_have_odd_numbers():
    assert uniform_levels(3)[:8].tolist() == [-7, -5, -3, -1, 1, 3, 5, 7]
    assert uniform_levels(3)[8:].tolist() == uniform_levels(3)[:8].tolist()
    assert uniform_levels(2).tolist() == [-3, -1, 1, 3] * 4


@pytest.mark.parametrize("bits", BITS)
def test_rows_of_zeros_stay_zeros(bits):
    codes, scales = encode_residuals(np.zeros((3, 16), np.float32), bits)
    assert scales.tolist() == [0, 0, 0]
    assert codes.shape == (3, 2 * bits)
