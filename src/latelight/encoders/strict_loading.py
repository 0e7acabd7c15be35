"""Loading with transformers: offline, without remote code unless allowed, and never half a model.

Transformers fills weights that a checkpoint lacks with random numbers and only warns. Here every
missing, superfluous or misshapen one is an error that names it.
"""

import os
import re
import threading
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

from latelight.errors import ModelError, WeightsNotFoundError

INSTALL = "pip install latelight[models]"
_NOT_INSTALLED = "not installed"

# What no row depends on. Buffers are computed; heads for other tasks, and the pooled sentence, are
# beside the states of tokens.
_BUFFERS = r"(^|\.)(position_ids|rotary_emb\.inv_freq)$"
_HEADS = r"(^|\.)(pooler|cls|lm_head|decoder|head|classifier|qa_outputs|score)\."
BUFFERS = re.compile(_BUFFERS)
BUFFERS_AND_HEADS = re.compile(f"{_BUFFERS}|{_HEADS}")
BUFFERS_AND_WORDS = re.compile(rf"{_BUFFERS}|(^|\.)lm_head\.")

# Shapes that do not fit are reported as well, instead of an error without names.
_REPORTING = {"output_loading_info": True, "ignore_mismatched_sizes": True}
_MOST_NAMED = 5
_loading = threading.RLock()


# -- libraries --------------------------------------------------------------------------------


def need(*packages: str) -> None:
    """Return nothing when the libraries of the extra `models` are installed, else raise.

    Raises:
        WeightsNotFoundError: one of them is missing; the message says how to install it.
    """
    for package in packages:
        if not is_installed(package):
            raise WeightsNotFoundError(
                f"This model runs with the library {package}, which is not installed. "
                f"Install it: {INSTALL}"
            )


def is_installed(package: str) -> bool:
    """Return whether a package is installed, without importing it."""
    return version_of(package) != _NOT_INSTALLED


def version_of(package: str) -> str:
    """Return a library's installed version, or `not installed`."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return _NOT_INSTALLED


def minor_version(package: str) -> str:
    """Return the first two numbers of a package's version; other numbers do not change vectors."""
    return ".".join(version_of(package).split(".")[:2])


# -- weights ----------------------------------------------------------------------------------


@contextmanager
def strict_loading(
    name: str, allowed: Sequence[str] = (), *, needs_heads: bool = False
) -> Iterator[None]:
    """Load models within this: one at a time, offline, every key checked.

    `PreTrainedModel.from_pretrained` can report what it did (`output_loading_info`), but libraries
    above it do not pass that on; so it is asked here, for as long as this context lasts.

    Args:
        name: of the model, for messages.
        allowed: beginnings of keys that the caller reads itself.
        needs_heads: whether heads for a task count, too.

    Raises:
        ModelError: a key is missing, unexpected or misshapen, or the library refused the files.
    """
    from transformers import PreTrainedModel

    original = PreTrainedModel.__dict__["from_pretrained"]
    beside = BUFFERS if needs_heads else BUFFERS_AND_HEADS

    def reporting(cls: Any, *args: Any, **kwargs: Any) -> Any:
        wants = kwargs.pop("output_loading_info", False)
        model, told = original.__func__(cls, *args, **{**kwargs, **_REPORTING})
        check_keys(name, told, may_lack=allowed, may_hold=allowed, beside=beside)
        return (model, told) if wants else model

    with _loading, offline(), quiet(), reading(name):
        PreTrainedModel.from_pretrained = classmethod(reporting)
        try:
            yield
        finally:
            PreTrainedModel.from_pretrained = original


def check_keys(
    name: str,
    told: Mapping[str, Any],
    *,
    may_lack: Sequence[str] = (),
    may_hold: Sequence[str] = (),
    beside: re.Pattern[str] = BUFFERS_AND_WORDS,
) -> None:
    """Return nothing when every weight came from the checkpoint and none was left over.

    Args:
        name: of the model.
        told: `missing_keys`, `unexpected_keys` and `mismatched_keys` of transformers.
        may_lack, may_hold: beginnings of keys that somebody else fills in, or reads.
        beside: what does not count, missing or not.

    Raises:
        ModelError: otherwise; the message names the keys.
    """
    for kind, what, allowed in (
        ("missing_keys", "lacks the weights", may_lack),
        ("mismatched_keys", "has another shape than its architecture for", ()),
        (
            "unexpected_keys",
            "holds weights that its architecture does not have, or the library does not know:",
            may_hold,
        ),
    ):
        keys = sorted(_key(one) for one in told.get(kind) or ())
        wrong = [k for k in keys if not beside.search(k) and not k.startswith(tuple(allowed))]
        if wrong:
            more = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
            raise ModelError(
                f"{name} {what} {', '.join(wrong[:_MOST_NAMED])}{more}. Random numbers would take "
                "their place, or a part of the model be left out. Download the checkpoint again, "
                "or look for one of this architecture."
            )


def _key(one: Any) -> str:
    """Return a key; misshapen ones come with their shapes."""
    return str(one[0] if isinstance(one, tuple) else one)


# -- what surrounds a load --------------------------------------------------------------------


@contextmanager
def offline() -> Iterator[None]:
    """Keep the hub's library from the network within this, whatever it read when imported."""
    from huggingface_hub import constants

    before, variable = constants.HF_HUB_OFFLINE, os.environ.get("HF_HUB_OFFLINE")
    constants.HF_HUB_OFFLINE = True
    os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        yield
    finally:
        constants.HF_HUB_OFFLINE = before
        if variable is None:
            os.environ.pop("HF_HUB_OFFLINE", None)
        else:
            os.environ["HF_HUB_OFFLINE"] = variable


@contextmanager
def quiet() -> Iterator[None]:
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
def reading(what: str | Path) -> Iterator[None]:
    """Turn what libraries raise about a checkpoint into our error."""
    try:
        yield
    except ModelError:
        raise
    except Exception as error:  # of many families, from OSError to RuntimeError
        raise ModelError(
            f"{what} cannot be loaded ({type(error).__name__}: {error}). Download it again, "
            "or look whether the installed transformers "
            f"{version_of('transformers')} knows its architecture."
        ) from error
