"""What a ragged batch accepts, and what quantising it costs."""

import numpy as np
import numpy.typing as npt
import pytest

from latelight.errors import ShapeError
from latelight.kernels.maxsim import Rows, bfloat16_bits, quantize_int8

OFFSETS = np.array([0, 1, 2], np.int64)


@pytest.mark.parametrize(
    "values",
    [
        np.ones((2, 12), np.float32),
        np.ones((2, 0), np.float32),
        np.ones((2, 1032), np.float32),
        np.ones(8, np.float32),
        np.ones((2, 8)),
        np.ones((2, 8), ">f4"),
        np.ones((2, 16), np.float32)[:, ::2],
    ],
)
def test_wrong_values_are_refused(values: npt.NDArray[np.float32]) -> None:
    with pytest.raises(ShapeError, match="Row values"):
        Rows(values, OFFSETS)


@pytest.mark.parametrize(
    "offsets",
    [
        np.array([], np.int64),
        np.array([0, 1], np.int64),
        np.array([1, 2], np.int64),
        np.array([0, 2], np.int32),
        np.array([[0, 2]], np.int64),
    ],
)
def test_wrong_offsets_are_refused(offsets: npt.NDArray[np.int64]) -> None:
    with pytest.raises(ShapeError, match="Offsets"):
        Rows(np.ones((2, 8), np.float32), offsets)


def test_scales_belong_to_int8_rows_one_each() -> None:
    codes, scales = np.ones((2, 8), np.int8), np.ones(2, np.float32)
    assert Rows(codes, OFFSETS, scales).stored_as == "i8"
    with pytest.raises(ShapeError, match="without scales"):
        Rows(codes, OFFSETS)
    with pytest.raises(ShapeError, match="with scales"):
        Rows(codes.astype(np.float32), OFFSETS, scales)
    with pytest.raises(ShapeError, match="one per row"):
        Rows(codes, OFFSETS, scales[:1])


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint16])
def test_check_finds_a_row_that_is_not_finite(dtype: type) -> None:
    vectors = np.ones((2, 8), np.float32)
    vectors[1, 3] = np.nan
    values = bfloat16_bits(vectors) if dtype is np.uint16 else vectors.astype(dtype)
    with pytest.raises(ShapeError, match="Row 1"):
        Rows(values, OFFSETS).check()
    Rows(values[:1], OFFSETS[:2]).check()


def test_check_finds_a_scale_that_is_not_finite() -> None:
    rows = Rows(np.ones((2, 8), np.int8), OFFSETS, np.array([1, np.inf], np.float32))
    with pytest.raises(ShapeError, match="Row 1"):
        rows.check()


def test_bfloat16_rounds_to_the_nearest_even() -> None:
    halfway = np.array([1 + 2**-8, 1 + 3 * 2**-8, -2.5, np.nan], np.float32)
    bits = bfloat16_bits(halfway)
    assert bits[:3].tolist() == [0x3F80, 0x3F82, 0xC020]
    assert np.isnan((bits[3:].astype(np.uint32) << 16).view(np.float32)).all()


def test_quantising_maps_the_largest_magnitude_to_127() -> None:
    codes, scales = quantize_int8(np.array([[2, -1, 0.5, 0, 0, 0, 0, 0]], np.float32))
    assert codes[0, :4].tolist() == [127, -64, 32, 0]
    np.testing.assert_allclose(scales, 2 / 127, rtol=1e-6)


def test_quantising_is_off_by_half_a_step_at_most() -> None:
    vectors = np.random.default_rng(1).standard_normal((50, 128), dtype=np.float32)
    codes, scales = quantize_int8(vectors)
    error = np.abs(codes * scales[:, None] - vectors)
    assert (error <= 0.5001 * scales[:, None]).all()


def test_rows_of_zeros_stay_zero() -> None:
    codes, scales = quantize_int8(np.array([[0] * 8, [1e-35] * 8], np.float32))
    assert not codes.any()
    assert scales.tolist() == [0, 0]


def test_no_rows_quantise_to_no_rows() -> None:
    codes, scales = quantize_int8(np.zeros((0, 8), np.float32))
    assert codes.shape == (0, 8)
    assert scales.shape == (0,)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_not_quantised(bad: float) -> None:
    with pytest.raises(ShapeError, match="finite"):
        quantize_int8(np.full((1, 8), bad, np.float32))
