"""The files as they came, by digest: what heat maps are drawn on."""

import os
import tempfile
from pathlib import Path

from latelight.errors import NotFoundError
from latelight.index.files import LOCAL_FILES


class Originals:
    """A directory of files named by the sha256 of their bytes."""

    def __init__(self, directory: Path) -> None:
        """Use `directory`, made when the first file comes."""
        self._directory = directory

    def keep(self, sha256: str, data: bytes) -> None:
        """Store bytes durably; a file that is there already is left alone."""
        path = self._directory / sha256
        if path.exists():
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=".incoming-", dir=self._directory)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise

    def stage(self, directory: Path, sha256: str, data: bytes) -> None:
        """Store bytes durably outside, to be taken in by `take` with the document that has them.

        `keep_only` would remove a file that no document names yet.
        """
        Originals(directory).keep(sha256, data)

    def take(self, directory: Path, sha256: str) -> None:
        """Take in what was staged in `directory`; the caller keeps `keep_only` away."""
        staged = directory / sha256
        if (self._directory / sha256).exists():
            staged.unlink(missing_ok=True)
            return
        self._directory.mkdir(parents=True, exist_ok=True)
        staged.replace(self._directory / sha256)

    def path(self, sha256: str) -> Path:
        """Return where a file lies, whether it is there or not."""
        return self._directory / sha256

    def read(self, sha256: str) -> bytes:
        """Return a file's bytes.

        Raises:
            NotFoundError: no such file was kept.
        """
        try:
            return (self._directory / sha256).read_bytes()
        except FileNotFoundError:
            raise NotFoundError(
                f"The original {sha256[:12]}… is not in the library; add the file again to draw it."
            ) from None

    def keep_only(self, wanted: frozenset[str]) -> int:
        """Remove the files that no document names; return how many went."""
        if not self._directory.is_dir():
            return 0
        unnamed = [path for path in self._directory.iterdir() if path.name not in wanted]
        return sum(LOCAL_FILES.discard(path) for path in unnamed)
