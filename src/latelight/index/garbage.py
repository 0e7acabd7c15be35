"""Clean-up: files that we made and that the newest manifest does not name."""

import re
from collections.abc import Iterator
from pathlib import Path

from latelight.index.files import TEMPORARY_SUFFIX, Files
from latelight.index.manifest import Manifest, manifest_numbers, manifest_path
from latelight.index.segment import FILE_NAME

_SEGMENT = re.compile(r"\d{8,}-[0-9a-f]{8}")
_TOMBSTONES = re.compile(r"tombstones-\d{8,}-[0-9a-f]{8}\.ll")
_LOG = re.compile(r"WAL-\d{12}-[0-9a-f]{8}")
_TEMPORARY = re.compile(r"MANIFEST-\d{12}-[0-9a-f]{8}" + re.escape(TEMPORARY_SUFFIX))


def collect_garbage(root: Path, manifest: Manifest, files: Files) -> int:
    """Remove what the newest manifest does not name and return how many files those were.

    The caller holds the writer's lock. Names that we do not give are never touched.
    """
    garbage = sorted(plan_garbage(root, manifest))
    for path in garbage:
        files.remove(path)
    for directory in {path.parent for path in garbage} - {root, root / "wal"}:
        _remove_if_ours_and_empty(directory, manifest, files)
    return len(garbage)


def plan_garbage(root: Path, manifest: Manifest) -> Iterator[Path]:
    """Yield the files to remove."""
    numbers = (n for n in manifest_numbers(root) if n < manifest.number)
    yield from (manifest_path(root, number) for number in numbers)
    yield from (path for path in root.iterdir() if _TEMPORARY.fullmatch(path.name))
    if (root / "wal").is_dir():
        logs = (path for path in (root / "wal").iterdir() if _LOG.fullmatch(path.name))
        yield from (path for path in logs if path.name != manifest.log)
    named = {entry.segment_id: entry.tombstones for entry in manifest.segments}
    for directory in (root / "segments").iterdir():
        if _SEGMENT.fullmatch(directory.name):
            kept = {FILE_NAME, named[directory.name]} if directory.name in named else set()
            yield from (path for path in _our_files(directory) if path.name not in kept)


def _our_files(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.name == FILE_NAME or _TOMBSTONES.fullmatch(path.name):
            yield path


def _remove_if_ours_and_empty(directory: Path, manifest: Manifest, files: Files) -> None:
    named = {entry.segment_id for entry in manifest.segments}
    if directory.name not in named and not any(directory.iterdir()):
        files.remove_directory(directory)
