"""Pictures as files hold them: opened within limits, upright, on white."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from latelight.errors import DamagedFileError, FileTooLargeError
from latelight.extractors.limits import check_pixels
from latelight.extractors.protocol import ExtractionOptions

FORMATS = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/tiff": "TIFF",
    "image/gif": "GIF",
    "image/bmp": "BMP",
}
EXIF_ORIENTATION, EXIF_CREATED = 0x0112, 0x0132
_JPEG_QUALITY = 88
_MIN_STEP = 16  # of 255, between two pixels of half the size: an edge
_MIN_EDGES = 6  # a full stop has more


def open_picture(
    data: bytes, media_type: str, name: str, options: ExtractionOptions
) -> Image.Image:
    """Return the picture with its header read and its size checked, not yet decoded.

    Raises:
        DamagedFileError: the header cannot be read.
        FileTooLargeError: the header announces more pixels than are decoded.
    """
    try:
        with _quietly():
            picture = Image.open(io.BytesIO(data), formats=[FORMATS[media_type]])
    except Image.DecompressionBombError as error:
        raise _too_large(name, error, options) from None
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError) as error:
        raise damaged_picture(name, media_type, error) from error
    check_pixels(name, picture.size, options)
    return picture


def n_frames(picture: Image.Image, media_type: str) -> int:
    """Return how many frames are pages: those of a TIFF; an animation counts as one."""
    if media_type != "image/tiff":
        return 1
    try:
        with _quietly():
            return int(getattr(picture, "n_frames", 1))
    except Exception:  # a broken chain of frames: the first one may still be whole
        return 1


def upright_frame(
    picture: Image.Image, number: int, name: str, media_type: str, options: ExtractionOptions
) -> Image.Image:
    """Return a frame (from 1) decoded, turned as its EXIF data say, as RGB on white.

    Raises:
        DamagedFileError: the pixels cannot be decoded.
        FileTooLargeError: the frame announces more pixels than are decoded.
    """
    try:
        with _quietly():
            if number > 1:
                picture.seek(number - 1)
                check_pixels(name, picture.size, options)
            picture.load()
            return on_white(_turned_upright(picture))
    except (FileTooLargeError, MemoryError):
        raise
    except Exception as error:  # Pillow's decoders raise anything from struct.error to IndexError
        raise damaged_picture(name, media_type, error) from error


def exif_of(picture: Image.Image) -> Image.Exif:
    """Return a decoded picture's EXIF data, none where they are broken."""
    try:
        with _quietly():
            return picture.getexif()
    except Exception:  # whatever Pillow meets in them, the pixels are whole
        return Image.Exif()


def _turned_upright(picture: Image.Image) -> Image.Image:
    if exif_of(picture).get(EXIF_ORIENTATION, 1) in (0, 1):
        return picture
    try:
        return ImageOps.exif_transpose(picture)
    except MemoryError:
        raise
    except Exception:  # broken EXIF data beside a whole picture
        return picture


def on_white(picture: Image.Image) -> Image.Image:
    """Return the picture as RGB, transparent parts white, 16-bit grey scaled to 8."""
    if picture.mode.startswith("I;16") or picture.mode in ("I", "F"):
        levels = np.asarray(picture, np.float32)
        low, high = float(levels.min()), float(levels.max())
        grey = (levels - low) * (255.0 / ((high - low) or 1.0))
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    if "A" in picture.getbands() or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        page = Image.new("RGB", seen.size, "white")
        page.paste(seen, mask=seen.getchannel("A"))
        return page
    return picture.convert("RGB")


def is_blank(picture: Image.Image) -> bool:
    """Whether a picture has no edges at all, so that nothing can be written on it."""
    grey = picture.convert("L")
    if min(grey.size) >= 64:
        grey = grey.reduce(2)  # evens out a scanner's noise
    levels = np.asarray(grey, np.int16)  # (height, width)
    n_edges = sum(int((np.abs(np.diff(levels, axis=axis)) > _MIN_STEP).sum()) for axis in (0, 1))
    return n_edges < _MIN_EDGES


def encoded(picture: Image.Image, side: int = 0) -> bytes:
    """Return the picture as JPEG, for encoders that look at it.

    Args:
        picture: of any mode.
        side: pixels of its longer side at most; 0 for all there are.
    """
    buffer = io.BytesIO()
    shown = picture.convert("RGB")
    if 0 < side < max(shown.size):
        shown.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=2.0)
    shown.save(buffer, "JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


@contextmanager
def _quietly() -> Iterator[None]:
    """Keep Pillow's warnings to ourselves: our own limits follow, odd metadata harm nobody."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def damaged_picture(name: str, media_type: str, error: Exception) -> DamagedFileError:
    """Return the error for a picture that its decoder gave up on."""
    return DamagedFileError(
        f"{name}: the {media_type} data cannot be decoded ({error or type(error).__name__}), "
        "expected a whole picture; copy or export it again, or leave it out."
    )


def _too_large(name: str, error: Exception, options: ExtractionOptions) -> FileTooLargeError:
    return FileTooLargeError(
        f"{name}: {error}; at most {options.max_pixels:,} pixels are decoded; "
        "scale it down or leave it out."
    )
