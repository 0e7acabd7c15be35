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
def top_k(scores: npt.NDArray[np.float32], best: npt.NDArray[np.int64], /) -> int: ...
def peak(isa: str, stored_as: str, seconds: float, /) -> float: ...
