"""A column of strings over two arrays; nothing is decoded before it is asked for."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import overload

import numpy as np

from latelight.errors import CorruptFileError
from latelight.index.sections import Array, SectionFile, SectionWriter


class StringColumn(Sequence[str]):
    """Strings as UTF-8 bytes and the places where each begins.

    Attributes:
        offsets: (n + 1,) int64, string `i` is `data[offsets[i]:offsets[i + 1]]`.
        data: (n_bytes,) uint8.
    """

    def __init__(self, offsets: Array, data: Array) -> None:
        self.offsets = offsets
        self.data = data

    @classmethod
    def read(cls, file: SectionFile, name: str) -> "StringColumn":
        """Return the column that `write_strings` wrote under `name`."""
        return cls(file.array(f"{name}.offsets"), file.array(f"{name}.bytes"))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not 0 <= index < len(self):
            raise IndexError(f"string {index} of {len(self)}")
        try:
            return self.raw(index).decode()
        except UnicodeDecodeError as error:
            raise CorruptFileError(
                f"String {index} of a column is not UTF-8: the segment is damaged. "
                "`latelight verify` lists all damage."
            ) from error

    def raw(self, index: int) -> bytes:
        """Return one string's UTF-8 bytes."""
        return self.data[self.offsets[index] : self.offsets[index + 1]].tobytes()

    def find(self, text: str) -> int | None:
        """Return the number of `text` in a sorted column, None when it is not there."""
        number = bisect_left(self, text)
        return number if number < len(self) and self[number] == text else None


def write_strings(writer: SectionWriter, name: str, strings: Iterable[str]) -> None:
    """Write the sections `<name>.offsets` and `<name>.bytes`."""
    encoded = [text.encode() for text in strings]
    lengths = np.fromiter((len(data) for data in encoded), np.int64, len(encoded))
    writer.add(f"{name}.offsets", starts(lengths))
    writer.add(f"{name}.bytes", np.frombuffer(b"".join(encoded), np.uint8))


def starts(lengths: Array) -> Array:
    """Return (n + 1,) int64: where each of `lengths` items begins, and the end of the last."""
    offsets = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=offsets[1:])
    return offsets
