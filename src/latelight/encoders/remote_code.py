"""Code that comes with a checkpoint: never run unless its user asks for it by name."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.strict_loading import version_of
from latelight.errors import ModelError


def check_code(checkpoint: Checkpoint, *, is_trusted: bool) -> None:
    """Return nothing when a model runs without code of its own, or that was asked for; else raise.

    Nothing of the checkpoint is run to find out. A type that the installed transformers knows is
    run by the library's own code, whatever the checkpoint brings along.

    Args:
        checkpoint: whose configuration is read.
        is_trusted: whether its user asked for its code to be run.

    Raises:
        ModelError: it comes with code that was not asked for, and transformers has none for it.
    """
    if is_trusted:
        return
    for config in _configs(checkpoint):
        files = _own_files(config)
        if files:
            raise ModelError(
                f"{checkpoint.name} is of the type {config.get('model_type')!r}, which the "
                f"installed transformers {version_of('transformers')} does not know, and comes "
                f"with code of its own ({', '.join(files)}). Nothing of it was run. Read it, and "
                "if it may run, ask for it by name: trust_remote_code: true in the pipeline's "
                "space, --trust-remote-code for `latelight models check`, or "
                "ModelOptions(trust_remote_code=True)."
            )


def _configs(checkpoint: Checkpoint) -> Iterator[dict[str, Any]]:
    """Yield the configurations of a checkpoint's bodies; some layouts have them a folder down."""
    for directory in filter(None, (checkpoint.directory, checkpoint.base)):
        here = Checkpoint(directory, checkpoint.layout)
        for path in (Path("config.json"), *_below(directory)):
            yield here.read_json(str(path))


def _below(directory: Path) -> list[Path]:
    return sorted(path.relative_to(directory) for path in directory.glob("*/config.json"))


def _own_files(config: dict[str, Any]) -> list[str]:
    """Return the files of code that a configuration cannot do without."""
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    own = config.get("auto_map")
    if not isinstance(own, dict) or config.get("model_type") in CONFIG_MAPPING:
        return []
    classes = (str(one) for one in own.values() if isinstance(one, str))
    return sorted({one.rpartition(".")[0].replace("--", ": ") + ".py" for one in classes})
