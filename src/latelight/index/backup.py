"""A generation copied while it is written to, and put back."""

import shutil
from collections.abc import Iterator
from pathlib import Path

from latelight.errors import AlreadyExistsError, CorruptFileError
from latelight.index.files import Files, write_file
from latelight.index.live import Live, State
from latelight.index.log import log_path
from latelight.index.manifest import SegmentEntry, manifest_path, publish_bytes
from latelight.index.segment import FILE_NAME, segment_directory
from latelight.index.verify import NO_PROGRESS, Progress, verify_directory

_ATTEMPTS = 20  # each further one means that a clean-up removed what was being copied


def copy_generation(
    live: Live, target: Path, files: Files, progress: Progress = NO_PROGRESS
) -> State:
    """Copy the newest state to a new directory, verify the copy, and return the state.

    Files that never change get a second name where the file system allows that, and are copied
    elsewhere; so much of the logs as the state holds is copied always. The manifest comes last:
    a copy that was stopped half way is no index.

    Raises:
        AlreadyExistsError: there is something in the directory.
        CorruptFileError: the copy, and so most likely the original, is damaged.
    """
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise AlreadyExistsError(
            f"{target} is not an empty directory. Choose another one, or empty it yourself."
        )
    target.mkdir(parents=True, exist_ok=True)
    # Every byte is met twice: when it is copied, and when the copy is verified.
    state = _copied(live, target, files, lambda done, total: progress(done, 2 * total))
    check_sound(target, lambda done, total: progress(total + done, 2 * total))
    return state


def check_sound(path: Path, progress: Progress = NO_PROGRESS) -> None:
    """Raise CorruptFileError when the generation at `path` is damaged."""
    problems = verify_directory(path, progress)
    if problems:
        first = problems[0]
        raise CorruptFileError(
            f"{path} has {len(problems)} problems, the first: {first.file} {first.section} "
            f"{first.message}. Use another copy; `latelight verify` lists all damage."
        )


def _copied(live: Live, target: Path, files: Files, progress: Progress) -> State:
    for attempt in range(_ATTEMPTS):
        state = live.state()
        try:
            _copy_state(live.root, state, target, files, progress)
        except FileNotFoundError:
            if attempt == _ATTEMPTS - 1:
                raise
            for path in target.iterdir():  # it was empty: all of it is ours
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        else:
            break
    return state


def _copy_state(root: Path, state: State, target: Path, files: Files, progress: Progress) -> None:
    number = state.manifest.number
    manifest = manifest_path(root, number).read_bytes()
    for directory in (target / "segments", target / "wal"):
        files.make_directory(directory)
    total, done = sum(entry.n_bytes for entry in state.manifest.segments), 0
    for entry in state.manifest.segments:
        files.make_directory(segment_directory(target, entry.segment_id))
        for source in _files_of(root, entry):
            files.copy(source, target / source.relative_to(root))
        done += entry.n_bytes
        progress(done, total)
    for mark in (log.mark for log in state.logs):
        with log_path(root, mark.name).open("rb") as file:
            data = file.read(mark.end)
        write_file(log_path(target, mark.name), data, files)
    for directory in (*(target / "segments").iterdir(), target / "segments", target / "wal"):
        files.fsync_directory(directory)
    files.fsync_directory(target.parent)
    publish_bytes(target, number, manifest, files)


def _files_of(root: Path, entry: SegmentEntry) -> Iterator[Path]:
    directory = segment_directory(root, entry.segment_id)
    yield directory / FILE_NAME
    if entry.tombstones is not None:
        yield directory / entry.tombstones
