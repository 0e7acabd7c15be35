"""A few tests with the real OCR models, which their package carries."""

import numpy as np
import pytest
from PIL import Image

from latelight.extractors.ocr import read_picture
from latelight.extractors.registry import extract
from latelight.testing.files import PdfPage, make_pdf, picture_bytes, text_picture
from latelight.types import Source, WordBoxes

pytestmark = pytest.mark.model
LINES = ["Quarterly revenue", "fell to 42 million"]


def test_words_are_read_line_by_line_with_boxes_on_their_ink(
    upright: tuple[str, WordBoxes],
) -> None:
    picture, (text, words) = text_picture(LINES), upright
    assert text == "Quarterly revenue\nfell to 42 million"
    dark = np.asarray(picture.convert("L")) < 128
    for (start, end), (left, top, right, bottom) in zip(words.spans, words.boxes, strict=True):
        box = dark[int(top * 360) : int(bottom * 360), int(left * 420) : int(right * 420)]
        assert box.any(), text[start:end]
    covered = np.zeros_like(dark)
    for left, top, right, bottom in words.boxes:
        covered[int(top * 360) : int(bottom * 360) + 1, int(left * 420) : int(right * 420) + 1] = 1
    assert (dark & covered).sum() > 0.9 * dark.sum()


def test_a_scanned_page_goes_through_ocr_and_says_so() -> None:
    jpeg = picture_bytes(text_picture(LINES, (425, 550)), "JPEG")
    found = extract(Source("scan.pdf", make_pdf([PdfPage(jpeg=jpeg)])))
    assert found.text == "Quarterly revenue\nfell to 42 million"
    assert found.warnings == ("1 of 1 pages were read by OCR: 1.",)
    words = found.units[0].words
    assert words is not None
    assert words.boxes[0, 1] < 0.06  # the first line stands at the top


def test_a_photograph_on_its_side_is_read_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned clockwise
    data = picture_bytes(text_picture(LINES).rotate(90, expand=True), "JPEG", exif=exif)
    found = extract(Source("a.jpg", data))
    assert found.text == "Quarterly revenue\nfell to 42 million"
    assert found.metadata["width"] == 420


@pytest.fixture(scope="module")
def upright() -> tuple[str, WordBoxes]:
    return read_picture(text_picture(LINES))


@pytest.mark.parametrize("quarter", [1, 2, 3])
def test_a_scan_that_was_fed_in_the_wrong_way_is_read_and_boxed_as_it_is_shown(
    quarter: int, upright: tuple[str, WordBoxes]
) -> None:
    text, words = read_picture(text_picture(LINES).rotate(90 * quarter, expand=True))
    assert text == "Quarterly revenue\nfell to 42 million"
    left, top, right, bottom = upright[1].boxes[0]
    expected = {
        1: [top, 1 - right, bottom, 1 - left],
        2: [1 - right, 1 - bottom, 1 - left, 1 - top],
        3: [1 - bottom, left, 1 - top, right],
    }[quarter]
    assert np.abs(words.boxes[0] - expected).max() < 0.03


def test_a_skewed_scan_keeps_its_lines_apart() -> None:
    lines = [f"line number {word} ends here now" for word in ("one", "two", "three", "four")]
    skewed = text_picture(lines, (560, 300)).rotate(-3, fillcolor="white", expand=True)
    assert read_picture(skewed)[0].split("\n") == lines


def test_a_picture_without_words_has_empty_text() -> None:
    found = extract(Source("a.png", picture_bytes(Image.new("RGB", (64, 64), "white"))))
    assert found.text == ""
    assert found.warnings == ("No words were found on 1 of 1 pictures.",)


@pytest.mark.parametrize("size", [(1, 1), (3, 4000), (4000, 9)])
def test_odd_sizes_are_read_without_failing(size: tuple[int, int]) -> None:
    assert read_picture(Image.new("RGB", size, "white"))[0] == ""
