"""A page or picture of a file as it is shown, for heat maps and previews."""

import math
from dataclasses import replace

import pypdfium2 as pdfium
from PIL import Image

from latelight.errors import DamagedFileError, NotFoundError, UnsupportedMediaError
from latelight.extractors.pdf_file import draw_page, opened_pdf
from latelight.extractors.pictures import FORMATS, n_frames, open_picture, upright_frame
from latelight.extractors.protocol import DEFAULT_OPTIONS

_NAME = "original"


def render_page(
    data: bytes,
    media_type: str,
    page: int = 1,
    *,
    max_pixels: int = DEFAULT_OPTIONS.max_pixels,
    dpi: int = 150,
) -> Image.Image:
    """Return a page (from 1) as RGB: the same picture that its units' boxes refer to.

    A PDF page is drawn at `dpi`; a picture is turned upright as its EXIF data say. Both are made
    smaller where they would exceed `max_pixels`.

    Raises:
        ExtractionError: the file cannot be read.
        NotFoundError: it has no such page.
        UnsupportedMediaError: files of this media type have no picture.
    """
    if media_type == "application/pdf":
        return _pdf_page(data, page, max_pixels, dpi)
    if media_type in FORMATS:
        return _within(_picture_page(data, media_type, page, max_pixels), max_pixels)
    raise UnsupportedMediaError(
        f"A document of type {media_type} has no page picture, expected a PDF or a picture; "
        "show its text instead."
    )


def _pdf_page(data: bytes, page: int, max_pixels: int, dpi: int) -> Image.Image:
    with opened_pdf(data, _NAME) as document:
        _check_page(page, len(document))
        try:
            return draw_page(document[page - 1], dpi, max_pixels)
        except pdfium.PdfiumError as error:
            raise DamagedFileError(
                f"Page {page} cannot be drawn ({error}), expected a whole page; "
                "repair the PDF (for example: qpdf in.pdf out.pdf) and add it again."
            ) from error


def _picture_page(data: bytes, media_type: str, page: int, max_pixels: int) -> Image.Image:
    limit = max(max_pixels, DEFAULT_OPTIONS.max_pixels)  # decoded first, then made smaller
    options = replace(DEFAULT_OPTIONS, max_pixels=limit)
    picture = open_picture(data, media_type, _NAME, options)
    _check_page(page, n_frames(picture, media_type))
    return upright_frame(picture, page, _NAME, media_type, options)


def _within(picture: Image.Image, max_pixels: int) -> Image.Image:
    scale = math.sqrt(max_pixels / (picture.width * picture.height))
    if scale >= 1:
        return picture
    return picture.resize((max(int(picture.width * scale), 1), max(int(picture.height * scale), 1)))


def _check_page(page: int, n_pages: int) -> None:
    if not 1 <= page <= n_pages:
        raise NotFoundError(
            f"There is no page {page} in a document of {n_pages} pages; ask for 1 to {n_pages}."
        )
