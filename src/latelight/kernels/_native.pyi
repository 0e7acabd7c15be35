from typing import Any

import numpy as np
import numpy.typing as npt

def isas() -> tuple[str, ...]: ...
def maxsim(
    isa: str,
    query: npt.NDArray[np.float32],
    stored_as: str,
    values: npt.NDArray[Any],
    scales: npt.NDArray[np.float32] | None,
    offsets: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int64] | None,
    n_threads: int,
    scores: npt.NDArray[np.float32],
    /,
) -> int: ...
def maxsim_argmax(
    isa: str,
    query: npt.NDArray[np.float32],
    stored_as: str,
    values: npt.NDArray[Any],
    scales: npt.NDArray[np.float32] | None,
    offsets: npt.NDArray[np.int64],
    documents: npt.NDArray[np.int64] | None,
    n_threads: int,
    winners: npt.NDArray[np.int32],
    similarities: npt.NDArray[np.float32],
    /,
) -> int: ...

class Coded:
    def __init__(
        self,
        centroids: npt.NDArray[np.int8],
        centroid_scales: npt.NDArray[np.float32],
        centroid_of: npt.NDArray[np.uint16],
        codes: npt.NDArray[np.uint8],
        code_scales: npt.NDArray[np.uint8],
        row_offsets: npt.NDArray[np.int64],
        means: npt.NDArray[np.int8],
        mean_scales: npt.NDArray[np.float32],
        list_offsets: npt.NDArray[np.int64],
        lists: npt.NDArray[np.uint16],
        scale_of_code: npt.NDArray[np.float32],
        values: npt.NDArray[Any] | None,
        scales: npt.NDArray[np.float32] | None,
        form: str,
        bits: int,
        /,
    ) -> None: ...

def search(
    isa: str,
    segments: list[Coded],
    allowed: list[npt.NDArray[np.uint64] | None],
    query: npt.NDArray[np.float32],
    rotation: npt.NDArray[np.float32],
    offsets: npt.NDArray[np.int64],
    options: list[int],
    n_threads: int,
    out_segments: npt.NDArray[np.int32],
    out_units: npt.NDArray[np.int32],
    out_scores: npt.NDArray[np.float32],
    out_counts: npt.NDArray[np.int64],
    out_micros: npt.NDArray[np.float32],
    /,
) -> None: ...
def top_k(scores: npt.NDArray[np.float32], best: npt.NDArray[np.int64], /) -> int: ...
def peak(isa: str, stored_as: str, seconds: float, /) -> float: ...
