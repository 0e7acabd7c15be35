"""Downloading models from the hub: the only code of this package that uses a network for them."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from latelight.encoders.catalog import ModelCard
from latelight.encoders.checkpoint import Checkpoint, locate_card, open_checkpoint
from latelight.encoders.licences import check_licence, note_acceptance
from latelight.errors import ModelError

WANTED = (
    "*.json",
    "*.safetensors",
    "*.txt",
    "*.model",
    "*.jinja",
    "*.metadata",
    "*.md",
    "LICENSE*",
    "NOTICE*",
)
Fetch = Callable[[str, str, Sequence[str], Path | None], Path]
"""Repository, revision, patterns of files and a directory (None: the cache) to where they lie."""


def download(
    card: ModelCard,
    *,
    weights: Path | None = None,
    accept_licence: bool = False,
    fetch: Fetch | None = None,
) -> Checkpoint:
    """Return the checkpoint of a card after downloading it; nothing is fetched twice.

    Args:
        card: of the model.
        weights: a directory to put it in, as `<weights>/<name>/`; None for the hub's cache.
        accept_licence: whether the user accepts a licence that is not permissive; it is noted
            beside the weights, so that nobody is asked again.
        fetch: what downloads; by default huggingface_hub.

    Raises:
        LicenceError: the licence has to be accepted first; nothing was downloaded.
        ModelError: the hub could not be reached, or its files are of no known layout.
    """
    check_licence(card, locate_card(card, weights), accepted=accept_licence)
    get = fetch or _fetch_from_hub
    target = None if weights is None else weights / card.name
    directory = get(card.source, card.revision, WANTED, target)
    if not card.is_permissive:
        note_acceptance(card, directory)
    base = _base_of(directory)
    if base and not Path(base).is_dir():
        get(base, "", WANTED, None)
    return open_checkpoint(directory, card, accept_licence=accept_licence)


def _base_of(directory: Path) -> str:
    """Return the repository that an adapter in `directory` adapts, empty when it is no adapter."""
    path = directory / "adapter_config.json"
    if not path.is_file():
        return ""
    return str(json.loads(path.read_text("utf-8")).get("base_model_name_or_path") or "")


def _fetch_from_hub(
    repository: str, revision: str, patterns: Sequence[str], target: Path | None
) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise ModelError(
            "Downloading models needs the package huggingface_hub, which is not installed. "
            "Install it: pip install latelight[models]"
        ) from error
    try:
        where = snapshot_download(
            repository,
            revision=revision or None,
            allow_patterns=list(patterns),
            local_dir=target,
        )
    except Exception as error:  # the library raises errors of several families
        raise ModelError(
            f"{repository} could not be downloaded ({type(error).__name__}: {error}). Check the "
            "network; for models that ask for a login, run `hf auth login` first."
        ) from error
    return Path(where)
