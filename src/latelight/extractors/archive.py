"""Zip archives read in memory, within limits that are checked while they unpack.

Nothing is ever written to disk, and no header is believed: members, bytes and ratio are counted.
"""

import io
import re
import zlib
from collections.abc import Iterator
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from latelight.errors import DamagedFileError, EncryptedFileError, FileTooLargeError
from latelight.extractors.protocol import ExtractionOptions

MAX_RATIO = 200
RATIO_FREE_BYTES = 16 << 20
"""A member may unpack to this much at any ratio: spreadsheets of few values compress very well."""
_CHUNK = 1 << 16
_ENCRYPTED = 0x1
_METHODS = (ZIP_STORED, ZIP_DEFLATED)
_DIRECTORY_ENTRY = b"PK\x01\x02"
_LEADS_OUT = re.compile(r"(?:^|[/\\])\.\.(?:[/\\]|$)|^[/\\]|^[A-Za-z]:")


class Archive:
    """The members of a zip file, by name.

    Each read counts against `max_unpacked_bytes`, so no order of reads gets around it.
    """

    def __init__(self, data: bytes, name: str, options: ExtractionOptions) -> None:
        """Read the directory.

        Raises:
            DamagedFileError: it is no whole zip file, two members share a name, or one's name
                leads out of the archive.
            FileTooLargeError: more members than allowed.
        """
        self.name = name
        self._options = options
        self._n_unpacked = 0
        # Counted before anything is allocated; names in the data may repeat the mark by chance.
        _check_members(name, data.count(_DIRECTORY_ENTRY) // 2, options)
        try:
            self._zip = ZipFile(io.BytesIO(data))
        except (BadZipFile, ValueError, OSError, NotImplementedError, UnicodeDecodeError) as error:
            raise self._damaged(f"its directory cannot be read ({error})") from error
        members = self._zip.infolist()
        _check_members(name, len(members), options)
        self._members = {member.filename: member for member in members}
        self._check_names(members)

    def __contains__(self, member: str) -> bool:
        return member in self._members

    @property
    def members(self) -> tuple[str, ...]:
        """The members' names, as listed."""
        return tuple(self._members)

    def read(self, member: str) -> bytes:
        """Return a member's bytes; see `chunks` for the errors."""
        return b"".join(self.chunks(member))

    def chunks(self, member: str) -> Iterator[bytes]:
        """Yield a member's bytes piece by piece.

        Raises:
            DamagedFileError: there is no such member, or its data are broken.
            EncryptedFileError: it needs a password.
            FileTooLargeError: it, or all that was read so far, unpacks to more than allowed.
        """
        info = self._checked(member)
        n_bytes = 0
        try:
            with self._zip.open(info) as stream:
                while chunk := stream.read(_CHUNK):
                    n_bytes += len(chunk)
                    self._n_unpacked += len(chunk)
                    self._check_size(info, n_bytes)
                    yield chunk
        except (
            BadZipFile,
            zlib.error,
            EOFError,
            OSError,
            ValueError,
            NotImplementedError,
        ) as error:
            raise self._damaged(f"{member} cannot be unpacked ({error})") from error

    def _checked(self, member: str) -> ZipInfo:
        info = self._members.get(member)
        if info is None:
            raise self._damaged(f"{member} is missing")
        if info.flag_bits & _ENCRYPTED:
            raise EncryptedFileError(
                f"{self.name}: {member} is encrypted, expected readable parts; "
                "save the file without a password."
            )
        if info.compress_type not in _METHODS:
            raise self._damaged(f"{member} is packed by method {info.compress_type}, not deflate")
        return info

    def _check_size(self, info: ZipInfo, n_bytes: int) -> None:
        ratio = n_bytes / max(info.compress_size, 1)
        if n_bytes > RATIO_FREE_BYTES and ratio > MAX_RATIO:
            raise FileTooLargeError(
                f"{self.name}: {info.filename} unpacks to more than {MAX_RATIO} times its size, as "
                "archive bombs do; leave the file out."
            )
        most = self._options.max_unpacked_bytes
        if self._n_unpacked > most:
            raise FileTooLargeError(
                f"{self.name}: unpacks to more than {most:,} bytes, the most that is read; "
                "split the file or raise max_unpacked_bytes."
            )

    def _check_names(self, members: list[ZipInfo]) -> None:
        if len(self._members) < len(members):
            raise self._damaged("two of its parts share a name")
        outside = next((name for name in self._members if _LEADS_OUT.search(name)), None)
        if outside is not None:
            raise self._damaged(f"the part {outside[:200]!r} leads out of the archive")

    def _damaged(self, what: str) -> DamagedFileError:
        return DamagedFileError(
            f"{self.name}: {what}, expected a whole zip-based document; "
            "open and save the file anew, or leave it out."
        )


def _check_members(name: str, n_members: int, options: ExtractionOptions) -> None:
    if n_members > options.max_members:
        raise FileTooLargeError(
            f"{name}: an archive of more than {n_members - 1:,} parts, at most "
            f"{options.max_members:,} are read; split the file or raise max_members."
        )
