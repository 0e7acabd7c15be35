"""Clean-up: files that we made and that the newest manifest does not name."""

import re
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from latelight.errors import WriterLockedError
from latelight.index.files import TEMPORARY_SUFFIX, Files
from latelight.index.lock import FlushLock, MergeLock, WriterLock
from latelight.index.manifest import Manifest, manifest_numbers, manifest_path
from latelight.index.segment import FILE_NAME

MERGED_SUFFIX = "-merge"
"""Ends the names of segments that a merge, or a flush in the background, writes.

Until it publishes, nothing names them.
"""

_SEGMENT = re.compile(r"\d{8,}-[0-9a-f]{8}(-merge)?")
_TOMBSTONES = re.compile(r"tombstones-\d{8,}-[0-9a-f]{8}\.ll")
_LOG = re.compile(r"WAL-\d{12}-[0-9a-f]{8}")
_TEMPORARY = re.compile(r"MANIFEST-\d{12}-[0-9a-f]{8}" + re.escape(TEMPORARY_SUFFIX))


def collect_garbage(
    root: Path, manifest: Manifest, files: Files, held: type[WriterLock] = WriterLock
) -> int:
    """Remove what the newest manifest does not name and return how many files those were.

    The caller holds the writer's lock, and maybe that of merges or of flushes, which `held` then
    says. Names that we do not give are never touched, and what one of these is writing neither.
    """
    with _background_kept_out(root, held) as kept_out:
        garbage = sorted(p for p in plan_garbage(root, manifest) if kept_out or not _of_merge(p))
        n_removed = _discard(garbage, files)
        for directory in _unnamed_directories(root, manifest):
            if kept_out or not directory.name.endswith(MERGED_SUFFIX):
                _remove_if_empty(directory, files)
    return n_removed


def _discard(garbage: Sequence[Path], files: Files) -> int:
    """Remove files, manifests ascending; return how many went.

    When a manifest cannot go, those above it stay too: a reader takes one without a successor for
    the newest.
    """
    n_removed, manifests_stay = 0, False
    for path in garbage:
        is_manifest = path.name.startswith("MANIFEST-") and path.suffix != TEMPORARY_SUFFIX
        if is_manifest and manifests_stay:
            continue
        is_gone = files.discard(path)
        n_removed += is_gone
        manifests_stay |= is_manifest and not is_gone
    return n_removed


@contextmanager
def _background_kept_out(root: Path, held: type[WriterLock]) -> Iterator[bool]:
    """Keep merges and flushes from beginning, when there are left-overs; say whether they are."""
    if not any(path.name.endswith(MERGED_SUFFIX) for path in (root / "segments").iterdir()):
        yield False
        return
    with ExitStack() as locks:
        kept_out = True
        try:
            for kind in (MergeLock, FlushLock):
                if kind is not held:
                    locks.enter_context(kind(root))
        except WriterLockedError:
            kept_out = False
        yield kept_out


def _of_merge(path: Path) -> bool:
    return path.parent.name.endswith(MERGED_SUFFIX)


def plan_garbage(root: Path, manifest: Manifest) -> Iterator[Path]:
    """Yield the files to remove."""
    numbers = (n for n in manifest_numbers(root) if n < manifest.number)
    yield from (manifest_path(root, number) for number in numbers)
    yield from (path for path in root.iterdir() if _TEMPORARY.fullmatch(path.name))
    if (root / "wal").is_dir():
        logs = (path for path in (root / "wal").iterdir() if _LOG.fullmatch(path.name))
        yield from (path for path in logs if path.name not in manifest.logs)
    named = {entry.segment_id: entry.tombstones for entry in manifest.segments}
    for directory in (root / "segments").iterdir():
        if _SEGMENT.fullmatch(directory.name):
            kept = {FILE_NAME, named[directory.name]} if directory.name in named else set()
            yield from (path for path in _our_files(directory) if path.name not in kept)


def _our_files(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.name == FILE_NAME or _TOMBSTONES.fullmatch(path.name):
            yield path


def _unnamed_directories(root: Path, manifest: Manifest) -> list[Path]:
    named = {entry.segment_id for entry in manifest.segments}
    ours = (path for path in (root / "segments").iterdir() if _SEGMENT.fullmatch(path.name))
    return [path for path in ours if path.name not in named]


def _remove_if_empty(directory: Path, files: Files) -> None:
    if not any(directory.iterdir()):
        files.remove_directory(directory)
