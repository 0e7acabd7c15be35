"""Models that are a body of transformers with a projection of their own, which has no class there.

Two layouts are published. colpali-engine saves the body with the projection inside, often as a LoRA
adapter over such a model. sentence-transformers saves the body, and the projection as a module of
its own (`modules.json` with a `Dense`).
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latelight.encoders.strict_loading import need, offline, reading
from latelight.encoders.torch_loading import load_strictly, ready
from latelight.encoders.vision.family import Files, read_json, tensor_shape
from latelight.errors import ModelError


@dataclass(frozen=True)
class Projection:
    """Where a family keeps its projection.

    Attributes:
        name: attribute of colpali-engine's model class.
        body: attribute that holds the body there; empty where the class is the body itself.
        prefixed: the parts whose keys may have `model.` in front, as a pattern.
        renamed: patterns of an adapter's keys and what they are called now, the first that fits:
            bodies have changed the names of their parts, and adapters kept the old ones.
    """

    name: str
    body: str = ""
    prefixed: str = ""
    renamed: Mapping[str, str] = field(default_factory=dict)


QWEN_PARTS = "custom_text_proj|language_model|visual|audio_tower"
QWEN_RENAMED: Mapping[str, str] = {
    r"^(thinker\.)?model\.(language_model|visual|audio_tower)\.": r"\2.",
    r"^(thinker\.)?model\.": "language_model.",
}
"""Adapters of Qwen's bodies: `model` was the language model, then all, and now has no name."""


def projected_dim(files: Files, projection: Projection) -> int:
    """Return the length of a row, read from the header of the weights.

    Raises:
        ModelError: they hold no projection.
    """
    name = f"{projection.name}.weight"
    places = [(files.body, (name, f"model.{name}")), (files.directory, (name,))]
    if dense := _dense(files):
        places.append((dense, ("linear.weight",)))
    for directory, keys in places:
        if shape := tensor_shape(directory, keys):
            return shape[0]
    raise ModelError(
        f"{files.body} holds no tensor {name!r}, the projection to a row; expected a "
        "late-interaction checkpoint in colpali-engine's or sentence-transformers' layout."
    )


def load_projected(files: Files, body_class: Any, projection: Projection, dtype: str) -> Any:
    """Return a model with `body` and `projection`, every weight read from its files.

    Args:
        files: of the checkpoint.
        body_class: of transformers.
        projection: where it is.
        dtype: of the weights.

    Raises:
        ModelError: weights are missing or left over.
    """
    options: dict[str, Any] = {}
    if projection.prefixed:
        options["key_mapping"] = {rf"^model\.({projection.prefixed})\.": r"\1."}
    dense = _dense(files)
    if dense is not None:
        body = load_strictly(body_class, files.body, dtype=dtype, **options)
        return _joined(body, _load_dense(dense, dtype))
    dim = projected_dim(files, projection)
    whole_class = _with_projection(body_class, projection, dim)
    brings = tensor_shape(files.directory, (f"{projection.name}.weight",)) if files.base else None
    may_lack = (f"{projection.name}.",) if brings else ()
    model = load_strictly(whole_class, files.body, dtype=dtype, may_lack=may_lack, **options)
    if files.base is not None:
        model = ready(_adapted(model, files.directory, projection))
    body = getattr(model, projection.body) if projection.body else model
    return _joined(body, getattr(model, projection.name))


def projected_rows(model: Any, batch: Mapping[str, Any]) -> Any:
    """Return the rows of a batch, (batch, longest, dim), not normalised."""
    return model.projection(model.body(**batch)[0])


def _with_projection(body_class: Any, projection: Projection, dim: int) -> Any:
    """Return colpali-engine's class: the body's, or around the body, with a linear layer.

    It has the name of its base: by that, transformers knows how keys were called in the past.
    """
    from torch import nn

    inside = projection.body
    around = next(c for c in body_class.__mro__ if c.__name__.endswith("PreTrainedModel"))
    base = around if inside else body_class

    def init(self: Any, config: Any) -> None:
        base.__init__(self, config)
        if inside:
            setattr(self, inside, body_class(config))
        width = config.get_text_config().hidden_size
        setattr(self, projection.name, nn.Linear(width, dim))
        self.post_init()

    return type(body_class.__name__, (base,), {"__init__": init, "__module__": base.__module__})


def _joined(body: Any, projection: Any) -> Any:
    from torch import nn

    class Joined(nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.body = body
            self.projection = projection

    return Joined().eval()


def _adapted(model: Any, directory: Path, projection: Projection) -> Any:
    """Return the model with a LoRA adapter's weights added into its own.

    Raises:
        ModelError: the adapter does not fit the model.
    """
    need("peft")
    from peft import PeftModel

    with offline(), reading(directory), warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # peft asks transformers in an old way
        warnings.filterwarnings("error", message=".*missing adapter keys.*")
        adapted = PeftModel.from_pretrained(
            model, str(directory), local_files_only=True, key_mapping=dict(projection.renamed)
        )
        _check_adapter(adapted, directory)
        return adapted.merge_and_unload(safe_merge=True)


def _check_adapter(adapted: Any, directory: Path) -> None:
    """Make sure that every tensor of the adapter's file is in the model."""
    from peft import get_peft_model_state_dict
    from safetensors import safe_open

    with safe_open(directory / "adapter_model.safetensors", framework="pt") as stored:
        n_stored = len(stored.keys())
    n_found = len(get_peft_model_state_dict(adapted))
    if n_found != n_stored:
        raise ModelError(
            f"{directory.name} is an adapter of {n_stored} tensors, of which its base model takes "
            f"{n_found}. The base is another model, or another version of it: download the one "
            "that adapter_config.json names."
        )


def _dense(files: Files) -> Path | None:
    """Return the folder of sentence-transformers' projection, None without one."""
    path = files.directory / "modules.json"
    if not path.is_file():
        return None
    for module in read_list(path):
        if str(module.get("type", "")).endswith(".Dense"):
            return files.directory / str(module.get("path", ""))
    return None


def _load_dense(directory: Path, dtype: str) -> Any:
    import torch
    from safetensors.torch import load_file

    config = read_json(directory / "config.json")
    with reading(directory):
        weights = load_file(directory / "model.safetensors")
        high, wide = weights["linear.weight"].shape
        dense = torch.nn.Linear(wide, high, bias="linear.bias" in weights)
        dense.load_state_dict({key.removeprefix("linear."): v for key, v in weights.items()})
    if "Identity" not in str(config.get("activation_function", "Identity")):
        raise ModelError(
            f"{directory} puts {config['activation_function']} behind its projection; expected "
            "none. Such models are not known here."
        )
    return dense.to(getattr(torch, dtype))


def read_list(path: Path) -> list[Any]:
    """Return the list in a JSON file.

    Raises:
        ModelError: it holds something else.
    """
    import json

    try:
        value = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{path} is no JSON ({error}); download the checkpoint again.") from error
    return value if isinstance(value, list) else []
