"""Code that comes with a checkpoint: never run unless its user asks for it by name.

It lies beside the weights, or in another repository that the configuration names
(`owner/name--module.Class`), as that of jina-colbert-v2 does.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from latelight.encoders.checkpoint import Checkpoint
from latelight.encoders.hub import find_snapshot
from latelight.encoders.strict_loading import version_of
from latelight.errors import ModelError, WeightsNotFoundError
from latelight.weights import sha256_of


@dataclass(frozen=True, order=True)
class CodeFile:
    """A file of code that a configuration names.

    Attributes:
        repository: on the hub, empty for the checkpoint's own.
        name: such as `modeling_ferry.py`.
    """

    repository: str
    name: str

    def __str__(self) -> str:
        return f"{self.repository}: {self.name}" if self.repository else self.name


def check_code(checkpoint: Checkpoint, *, is_trusted: bool) -> None:
    """Return nothing when a model runs without code of its own, or that was asked for; else raise.

    Nothing of the checkpoint is run to find out. A type that the installed transformers knows is
    run by the library's own code, whatever the checkpoint brings along.

    Args:
        checkpoint: whose configuration is read.
        is_trusted: whether its user asked for its code to be run.

    Raises:
        ModelError: it comes with code that was not asked for, and transformers has none for it.
        WeightsNotFoundError: the code was asked for, but is not on this machine.
    """
    if is_trusted:
        _check_presence(checkpoint)
        return
    for config in _configs(checkpoint):
        files = [] if _is_known(config) else _code_files(config)
        if files:
            raise ModelError(
                f"{checkpoint.name} {_type_of(config)}, and comes with code of its own "
                f"({', '.join(map(str, files))}). Nothing of it was run. Read it, and "
                "if it may run, ask for it by name: trust_remote_code: true in the pipeline's "
                "space, --trust-remote-code for `latelight models check`, or "
                "ModelOptions(trust_remote_code=True)."
            )


def code_digests(checkpoint: Checkpoint, *, is_trusted: bool) -> dict[str, str]:
    """Return the sha256 of code that another repository holds, by `code/owner/name/file`.

    The checkpoint's own code is among `Checkpoint.digests`. Empty where no code is run.

    Args:
        checkpoint: whose configuration is read.
        is_trusted: whether its user asked for its code to be run.
    """
    found: dict[str, str] = {}
    for repository in _repositories(checkpoint) if is_trusted else ():
        snapshot = find_snapshot(repository)
        if snapshot is None:
            continue
        for path in sorted(snapshot.rglob("*.py")):
            found[f"code/{repository}/{path.relative_to(snapshot)}"] = sha256_of(path)
    return found


def _check_presence(checkpoint: Checkpoint) -> None:
    """Raise where code that was asked for is not on this machine: nothing is downloaded later."""
    own = checkpoint.card.source if checkpoint.card is not None else "OWNER/NAME"
    for config in _configs(checkpoint):
        for file in _code_files(config):
            holder = find_snapshot(file.repository) if file.repository else checkpoint.directory
            if holder is None or not (holder / file.name).is_file():
                where = "the hub's cache" if file.repository else str(checkpoint.directory)
                raise WeightsNotFoundError(
                    f"{checkpoint.name} runs with code of its own, and {file.name} is not in "
                    f"{where}. Download it, and read it: hf download {file.repository or own} "
                    '--include "*.py"'
                )


def _repositories(checkpoint: Checkpoint) -> list[str]:
    files = (file for config in _configs(checkpoint) for file in _code_files(config))
    return sorted({file.repository for file in files if file.repository})


def _configs(checkpoint: Checkpoint) -> Iterator[dict[str, Any]]:
    """Yield the configurations of a checkpoint's bodies; some layouts have them a folder down."""
    for directory in filter(None, (checkpoint.directory, checkpoint.base)):
        here = Checkpoint(directory, checkpoint.layout)
        for path in (Path("config.json"), *_below(directory)):
            yield here.read_json(str(path))


def _below(directory: Path) -> list[Path]:
    return sorted(path.relative_to(directory) for path in directory.glob("*/config.json"))


def _is_known(config: dict[str, Any]) -> bool:
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING

    return config.get("model_type") in CONFIG_MAPPING


def _type_of(config: dict[str, Any]) -> str:
    if not config.get("model_type"):
        return "names no type of transformers in its config.json"
    library = f"transformers {version_of('transformers')}"
    return f"is of the type {config['model_type']!r}, which the installed {library} does not know"


def _code_files(config: dict[str, Any]) -> list[CodeFile]:
    """Return the files of code that a configuration names."""
    own = config.get("auto_map")
    if not isinstance(own, dict):
        return []
    return sorted({_code_file(one) for one in own.values() if isinstance(one, str)})


def _code_file(named: str) -> CodeFile:
    """Return the file of `module.Class` or `owner/name--module.Class`."""
    repository, _, place = named.rpartition("--")
    return CodeFile(repository, place.rpartition(".")[0].replace(".", "/") + ".py")
