"""What a family of visual models says of itself, and a checkpoint's files as families read them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.encoders.vision.encoder import VisualParts
from latelight.errors import ModelError, WeightsNotFoundError
from latelight.types import Similarity, UnitKind
from latelight.weights import sha256_of

PICTURES: tuple[UnitKind, ...] = ("page", "image", "frame")
PICTURES_AND_SOUND: tuple[UnitKind, ...] = (*PICTURES, "audio")
_SHAPING = {".json", ".jinja", ".model", ".safetensors", ".txt"}


@dataclass(frozen=True)
class Files:
    """A checkpoint's files.

    Attributes:
        directory: the model's own.
        base: of the model that an adapter adapts; None for whole models.
    """

    directory: Path
    base: Path | None = None

    @property
    def body(self) -> Path:
        """Where the model's configuration and most of its weights lie."""
        return self.base or self.directory

    @property
    def config(self) -> Mapping[str, Any]:
        """The model's configuration: that of the base for an adapter."""
        return read_json(self.body / "config.json")

    @property
    def processor(self) -> Path:
        """Where the files of the processor lie: an adapter may bring its own."""
        names = ("processor_config.json", "preprocessor_config.json")
        own = any((self.directory / name).is_file() for name in names)
        return self.directory if own else self.body

    def digests(self) -> dict[str, str]:
        """Return the sha256 of every file that shapes vectors; reads every byte."""
        found = {str(p): sha256_of(self.directory / p) for p in _shaping(self.directory)}
        if self.base is not None:
            found |= {f"base/{p}": sha256_of(self.base / p) for p in _shaping(self.base)}
        return found


@dataclass(frozen=True)
class RunOptions:
    """How a model is run.

    Attributes:
        name: of the model, for messages.
        devices: one or several; see `pick_devices`.
        dtype: `auto`, `float32`, `bfloat16` or `float16`.
        weights: sha256 by file where that is known already.
    """

    name: str
    devices: str = "auto"
    dtype: str = "auto"
    weights: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Family:
    """A family of models.

    Attributes:
        name: ours, as the catalogue has it.
        architectures: as `config.json` names them.
        model_types: the same by `model_type`, where there is no architecture of the family.
        dim: length of a row, read from the configuration or a header of the weights.
        load: reads processor and weights.
        unit_kinds: what it covers; those with `audio` listen.
        similarity: how it was trained to add up row maxima.
        libraries: whose versions shape its vectors, beside torch.
    """

    name: str
    architectures: tuple[str, ...]
    dim: Callable[[Files], int]
    load: Callable[[Files, RunOptions], VisualParts]
    model_types: tuple[str, ...] = ()
    unit_kinds: tuple[UnitKind, ...] = PICTURES
    similarity: Similarity = "sum"
    libraries: tuple[str, ...] = ("transformers", "tokenizers", "pillow")


def files_of(directory: Path, base: Path | None = None) -> Files:
    """Return the files of a checkpoint, with the base that an adapter names.

    Raises:
        WeightsNotFoundError: the directory or the base is not there.
    """
    if not directory.is_dir():
        raise WeightsNotFoundError(
            f"There is no directory {str(directory)!r}; expected one with the files of a model."
        )
    if base is None and (directory / "adapter_config.json").is_file():
        base = _named_base(directory)
    return Files(directory, base)


def _named_base(directory: Path) -> Path:
    named = str(read_json(directory / "adapter_config.json").get("base_model_name_or_path") or "")
    for place in (Path(named), directory / named):
        if named and (place / "config.json").is_file():
            return place.resolve()
    raise WeightsNotFoundError(
        f"{directory} is an adapter of {named or 'a model that it does not name'!r}, which is no "
        "directory with a config.json. Download that model and write its path into "
        "adapter_config.json as base_model_name_or_path."
    )


def read_json(path: Path) -> dict[str, Any]:
    """Return the object in a JSON file, an empty one where there is no such file.

    Raises:
        ModelError: the file holds something else.
    """
    if not path.is_file():
        return {}
    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is no JSON ({error}); download the checkpoint again.") from error
    if not isinstance(value, dict):
        raise ModelError(f"{path} holds no JSON object; download the checkpoint again.")
    return value


def tensor_shape(directory: Path, names: tuple[str, ...]) -> tuple[int, ...] | None:
    """Return the shape of the first of some tensors that a directory's weights hold, else None.

    Only the headers of safetensors files are read.
    """
    for path in sorted(directory.glob("*.safetensors")):
        header = _header(path)
        for name in names:
            if name in header:
                return tuple(header[name]["shape"])
    return None


def _header(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as stream:
            n_bytes = int.from_bytes(stream.read(8), "little")
            if n_bytes > path.stat().st_size:
                raise ValueError("the header is longer than the file")
            header = json.loads(stream.read(n_bytes))
    except ValueError as error:
        raise ModelError(
            f"{path} is no safetensors file ({error}); download the checkpoint again."
        ) from error
    return header if isinstance(header, dict) else {}


def _shaping(directory: Path) -> list[Path]:
    found = (p for p in directory.rglob("*") if p.is_file() and p.suffix in _SHAPING)
    inside = (p.relative_to(directory) for p in found)
    return sorted(p for p in inside if not p.parts[0].startswith("."))
