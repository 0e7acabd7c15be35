"""What a machine has of what Latelight needs, each as one sentence."""

from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from latelight.app.library import Library
from latelight.encoders.registry import create_encoder
from latelight.encoders.sight import PatchEncoder
from latelight.errors import ExtractionError, WeightsNotFoundError
from latelight.extractors.media_file import REMEDY
from latelight.extractors.ocr import read_picture
from latelight.extractors.whisper import speech_model_state
from latelight.kernels.maxsim import available_isas, isa
from latelight.pipelines.items import LIBRARY_MARK
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


def sight() -> str:
    """Look at a picture made here, and say what the patch encoder is.

    Raises:
        ModelError: the weights are missing or not the recorded ones.
    """
    patches = PatchEncoder()
    patches.look(Image.new("RGB", (320, 240), "white"))
    return f"{patches.name}, {len(patches.rows())} concepts, weights verified (Apache-2.0)"


def character_recognition() -> str:
    """Read a word from a picture made here.

    Raises:
        ExtractionError: the recogniser cannot be loaded, or does not see the word.
    """
    picture = Image.new("RGB", (320, 80), "white")
    ImageDraw.Draw(picture).text((20, 20), "latelight", "black", ImageFont.load_default(40))
    text, _ = read_picture(picture)
    if "latelight" not in text.lower():
        raise ExtractionError(f"The recogniser read {text!r} in a picture that says 'latelight'.")
    return f"rapidocr {version('rapidocr')} reads"


def speech() -> str:
    """Say whether sound and video can be read, which needs an extra.

    Raises:
        ModelError: the carried weights are not the recorded ones.
    """
    missing = [name for name in ("av", "faster-whisper") if not _is_installed(name)]
    if missing:
        return f"not installed ({', '.join(missing)}); for sound and video {REMEDY}"
    try:
        return speech_model_state()
    except WeightsNotFoundError as error:
        return f"no carried weights: {error}"


def _is_installed(package: str) -> bool:
    try:
        version(package)
    except PackageNotFoundError:
        return False
    return True


def library_state(root: Path) -> str:
    """Say what the library in `root` holds; that there is none yet is fine.

    Raises:
        StorageError: it cannot be read.
    """
    if not (root / LIBRARY_MARK).is_file():
        return f"none in {root} yet; `latelight add` makes it"
    library = Library(root, read_settings())
    names = [f"{namespace}/{one.name}" for namespace, one in library.every_collection()]
    return f"{root}: {', '.join(names) or 'no collections'}"


MODELS: Mapping[str, Callable[[], str]] = {
    "encoder": default_encoder,
    "sight": sight,
    "recognition": character_recognition,
    "speech": speech,
}
