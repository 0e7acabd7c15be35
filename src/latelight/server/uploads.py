"""Multipart bodies, read as they stream: files go to the disk, never whole into memory."""

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from latelight.errors import WriterLockedError
from latelight.index.lock import WriterLock
from latelight.pipelines.items import Upload
from latelight.server.pools import Pool
from latelight.server.problems import Refusal

DIRECTORY = "incoming"
MOST_FILES = 10_000
MOST_FIELDS = 32
MOST_FIELD_BYTES = 1 << 20
MOST_NAME_CHARACTERS = 500
PIECE_BYTES = 1 << 20


class Incoming:
    """Where uploads lie until a job takes them over: a directory for each process.

    It is beside the collections, so that taking over is a rename. What a process that was killed
    has left, the next one removes: nobody was told that it had arrived.
    """

    def __init__(self, root: Path) -> None:
        """Use a library's directory; nothing is made before the first upload."""
        self._parent = root / DIRECTORY
        self._lock: WriterLock | None = None
        self._own = self._parent / f"{os.getpid()}-{secrets.token_hex(4)}"

    @contextmanager
    def folder(self) -> Iterator[Path]:
        """Give an empty folder, which is gone afterwards with all that is left in it."""
        if self._lock is None:
            self._own.mkdir(parents=True)
            self._lock = WriterLock(self._own)
        made = self._own / secrets.token_hex(8)
        made.mkdir()
        try:
            yield made
        finally:
            shutil.rmtree(made, ignore_errors=True)

    def clear(self) -> None:
        """Remove what dead processes left."""
        for left in self._parent.glob("*"):
            try:
                WriterLock(left).release()
            except (WriterLockedError, OSError):
                continue
            shutil.rmtree(left, ignore_errors=True)

    def close(self) -> None:
        """Remove this process's directory."""
        if self._lock is not None:
            self._lock.release()
            self._lock = None
            shutil.rmtree(self._own, ignore_errors=True)


@dataclass
class Form:
    """What a multipart body holds.

    Attributes:
        fields: values by name.
        files: what came with a file name, and the name of its field.
    """

    fields: dict[str, str] = field(default_factory=dict)
    files: list[tuple[str, Upload]] = field(default_factory=list)

    def uploads(self, name: str) -> list[Upload]:
        """Return the files of a field.

        Raises:
            Refusal: there is another field with files.
        """
        for other, upload in self.files:
            if other != name:
                raise invalid(
                    f"The file {upload.name!r} came as {other!r}, expected {name!r}",
                    f"Call the field {name!r}.",
                )
        return [upload for _, upload in self.files]


async def read_form(request: Request, folder: Path, pool: Pool) -> Form:
    """Return a multipart body, its files written durably into `folder`.

    Raises:
        Refusal: it is none, is malformed or cut off, or longer than allowed.
    """
    boundary, reader = _boundary(request), None
    try:
        reader = _Reader(boundary, folder)
        piece = bytearray()
        async for chunk in request.stream():
            piece += chunk
            if len(piece) >= PIECE_BYTES:
                await pool.run(reader.feed, bytes(piece))
                piece.clear()
        await pool.run(reader.feed, bytes(piece))
        return await pool.run(reader.finish)
    except FormParserError as error:
        raise invalid(f"The multipart body is malformed ({error})") from error
    except ClientDisconnect as error:
        raise invalid("The body ended before its end") from error
    finally:
        if reader is not None:
            reader.close()


_CALLS = (
    *("part_begin", "header_field", "header_value", "header_end", "headers_finished"),
    *("part_data", "part_end", "end"),
)


class _Reader:
    """Takes a body in pieces of any size."""

    def __init__(self, boundary: bytes, folder: Path) -> None:
        callbacks: Any = {f"on_{name}": getattr(self, f"_{name}") for name in _CALLS}
        self._parser = MultipartParser(boundary, callbacks)
        self._folder = folder
        self._form = Form()
        self._has_ended = False
        self._begin_part()

    def feed(self, data: bytes) -> None:
        if data:
            self._parser.write(data)

    def finish(self) -> Form:
        self._parser.finalize()
        if not self._has_ended:
            raise invalid("The multipart body is cut off: its last boundary is missing")
        return self._form

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    # -- what the parser calls ---------------------------------------------------------------

    def _begin_part(self) -> None:
        self._header = b""
        self._value = b""
        self._disposition = b""
        self._name = ""
        self._file_name: str | None = None
        self._file: IO[bytes] | None = None
        self._path = self._folder
        self._hash = sha256()
        self._n_bytes = 0
        self._text = bytearray()

    def _part_begin(self) -> None:
        self._begin_part()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _headers_finished(self) -> None:
        kind, options = parse_options_header(self._disposition)
        if kind != b"form-data" or b"name" not in options:
            raise invalid("A part of the multipart body has no name")
        self._name = options[b"name"].decode(errors="replace")
        if b"filename" in options:
            self._file_name = relative_name(options[b"filename"].decode(errors="replace"))
            self._open()
        elif len(self._form.fields) >= MOST_FIELDS:
            raise invalid(f"There are more than {MOST_FIELDS} fields")

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        piece = data[start:end]
        if self._file is not None:
            self._file.write(piece)
            self._hash.update(piece)
            self._n_bytes += len(piece)
        elif len(self._text) + len(piece) > MOST_FIELD_BYTES:
            raise invalid(f"The field {self._name!r} has more than {MOST_FIELD_BYTES:,} bytes")
        else:
            self._text += piece

    def _part_end(self) -> None:
        if self._file is None:
            self._form.fields[self._name] = self._decoded()
            return
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        assert self._file_name is not None
        upload = Upload(self._file_name, self._path, self._hash.hexdigest(), self._n_bytes)
        self._form.files.append((self._name, upload))

    def _end(self) -> None:
        self._has_ended = True

    def _open(self) -> None:
        if len(self._form.files) >= MOST_FILES:
            raise invalid(f"There are more than {MOST_FILES:,} files", "Send them in parts.")
        self._path = self._folder / str(len(self._form.files))
        self._file = self._path.open("xb")

    def _decoded(self) -> str:
        try:
            return self._text.decode()
        except UnicodeDecodeError as error:
            raise invalid(f"The field {self._name!r} is not UTF-8") from error


def plain_name(given: str) -> str:
    """Return a file's own name: no folders, nothing unprintable, never empty."""
    last = given.replace("\\", "/").rpartition("/")[2]
    kept = "".join(c for c in last if c.isprintable()).strip()[-MOST_NAME_CHARACTERS:]
    return kept if kept.strip(".") else "unnamed"


def relative_name(given: str) -> str:
    """Return a file's name with the folders that it came in, so that equal names stay apart.

    It is a name and nothing else: what is stored is numbered.
    """
    parts = given.replace("\\", "/").split("/")
    folders = [plain_name(one) for one in parts[:-1] if one.strip(". ") and not one.endswith(":")]
    return "/".join([*folders, plain_name(parts[-1])])[-MOST_NAME_CHARACTERS:].lstrip("/")


def invalid(detail: str, remedy: str = "Send it as multipart/form-data.") -> Refusal:
    """Return the answer for a form that is not as expected."""
    return Refusal(422, "invalid_input", f"{detail}.", remedy)


def _boundary(request: Request) -> bytes:
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not boundary:
        raise invalid("The body is not multipart/form-data with a boundary")
    return boundary
