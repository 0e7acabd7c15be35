"""Residuals as a few bits a dim: levels, packing, the choice of codes, one byte of scale.

A code stands for one of 16 levels, whole numbers of -127 to 127. Of 1 bit: a sign. Of 2 bits: four
levels that are equally far apart (Max, "Quantizing for Minimum Distortion", 1960, table II). Of 4
bits: the 16 levels of the same paper that lose least of a Gaussian (table I). Of 3 bits: the
smallest trellis (Marcellin and Fischer, "Trellis Coded Quantization", 1990): a code chooses among
8 levels, and its low bit says which 8 the next code has, so that the whole row has 16 to choose
from; the best way through is found by Viterbi's algorithm. That loses a quarter less than 3 plain
bits do, and a code's level depends on nothing but the code and the one before it.
"""

from functools import cache
from typing import Literal

import numpy as np
import numpy.typing as npt

Float32Array = npt.NDArray[np.float32]
Int8Array = npt.NDArray[np.int8]
UInt8Array = npt.NDArray[np.uint8]

Bits = Literal[1, 2, 3, 4]
BITS: tuple[Bits, ...] = (1, 2, 3, 4)

_MAX_16 = (6, 18, 31, 44, 58, 75, 96, 127)
# Found by alternating Viterbi's algorithm and means over a million Gaussian numbers, kept
# symmetric: a mean squared error of .0276 of the variance, where 8 plain levels have .0345.
_TRELLIS = (-127, -72, -45, -22, 1, 24, 51, 91)
_LEVELS: dict[Bits, tuple[int, ...]] = {
    1: (-127, 127) * 8,
    2: (-126, -42, 42, 126) * 4,
    3: (*_TRELLIS, *(-level for level in reversed(_TRELLIS))),
    4: (*(-level for level in reversed(_MAX_16)), *_MAX_16),
}
# As a number of levels; a Gaussian's mean magnitude is sqrt(2 / pi) of it.
_DEVIATION: dict[Bits, float] = {1: 127 / 0.7979, 2: 84 / 0.9957, 3: 51.43, 4: 46.476}
# A row's own best deviation is not the one it has: of these, times that, the best is taken.
_TRIED: dict[Bits, tuple[float, ...]] = {1: (1.0,), 2: (1.0,), 3: (1.0,), 4: (1.0, 0.9, 1.1)}
_SCALES_PER_OCTAVE = 16
_LEAST_SCALE = 2.0**-14


@cache
def levels_of(bits: Bits) -> Int8Array:
    """Return the levels that rows are coded with now, (16,) int8."""
    return _frozen(np.array(_LEVELS[bits], np.int8))


@cache
def uniform_levels(bits: Bits) -> Int8Array:
    """Return the equally spaced levels of segments that do not name theirs, (16,) int8."""
    numbers = np.arange(16) % 2**bits
    return _frozen((2 * numbers - (2**bits - 1)).astype(np.int8))


def _frozen(levels: Int8Array) -> Int8Array:
    levels.flags.writeable = False
    return levels


def encode_residuals(residuals: Float32Array, bits: Bits) -> tuple[UInt8Array, UInt8Array]:
    """Return (n_rows, dim * bits / 8) packed codes and (n_rows,) scale bytes.

    A residual is about scale * level of each code, in the least squares of the row.
    """
    deviation = np.sqrt((residuals**2).mean(axis=1, keepdims=True))
    units = np.maximum(deviation / np.float32(_DEVIATION[bits]), np.float32(1e-20))
    first, *others = _TRIED[bits]
    codes, scales, kept = _encode(residuals, units * np.float32(first), bits)
    for factor in others:
        other_codes, other_scales, more = _encode(residuals, units * np.float32(factor), bits)
        better = more > kept
        codes[better], scales[better] = other_codes[better], other_scales[better]
        kept = np.maximum(kept, more)
    return pack_codes(codes, bits), nearest_scale(scales)


def _encode(
    residuals: Float32Array, units: Float32Array, bits: Bits
) -> tuple[UInt8Array, Float32Array, Float32Array]:
    """Return codes, least-squares scales, and how much of each row's energy they keep."""
    wanted = np.clip(residuals / units, -127.0, 127.0)
    codes = _best_path(wanted) if bits == 3 else _nearest_level(wanted, bits)
    levels = levels_of(bits)[_places(codes, bits)].astype(np.float32)
    along = np.einsum("rd,rd->r", residuals, levels)
    scales = along / np.einsum("rd,rd->r", levels, levels)
    return codes, scales, along * scales


@cache
def _nearest_of_cell(levels: tuple[int, ...]) -> UInt8Array:
    """Return the number of the nearest of ascending levels for -127.5 to 127.5, in half steps."""
    cells = np.arange(511, dtype=np.float32) / 2 - 127.5
    distances = np.abs(cells[:, None] - np.array(levels, np.float32))
    nearest: UInt8Array = distances.argmin(axis=1).astype(np.uint8)
    return nearest


def _cells(wanted: Float32Array) -> npt.NDArray[np.intp]:
    cells: npt.NDArray[np.intp] = np.rint(2 * wanted + np.float32(255)).astype(np.intp)
    return cells


def _nearest_level(wanted: Float32Array, bits: Bits) -> UInt8Array:
    nearest: UInt8Array = _nearest_of_cell(_LEVELS[bits][: 2**bits])[_cells(wanted)]
    return nearest


def _best_path(wanted: Float32Array) -> UInt8Array:
    """Return the codes (n_rows, dim) of the trellis that come nearest; the state is a low bit."""
    n_rows, dim = wanted.shape
    columns = np.ascontiguousarray(wanted.T)
    cells = _cells(columns)
    costs = [np.zeros(n_rows, np.float32), np.full(n_rows, 1e30, np.float32)]  # begins in state 0
    chosen = np.empty((dim, 2, n_rows), np.uint8)
    came_from = np.empty((dim, 2, n_rows), np.bool_)
    for d in range(dim):
        arrived = [_arrive(columns[d], cells[d], costs, low) for low in (0, 1)]
        for low, (_, codes, from_one) in enumerate(arrived):
            chosen[d, low], came_from[d, low] = codes, from_one
        costs = [cost for cost, _, _ in arrived]
    return _walk_back(chosen, came_from, costs[1] < costs[0])


def _arrive(
    wanted: Float32Array, cells: npt.NDArray[np.intp], costs: list[Float32Array], low: int
) -> tuple[Float32Array, UInt8Array, npt.NDArray[np.bool_]]:
    """Return the cost of being in a state after a dim, the code, and whether it came from 1."""
    ways = []
    for state in (0, 1):
        levels = _LEVELS[3][8 * state + low : 8 * state + 8 : 2]
        number = _nearest_of_cell(levels)[cells]
        missed = wanted - np.array(levels, np.float32)[number]
        ways.append((costs[state] + missed * missed, 2 * number + np.uint8(low)))
    from_one = ways[1][0] < ways[0][0]
    cost = np.where(from_one, ways[1][0], ways[0][0])
    return cost, np.where(from_one, ways[1][1], ways[0][1]), from_one


def _walk_back(
    chosen: UInt8Array, came_from: npt.NDArray[np.bool_], ended: npt.NDArray[np.bool_]
) -> UInt8Array:
    dim, _, n_rows = chosen.shape
    codes, state = np.empty((dim, n_rows), np.uint8), ended
    for d in range(dim - 1, -1, -1):
        codes[d] = np.where(state, chosen[d, 1], chosen[d, 0])
        state = np.where(state, came_from[d, 1], came_from[d, 0])
    return np.ascontiguousarray(codes.T)


def numbers_of(packed: UInt8Array, bits: Bits, dim: int, levels: Int8Array) -> Int8Array:
    """Return the levels that packed codes stand for, (n_rows, dim) int8."""
    return levels[_places(unpack_codes(packed, bits, dim), bits)]


def _places(codes: UInt8Array, bits: Bits) -> UInt8Array:
    if bits != 3:
        return codes
    places = codes.copy()
    places[:, 1:] += (codes[:, :-1] & np.uint8(1)) << np.uint8(3)
    return places


# Packing


def pack_codes(codes: UInt8Array, bits: Bits) -> UInt8Array:
    """Return codes (n_rows, dim) uint8 packed into (n_rows, dim * bits / 8) bytes.

    1 bit: byte j holds the dims j + k * dim / 8, the lowest bit first. 2 bits: the dims
    j + k * dim / 4. 4 bits: the dims j and j + dim / 2. 3 bits: the two low bits of each code as
    of 2, then a plane of the high bits as of 1.
    """
    if bits == 3:
        return np.concatenate(
            [_pack(codes & np.uint8(3), 2), _pack(codes >> np.uint8(2), 1)], axis=1
        )
    return _pack(codes, bits)


def unpack_codes(packed: UInt8Array, bits: Bits, dim: int) -> UInt8Array:
    """Return what `pack_codes` packed."""
    if bits == 3:
        low = _unpack(packed[:, : dim // 4], 2)
        return low + 4 * _unpack(packed[:, dim // 4 :], 1)
    return _unpack(packed, bits)


def _pack(codes: UInt8Array, bits: int) -> UInt8Array:
    n_planes = 8 // bits
    planes = codes.reshape(len(codes), n_planes, codes.shape[1] // n_planes)
    packed = np.zeros((len(codes), planes.shape[2]), np.uint8)
    for k in range(n_planes):
        packed |= planes[:, k] << np.uint8(k * bits)
    return packed


def _unpack(packed: UInt8Array, bits: int) -> UInt8Array:
    mask = np.uint8(2**bits - 1)
    planes = [(packed >> np.uint8(k * bits)) & mask for k in range(8 // bits)]
    return np.concatenate(planes, axis=1)


# Scales


@cache
def _scale_table() -> Float32Array:
    table = (_LEAST_SCALE * 2.0 ** (np.arange(-1, 255) / _SCALES_PER_OCTAVE)).astype(np.float32)
    table[0] = 0
    table.flags.writeable = False
    return table


def scale_of_code() -> Float32Array:
    """Return what each byte of a scale stands for, (256,) float32: 0, then 16 steps an octave."""
    return _scale_table()


def nearest_scale(scales: Float32Array) -> UInt8Array:
    """Return the byte of each scale, 0 for one below half the least."""
    steps = np.rint(_SCALES_PER_OCTAVE * np.log2(np.maximum(scales, 1e-30) / _LEAST_SCALE)) + 1
    return np.where(scales < _LEAST_SCALE / 2, 0, np.clip(steps, 1, 255)).astype(np.uint8)
