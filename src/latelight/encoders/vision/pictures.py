"""The pictures of units, decoded within limits: upright, RGB, on white."""

import io
import warnings
from typing import Final

from PIL import Image, ImageOps

from latelight.errors import DamagedFileError, FileTooLargeError

FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MOST_PIXELS = 100_000_000
_WHITE = (255, 255, 255, 255)


def open_picture(data: bytes, name: str, *, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """Return the picture in `data`, turned as its EXIF data say, in RGB on white.

    Only the formats of `FORMATS` are tried, and nothing is decoded before its size is checked.

    Args:
        data: an encoded picture.
        name: of what it belongs to, for messages.
        most_pixels: larger ones are refused.

    Raises:
        DamagedFileError: it cannot be decoded.
        FileTooLargeError: it announces more pixels.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit follows
            picture = Image.open(io.BytesIO(data), formats=FORMATS)
            _check_size(picture, name, most_pixels)
            return _on_white(ImageOps.exif_transpose(picture))
    except (FileTooLargeError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise FileTooLargeError(
            f"{name}: {error} At most {most_pixels:,} pixels are decoded; scale the picture down."
        ) from error
    except Exception as error:  # Pillow's decoders raise anything from struct.error to IndexError
        raise DamagedFileError(
            f"{name}: its picture of {len(data):,} bytes cannot be decoded ({error}); expected "
            f"one of {', '.join(FORMATS)}."
        ) from error


def _check_size(picture: Image.Image, name: str, most_pixels: int) -> None:
    width, height = picture.size
    if width * height > most_pixels:
        raise FileTooLargeError(
            f"{name}: its picture has {width:,} x {height:,} pixels; at most {most_pixels:,} are "
            "decoded. Scale it down."
        )


def _on_white(picture: Image.Image) -> Image.Image:
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        ground = Image.new("RGBA", seen.size, _WHITE)
        ground.alpha_composite(seen)
        return ground.convert("RGB")
    if picture.mode.startswith("I"):  # 16 bits a pixel: Pillow would clip, not scale
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    return picture.convert("RGB")
