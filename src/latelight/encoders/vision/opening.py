"""A visual encoder from a checkpoint: its family, and what can be said before loading."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from latelight.encoders.strict_loading import minor_version
from latelight.encoders.vision.colpali import COLPALI
from latelight.encoders.vision.colqwen2 import COLQWEN2
from latelight.encoders.vision.colqwen_next import COLQWEN2_5, COLQWEN3
from latelight.encoders.vision.encoder import VisualEncoder
from latelight.encoders.vision.family import Family, Files, RunOptions, files_of
from latelight.encoders.vision.idefics3 import COLMODERNVBERT, IDEFICS3
from latelight.encoders.vision.neomme import NEOMME
from latelight.encoders.vision.omni import OMNI
from latelight.errors import ModelError
from latelight.types import EncoderInfo

FAMILIES: tuple[Family, ...] = (
    COLPALI,
    COLQWEN2,
    COLQWEN2_5,
    COLQWEN3,
    COLMODERNVBERT,
    IDEFICS3,
    NEOMME,
    OMNI,
)
UNKNOWN_LICENCE = "NOASSERTION"


class VisualCheckpoint(Protocol):
    """A model's files, found and recognised by somebody else.

    It may also have `weights` (sha256 by file) or `digests()` that returns them, `base` (the
    directory of the model that an adapter adapts), `name` and `licence`.
    """

    @property
    def directory(self) -> Path:
        """Where the files lie."""
        ...

    @property
    def layout(self) -> str:
        """How they are laid out."""
        ...


def open_visual(
    checkpoint: VisualCheckpoint,
    card: Any = None,
    *,
    device: str = "auto",
    dtype: str = "auto",
    n_threads: int = 0,
) -> VisualEncoder:
    """Return an encoder that looks at pictures, not loaded yet.

    Args:
        checkpoint: the model's files.
        card: what a catalogue says of the model (`name`, `family`, `licence`, `similarity`); None
            for files that the user named, whose family is read from config.json.
        device: `auto`, `cpu`, `cuda` (every card), `cuda:1`, `mps`, or several with commas.
        dtype: `auto`, `float32`, `bfloat16` or `float16`; rows are float32 always.
        n_threads: on the processor; 0 takes every core.

    Raises:
        WeightsNotFoundError: the directory, or the base of an adapter, is not there.
        ModelError: its files are of no family that is known.
    """
    files = files_of(checkpoint.directory, getattr(checkpoint, "base", None))
    family = recognise(files, getattr(card, "family", None))
    name = str(getattr(card, "name", "") or checkpoint.directory.name)
    weights = _known_weights(checkpoint)
    info = EncoderInfo(
        name=name,
        version="1",
        dim=family.dim(files),
        unit_kinds=family.unit_kinds,
        licence=_licence(checkpoint, card),
        similarity=getattr(card, "similarity", None) or family.similarity,
        weights=weights or {},
        sees_images=True,
        hears="audio" in family.unit_kinds,
        rendering={
            "family": family.name,
            **{library: minor_version(library) for library in family.libraries},
        },
        libraries=tuple(sorted({"torch", *family.libraries})),
    )
    options = RunOptions(name, device, dtype, weights)
    return VisualEncoder(
        info,
        lambda: family.load(files, options),
        n_threads=n_threads,
        is_published=card is not None,
    )


def recognise(files: Files, family: str | None = None) -> Family:
    """Return the family of a checkpoint: the one that is named, else that of config.json.

    Raises:
        ModelError: it is of none that is known.
    """
    config = files.config
    architectures = [str(one) for one in config.get("architectures") or []]
    for one in FAMILIES:
        if family == one.name or (family is None and set(architectures) & set(one.architectures)):
            return one
    for one in FAMILIES:
        if family is None and config.get("model_type") in one.model_types:
            return one
    known = ", ".join(one.name for one in FAMILIES)
    raise ModelError(
        f"{files.body} is of the architecture {', '.join(architectures) or 'unknown'}"
        f"{f' and the family {family}' if family else ''}; expected one of the families {known}. "
        "Take a checkpoint of these."
    )


def _known_weights(checkpoint: VisualCheckpoint) -> Mapping[str, str] | None:
    """Return the digests that are known already; without any, loading computes them."""
    given = getattr(checkpoint, "weights", None)
    return dict(given) if given else None


def _licence(checkpoint: VisualCheckpoint, card: Any) -> str:
    for owner in (card, checkpoint):
        if licence := getattr(owner, "licence", ""):
            return str(licence)
    return UNKNOWN_LICENCE
