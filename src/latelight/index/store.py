"""One generation's directory: opened for reading and writing, verified, cleaned and compacted."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from weakref import WeakValueDictionary

from latelight.errors import (
    AlreadyExistsError,
    CommitConflictError,
    CorruptFileError,
    InputError,
    NotFoundError,
)
from latelight.index.garbage import collect_garbage
from latelight.index.manifest import (
    Manifest,
    SegmentEntry,
    manifest_numbers,
    manifest_path,
    publish_manifest,
    read_manifest,
)
from latelight.index.rows import SpaceSpec
from latelight.index.segment import Segment, segment_directory
from latelight.index.snapshot import SegmentView, Snapshot
from latelight.index.tombstones import read_tombstones
from latelight.index.verify import NO_PROGRESS, Problem, Progress, verify_directory
from latelight.index.writer import DEFAULT_OPTIONS, Writer, WriterOptions

_ATTEMPTS = 50  # each further one means that a commit and its clean-up came in between


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
        self._segments: WeakValueDictionary[str, Segment] = WeakValueDictionary()
        self._newest: Snapshot | None = None

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
        manifest = Manifest(1, pipeline_digest, dict(spaces))
        if manifest_numbers(path):
            raise AlreadyExistsError(_taken(path))
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
        return cls(path, _read_newest(path), options)

    def snapshot(self) -> Snapshot:
        """Return the newest committed state, also of other processes' commits.

        Raises:
            CorruptFileError, FormatVersionError: a file that it names is damaged or too new.
        """
        newest = self._newest
        if newest is not None and _is_newest(self.path, newest.number):
            return newest
        self._newest = self._open_newest()
        return self._newest

    def writer(self) -> Writer:
        """Return the writer, a context manager.

        Raises:
            WriterLockedError: someone else is writing; the message names the process.
        """
        return Writer(self.path, self._options)

    def release(self) -> None:
        """Let go of the newest snapshot's files; snapshots that others hold stay open."""
        self._newest = None
        self._segments.clear()

    def verify(self, progress: Progress = NO_PROGRESS) -> list[Problem]:
        """Return everything that is wrong with the files, nothing when all is well."""
        return verify_directory(self.path, progress)

    def collect_garbage(self) -> int:
        """Remove files of ours that the newest manifest does not name; return how many.

        Snapshots that are open keep working: the system keeps mapped files until they are let go.

        Raises:
            WriterLockedError: a writer is at work, whose new files nothing names yet.
        """
        with self.writer():
            return collect_garbage(self.path, _read_newest(self.path), self._options.files)

    def compact(self) -> Compaction:
        """Rewrite small segments and those with tombstones into few, then collect garbage.

        Readers go on undisturbed; writers wait.

        Raises:
            WriterLockedError: a writer is at work.
        """
        before = _read_newest(self.path)
        with self.writer() as writer:
            writer.compact()
            after = _read_newest(self.path)
            collect_garbage(self.path, after, self._options.files)
        return Compaction(
            number=after.number,
            n_segments_before=len(before.segments),
            n_segments_after=len(after.segments),
            n_bytes_before=_n_bytes(before),
            n_bytes_after=_n_bytes(after),
        )

    def _open_newest(self) -> Snapshot:
        for attempt in range(_ATTEMPTS):
            manifest = _read_newest(self.path)
            try:
                views = [self._view(entry) for entry in manifest.segments]
                return Snapshot(manifest, views)
            except FileNotFoundError as error:
                # Compaction may have removed files since the manifest was read: read it again.
                missing, last = error, attempt == _ATTEMPTS - 1
                if last or _is_newest(self.path, manifest.number):
                    break
        raise CorruptFileError(
            f"{missing.filename}, which MANIFEST-{manifest.number:012d} names, is missing. "
            "Restore it from a copy, or add the documents again."
        ) from missing

    def _view(self, entry: SegmentEntry) -> SegmentView:
        segment = self._segments.get(entry.segment_id)
        if segment is None:
            segment = Segment.open(self.path, entry.segment_id, self.spaces)
            self._segments[entry.segment_id] = segment
        if entry.tombstones is None:
            return SegmentView(segment, None)
        directory = segment_directory(self.path, entry.segment_id)
        return SegmentView(segment, read_tombstones(directory / entry.tombstones))


def _is_newest(path: Path, number: int) -> bool:
    """Return whether a manifest is the newest, with two looks instead of a listing.

    The order matters: clean-up removes ascending, so if `number + 1` came and went, `number`
    is gone too by the second look.
    """
    return not manifest_path(path, number + 1).exists() and manifest_path(path, number).exists()


def _read_newest(path: Path) -> Manifest:
    for _ in range(_ATTEMPTS):
        numbers = manifest_numbers(path) if path.is_dir() else []
        if not numbers:
            break
        try:
            return read_manifest(path, numbers[-1])
        except FileNotFoundError:
            continue  # a commit and a clean-up came between the listing and the reading
    raise NotFoundError(f"There is no index at {path}. Create one, or check the path.")


def _n_bytes(manifest: Manifest) -> int:
    return sum(entry.n_bytes for entry in manifest.segments)


def _check_spaces(spaces: Mapping[str, SpaceSpec]) -> None:
    for name in spaces:
        if not name or not name.replace("-", "").replace("_", "").isalnum() or not name.isascii():
            raise InputError(
                f"A space is named with ASCII letters, digits, '-' and '_'; got {name!r}."
            )


def _taken(path: Path) -> str:
    return f"There is an index at {path} already. Open it, or choose another directory."
