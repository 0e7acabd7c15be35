"""Encoders by name: carried ones, those of the catalogue, directories, and model servers."""

from collections.abc import Callable, Mapping
from pathlib import Path

from latelight.encoders.answerai import colbert_small, latelight_small
from latelight.encoders.catalog import VISUAL_FAMILIES, find_card
from latelight.encoders.checkpoint import Checkpoint, find_checkpoint
from latelight.encoders.colbert import open_colbert
from latelight.encoders.cross_encoder import CrossEncoder, open_cross_encoder, reranker
from latelight.encoders.dense import bge_small, open_dense
from latelight.encoders.minilm import minilm
from latelight.encoders.model_options import (
    CARRIED,
    EXPORTED,
    FOUND_EXPORTED,
    SERVED,
    VISUAL,
    WHOLE,
    Backend,
    ModelOptions,
)
from latelight.encoders.onnx_colbert import open_onnx_colbert
from latelight.encoders.protocol import Encoder
from latelight.encoders.strict_loading import is_installed
from latelight.encoders.vllm import PREFIX, ServerOptions, open_vllm, read_address
from latelight.errors import ModelError, SettingError

_MAKERS: Mapping[str, Callable[[Path | None, int], Encoder]] = {
    "latelight-small": latelight_small,
    "colbert-small": colbert_small,
    "minilm": minilm,
    "bge-small": bge_small,
}
_RERANKER = "reranker"
_RERANKERS = (
    f"{_RERANKER!r}, which a package carries; a repository OWNER/NAME whose files are here; or the "
    "path of a directory with a cross-encoder"
)
_VISUAL_KEYS = ("vision_config", "audio_config", "thinker_config", "vlm_config")


def encoder_names() -> tuple[str, ...]:
    """Return the names of the encoders that packages carry, the default first."""
    return tuple(_MAKERS)


def takes_device(name: str, backend: Backend = "auto") -> bool:
    """Return whether a device may be chosen for an encoder or reranker of this name.

    Carried ones and exports run on the processor, those of a server where the server runs.
    """
    is_carried = name in _MAKERS or name == _RERANKER
    return not is_carried and not name.startswith(PREFIX) and backend != "onnx"


def check_options(name: str, options: ModelOptions) -> None:
    """Refuse options that would change nothing, as far as a name alone tells; no file is read.

    Raises:
        SettingError: one of them has no effect.
    """
    if name in _MAKERS or name == _RERANKER:
        CARRIED.check(name, options)
    elif name.startswith(PREFIX):
        SERVED.check(name, options)


def truncated_dims(
    name: str, weights: Path | None = None, options: ModelOptions | None = None
) -> tuple[int, ...]:
    """Return the lengths to which an encoder's rows may be cut, by catalogue and checkpoint.

    None for carried ones. Arguments and errors are those of `create_encoder`; no weights are read.
    """
    if name in _MAKERS:
        return ()
    model = read_address(name)[1] if name.startswith(PREFIX) else name
    return _find(model, weights, options or ModelOptions()).truncated_dims


def create_encoder(
    name: str,
    *,
    weights: Path | None = None,
    n_threads: int = 0,
    options: ModelOptions | None = None,
) -> Encoder:
    """Return an encoder that is not loaded yet; nothing is downloaded, now or later.

    Args:
        name: one of `encoder_names()`; a name of the catalogue (`latelight models list`); a
            repository `owner/name` whose files are here; the path of a directory with a model; or
            `vllm:URL#MODEL` for a server.
        weights: a directory that goes before the installed packages and the hub's cache; its layout
            depends on the encoder, models of the catalogue lie in a folder of their name in it.
        n_threads: for documents; 0 takes every core.
        options: how a model that is not carried is run.

    Raises:
        SettingError: the name is unknown, `n_threads` is negative, or an option would change
            nothing for this encoder.
        WeightsNotFoundError: the name is the catalogue's or a repository's, but its files are not
            here.
        LicenceError: its licence has to be accepted first.
        ModelError: its files are of no known layout.
    """
    if n_threads < 0:
        raise SettingError(f"n_threads is {n_threads}; expected 0 (every core) or more.")
    given = options or ModelOptions()
    check_options(name, given)
    if name in _MAKERS:
        return _MAKERS[name](weights, n_threads)
    if name.startswith(PREFIX):
        return _served(name, weights, given)
    return open_model(_find(name, weights, given), given, n_threads=n_threads)


def open_model(
    checkpoint: Checkpoint, options: ModelOptions | None = None, *, n_threads: int = 0
) -> Encoder:
    """Return the encoder of a checkpoint, by its layout and family, not loaded yet.

    Raises:
        SettingError: an option would change nothing for it.
        ModelError: it is no encoder of rows, or nothing here opens it.
    """
    given = options or ModelOptions()
    if is_visual(checkpoint):
        return _visual(checkpoint, given, n_threads)
    if checkpoint.layout == "dense":
        WHOLE.check(checkpoint.name, given)
        return open_dense(checkpoint, given, n_threads=n_threads)
    if checkpoint.layout in ("cross-encoder", "encoder"):
        raise ModelError(
            f"{checkpoint.name} gives no rows to store ({checkpoint.layout}); expected a "
            "late-interaction or a sentence-transformers model. A cross-encoder reranks instead: "
            "search.rerank in the pipeline."
        )
    if _takes_onnx(checkpoint, given):
        (EXPORTED if given.backend == "onnx" else FOUND_EXPORTED).check(checkpoint.name, given)
        return open_onnx_colbert(checkpoint, n_threads=n_threads)
    return open_colbert(checkpoint, given, n_threads=n_threads)


def create_reranker(
    name: str = _RERANKER,
    *,
    weights: Path | None = None,
    n_threads: int = 0,
    options: ModelOptions | None = None,
) -> CrossEncoder:
    """Return a cross-encoder that is not loaded yet.

    Args:
        name: `reranker` for the carried one, a repository `owner/name` whose files are here, or the
            path of a directory.
        weights: as in `create_encoder`.
        n_threads: pairs that run at once; 0 takes every core.
        options: how a model that is not carried is run.

    Raises:
        SettingError: the name is unknown, names a model of another kind, or an option would change
            nothing for it.
        WeightsNotFoundError: the name is a repository's, but its files are not here.
    """
    given = options or ModelOptions()
    check_options(name, given)
    if name == _RERANKER:
        return reranker(weights, n_threads)
    if name in _MAKERS or name.startswith(PREFIX):
        raise SettingError(
            f"{name} is an encoder, and search.rerank takes a cross-encoder; expected {_RERANKERS}."
        )
    checkpoint = find_checkpoint(name, weights, accept_licence=given.accept_licence)
    if checkpoint is None:
        raise SettingError(f"No cross-encoder {name!r}; expected {_RERANKERS}.")
    if checkpoint.layout != "cross-encoder":
        raise SettingError(
            f"{name} is laid out as {checkpoint.layout}; expected a cross-encoder: config.json "
            'with an architecture "…ForSequenceClassification". An encoder belongs into a space of '
            "the pipeline."
        )
    WHOLE.check(name, given)
    return open_cross_encoder(checkpoint, given)


def is_visual(checkpoint: Checkpoint) -> bool:
    """Return whether a checkpoint looks at pictures or listens, by card or configuration."""
    if checkpoint.card is not None:
        return checkpoint.card.family in VISUAL_FAMILIES
    config = checkpoint.read_json("config.json")
    if checkpoint.base is not None and not config:
        config = Checkpoint(checkpoint.base, "encoder").read_json("config.json")
    named = [str(one) for one in config.get("architectures") or []]
    return any(key in config for key in _VISUAL_KEYS) or any(
        one.endswith("ForRetrieval") for one in named
    )


def _find(name: str, weights: Path | None, options: ModelOptions) -> Checkpoint:
    found = find_checkpoint(name, weights, accept_licence=options.accept_licence)
    if found is None:
        raise SettingError(
            f"No encoder {name!r}; expected one of: {', '.join(_MAKERS)}; a model of the catalogue "
            "(`latelight models list`); a repository OWNER/NAME whose files are here; the path of "
            "a directory with a model; or vllm:URL#MODEL."
        )
    return found


def _takes_onnx(checkpoint: Checkpoint, options: ModelOptions) -> bool:
    if options.backend != "auto":
        return options.backend == "onnx"
    if checkpoint.onnx is None:
        return False
    has_weights = any(checkpoint.directory.glob("*.safetensors"))
    return not has_weights or not is_installed("sentence-transformers")


def _served(name: str, weights: Path | None, options: ModelOptions) -> Encoder:
    url, model = read_address(name)
    card = find_card(model)
    if card is not None and card.is_visual:
        raise SettingError(_not_served(name, card.name))
    checkpoint = _find(model, weights, options)
    if is_visual(checkpoint):
        raise SettingError(_not_served(name, model))
    return open_vllm(checkpoint, ServerOptions(url, checkpoint.repository))


def _not_served(name: str, model: str) -> str:
    return (
        f"{name}: {model} looks at pictures or listens, and a vLLM server is asked for models of "
        f"text alone: it tells no row's place in a picture. Name it without the server, "
        f"encoder: {model}, and torch runs it here (`device` says on what)."
    )


def _visual(checkpoint: Checkpoint, options: ModelOptions, n_threads: int) -> Encoder:
    from latelight.encoders.vision import open_visual

    VISUAL.check(checkpoint.name, options)
    return open_visual(
        checkpoint,
        checkpoint.card,
        device=options.device,
        dtype=options.dtype,
        n_threads=n_threads,
    )
