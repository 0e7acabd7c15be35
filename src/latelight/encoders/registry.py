"""Encoders by name."""

from collections.abc import Callable, Mapping
from pathlib import Path

from latelight.encoders.answerai import colbert_small, latelight_small
from latelight.encoders.minilm import minilm
from latelight.encoders.protocol import Encoder
from latelight.errors import SettingError

_MAKERS: Mapping[str, Callable[[Path | None, int], Encoder]] = {
    "latelight-small": latelight_small,
    "colbert-small": colbert_small,
    "minilm": minilm,
}


def encoder_names() -> tuple[str, ...]:
    """Return the names that `create_encoder` knows, the default first."""
    return tuple(_MAKERS)


def create_encoder(name: str, *, weights: Path | None = None, n_threads: int = 0) -> Encoder:
    """Return an encoder that is not loaded yet.

    Args:
        name: one of `encoder_names()`.
        weights: a directory that goes before the installed packages; its layout depends on the
            encoder.
        n_threads: for documents; 0 takes every core.

    Raises:
        SettingError: the name is unknown, or `n_threads` is negative.
    """
    if name not in _MAKERS:
        raise SettingError(f"No encoder {name!r}; expected one of: {', '.join(_MAKERS)}.")
    if n_threads < 0:
        raise SettingError(f"n_threads is {n_threads}; expected 0 (every core) or more.")
    return _MAKERS[name](weights, n_threads)
