import pytest
from PIL import Image

from latelight.errors import NotFoundError, UnsupportedMediaError
from latelight.extractors.pages import render_page
from latelight.testing.files import PdfPage, make_pdf, picture_bytes, text_pdf


def test_a_pdf_page_is_drawn_at_the_dpi_asked_for() -> None:
    assert render_page(text_pdf("x"), "application/pdf", 1, max_pixels=10**8, dpi=72).size == (
        612,
        792,
    )
    turned = make_pdf([PdfPage(rotate=90)])
    assert render_page(turned, "application/pdf", 1, max_pixels=10**8, dpi=72).size == (792, 612)


def test_a_picture_is_itself_upright_and_within_the_limit() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = picture_bytes(Image.new("RGB", (300, 200)), "JPEG", exif=exif)
    assert render_page(data, "image/jpeg", 1, max_pixels=10**6).size == (200, 300)
    width, height = render_page(data, "image/jpeg", 1, max_pixels=6000).size
    assert (width, height) == (63, 94)


@pytest.mark.parametrize("page", [0, 2, -1])
def test_a_page_that_is_not_there_is_not_found(page: int) -> None:
    with pytest.raises(NotFoundError, match="ask for 1 to 1"):
        render_page(text_pdf("x"), "application/pdf", page)
    with pytest.raises(NotFoundError, match="ask for 1 to 1"):
        render_page(picture_bytes(Image.new("RGB", (3, 2))), "image/png", page)


def test_text_has_no_picture() -> None:
    with pytest.raises(UnsupportedMediaError, match="text/plain"):
        render_page(b"x", "text/plain", 1)
