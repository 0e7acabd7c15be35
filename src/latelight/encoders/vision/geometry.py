"""Where on the picture each row of a visual model looks, as fractions of the upright original.

Every family cuts the picture in its own way; here are the rules, as pure functions. Boxes are
`(n, 4)` float32: left, top, right, bottom in 0–1, origin top left. Cells that touch share the very
same numbers, so a grid covers the picture without gaps.

Sources of the rules: PaliGemma's square (Beyer et al., 2024), Qwen2-VL's `smart_resize` and merged
cells (Wang et al., 2024), Idefics3's tiles with a thumbnail (Laurençon et al., 2024), NeoMME's
padded 32-pixel patches, and Qwen2.5-Omni's sound of 25 rows a second (Xu et al., 2025).
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from latelight.errors import ModelError
from latelight.types import Float32Array, Int64Array

Role = np.uint8
Roles = npt.NDArray[np.uint8]

MARKER: Final = 0  # text of the prompt, line breaks, markers: no place
PATCH: Final = 1  # a part of the picture or of a frame
THUMBNAIL: Final = 2  # a part of the small copy of the whole picture
SOUND: Final = 3  # a stretch of time

MOST_ASPECT = 200  # Qwen refuses longer pictures
_LONGEST_TILED = 4096  # Idefics3 never scales beyond


@dataclass(frozen=True, eq=False)
class Places:
    """Where each row of a sequence comes from.

    Attributes:
        boxes: (n_rows, 4) float32; NaN for rows without a place on the picture.
        roles: (n_rows,) uint8: `MARKER`, `PATCH`, `THUMBNAIL` or `SOUND`.
        times: (n_rows, 2) float32, seconds; None where nothing has a time.
    """

    boxes: Float32Array  # (n_rows, 4)
    roles: Roles  # (n_rows,)
    times: Float32Array | None = None  # (n_rows, 2)


def nowhere(n_rows: int) -> Places:
    """Return the places of rows that are text alone."""
    return Places(np.full((n_rows, 4), np.nan, np.float32), np.zeros(n_rows, np.uint8))


def place(ids: Int64Array, token: int, cells: Places, *, skip: int = 0) -> Places:
    """Return the places of a whole sequence: its rows with the id `token` are `cells`, in order.

    Args:
        ids: (n_rows,) token ids without padding.
        token: the id that stands for a part of the picture, frame or sound.
        cells: the places of the parts.
        skip: so many first rows with that id are markers (NeoMME has one before its grid).

    Raises:
        ModelError: there is another number of such rows than cells.
    """
    rows = np.flatnonzero(ids == token)[skip:]
    if len(rows) != len(cells.boxes):
        raise ModelError(
            f"The model's input holds {len(rows)} tokens of id {token} for a picture or sound of "
            f"{len(cells.boxes)} parts. The processor cuts in another way than this version of "
            "Latelight knows: install the transformers that its extra `models` asks for."
        )
    found = nowhere(len(ids))
    found.boxes[rows] = cells.boxes
    found.roles[rows] = cells.roles
    if cells.times is None:
        return found
    times = np.full((len(ids), 2), np.nan, np.float32)
    times[rows] = cells.times
    return Places(found.boxes, found.roles, times)


# -- grids ------------------------------------------------------------------------------------


def grid_boxes(n_rows: int, n_columns: int) -> Float32Array:
    """Return (n_rows * n_columns, 4) float32: equal cells, row by row."""
    return _cells(_edges(n_rows), _edges(n_columns))


def patches(boxes: Float32Array) -> Places:
    """Return the places of patches with these boxes."""
    return Places(boxes, np.full(len(boxes), PATCH, np.uint8))


def _edges(n: int) -> Float32Array:
    return (np.arange(n + 1) / n).astype(np.float32)


def _cells(down: Float32Array, across: Float32Array) -> Float32Array:
    """Return the boxes between horizontal edges (n + 1,) and vertical ones (m + 1,)."""
    n_rows, n_columns = len(down) - 1, len(across) - 1
    boxes = np.empty((n_rows, n_columns, 4), np.float32)
    boxes[..., 0], boxes[..., 2] = across[:-1], across[1:]
    boxes[..., 1], boxes[..., 3] = down[:-1, None], down[1:, None]
    return boxes.reshape(-1, 4)


# -- ColPali ----------------------------------------------------------------------------------


def square_cells(side: int, patch: int) -> Places:
    """Return the places of ColPali's image rows: the picture is squeezed into a square.

    Args:
        side: of the square in pixels, 448.
        patch: side of a patch in pixels, 14.
    """
    n = side // patch
    return patches(grid_boxes(n, n))


# -- Qwen -------------------------------------------------------------------------------------


def smart_resize(
    height: int, width: int, *, factor: int, min_pixels: int, max_pixels: int
) -> tuple[int, int]:
    """Return the height and width to which Qwen's processors resize: multiples of `factor`.

    Raises:
        ModelError: one side is more than 200 times the other.
    """
    if max(height, width) > MOST_ASPECT * min(height, width):
        raise ModelError(
            f"The picture has {width} x {height} pixels; the model takes sides of which one is at "
            f"most {MOST_ASPECT} times the other. Cut it into pieces."
        )
    high, wide = (max(factor, round(side / factor) * factor) for side in (height, width))
    if high * wide > max_pixels:
        shrink = math.sqrt(height * width / max_pixels)
        sides = (math.floor(side / shrink / factor) * factor for side in (height, width))
        high, wide = (max(factor, side) for side in sides)
    elif high * wide < min_pixels:
        grow = math.sqrt(min_pixels / (height * width))
        high, wide = (math.ceil(side * grow / factor) * factor for side in (height, width))
    return high, wide


def merged_cells(grid_thw: tuple[int, int, int], merge: int) -> Places:
    """Return the places of Qwen's image rows: one for each cell of `merge` x `merge` patches.

    Args:
        grid_thw: frames, patches down, patches across, as the processor tells.
        merge: patches a side of a cell, 2.
    """
    n_frames, high, wide = grid_thw
    return patches(np.tile(grid_boxes(high // merge, wide // merge), (n_frames, 1)))


def video_cells(
    grid_thw: tuple[int, int, int], merge: int, seconds_per_frame: float, *, start_s: float = 0.0
) -> Places:
    """Return the places of Qwen's video rows: frame by frame a grid of cells, each with its time.

    Args:
        grid_thw: as for `merged_cells`; a frame here is what `temporal_patch_size` frames became.
        merge: patches a side of a cell.
        seconds_per_frame: how long one of these frames stands for.
        start_s: when the first one begins.
    """
    still = merged_cells(grid_thw, merge)
    per_frame = len(still.boxes) // grid_thw[0]
    begins = start_s + seconds_per_frame * np.arange(grid_thw[0] + 1)
    times = np.stack([begins[:-1], begins[1:]], axis=1).astype(np.float32)
    return Places(still.boxes, still.roles, np.repeat(times, per_frame, axis=0))


# -- Idefics3 ---------------------------------------------------------------------------------


def tile_grid(width: int, height: int, *, longest: int, tile: int) -> tuple[int, int]:
    """Return how many tiles Idefics3 cuts a picture into, down and across; (0, 0) for none.

    The longest side is scaled to `longest`, then both sides are stretched to multiples of `tile`.

    Args:
        width: of the picture in pixels.
        height: the same.
        longest: the processor's `size["longest_edge"]`.
        tile: its `max_image_size["longest_edge"]`.
    """
    wide, high = _scaled(width, height, min(longest, _LONGEST_TILED))
    aspect = wide / high
    if wide >= high:
        wide = math.ceil(wide / tile) * tile
        high = math.ceil(int(wide / aspect) / tile) * tile
    else:
        high = math.ceil(high / tile) * tile
        wide = math.ceil(int(high * aspect) / tile) * tile
    return (high // tile, wide // tile) if max(high, wide) > tile else (0, 0)


def _scaled(width: int, height: int, longest: int) -> tuple[int, int]:
    """Return width and height with the longer one `longest`, the shorter one even."""
    if width >= height:
        short = int(longest * height / width)
        return longest, max(short + short % 2, 1)
    short = int(longest * width / height)
    return max(short + short % 2, 1), longest


def tile_cells(tiles: tuple[int, int], per_side: int) -> Places:
    """Return the places of Idefics3's image rows: tile by tile, then the thumbnail of the whole.

    Args:
        tiles: down and across; (0, 0) where there is the thumbnail alone.
        per_side: rows a side of a tile, 8 of 512 pixels.
    """
    down, across = tiles
    whole = grid_boxes(per_side, per_side)
    if not down * across:
        return patches(whole)  # the picture itself, as a single tile
    fine = grid_boxes(down * per_side, across * per_side)
    by_tile = fine.reshape(down, per_side, across, per_side, 4).transpose(0, 2, 1, 3, 4)
    roles = np.full((down * across + 1) * per_side**2, PATCH, np.uint8)
    roles[-(per_side**2) :] = THUMBNAIL
    return Places(np.concatenate([by_tile.reshape(-1, 4), whole]), roles)


# -- NeoMME -----------------------------------------------------------------------------------


def padded_cells(width: int, height: int, patch: int) -> Places:
    """Return the places of NeoMME's patches: those at the right and bottom are partly padding.

    Args:
        width: of the picture in pixels, after any scaling.
        height: the same.
        patch: side of a patch in pixels, 32.
    """
    return patches(_cells(_padded_edges(height, patch), _padded_edges(width, patch)))


def _padded_edges(length: int, patch: int) -> Float32Array:
    edges = np.arange(math.ceil(length / patch) + 1) * patch
    return (np.minimum(edges, length) / length).astype(np.float32)


# -- sound ------------------------------------------------------------------------------------


def n_sound_rows(n_samples: int, hop: int = 160) -> int:
    """Return how many rows Qwen2.5-Omni makes of 16 kHz sound: 25 a second."""
    n_frames = n_samples // hop
    return ((n_frames - 1) // 2 + 1 - 2) // 2 + 1


def sound_cells(n_rows: int, *, start_s: float = 0.0, seconds_per_row: float = 0.04) -> Places:
    """Return the places of rows of sound: consecutive stretches of time, no boxes."""
    edges = start_s + seconds_per_row * np.arange(n_rows + 1)
    times = np.stack([edges[:-1], edges[1:]], axis=1).astype(np.float32)
    none = np.full((n_rows, 4), np.nan, np.float32)
    return Places(none, np.full(n_rows, SOUND, np.uint8), times)
