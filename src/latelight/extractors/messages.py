"""What a pool and its worker processes say to each other.

A message on a pipe is a length of eight bytes and a pickle; both ends are this same package.
"""

import pickle
from dataclasses import dataclass
from typing import IO

from latelight.errors import ExtractionError
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import Extraction, Source


@dataclass(frozen=True)
class Job:
    """One file to read."""

    source: Source
    options: ExtractionOptions


@dataclass(frozen=True)
class Ready:
    """The worker has started."""


@dataclass(frozen=True)
class PageDone:
    """A sign of life."""

    done: int
    total: int


@dataclass(frozen=True)
class Done:
    """The file was read."""

    extraction: Extraction


@dataclass(frozen=True)
class Failed:
    """The file was refused."""

    error: type[ExtractionError]
    message: str


def send(stream: IO[bytes], message: object) -> None:
    """Write one message."""
    body = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
    stream.write(len(body).to_bytes(8, "little"))
    stream.write(body)
    stream.flush()


def receive(stream: IO[bytes]) -> object | None:
    """Return the next message, None when the other end is gone."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    length = int.from_bytes(head, "little")
    body = stream.read(length)
    return pickle.loads(body) if len(body) == length else None
