"""Logs on the disk: made, followed by readers while they grow, appended to by the writer."""

import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from latelight.errors import CorruptFileError
from latelight.index.files import Files, write_file
from latelight.index.log import (
    BLOCK,
    HEAD,
    LogMark,
    Record,
    check_log_header,
    encode_record,
    log_header,
    log_path,
    read_records,
    start_of,
)

_ATTEMPTS = 10


def create_log(root: Path, number: int, files: Files) -> LogMark:
    """Return a new, empty log for manifest `number`; it is on the disk, and nothing names it."""
    directory = root / "wal"
    if not directory.is_dir():  # a generation from before there were logs
        files.make_directory(directory)
        files.fsync_directory(root)
    name = f"WAL-{number:012d}-{secrets.token_hex(4)}"
    write_file(directory / name, log_header(name), files)
    files.fsync_directory(directory)
    return start_of(name)


def sync_logs(root: Path, marks: Iterable[LogMark], files: Files) -> None:
    """Return once these logs are on the disk.

    A writer that was killed may have left a whole record that is not: what it deletes must not be
    published without what it adds, and what came after it must not outlive it.
    """
    for mark in marks:
        if mark.n_records:
            with files.open_log(log_path(root, mark.name)) as log:
                files.fsync_data(log)


class LogReader:
    """A context manager: one log, open for reading."""

    def __init__(self, root: Path, name: str) -> None:
        """Open the log; FileNotFoundError when it is not there."""
        self.name = name
        self._file: BinaryIO = log_path(root, name).open("rb", buffering=0)

    def __enter__(self) -> "LogReader":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def start(self) -> LogMark:
        """Return the mark before the first record; errors as `check_log_header`."""
        return check_log_header(self.name, self._read_at(0, BLOCK))

    def is_at(self, mark: LogMark) -> bool:
        """Return whether nothing came after the mark."""
        return os.fstat(self._file.fileno()).st_size == mark.end and self.continues(mark)

    def continues(self, mark: LogMark) -> bool:
        """Return whether the last record is still there.

        It is not when its writer could not finish the commit and cut it off again.
        """
        if os.fstat(self._file.fileno()).st_size < mark.end:
            return False
        return self._read_at(mark.last_at, HEAD) == mark.last

    def read(self, mark: LogMark) -> list[Record]:
        """Return the records after the mark.

        Raises:
            CorruptFileError: one is damaged.
        """
        data = self._tail(mark)
        for _ in range(_ATTEMPTS):
            with suppress(CorruptFileError):
                return read_records(mark, data)
            # A writer that cuts off a torn tail while we read mixes old and new bytes.
            before, data = data, self._tail(mark)
            if data == before:
                break
        return read_records(mark, data)

    def _tail(self, mark: LogMark) -> bytes:
        length = os.fstat(self._file.fileno()).st_size - mark.end
        return self._read_at(mark.end, length) if length > 0 else b""

    def _read_at(self, place: int, length: int) -> bytes:
        self._file.seek(place)
        return self._file.read(length)


class LogAppender:
    """The writer's end of a log."""

    def __init__(self, root: Path, mark: LogMark, files: Files) -> None:
        """Open the log behind its last record; what a crash left there is cut off."""
        self.mark = mark
        self._files = files
        self._file = files.open_log(log_path(root, mark.name))
        try:
            if self._file.seek(0, os.SEEK_END) != mark.end:
                files.truncate(self._file, mark.end)
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def append(self, deleted: list[str], segment: bytes) -> list[Record]:
        """Append one record and return it; it is on the disk when this returns.

        After a failure the log is cut to what it was, if the disk still lets us.
        """
        data = encode_record(self.mark, deleted, segment)
        try:
            self._files.append(self._file, data)
            self._files.fsync_data(self._file)
        except BaseException:
            with suppress(OSError):
                self._files.truncate(self._file, self.mark.end)
            raise
        records = read_records(self.mark, data)
        self.mark = self.mark.after(records)
        return records
