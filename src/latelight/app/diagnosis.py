"""What a machine has of what Latelight needs, each as one sentence."""

from collections.abc import Callable, Mapping
from pathlib import Path

from latelight.app.library import MARK, Library
from latelight.encoders.registry import create_encoder
from latelight.extractors.ocr import load_recognizer
from latelight.kernels.maxsim import available_isas, isa
from latelight.settings import read_settings


def kernels() -> tuple[str, tuple[str, ...]]:
    """Return the instruction set that scoring uses, and those that this machine has."""
    return isa(), available_isas()


def default_encoder() -> str:
    """Load the default encoder, encode a query, and say what it is.

    Raises:
        ModelError: the weights are missing or not the recorded ones.
    """
    encoder = create_encoder("latelight-small")
    encoder.load()
    rows = encoder.encode_query("a lamp in the window").vectors
    info = encoder.info
    return f"{info.name} {info.version}, {rows.shape[1]} dims, weights verified ({info.licence})"


def character_recognition() -> str:
    """Load the recogniser of words in pictures and say what it is."""
    return load_recognizer()


def library_state(root: Path) -> str:
    """Say what the library in `root` holds; that there is none yet is fine.

    Raises:
        StorageError: it cannot be read.
    """
    if not (root / MARK).is_file():
        return f"none in {root} yet; `latelight add` makes it"
    library = Library(root, read_settings())
    names = [f"{namespace}/{one.name}" for namespace, one in library.every_collection()]
    return f"{root}: {', '.join(names) or 'no collections'}"


MODELS: Mapping[str, Callable[[], str]] = {
    "encoder": default_encoder,
    "recognition": character_recognition,
}
