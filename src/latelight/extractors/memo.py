"""What slow models said of a page or a clip, kept until the job is over.

A document is published whole. When a job is killed in the middle of a long scan or recording, what
was read of it so far is found here by the next run, instead of being read again. Keys are digests
of everything that decides the answer; a file that is damaged or cut short is as good as none.
"""

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from latelight import __version__


class Memo:
    """Answers by key, one file each, in a directory that several processes share."""

    def __init__(self, directory: str) -> None:
        """Keep answers in `directory`; an empty one keeps nothing."""
        self._directory = Path(directory) if directory else None

    def get(self, key: str) -> Any:
        """Return the answer that was kept under a key, None if there is none."""
        if self._directory is None:
            return None
        try:
            data = self._place(key).read_bytes()
            digest, answer = data[:32], data[32:]
            if hashlib.sha256(answer).digest() != digest:
                return None
            return msgspec.json.decode(answer)
        except (OSError, msgspec.DecodeError):
            return None

    def put(self, key: str, answer: object) -> None:
        """Keep an answer of plain lists, strings and numbers; a full disk keeps none."""
        if self._directory is None:
            return
        data = msgspec.json.encode(answer)
        with suppress(OSError):
            self._directory.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self._directory, prefix=".")
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(data).digest() + data)
            Path(name).replace(self._place(key))

    @property
    def is_kept(self) -> bool:
        """Whether anything is kept at all, so that keys are worth making."""
        return self._directory is not None

    def _place(self, key: str) -> Path:
        assert self._directory is not None
        return self._directory / key


def key_of(*parts: object) -> str:
    """Return a digest of what decides an answer: bytes as they are, anything else as its repr."""
    digest = hashlib.sha256(__version__.encode())
    for part in parts:
        data = part if isinstance(part, bytes) else repr(part).encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    return digest.hexdigest()
