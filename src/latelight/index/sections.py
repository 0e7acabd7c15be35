"""One file of named arrays: how segments and tombstones lie on the disk.

```
0      preamble, 64 bytes: magic, version, where the header is, file length, checksums
64     sections, each starting at a multiple of 64, zeros between them
...    header, JSON: kind, requires, attributes, and for each section dtype, shape, offset,
       length, crc32
```

The header comes last so that sections stream to the disk before their checksums are known; the
preamble, written at the very end, makes the file valid. `docs/format.md` gives every byte.
"""

import json
import math
import mmap
import struct
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from latelight.errors import CorruptFileError, FormatVersionError
from latelight.index.files import LOCAL_FILES, Files
from latelight.kernels.pacing import rest

Array = npt.NDArray[Any]

MAGIC = b"LATELIT\n"
VERSION = 1
ALIGNMENT = 64
_PREAMBLE = struct.Struct("<8sIIQQQI16xI")  # 64 bytes
_DTYPES = frozenset({"|i1", "|u1", "<u2", "<i4", "<u4", "<i8", "<u8", "<f2", "<f4", "<f8"})


@dataclass(frozen=True)
class Section:
    """Where one array lies in a file."""

    dtype: str
    shape: tuple[int, ...]
    offset: int
    length: int
    crc32: int

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "dtype": self.dtype,
            "shape": list(self.shape),
            "offset": self.offset,
            "length": self.length,
            "crc32": self.crc32,
        }


@dataclass(frozen=True)
class Header:
    """What a section file says of itself.

    Attributes:
        kind: `segment` or `tombstones`.
        requires: features that a reader must know to read the file rightly.
        attributes: numbers and names, by kind of file.
        sections: the arrays, by name.
    """

    kind: str
    requires: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    sections: Mapping[str, Section] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the JSON form."""
        parts = {
            "kind": self.kind,
            "requires": list(self.requires),
            "attributes": dict(self.attributes),
            "sections": {name: section.to_dict() for name, section in self.sections.items()},
        }
        return json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()

    @classmethod
    def from_bytes(cls, data: bytes) -> "Header":
        """Return the header that `to_bytes` wrote."""
        parts = json.loads(data)
        sections = {
            name: Section(s["dtype"], tuple(s["shape"]), s["offset"], s["length"], s["crc32"])
            for name, s in parts["sections"].items()
        }
        return cls(parts["kind"], tuple(parts["requires"]), parts["attributes"], sections)


class SectionWriter:
    """A context manager that writes one section file, array by array.

    Nothing is valid before `finish`.
    """

    def __init__(self, path: Path, files: Files = LOCAL_FILES) -> None:
        self._files = files
        self._file = files.create(path)
        self._position = 0
        self._sections: dict[str, Section] = {}

    def __enter__(self) -> "SectionWriter":
        try:
            self._write(bytes(_PREAMBLE.size))
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def add(self, name: str, array: Array) -> None:
        """Write one array."""
        self.add_chunks(name, [array])

    def add_chunks(self, name: str, chunks: Sequence[Array]) -> None:
        """Write arrays of one dtype and row shape as if they were concatenated."""
        self._pad()
        start, crc, n_items = self._position, 0, 0
        dtype = chunks[0].dtype.newbyteorder("<")
        for chunk in chunks:
            data = np.ascontiguousarray(chunk, dtype=dtype).data.cast("B") if chunk.size else b""
            crc = zlib.crc32(data, crc)
            self._write(data)
            n_items += len(chunk)
        shape = (n_items, *chunks[0].shape[1:])
        self._sections[name] = Section(dtype.str, shape, start, self._position - start, crc)
        rest()

    def finish(
        self, kind: str, attributes: Mapping[str, Any], requires: Iterable[str] = ()
    ) -> None:
        """Write header and preamble, and return once the file is on the disk."""
        self._pad()
        header = Header(kind, tuple(requires), attributes, self._sections).to_bytes()
        offset = self._position
        self._write(header)
        self._file.seek(0)
        self._file.write(_preamble(offset, header, self._position))
        self._files.fsync(self._file)

    @property
    def n_bytes(self) -> int:
        """How long the file is so far."""
        return self._position

    def _pad(self) -> None:
        self._write(bytes(-self._position % ALIGNMENT))

    def _write(self, data: bytes | memoryview) -> None:
        self._file.write(data)
        self._position += len(data)


def _preamble(header_offset: int, header: bytes, file_length: int) -> bytes:
    fields = (MAGIC, VERSION, 0, header_offset, len(header), file_length, zlib.crc32(header))
    return _PREAMBLE.pack(*fields, zlib.crc32(_PREAMBLE.pack(*fields, 0)[:60]))


class SectionFile:
    """One section file, memory-mapped or in memory; arrays are read-only views of it."""

    def __init__(self, name: str, header: Header, view: mmap.mmap | memoryview) -> None:
        self.name = name
        self.header = header
        self._map = view
        self._arrays: dict[str, Array] = {}

    @classmethod
    def open(cls, path: Path, kind: str, features: frozenset[str] = frozenset()) -> "SectionFile":
        """Return the file with its preamble and header checked; sections are not read.

        Raises:
            FileNotFoundError: it is not there.
            CorruptFileError: preamble, length or header is damaged.
            FormatVersionError: another version, or a required feature that is not known.
        """
        name = "/".join(path.parts[-3:])
        with path.open("rb") as file:
            length = file.seek(0, 2)
            if length < _PREAMBLE.size:
                raise CorruptFileError(_damage(name, f"is {length} bytes long, too short"))
            view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        return cls._checked(name, view, kind, features)

    @classmethod
    def over(
        cls, name: str, data: memoryview, kind: str, features: frozenset[str] = frozenset()
    ) -> "SectionFile":
        """Return a section file that lies in memory, as `open`; `name` is for messages.

        `data` is a read-only view of bytes and is not copied.
        """
        if len(data) < _PREAMBLE.size:
            raise CorruptFileError(_damage(name, f"is {len(data)} bytes long, too short"))
        return cls._checked(name, data, kind, features)

    @classmethod
    def holding(cls, name: str, kind: str, arrays: Mapping[str, Array]) -> "SectionFile":
        """Return a section file that was never written: these arrays by name."""
        sections = {key: Section(a.dtype.str, a.shape, 0, a.nbytes, 0) for key, a in arrays.items()}
        file = cls(name, Header(kind, sections=sections), memoryview(b""))
        file._arrays.update(arrays)
        return file

    @classmethod
    def _checked(
        cls, name: str, view: mmap.mmap | memoryview, kind: str, features: frozenset[str]
    ) -> "SectionFile":
        header = _read_header(name, view, len(view))
        _check_kind(name, header, kind, features)
        return cls(name, header, view)

    @property
    def n_bytes(self) -> int:
        """Length of the file."""
        return len(self._map)

    def __contains__(self, section: str) -> bool:
        return section in self.header.sections

    def array(self, section: str) -> Array:
        """Return one section as a read-only array over the map.

        Raises:
            CorruptFileError: the file has no such section.
        """
        found = self._arrays.get(section)
        if found is None:
            found = self._arrays[section] = self._view(section)
        return found

    def problems(self) -> list[tuple[str, str]]:
        """Return (section, what is wrong) for every checksum that fails, padding included."""
        entries = self.header.sections.items()
        wrong = [
            (name, f"its bytes have crc32 {found:08x}, recorded {section.crc32:08x}")
            for name, section in entries
            if (found := self._crc32(section)) != section.crc32
        ]
        return wrong + [("padding", at) for at in self._nonzero_padding()]

    def _view(self, section: str) -> Array:
        entry = self.header.sections.get(section)
        if entry is None:
            raise CorruptFileError(_damage(self.name, f"has no section {section!r}"))
        count = math.prod(entry.shape)
        flat = np.frombuffer(self._map, np.dtype(entry.dtype), count, entry.offset)
        return flat.reshape(entry.shape)

    def _crc32(self, section: Section, step: int = 1 << 24) -> int:
        crc, end = 0, section.offset + section.length
        with memoryview(self._map) as view:
            for start in range(section.offset, end, step):
                crc = zlib.crc32(view[start : min(start + step, end)], crc)
        return crc

    def _nonzero_padding(self) -> list[str]:
        spans = sorted((s.offset, s.offset + s.length) for s in self.header.sections.values())
        ends = [_PREAMBLE.size, *(end for _, end in spans)]
        gaps = [(end, end + -end % ALIGNMENT) for end in ends]
        return [
            f"bytes {start} to {stop} should be zero"
            for start, stop in gaps
            if any(self._map[start:stop])
        ]


def _read_header(name: str, view: mmap.mmap | memoryview, length: int) -> Header:
    preamble = bytes(view[: _PREAMBLE.size])
    magic, version, _, offset, n_bytes, recorded, crc, own_crc = _PREAMBLE.unpack(preamble)
    if magic != MAGIC:
        raise CorruptFileError(_damage(name, "does not begin with Latelight's mark"))
    if zlib.crc32(preamble[:60]) != own_crc:
        raise CorruptFileError(_damage(name, "has a preamble whose checksum is wrong"))
    if version != VERSION:
        raise FormatVersionError(
            f"{name} has format version {version}; this Latelight reads version {VERSION}. "
            "Upgrade Latelight, or rebuild the index with this one."
        )
    if recorded != length:
        raise CorruptFileError(_damage(name, f"is {length} bytes long; {recorded} were written"))
    data = bytes(view[offset : offset + n_bytes])
    if zlib.crc32(data) != crc:
        raise CorruptFileError(_damage(name, "has a header whose checksum is wrong"))
    header = Header.from_bytes(data)
    _check_sections(name, header, offset)
    return header


def _check_sections(name: str, header: Header, end: int) -> None:
    for section, entry in header.sections.items():
        if entry.dtype not in _DTYPES:
            raise FormatVersionError(
                f"{name}: section {section!r} has the unknown dtype {entry.dtype!r}. "
                "Upgrade Latelight, or rebuild the index with this one."
            )
        size = math.prod(entry.shape) * int(entry.dtype[2:])  # a dtype ends in its width
        if size != entry.length or entry.offset + entry.length > end:
            raise CorruptFileError(_damage(name, f"has a section {section!r} of a wrong length"))


def _check_kind(name: str, header: Header, kind: str, features: frozenset[str]) -> None:
    if header.kind != kind:
        raise CorruptFileError(_damage(name, f"is of kind {header.kind!r}, expected {kind!r}"))
    refuse_unknown_features(name, header.requires, features)


def refuse_unknown_features(name: str, requires: Iterable[str], known: frozenset[str]) -> None:
    """Raise FormatVersionError when a file needs a feature that this version does not know."""
    unknown = sorted(set(requires) - known)
    if unknown:
        raise FormatVersionError(
            f"{name} needs {', '.join(unknown)}, which this Latelight does not know. "
            "Upgrade Latelight, or rebuild the index with this one."
        )


def _damage(name: str, what: str) -> str:
    return (
        f"{name} {what}: the file is damaged or was cut short. "
        "Restore it from a copy, or add the documents again; `latelight verify` lists all damage."
    )
