"""The hub's cache on this disk, read without a network and without the hub's library."""

import os
import re
from pathlib import Path

_MAIN = "main"
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def is_repository(name: str) -> bool:
    """Return whether a name has the form of a repository on the hub: `owner/name`."""
    return bool(_REPOSITORY.fullmatch(name))


def hub_cache() -> Path:
    """Return where downloaded repositories lie, as `HF_HUB_CACHE` or `HF_HOME` place it."""
    home = Path(os.environ.get("HF_HOME", Path.home() / ".cache" / "huggingface"))
    return Path(os.environ.get("HF_HUB_CACHE", home / "hub"))


def repository_folder(repository: str) -> Path:
    """Return the cache's folder of a repository `owner/name`, whether it is there or not."""
    return hub_cache() / f"models--{repository.replace('/', '--')}"


def find_snapshot(repository: str, revision: str = "") -> Path | None:
    """Return the directory of a downloaded revision, or None when it is not in the cache.

    Args:
        repository: `owner/name`.
        revision: commit, tag or branch; empty for the main branch.
    """
    folder = repository_folder(repository)
    reference = folder / "refs" / (revision or _MAIN)
    commit = reference.read_text("utf-8").strip() if reference.is_file() else revision
    snapshot = folder / "snapshots" / commit
    return snapshot if commit and snapshot.is_dir() else None


def snapshots(repository: str) -> list[Path]:
    """Return every downloaded revision of a repository, the newest first."""
    folder = repository_folder(repository) / "snapshots"
    if not folder.is_dir():
        return []
    return sorted(folder.iterdir(), key=lambda path: -path.stat().st_mtime)
