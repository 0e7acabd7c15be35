"""The numbered files that name what a generation consists of; the highest number holds."""

import json
import re
import secrets
import zlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from latelight.errors import (
    CommitConflictError,
    CorruptFileError,
    FormatVersionError,
    NotFoundError,
)
from latelight.index.files import LOCAL_FILES, TEMPORARY_SUFFIX, Files, write_file
from latelight.index.rows import SpaceSpec
from latelight.index.sections import refuse_unknown_features

VERSION = 1
LOGGED = "log"
"""The feature of a manifest whose log holds commits that came after it."""
CODES_ONLY = "codes"
"""The feature of a manifest with a space whose large segments keep only codes."""
ONE_BIT = "one-bit"
"""The feature of a manifest with a space whose codes have one bit a dim."""
LEVELS = "levels"
"""The feature of a segment whose codes stand for levels that it names."""
SEALED = "sealed"
"""The feature of a manifest that names a second log, whose commits come before those of `log`."""
FEATURES: frozenset[str] = frozenset({LOGGED, SEALED, CODES_ONLY, ONE_BIT, LEVELS})
"""Names that `requires` of a manifest or segment may hold."""

_ATTEMPTS = 50  # each further one means that a commit and its clean-up came in between
_T = TypeVar("_T")

_NAME = re.compile(r"MANIFEST-(\d{12})")
_FIRST_LINE = re.compile(rb"latelight-manifest (\d+) crc32=([0-9a-f]{8}) length=(\d+)\n")


@dataclass(frozen=True)
class SegmentEntry:
    """One live segment.

    Attributes:
        segment_id: name of its directory below `segments/`.
        n_documents, n_units: how many it holds, deleted ones included.
        n_rows: rows by space.
        n_bytes: length of its file.
        tombstones: name of the file of deletions in its directory, None when there are none.
        n_dead: how many of its documents are deleted.
    """

    segment_id: str
    n_documents: int
    n_units: int
    n_rows: Mapping[str, int]
    n_bytes: int
    tombstones: str | None = None
    n_dead: int = 0


@dataclass(frozen=True)
class Manifest:
    """Everything that one commit published.

    Attributes:
        number: from 1, each commit adds 1.
        pipeline_digest: of the pipeline version whose vectors these are; may be empty.
        spaces: how rows are stored, by space.
        segments: in the order in which their units are numbered.
        requires: features that a reader must know.
        log: name of the log below `wal/` whose commits come on top, None when there is none.
        sealed: name of the log before it, which gets no more commits and waits to become a
            segment; None when there is none.
        n_commits: how many states there were up to this one; of manifests that do not say so,
            their number.
    """

    number: int
    pipeline_digest: str
    spaces: Mapping[str, SpaceSpec]
    segments: tuple[SegmentEntry, ...] = ()
    requires: tuple[str, ...] = field(default=())
    log: str | None = None
    sealed: str | None = None
    n_commits: int = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "n_commits", self.n_commits or self.number)

    @property
    def logs(self) -> tuple[str, ...]:
        """The logs whose commits come on top, in their order."""
        return tuple(name for name in (self.sealed, self.log) if name is not None)

    def with_logs(self, log: str | None, sealed: str | None = None) -> "Manifest":
        """Return the manifest with other logs, or none; `requires` says which."""
        others = tuple(name for name in self.requires if name not in (LOGGED, SEALED))
        needed = (*((LOGGED,) if log else ()), *((SEALED,) if sealed else ()))
        return replace(self, log=log, sealed=sealed, requires=(*others, *needed))

    def to_bytes(self) -> bytes:
        """Return the file: one line with version, checksum and length, then JSON."""
        body = json.dumps(asdict(self), ensure_ascii=False, indent=1).encode() + b"\n"
        line = f"latelight-manifest {VERSION} crc32={zlib.crc32(body):08x} length={len(body)}\n"
        return line.encode() + body

    @classmethod
    def from_bytes(cls, name: str, data: bytes) -> "Manifest":
        """Return the manifest that `to_bytes` wrote.

        Raises:
            CorruptFileError, FormatVersionError: named `name`.
        """
        parts = json.loads(_checked_body(name, data))
        refuse_unknown_features(name, parts["requires"], FEATURES)
        return cls(
            number=parts["number"],
            pipeline_digest=parts["pipeline_digest"],
            spaces={key: _known(SpaceSpec, spec) for key, spec in parts["spaces"].items()},
            segments=tuple(_known(SegmentEntry, entry) for entry in parts["segments"]),
            requires=tuple(parts["requires"]),
            log=parts.get("log"),
            sealed=parts.get("sealed"),
            n_commits=parts.get("n_commits", 0),
        )


def _known(kind: type[_T], parts: Mapping[str, Any]) -> _T:
    """Return a value from the fields that this version knows; others need not be understood."""
    return kind(**{key: value for key, value in parts.items() if key in kind.__annotations__})


def _checked_body(name: str, data: bytes) -> bytes:
    line = _FIRST_LINE.match(data)
    if line is None:
        raise CorruptFileError(_damage(name, "does not begin with a manifest's first line"))
    version, crc, length = int(line[1]), int(line[2], 16), int(line[3])
    if version != VERSION:
        raise FormatVersionError(
            f"{name} has manifest version {version}; this Latelight reads version {VERSION}. "
            "Upgrade Latelight, or rebuild the index with this one."
        )
    body = data[line.end() :]
    if len(body) != length or zlib.crc32(body) != crc:
        raise CorruptFileError(_damage(name, "has a wrong length or checksum"))
    return body


def _damage(name: str, what: str) -> str:
    return (
        f"{name} {what}: the file is damaged, and with it what the last commit published. "
        "Restore it from a copy. Removing it goes back to the commit before, if that is still kept."
    )


def manifest_path(directory: Path, number: int) -> Path:
    """Return where manifest `number` lies."""
    return directory / f"MANIFEST-{number:012d}"


def manifest_numbers(directory: Path) -> list[int]:
    """Return the numbers of the manifests that are there, ascending."""
    names = (_NAME.fullmatch(path.name) for path in directory.iterdir())
    return sorted(int(name[1]) for name in names if name)


def read_manifest(directory: Path, number: int) -> Manifest:
    """Return one manifest; FileNotFoundError when it is not there."""
    path = manifest_path(directory, number)
    return Manifest.from_bytes(path.name, path.read_bytes())


def is_newest(directory: Path, number: int) -> bool:
    """Return whether a manifest is the newest, with two looks instead of a listing.

    The order matters: clean-up removes ascending, so if `number + 1` came and went, `number`
    is gone too by the second look.
    """
    following, own = manifest_path(directory, number + 1), manifest_path(directory, number)
    return not following.exists() and own.exists()


def read_newest(directory: Path) -> Manifest:
    """Return the newest manifest.

    Raises:
        NotFoundError: there is none.
        CorruptFileError, FormatVersionError: it is damaged or too new.
    """
    for _ in range(_ATTEMPTS):
        numbers = manifest_numbers(directory) if directory.is_dir() else []
        if not numbers:
            break
        try:
            return read_manifest(directory, numbers[-1])
        except FileNotFoundError:
            continue  # a commit and a clean-up came between the listing and the reading
    raise NotFoundError(f"There is no index at {directory}. Create one, or check the path.")


def publish_manifest(directory: Path, manifest: Manifest, files: Files = LOCAL_FILES) -> None:
    """Make the manifest the current one; this is the instant of a commit.

    Raises:
        CommitConflictError: another writer published this number first.
    """
    publish_bytes(directory, manifest.number, manifest.to_bytes(), files)


def publish_bytes(directory: Path, number: int, data: bytes, files: Files) -> None:
    """Publish a manifest as it was written; errors as `publish_manifest`."""
    final = manifest_path(directory, number)
    temporary = final.with_name(f"{final.name}-{secrets.token_hex(4)}{TEMPORARY_SUFFIX}")
    write_file(temporary, data, files)
    try:
        files.publish(temporary, final)
    except FileExistsError as error:
        raise CommitConflictError(
            f"{final.name} exists already: another writer published first. Open the index again "
            "and repeat the change."
        ) from error
    files.fsync_directory(directory)
    files.discard(temporary)
