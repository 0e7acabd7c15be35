"""The log of small commits: one record each, after a header block.

```
0      header block, 4,096 bytes: magic, version, name, checksum
4096   records, each a multiple of 4,096 bytes: header, deleted ids, a segment, zeros, end mark
```

A record begins in a block of its own, so that writing one never touches a block that holds an
acknowledged one. `docs/format.md` gives every byte, and the rule that tells a commit that was
never acknowledged (a torn tail, dropped) from damage to one that was (refused).
"""

import json
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index.sections import ALIGNMENT

VERSION = 1
BLOCK = 4096
HEAD = 64
"""Length of a record's header, and of what tells one log header from another."""

_LOG_MAGIC, _RECORD_MAGIC, _END = b"LATELOG\n", b"LATEREC\n", b"LATEEND\n"
_LOG = struct.Struct("<8sII48s")  # magic, version, block size, name
_RECORD = struct.Struct("<8sQQQQI8s8xI")  # 64 bytes


@dataclass(frozen=True)
class Record:
    """One commit.

    Attributes:
        sequence: from 1, its place in the log.
        deleted: ids that it deletes; those that it replaces are in the segment.
        segment: the bytes of a segment with its documents, None when it only deletes.
        head: the first 64 bytes, which no other record shares.
        n_bytes: how long it is in the log.
    """

    sequence: int
    deleted: tuple[str, ...]
    segment: memoryview | None
    head: bytes
    n_bytes: int


@dataclass(frozen=True)
class LogMark:
    """How far a log has been read.

    Attributes:
        name: of the log.
        n_records: how many were read.
        last_at, last: where the last one begins, and its head; the log's own before the first.
        end: where the next one will begin.
    """

    name: str
    n_records: int
    last_at: int
    last: bytes
    end: int

    def after(self, records: Sequence[Record]) -> "LogMark":
        """Return the mark after more records."""
        mark = self
        for record in records:
            mark = replace(
                mark,
                n_records=record.sequence,
                last_at=mark.end,
                last=record.head,
                end=mark.end + record.n_bytes,
            )
        return mark


def log_path(root: Path, name: str) -> Path:
    """Return where a log lies."""
    return root / "wal" / name


# Writing


def log_header(name: str) -> bytes:
    """Return the first block of a new log."""
    block = _LOG.pack(_LOG_MAGIC, VERSION, BLOCK, name.encode()).ljust(BLOCK - 4, b"\0")
    return block + struct.pack("<I", zlib.crc32(block))


def start_of(name: str) -> LogMark:
    """Return the mark of a log without records."""
    return LogMark(name, 0, 0, log_header(name)[:HEAD], BLOCK)


def encode_record(mark: LogMark, deleted: Sequence[str], segment: bytes) -> bytes:
    """Return the next record after `mark`; `segment` is empty when nothing is added."""
    ids = json.dumps(list(deleted), ensure_ascii=False).encode()
    body = ids + bytes(-len(ids) % ALIGNMENT) + segment
    n_bytes = -(-(HEAD + len(body) + len(_END)) // BLOCK) * BLOCK
    body = body.ljust(n_bytes - HEAD - len(_END), b"\0")
    fields = (_RECORD_MAGIC, mark.n_records + 1, n_bytes, len(ids), len(segment))
    packed = _RECORD.pack(*fields, zlib.crc32(body), _salt(mark.name), 0)[:-4]
    return packed + struct.pack("<I", zlib.crc32(packed)) + body + _END


def _salt(name: str) -> bytes:
    """Return the random part of a log's name: records of another log do not pass for its own."""
    return name[-8:].encode()


# Reading


def check_log_header(name: str, block: bytes) -> LogMark:
    """Return the mark of a log without records, given its first block.

    Raises:
        CorruptFileError: it is damaged, or of another log.
        FormatVersionError: it has another version.
    """
    if len(block) < BLOCK or block[:8] != _LOG_MAGIC:
        raise CorruptFileError(_damaged_header(name, "does not begin with a log's mark"))
    if zlib.crc32(block[:-4]) != struct.unpack("<I", block[-4:])[0]:
        raise CorruptFileError(_damaged_header(name, "has a header whose checksum is wrong"))
    _, version, _, own_name = _LOG.unpack_from(block)
    if version != VERSION:
        raise FormatVersionError(
            f"wal/{name} has log version {version}; this Latelight reads version {VERSION}. "
            "Upgrade Latelight, or rebuild the index with this one."
        )
    if own_name.rstrip(b"\0") != name.encode():
        raise CorruptFileError(_damaged_header(name, f"says that it is {own_name!r}"))
    return start_of(name)


def read_records(mark: LogMark, data: bytes) -> list[Record]:
    """Return the records after `mark`, given the log's bytes from `mark.end` on.

    What a commit left that was never acknowledged ends them.

    Raises:
        CorruptFileError: a record is damaged, or not the next one.
    """
    records: list[Record] = []
    view, at = memoryview(data), 0
    while at < len(view):
        record = _record(mark, view[at:])
        if record is None:
            break
        records.append(record)
        mark = mark.after([record])
        at += record.n_bytes
    return records


def _record(mark: LogMark, rest: memoryview) -> Record | None:
    """Return the record at the beginning of `rest`, None for a torn one."""
    if len(rest) < HEAD:
        return None
    head = bytes(rest[:HEAD])
    magic, sequence, n_bytes, n_ids, n_segment, crc, salt, own_crc = _RECORD.unpack(head)
    if magic != _RECORD_MAGIC or zlib.crc32(head[:-4]) != own_crc:
        _check_unwritten(mark, rest, "has a damaged header")
        return None
    if sequence != mark.n_records + 1 or salt != _salt(mark.name):
        raise CorruptFileError(_damage(mark, f"has the number {sequence} or is of another log"))
    if len(rest) < n_bytes:
        return None
    if rest[n_bytes - len(_END) : n_bytes] != _END:
        _check_unwritten(mark, rest[n_bytes - len(_END) :], "has a damaged end")
        return None
    if zlib.crc32(rest[HEAD : n_bytes - len(_END)]) != crc:
        raise CorruptFileError(_damage(mark, "has a wrong checksum"))
    deleted = json.loads(bytes(rest[HEAD : HEAD + n_ids]))
    begin = HEAD + n_ids + -n_ids % ALIGNMENT
    segment = rest[begin : begin + n_segment] if n_segment else None
    return Record(sequence, tuple(deleted), segment, head, n_bytes)


def _check_unwritten(mark: LogMark, rest: memoryview, what: str) -> None:
    """Raise CorruptFileError unless this was never written: zeros up to the end of the file."""
    if rest != bytes(len(rest)):
        raise CorruptFileError(_damage(mark, what))


def _damage(mark: LogMark, what: str) -> str:
    return (
        f"wal/{mark.name}: record {mark.n_records + 1} at byte {mark.end} {what}, and with it a "
        "commit that was acknowledged. Restore the file from a copy; cutting it to "
        f"{mark.end} bytes gives up that commit and those after it."
    )


def _damaged_header(name: str, what: str) -> str:
    return (
        f"wal/{name} {what}, and with it the commits that it holds. "
        "Restore the file from a copy; `latelight verify` lists all damage."
    )
