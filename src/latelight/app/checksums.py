"""The list of a backup's files with their checksums; that it is there makes a backup of them.

```
# latelight-backup 1 sha256=<of all that follows this line>
# {"created_at": "...", "n_documents": 3, ...}
<sha256>  catalog.db
<sha256>  latelight.json
```

`sha256sum --check backup.sha256` reads it too.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from latelight.errors import CorruptFileError, FormatVersionError, NotFoundError

LIST_NAME = "backup.sha256"
VERSION = 1

_FIRST_LINE = re.compile(rb"# latelight-backup (\d+) sha256=([0-9a-f]{64})\n")
_LINE = re.compile(r"([0-9a-f]{64})  ([\w.-]+(?:/[\w.-]+)*)", re.ASCII)


@dataclass(frozen=True)
class Contents:
    """What a backup holds.

    Attributes:
        created_at: when it was begun, UTC, ISO 8601.
        latelight: the version that made it.
        n_collections, n_generations: of all namespaces.
        n_documents: live ones, those of each generation counted.
        n_files, n_bytes: in the backup.
    """

    created_at: str
    latelight: str
    n_collections: int
    n_generations: int
    n_documents: int
    n_files: int
    n_bytes: int


@dataclass(frozen=True)
class Listing:
    """The list: contents, and each file's sha256 by its path with '/' from the backup on."""

    contents: Contents
    digests: Mapping[str, str]

    def to_bytes(self) -> bytes:
        """Return the file."""
        lines = [f"# {json.dumps(asdict(self.contents))}"]
        lines += [f"{digest}  {path}" for path, digest in sorted(self.digests.items())]
        body = "".join(f"{line}\n" for line in lines).encode()
        first = f"# latelight-backup {VERSION} sha256={hashlib.sha256(body).hexdigest()}\n"
        return first.encode() + body

    @classmethod
    def from_bytes(cls, path: Path, data: bytes) -> "Listing":
        """Return what `to_bytes` wrote; `path` is named in errors.

        Raises:
            CorruptFileError, FormatVersionError: it is damaged, or of another version.
        """
        head, *lines = _checked_body(path, data).decode().splitlines()
        told = json.loads(head.removeprefix("# "))
        contents = Contents(**{k: v for k, v in told.items() if k in Contents.__annotations__})
        found = [_LINE.fullmatch(line) for line in lines]
        digests = {line[2]: line[1] for line in found if line and _stays_inside(line[2])}
        if len(digests) != len(lines):
            raise CorruptFileError(_damage(path, "lists something that is no file below it"))
        return cls(contents, digests)


def read_listing(backup: Path) -> Listing:
    """Return the list of the backup in a directory.

    Raises:
        NotFoundError: there is no backup.
        CorruptFileError, FormatVersionError: as `Listing.from_bytes`.
    """
    path = backup / LIST_NAME
    if not path.is_file():
        raise NotFoundError(
            f"There is no backup in {backup}: it has no {LIST_NAME}. Give the directory that "
            "`latelight snapshot create` was given."
        )
    return Listing.from_bytes(path, path.read_bytes())


def digest_of(path: Path) -> str:
    """Return the sha256 of a file's bytes as hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _stays_inside(path: str) -> bool:
    """Return whether a path leads nowhere but down."""
    return not {"", ".", ".."} & set(path.split("/"))


def _checked_body(path: Path, data: bytes) -> bytes:
    line = _FIRST_LINE.match(data)
    if line is None:
        raise CorruptFileError(_damage(path, "does not begin as one"))
    if int(line[1]) != VERSION:
        raise FormatVersionError(
            f"{path} has version {int(line[1])}; this Latelight reads version {VERSION}. Restore "
            "with the version that made the backup."
        )
    body = data[line.end() :]
    if hashlib.sha256(body).hexdigest().encode() != line[2]:
        raise CorruptFileError(_damage(path, "has a wrong checksum"))
    return body


def _damage(path: Path, what: str) -> str:
    return f"{path}, the list of the backup's files, {what}: it is damaged. Use another backup."
