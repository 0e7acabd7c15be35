"""Pictures -> one unit each: the words that OCR finds on them, with boxes."""

from dataclasses import replace

from PIL import Image

from latelight.errors import UnsupportedMediaError
from latelight.extractors.detect import detect_media_type
from latelight.extractors.limits import check_bytes
from latelight.extractors.ocr import read_picture
from latelight.extractors.pictures import (
    EXIF_CREATED,
    EXIF_ORIENTATION,
    FORMATS,
    encoded,
    exif_of,
    n_frames,
    open_picture,
    upright_frame,
)
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.types import CharSpan, Extraction, ExtractorInfo, Locator, Source, Unit, WordBoxes

_FRAME_BREAK = "\f"


class ImageExtractor:
    """Pictures, upright, with the words on them; a TIFF of several frames is a scan of pages."""

    info = ExtractorInfo(
        name="image",
        version="2",
        media_types=tuple(FORMATS),
        unit_kinds=("image", "page"),
        licence="Apache-2.0 AND MIT-CMU",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the picture as the unit `i1`, or a TIFF's frames as the pages `p1`, `p2`, …

        Only the first frame of an animation is read. A picture without words has empty text.

        Raises:
            DamagedFileError: the picture cannot be decoded.
            FileTooLargeError: more bytes or pixels than allowed.
            UnsupportedMediaError: it is no picture of a known format.
        """
        check_bytes(source, options)
        media_type = _picture_type(source)
        picture = open_picture(source.data, media_type, source.name, options)
        n_all = n_frames(picture, media_type)
        n_read = min(n_all, options.max_frames)
        units: list[Unit] = []
        start = 0
        for number in range(1, n_read + 1):
            shown = upright_frame(picture, number, source.name, media_type, options)
            units.append(_unit(shown, number if n_all > 1 else 0, start, options))
            start += len(units[-1].text) + len(_FRAME_BREAK)
            self.progress(number, n_read)
        whole = options.render_images and not 0 < options.image_side < max(picture.size)
        if whole and n_all == 1 and _is_plain(picture, media_type):
            units = [replace(units[0], image=source.data)]
        size = {"width": shown.width, "height": shown.height, "n_frames": n_all}
        return Extraction(
            media_type=media_type,
            text=_FRAME_BREAK.join(unit.text for unit in units),
            units=tuple(units),
            metadata={**size, **_created(picture)},
            warnings=_warnings(units, n_all, options),
        )


def _picture_type(source: Source) -> str:
    media_type = detect_media_type(source)
    if media_type not in FORMATS:
        raise UnsupportedMediaError(
            f"{source.name}: the content is {media_type}, expected a picture "
            f"({', '.join(FORMATS)}); convert it or leave it out."
        )
    return media_type


def _unit(shown: Image.Image, page: int, start: int, options: ExtractionOptions) -> Unit:
    text, words = "", WordBoxes.empty()
    if options.ocr != "never":
        text, words = read_picture(shown, options.ocr_choice)
    return Unit(
        unit_id=f"p{page}" if page else "i1",
        kind="page" if page else "image",
        locator=Locator(span=CharSpan(start, start + len(text)), page=page or None),
        text=text,
        words=words,
        image=encoded(shown, options.image_side) if options.render_images else None,
    )


def _is_plain(picture: Image.Image, media_type: str) -> bool:
    """Whether the file itself can be given to an encoder as it is."""
    turned = exif_of(picture).get(EXIF_ORIENTATION, 1) not in (0, 1)
    return media_type in ("image/png", "image/jpeg") and picture.mode == "RGB" and not turned


def _created(picture: Image.Image) -> dict[str, str]:
    """Return the day of the photograph as an ISO date, if the file gives one."""
    stamp = str(exif_of(picture).get(EXIF_CREATED, ""))[:10].replace(":", "-")
    return {"created": stamp} if len(stamp) == 10 and stamp.replace("-", "").isdigit() else {}


def _warnings(units: list[Unit], n_all: int, options: ExtractionOptions) -> tuple[str, ...]:
    found = []
    if n_all > len(units):
        found.append(
            f"Only the first {len(units):,} of {n_all:,} frames were read; raise max_frames."
        )
    if options.ocr == "never":
        found.append("No words were looked for on the picture, because ocr is 'never'.")
    elif n_silent := sum(not unit.text for unit in units):
        found.append(f"No words were found on {n_silent:,} of {len(units):,} pictures.")
    return tuple(found)
