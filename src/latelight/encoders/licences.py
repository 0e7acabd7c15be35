"""Licences that have to be accepted, and the note beside the weights that they were."""

import json
from datetime import UTC, datetime
from pathlib import Path

from latelight.encoders.catalog import ModelCard
from latelight.errors import LicenceError

NOTE = "latelight-licence.json"


def check_licence(card: ModelCard, directory: Path | None, *, accepted: bool = False) -> None:
    """Return nothing when a model may be used, else raise.

    Args:
        card: of the model.
        directory: with its files, where an earlier acceptance is noted; None before there are any.
        accepted: whether the caller accepts the licence now.

    Raises:
        LicenceError: the licence is not permissive, or not known, and nobody has accepted it.
    """
    if card.is_permissive or accepted:
        return
    if directory is not None and _noted(card, directory):
        return
    raise LicenceError(
        f"The licence of {card.name} is {card.licence_name}; only permissive ones are taken "
        f"without asking. Read it at https://huggingface.co/{card.source}, then accept it: "
        f"`latelight models get {card.name} --accept-license`."
    )


def note_acceptance(card: ModelCard, directory: Path) -> None:
    """Write down beside the weights that the licence of a card was accepted."""
    note = {
        "model": card.name,
        "licence": card.licence,
        "accepted_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    _note_of(directory).write_text(json.dumps(note, indent=2) + "\n", "utf-8")


def _noted(card: ModelCard, directory: Path) -> bool:
    try:
        note = json.loads(_note_of(directory).read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(note, dict) and note.get("licence") == card.licence


def _note_of(directory: Path) -> Path:
    """Return where the note lies: for the hub's cache beside the snapshots, which it outlives."""
    is_snapshot = directory.parent.name == "snapshots"
    return (directory.parents[1] if is_snapshot else directory) / NOTE
