"""One generation's directory: opened for reading and writing, verified, cleaned and compacted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from latelight.errors import AlreadyExistsError, CommitConflictError, InputError
from latelight.index.backup import check_sound, copy_generation
from latelight.index.garbage import collect_garbage
from latelight.index.live import Live
from latelight.index.log_file import create_log
from latelight.index.manifest import (
    CODES_ONLY,
    ONE_BIT,
    Manifest,
    manifest_numbers,
    publish_manifest,
    read_newest,
)
from latelight.index.merge_policy import plan_compaction
from latelight.index.merging import merge
from latelight.index.options import DEFAULT_OPTIONS, WriterOptions
from latelight.index.rows import SpaceSpec
from latelight.index.snapshot import Snapshot
from latelight.index.upkeep import Upkeep
from latelight.index.verify import NO_PROGRESS, Problem, Progress, verify_directory
from latelight.index.writer import Writer


@dataclass(frozen=True)
class Compaction:
    """What a compaction did.

    Attributes:
        number: of the manifest that holds now.
        n_segments_before, n_segments_after: live segments.
        n_bytes_before, n_bytes_after: length of their files.
    """

    number: int
    n_segments_before: int
    n_segments_after: int
    n_bytes_before: int
    n_bytes_after: int


class Store:
    """A generation directory; cheap to open, safe to share between threads."""

    def __init__(self, path: Path, manifest: Manifest, options: WriterOptions) -> None:
        """Use `create` or `open`."""
        self.path = path
        self.spaces: Mapping[str, SpaceSpec] = manifest.spaces
        self.pipeline_digest = manifest.pipeline_digest
        self._options = options
        self._live = Live(path, manifest.spaces)
        self._upkeep = Upkeep(self._live, options)

    @classmethod
    def create(
        cls,
        path: Path,
        spaces: Mapping[str, SpaceSpec],
        *,
        pipeline_digest: str = "",
        options: WriterOptions = DEFAULT_OPTIONS,
    ) -> "Store":
        """Return a new, empty generation at `path`; missing directories are made.

        Raises:
            AlreadyExistsError: there is one.
        """
        _check_spaces(spaces)
        path = Path(path)
        (path / "segments").mkdir(parents=True, exist_ok=True)
        options.files.fsync_directory(path.parent)
        if manifest_numbers(path):
            raise AlreadyExistsError(_taken(path))
        log = create_log(path, 1, options.files).name if options.log_documents else None
        manifest = Manifest(1, pipeline_digest, dict(spaces), requires=_required(spaces))
        manifest = manifest.with_logs(log)
        try:
            publish_manifest(path, manifest, options.files)
        except CommitConflictError as error:
            raise AlreadyExistsError(_taken(path)) from error
        return cls(path, manifest, options)

    @classmethod
    def open(cls, path: Path, *, options: WriterOptions = DEFAULT_OPTIONS) -> "Store":
        """Return the generation at `path`.

        Raises:
            NotFoundError: there is none.
            CorruptFileError, FormatVersionError: its newest manifest is damaged or too new.
        """
        path = Path(path)
        return cls(path, read_newest(path), options)

    def snapshot(self) -> Snapshot:
        """Return the newest committed state, also of other processes' commits.

        Raises:
            CorruptFileError, FormatVersionError: a file that it names is damaged or too new.
        """
        return self._live.state().snapshot

    def writer(self) -> Writer:
        """Return the writer, a context manager.

        Raises:
            WriterLockedError: someone else is writing; the message names the process.
        """
        return Writer(self._live, self._options, self._upkeep.look)

    def release(self) -> None:
        """Let go of the newest snapshot's files; snapshots that others hold stay open.

        A merge in the background is waited for.
        """
        self._upkeep.join()
        self._live.release()

    @property
    def background_error(self) -> Exception | None:
        """What ended the last merge in the background, None when it went well."""
        return self._upkeep.error

    def verify(self, progress: Progress = NO_PROGRESS) -> list[Problem]:
        """Return everything that is wrong with the files, nothing when all is well."""
        return verify_directory(self.path, progress)

    def backup(self, target: Path, progress: Progress = NO_PROGRESS) -> int:
        """Copy the newest state to an empty or new directory; return its version.

        Writers go on. On one file system the segments are shared with the copy (hard links):
        to be safe from a broken disk, copy to another one.

        Raises:
            AlreadyExistsError: there is something in the directory.
            CorruptFileError: what was copied is damaged.
        """
        state = copy_generation(self._live, Path(target), self._options.files, progress)
        return state.snapshot.version

    @classmethod
    def restore(
        cls, backup: Path, path: Path, *, options: WriterOptions = DEFAULT_OPTIONS
    ) -> "Store":
        """Return a store at `path` with what a backup holds; the backup stays as it is.

        Raises:
            NotFoundError: there is no backup.
            AlreadyExistsError: there is something at `path`.
            CorruptFileError: the backup is damaged; nothing was restored.
        """
        source = cls.open(backup)
        check_sound(source.path)
        copy_generation(source._live, Path(path), options.files)
        return cls.open(path, options=options)

    def collect_garbage(self) -> int:
        """Remove files of ours that the newest manifest does not name; return how many.

        Snapshots that are open keep working: the system keeps mapped files until they are let go.

        Raises:
            WriterLockedError: a writer is at work, whose new files nothing names yet.
        """
        with self.writer():
            return collect_garbage(self.path, read_newest(self.path), self._options.files)

    def compact(self) -> Compaction:
        """Rewrite small segments and those with tombstones into few, then collect garbage.

        Readers and writers go on: the lock is held only to flush the log before, and to publish.

        Raises:
            WriterLockedError: somebody else is compacting, or writes for long.
        """
        self._upkeep.join()
        before = read_newest(self.path)
        with self.writer() as writer:
            writer.flush()
        merge(self._live, self._options, lambda s: plan_compaction(s, self._options.flush_bytes))
        self.collect_garbage()
        after = read_newest(self.path)
        return Compaction(
            number=after.number,
            n_segments_before=len(before.segments),
            n_segments_after=len(after.segments),
            n_bytes_before=_n_bytes(before),
            n_bytes_after=_n_bytes(after),
        )


def _n_bytes(manifest: Manifest) -> int:
    return sum(entry.n_bytes for entry in manifest.segments)


def _required(spaces: Mapping[str, SpaceSpec]) -> tuple[str, ...]:
    """Return the features that a reader must know to understand such spaces."""
    asked = {
        CODES_ONLY: any(spec.store == "codes" for spec in spaces.values()),
        ONE_BIT: any(spec.bits == 1 for spec in spaces.values()),
    }
    return tuple(name for name, is_asked in asked.items() if is_asked)


def _check_spaces(spaces: Mapping[str, SpaceSpec]) -> None:
    for name in spaces:
        if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            raise InputError(
                f"A space is named with ASCII letters, digits, '-' and '_'; got {name!r}."
            )


def _taken(path: Path) -> str:
    return f"There is an index at {path} already. Open it, or choose another directory."
