"""Models of transformers' own classes: loaded without code of the checkpoint, ready to run."""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from latelight.encoders.strict_loading import check_keys, offline, quiet, reading
from latelight.errors import ModelError


def need_torchvision(who: str) -> None:
    """Return nothing when torchvision works, else raise.

    Raises:
        ModelError: it is missing, or was built for another torch.
    """
    try:
        import_module("torchvision")
    except Exception as error:  # a wrong build fails with RuntimeError, OSError or ImportError
        raise ModelError(
            f"{who} prepares its input with torchvision, which cannot be imported "
            f"({type(error).__name__}: {error}). Install the torchvision that was built for your "
            "torch, from the same index (see pytorch.org). A broken one must go first: pip "
            "uninstall torchvision."
        ) from error


def load_strictly(
    model_class: Any,
    directory: Path,
    *,
    dtype: str,
    may_lack: Sequence[str] = (),
    **options: Any,
) -> Any:
    """Return a transformers model with every weight read from its files, ready to run.

    Args:
        model_class: with `from_pretrained`.
        directory: of the checkpoint.
        dtype: of `DTYPES`.
        may_lack: prefixes of weights that the caller fills in itself.
        options: of the model class's own, such as `key_mapping`.

    Raises:
        ModelError: weights are missing, left over or of another shape, or the files are damaged.
    """
    import torch

    with offline(), quiet(), reading(directory):
        model, told = model_class.from_pretrained(
            directory,
            dtype=getattr(torch, dtype),
            local_files_only=True,
            trust_remote_code=False,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    check_keys(directory.name, told, may_lack=may_lack)
    return ready(model)


def ready(model: Any) -> Any:
    """Return the model set to be run once over each input: no dropout, no cache of keys."""
    for module in model.modules():
        if hasattr(getattr(module, "config", None), "use_cache"):
            module.config.use_cache = False
    return model.eval()
