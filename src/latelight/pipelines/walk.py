"""Folders, walked: every file in name order, and what was left out with its reason.

Nothing outside the folder is reached: symbolic links are never followed, since they may lead
anywhere, also back up. What they point at inside the folder is found at its own place.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from latelight.pipelines.reading import kind_of

LIBRARY_MARK = "latelight.json"
UNFINISHED_MARK = "latelight.unfinished"
"""In a directory that is being filled with a library's files, until all of them are there."""

LINK_REASON = (
    "a symbolic link, which is not followed in a folder or by a pattern; name it to add what it "
    "points at."
)


@dataclass(frozen=True)
class Found:
    """A regular file below a folder."""

    path: Path
    n_bytes: int


@dataclass(frozen=True)
class NotWalked:
    """Something below a folder that is not added.

    Attributes:
        path: where.
        reason: a sentence.
        failed: whether it should have been readable, as a folder without permission.
    """

    path: Path
    reason: str
    failed: bool = False


def walk(folder: Path) -> Iterator[Found | NotWalked]:
    """Yield what is below a folder, in name order; hidden entries and libraries are passed over."""
    waiting = [iter(_listed(folder))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
        elif isinstance(entry, Path):
            waiting.append(iter(_listed(entry)))
        else:
            yield entry


def _listed(folder: Path) -> list[Found | NotWalked | Path]:
    """Return a folder's entries in name order, folders to walk as paths."""
    try:
        with os.scandir(folder) as entries:
            # All names at once: a folder that is changed while it is walked gives each once.
            found = sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        why = error.strerror or str(error)
        return [NotWalked(folder, f"the folder cannot be listed ({why}).", failed=True)]
    told = (_entry(entry) for entry in found if not entry.name.startswith("."))
    return [one for one in told if one is not None]


def _entry(entry: os.DirEntry[str]) -> Found | NotWalked | Path | None:
    path = Path(entry.path)
    try:
        if entry.is_symlink():
            return NotWalked(path, LINK_REASON)
        if entry.is_dir(follow_symlinks=False):
            return None if is_library(path) else path
        state = entry.stat(follow_symlinks=False)
    except OSError as error:
        return NotWalked(path, f"cannot be looked at ({error.strerror or error}).", failed=True)
    kind = kind_of(state.st_mode)
    return NotWalked(path, f"{kind}, not a file.") if kind else Found(path, state.st_size)


def is_library(folder: Path) -> bool:
    """Return whether a folder is a library, or the beginning of one."""
    return any((folder / mark).is_file() for mark in (LIBRARY_MARK, UNFINISHED_MARK))
