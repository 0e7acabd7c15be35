"""Loading with transformers: offline, without code of the checkpoint, and never half a model.

Transformers fills weights that a checkpoint lacks with random numbers and only warns. Here every
missing, superfluous or misshapen one is an error that names it.
"""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

from latelight.errors import ModelError, WeightsNotFoundError

INSTALL = "pip install latelight[models]"
_UNUSED = re.compile(r"(^|\.)(lm_head\.|rotary_emb\.inv_freq$|position_ids$)")


def need(*packages: str) -> None:
    """Return nothing when the libraries of the extra `models` can be imported, else raise.

    Raises:
        WeightsNotFoundError: one of them is not installed.
    """
    for package in packages:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError as error:
            raise WeightsNotFoundError(
                f"This model runs with the library {package}, which is not installed. "
                f"Install it: {INSTALL}"
            ) from error


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


def version_of(package: str) -> str:
    """Return a library's installed version, or `not installed`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "not installed"


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

    with offline(), without_progress(), reading(directory):
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


def check_keys(name: str, told: Mapping[str, Any], *, may_lack: Sequence[str] = ()) -> None:
    """Return nothing when every weight came from the checkpoint and none was left over.

    Heads that no row depends on and buffers that are computed do not count.

    Args:
        name: of the model.
        told: `missing_keys`, `unexpected_keys` and `mismatched_keys` of transformers.
        may_lack: prefixes of keys that somebody else reads.

    Raises:
        ModelError: otherwise; the message names the keys.
    """
    for kind, what in (
        ("missing_keys", "lacks the weights"),
        ("mismatched_keys", "has another shape than its architecture for"),
        ("unexpected_keys", "holds weights that its architecture does not know:"),
    ):
        keys = sorted(one[0] if isinstance(one, tuple) else str(one) for one in told.get(kind, ()))
        wrong = [key for key in keys if not _UNUSED.search(key)]
        if kind == "missing_keys":
            wrong = [key for key in wrong if not key.startswith(tuple(may_lack))]
        if wrong:
            more = f" and {len(wrong) - 4} more" if len(wrong) > 4 else ""
            raise ModelError(
                f"{name} {what} {', '.join(wrong[:4])}{more}. Random numbers would take their "
                "place, or a part of the model be left out. Download the checkpoint again, or "
                "look for one of this architecture."
            )


@contextmanager
def offline() -> Iterator[None]:
    """Keep the hub's library from the network within this, whatever it read when imported."""
    from huggingface_hub import constants

    was, variable = constants.HF_HUB_OFFLINE, os.environ.get("HF_HUB_OFFLINE")
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = was
        if variable is None:
            os.environ.pop("HF_HUB_OFFLINE", None)
        else:
            os.environ["HF_HUB_OFFLINE"] = variable


@contextmanager
def without_progress() -> Iterator[None]:
    """Keep transformers' progress bars off the terminal within this."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


@contextmanager
def reading(directory: Path) -> Iterator[None]:
    """Turn what libraries raise about a checkpoint into our error."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # of many families, from OSError to RuntimeError
        raise ModelError(
            f"{directory} cannot be loaded ({type(error).__name__}: {error}). Download it again, "
            "or look whether the installed transformers "
            f"{version_of('transformers')} knows its architecture."
        ) from error
