"""PDF files: opening and drawing them with PDFium.

PDFium is not safe with threads: one call at a time in a process, and a process for each worker.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

import pypdfium2 as pdfium
import pypdfium2.raw as c
from PIL import Image

from latelight.errors import DamagedFileError, EncryptedFileError

POINTS_PER_INCH = 72
_LOCK = RLock()


@contextmanager
def opened_pdf(data: bytes, name: str) -> Iterator[pdfium.PdfDocument]:
    """Open a PDF for as long as the block runs; other threads wait.

    Raises:
        EncryptedFileError: a password is needed to read it.
        DamagedFileError: it is truncated or no PDF.
    """
    with _LOCK:
        document = _open(data, name)
        try:
            yield document
        finally:
            document.close()


def draw_page(page: pdfium.PdfPage, dpi: int, max_pixels: int) -> Image.Image:
    """Return the page as shown, RGB on white, at `dpi` or as large as `max_pixels` allow."""
    width, height = page.get_size()
    scale = dpi / POINTS_PER_INCH
    largest = math.sqrt(max_pixels / max(width * height, 1.0))
    # A page a thousand times longer than wide must still have a pixel across.
    scale = min(scale, largest * 0.999, max_pixels / max(width, height, 1.0))
    picture: Image.Image = page.render(scale=scale, may_draw_forms=False).to_pil()
    return picture.convert("RGB")


def _open(data: bytes, name: str) -> pdfium.PdfDocument:
    try:
        return pdfium.PdfDocument(data)
    except pdfium.PdfiumError as error:
        if error.err_code in (c.FPDF_ERR_PASSWORD, c.FPDF_ERR_SECURITY):
            raise EncryptedFileError(
                f"{name}: the PDF is encrypted, expected one that opens without a password; "
                "save a copy without it (for example: qpdf --decrypt --password=... in.pdf "
                "out.pdf) and add that."
            ) from None
        raise DamagedFileError(
            f"{name}: PDFium cannot read it ({error}), expected a whole PDF of "
            f"which {len(data):,} bytes are here; copy the file again, or repair it "
            "(for example: qpdf in.pdf out.pdf)."
        ) from None
