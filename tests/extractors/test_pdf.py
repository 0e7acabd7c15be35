import numpy as np
import pytest

from latelight.errors import DamagedFileError, EncryptedFileError, FileTooLargeError
from latelight.extractors.pdf import PdfExtractor
from latelight.extractors.pdf_file import draw_page, opened_pdf
from latelight.extractors.protocol import ExtractionOptions
from latelight.testing.files import PdfExtras, PdfPage, PdfText, make_pdf, text_pdf
from latelight.types import Extraction, Source

NO_OCR = ExtractionOptions(ocr="never")


def extracted(data: bytes, options: ExtractionOptions = NO_OCR) -> Extraction:
    return PdfExtractor().extract(Source("a.pdf", data), options)


def ink_box(data: bytes) -> list[float]:
    """Left, top, right, bottom of everything dark on page 1, as fractions."""
    with opened_pdf(data, "a.pdf") as document:
        dark = np.asarray(draw_page(document[0], 144, 10_000_000).convert("L")) < 128
    rows, columns = np.flatnonzero(dark.any(1)), np.flatnonzero(dark.any(0))
    height, width = dark.shape
    return [
        columns[0] / width,
        rows[0] / height,
        (columns[-1] + 1) / width,
        (rows[-1] + 1) / height,
    ]


def test_a_page_is_a_unit_and_pages_are_joined_by_form_feeds() -> None:
    found = extracted(text_pdf("First page.\nSecond line.", "Other page."))
    assert found.text == "First page.\nSecond line.\fOther page."
    assert [(u.unit_id, u.kind, u.locator.page) for u in found.units] == [
        ("p1", "page", 1),
        ("p2", "page", 2),
    ]
    span = found.units[1].locator.span
    assert span is not None
    assert found.text[span.start : span.end] == found.units[1].text == "Other page."


def test_every_word_has_its_span() -> None:
    unit = extracted(text_pdf("First page.\nSecond line.")).units[0]
    assert unit.words is not None
    assert [unit.text[a:b] for a, b in unit.words.spans] == ["First", "page.", "Second", "line."]


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
@pytest.mark.parametrize("crop", [None, (50.0, 100.0, 500.0, 700.0)])
def test_a_words_box_lies_on_its_ink_as_the_page_is_shown(
    rotate: int, crop: tuple[float, float, float, float] | None
) -> None:
    page = PdfPage((PdfText("Hamburg", 120, 300, 40),), rotate=rotate, crop_box=crop)
    data = make_pdf([page])
    words = extracted(data).units[0].words
    assert words is not None
    assert words.boxes.shape == (1, 4)
    assert np.abs(words.boxes[0] - ink_box(data)).max() < 0.004


def test_a_turned_page_of_a_table_is_still_read_row_by_row() -> None:
    texts = [
        PdfText(f"{name} {n}", 100 + 200 * n, 500 - 20 * i)
        for n in range(2)
        for i, name in enumerate("ABC")
    ]
    for rotate in (0, 90, 180, 270):
        found = extracted(make_pdf([PdfPage(tuple(texts), rotate=rotate)]))
        assert found.text == "A 0 A 1\nB 0 B 1\nC 0 C 1"


def test_words_outside_the_crop_box_are_not_on_the_page() -> None:
    texts = (PdfText("seen", 100, 300), PdfText("unseen", 100, 30))
    found = extracted(make_pdf([PdfPage(texts, crop_box=(0, 200, 612, 792))]))
    assert found.text == "seen"


def test_metadata_holds_page_count_and_title() -> None:
    found = extracted(make_pdf([PdfPage((PdfText("x", 9, 9),))], PdfExtras(title="On (x)")))
    assert found.metadata == {"n_pages": 1, "title": "On (x)"}
    assert found.title == "On (x)"


def test_an_empty_page_keeps_its_unit_and_is_named() -> None:
    found = extracted(text_pdf("One.", "", "Three."))
    assert found.text == "One.\f\fThree."
    assert found.units[1].text == ""
    assert found.warnings == ("1 of 3 pages hold no text: 2.",)


def test_the_picture_of_a_page_is_filled_in_when_asked_for() -> None:
    options = ExtractionOptions(ocr="never", render_images=True, dpi=36)
    picture = extracted(text_pdf("x"), options).units[0].image
    assert picture is not None
    assert picture.startswith(b"\xff\xd8\xff")


def test_a_huge_page_is_drawn_within_the_limit() -> None:
    data = make_pdf([PdfPage((PdfText("x", 100, 100, 900),), size=(14400, 14400))])
    with opened_pdf(data, "a.pdf") as document:
        width, height = draw_page(document[0], 150, 1_000_000).size
    assert 990_000 < width * height <= 1_000_000


def test_an_encrypted_file_names_the_password_as_the_remedy() -> None:
    data = make_pdf([PdfPage()], PdfExtras(encrypted=True))
    with pytest.raises(EncryptedFileError, match=r"a\.pdf.*password.*qpdf --decrypt"):
        extracted(data)


def test_a_truncated_file_is_damaged() -> None:
    with pytest.raises(DamagedFileError, match="whole PDF"):
        extracted(b"%PDF-1.7\n1 0 obj <<")


def test_a_claim_of_a_hundred_thousand_pages_is_refused_before_any_is_read() -> None:
    data = make_pdf([PdfPage((PdfText("x", 9, 9),))], PdfExtras(n_claimed=100_000))
    with pytest.raises(FileTooLargeError, match=r"100,000 pages, at most 5,000.*max_pages"):
        extracted(data)


def test_pages_that_are_only_claimed_are_named_and_the_others_read() -> None:
    data = make_pdf([PdfPage((PdfText("x", 9, 9),))], PdfExtras(n_claimed=3))
    found = extracted(data)
    assert found.units[0].text == "x"
    assert found.warnings == ("2 of 3 pages could not be read: 2, 3.",)


def test_progress_is_told_after_every_page() -> None:
    told: list[tuple[int, int]] = []
    PdfExtractor(lambda done, total: told.append((done, total))).extract(
        Source("a.pdf", text_pdf("a", "b")), NO_OCR
    )
    assert told == [(1, 2), (2, 2)]
