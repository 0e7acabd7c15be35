"""A published checkpoint's own projection, read from its safetensors file."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from latelight.encoders.hub import hub_cache, snapshots
from latelight.errors import ModelError, WeightsNotFoundError
from latelight.types import Float32Array

_LAYOUTS = ("1_Dense/model.safetensors", "model.safetensors")  # PyLate, Stanford
_TENSOR = "linear.weight"
_DTYPES = {"F32": "<f4", "F16": "<f2"}


def find_projection(directory: Path | None, repository: str) -> Path:
    """Return the safetensors file with the projection of a late-interaction checkpoint.

    Args:
        directory: of the checkpoint; None looks for `repository` in the hub's cache, as
            `HF_HUB_CACHE` or `HF_HOME` place it.
        repository: its name on the hub, `owner/name`.

    Raises:
        WeightsNotFoundError: there is none.
    """
    places = [directory] if directory is not None else snapshots(repository)
    for place in places:
        for layout in _LAYOUTS:
            if (place / layout).is_file():
                return place / layout
    looked = ", ".join(map(str, places)) or str(hub_cache())
    raise WeightsNotFoundError(
        f"No projection of {repository} in {looked}; expected {' or '.join(_LAYOUTS)}. Download "
        f"it (hf download {repository}) and name its directory as the weights setting, or use "
        "the encoder latelight-small, which needs no download."
    )


def load_projection(path: Path, shape: tuple[int, int]) -> Float32Array:
    """Return the matrix (width, dim) float32 that a checkpoint stores as `linear.weight`.

    Raises:
        ModelError: the file is not a safetensors file, or holds no such tensor.
    """
    try:
        header, data = _read_safetensors(path)
        entry = header[_TENSOR]
        begin, end = entry["data_offsets"]
        values = np.frombuffer(data[begin:end], _DTYPES[entry["dtype"]]).reshape(entry["shape"])
    except (KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path} holds no readable float tensor {_TENSOR!r} ({error!r}); expected the "
            "safetensors file of a ColBERT checkpoint in the Stanford or PyLate layout."
        ) from error
    if values.shape != (shape[1], shape[0]):
        raise ModelError(
            f"{path} holds {_TENSOR!r} of shape {values.shape}; expected {(shape[1], shape[0])}. "
            "It belongs to another model."
        )
    return np.ascontiguousarray(values.T, np.float32)


def tensor_shape(path: Path, name: str = _TENSOR) -> tuple[int, ...]:
    """Return the shape of a tensor in a safetensors file, reading the header alone.

    Raises:
        ModelError: there is no such file or tensor.
    """
    try:
        with path.open("rb") as stream:
            n_header = int.from_bytes(stream.read(8), "little")
            return tuple(json.loads(stream.read(n_header))[name]["shape"])
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ModelError(
            f"{path} holds no readable tensor {name!r} ({error!r}); expected the safetensors file "
            "of a ColBERT checkpoint in the Stanford layout."
        ) from error


def _read_safetensors(path: Path) -> tuple[dict[str, Any], bytes]:
    """Return the header and the data of a safetensors file (length, JSON, tensors)."""
    content = path.read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + n_header])
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return header, content[8 + n_header :]
