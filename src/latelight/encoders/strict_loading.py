"""Loading with transformers: offline, without remote code unless allowed, and never half a model.

Transformers fills parameters that a checkpoint lacks with random numbers and only warns. Here every
missing, unexpected or misshapen key is an error that names it.
"""

import os
import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from latelight.errors import ModelError, WeightsNotFoundError

INSTALL = "pip install latelight[models]"
# Parts that no token state depends on: the pooled sentence, and heads for other tasks.
_BUFFERS = re.compile(r"(^|\.)(embeddings\.position_ids|rotary_emb\.inv_freq)$")
_BESIDE = re.compile(
    r"(^|\.)(pooler|cls|lm_head|decoder|head|classifier|qa_outputs|score)\.|" + _BUFFERS.pattern
)
# Shapes that do not fit are reported as well, instead of an error without names.
_REPORTING = {"output_loading_info": True, "ignore_mismatched_sizes": True}
_loading = threading.RLock()


def need(*packages: str) -> None:
    """Return nothing when the packages of the extra `models` are installed, else raise.

    Raises:
        WeightsNotFoundError: one of them is missing; the message says how to install it.
    """
    for package in packages:
        try:
            metadata.version(package)
        except metadata.PackageNotFoundError as error:
            raise WeightsNotFoundError(
                f"This model needs the package {package}, which is not installed. "
                f"Install it: {INSTALL}"
            ) from error


def is_installed(package: str) -> bool:
    """Return whether a package is installed, without importing it."""
    return minor_version(package) != "not installed"


def minor_version(package: str) -> str:
    """Return the first two numbers of a package's version; other numbers do not change vectors."""
    try:
        return ".".join(metadata.version(package).split(".")[:2])
    except metadata.PackageNotFoundError:
        return "not installed"


def pick_device(wanted: str) -> str:
    """Return the device that `auto` stands for, or the one that is named.

    Raises:
        ModelError: it is not there.
    """
    import torch

    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    kind = wanted.partition(":")[0]
    there = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": _has_mps()}
    if not there.get(kind, False):
        usable = ", ".join(name for name, is_there in there.items() if is_there)
        raise ModelError(
            f"No device {wanted!r} on this machine; expected auto or one of: {usable}."
        )
    return wanted


def _has_mps() -> bool:
    import torch

    return bool(torch.backends.mps.is_available())


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an error means that a device's memory did not suffice."""
    import torch

    return isinstance(error, torch.OutOfMemoryError)


@contextmanager
def strict_loading(
    name: str, allowed: Sequence[str] = (), *, needs_heads: bool = False
) -> Iterator[None]:
    """Load models within this: one at a time, offline, every key checked.

    `PreTrainedModel.from_pretrained` can report what it did (`output_loading_info`), but libraries
    above it do not pass that on; so it is asked here, for as long as this context lasts.

    Args:
        name: of the model, for messages.
        allowed: keys that the caller reads itself.
        needs_heads: whether heads for a task count, too.

    Raises:
        ModelError: a key is missing, unexpected or misshapen, or the library refused the files.
    """
    from transformers import PreTrainedModel

    original = PreTrainedModel.__dict__["from_pretrained"]

    def reporting(cls: Any, *args: Any, **kwargs: Any) -> Any:
        wants = kwargs.pop("output_loading_info", False)
        model, told = original.__func__(cls, *args, **{**kwargs, **_REPORTING})
        check_keys(name, told, allowed, needs_heads=needs_heads)
        return (model, told) if wants else model

    with _loading, _offline(), _quiet():
        PreTrainedModel.from_pretrained = classmethod(reporting)
        try:
            yield
        except ModelError:
            raise
        except Exception as error:  # libraries raise errors of many families
            raise ModelError(
                f"{name} cannot be loaded ({type(error).__name__}: {error}). Download it again, or "
                "look whether its architecture is known to the installed transformers "
                f"{minor_version('transformers')}."
            ) from error
        finally:
            PreTrainedModel.from_pretrained = original


def check_keys(
    name: str, told: Mapping[str, Any], allowed: Sequence[str] = (), *, needs_heads: bool = False
) -> None:
    """Return nothing when every parameter came from the checkpoint and none was left over.

    Args:
        name: of the model.
        told: what transformers reports: `missing_keys`, `unexpected_keys`, `mismatched_keys`.
        allowed: keys that somebody else reads.
        needs_heads: whether heads for a task count, too.

    Raises:
        ModelError: otherwise, with the keys.
    """
    for what, title in (
        ("missing_keys", "lacks the weights"),
        ("mismatched_keys", "has another shape for"),
        ("unexpected_keys", "holds weights that its architecture does not have:"),
    ):
        found = sorted(_key(one) for one in told.get(what) or ())
        beside = _BUFFERS if needs_heads else _BESIDE
        wrong = [key for key in found if key not in allowed and not beside.search(key)]
        if wrong:
            more = f" and {len(wrong) - 5} more" if len(wrong) > 5 else ""
            raise ModelError(
                f"{name} {title} {', '.join(wrong[:5])}{more}. They would be random numbers, or "
                "the model another one; expected a complete checkpoint. Download it again."
            )


def _key(one: Any) -> str:
    """Return a key; misshapen ones come with their shapes."""
    return str(one[0] if isinstance(one, tuple) else one)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the libraries from drawing bars, and from warning users of what they do themselves."""
    from transformers.utils import logging

    drew = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    finally:
        if drew:
            logging.enable_progress_bar()


@contextmanager
def _offline() -> Iterator[None]:
    """Keep the hub's library from the network, whatever it was told when it was imported."""
    from huggingface_hub import constants

    before, variable = constants.HF_HUB_OFFLINE, os.environ.get("HF_HUB_OFFLINE")
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        if variable is None:
            del os.environ["HF_HUB_OFFLINE"]
        else:
            os.environ["HF_HUB_OFFLINE"] = variable
