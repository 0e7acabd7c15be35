"""Scans as machines feed them in: turned, skewed, cropped; read by the real models."""

import codecs
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from latelight.errors import ExtractionError, SettingError
from latelight.extractors.ocr import read_picture
from latelight.extractors.ocr_models import OcrChoice
from latelight.extractors.registry import extract
from latelight.testing.files import PdfPage, PdfText, make_pdf, picture_bytes
from latelight.types import Source, WordBoxes

pytestmark = pytest.mark.model
SIZE = (640, 420)
Cell = tuple[str, int, int]  # a word and where it starts

LETTER: list[Cell] = [
    (word, 40 + 150 * column, 40 + 70 * row)
    for row, line in enumerate(
        ("Quarterly revenue fell slightly", "because harbour traffic declined",
         "while expenses remained steady", "during every cold month")
    )
    for column, word in enumerate(line.split())
]  # fmt: skip
RECEIPT: list[Cell] = [
    ("CORNER", 200, 20), ("BAKERY", 340, 20),
    ("Coffee", 40, 110), ("2", 330, 110), ("7.00", 500, 110),
    ("Croissant", 40, 170), ("3", 330, 170), ("8.70", 500, 170),
    ("Orange", 40, 230), ("juice", 170, 230), ("1", 330, 230), ("4.20", 500, 230),
    ("Total", 40, 310), ("19.90", 500, 310),
]  # fmt: skip


def drawn(cells: list[Cell]) -> Image.Image:
    picture = Image.new("RGB", SIZE, "white")
    draw = ImageDraw.Draw(picture)
    for word, x, y in cells:
        draw.text((x, y), word, fill="black", font=ImageFont.load_default(30))
    return picture


def fed_in(picture: Image.Image, degrees: float) -> Image.Image:
    return picture.rotate(degrees, Image.Resampling.BICUBIC, expand=True, fillcolor="white")


def ink_box(picture: Image.Image) -> list[float]:
    ys, xs = np.nonzero(np.asarray(picture.convert("L")) < 153)  # .4 of the way from white
    return [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]


def found_boxes(text: str, words: WordBoxes, size: tuple[int, int]) -> dict[str, list[float]]:
    scaled = words.boxes * np.array([*size, *size])
    return {text[a:b]: box for (a, b), box in zip(words.spans.tolist(), scaled, strict=True)}


@pytest.mark.parametrize("degrees", [0, 2, -3.5, 90, 93, 180, 178, 270])
def test_words_are_read_in_order_and_boxed_within_three_pixels(degrees: float) -> None:
    picture = fed_in(drawn(LETTER), degrees)
    text, words = read_picture(picture)
    assert text.split() == [word for word, _, _ in LETTER]
    boxes = found_boxes(text, words, picture.size)
    for cell in LETTER:
        truth = ink_box(fed_in(drawn([cell]), degrees))
        assert np.abs(boxes[cell[0]] - truth).max() <= 3, cell[0]


@pytest.mark.parametrize("rotate", [0, 90, 270])
def test_a_cropped_and_turned_scan_in_a_pdf_is_boxed_where_it_is_shown(rotate: int) -> None:
    jpeg = picture_bytes(drawn(LETTER), "JPEG", quality=95)
    # A point for each pixel, the lowest 60 and the leftmost 20 cropped away.
    page = PdfPage(size=SIZE, rotate=rotate, crop_box=(20, 60, 640, 420), jpeg=jpeg)
    found = extract(Source("scan.pdf", make_pdf([page]))).units[0]
    assert found.text.split() == [word for word, _, _ in LETTER]
    shown = (620, 360) if rotate == 0 else (360, 620)
    assert found.words is not None
    boxes = found_boxes(found.text, found.words, shown)
    for cell in LETTER:
        alone = drawn([cell]).crop((20, 0, 640, 360)).rotate(-rotate, expand=True)
        assert np.abs(boxes[cell[0]] - ink_box(alone)).max() <= 3, cell[0]


def ruled(picture: Image.Image) -> Image.Image:
    draw = ImageDraw.Draw(picture)
    for y in (100, 160, 220, 280, 360):
        draw.line((20, y, 620, y), fill="black", width=2)
    for x in (20, 290, 440, 620):
        draw.line((x, 100, x, 360), fill="black", width=2)
    return picture


@pytest.mark.parametrize("degrees", [0, -2, 90])
def test_a_ruled_receipt_is_read_row_by_row_with_boxes_free_of_the_rules(degrees: float) -> None:
    picture = fed_in(ruled(drawn(RECEIPT)), degrees)
    text, words = read_picture(picture)
    assert text.split("\n") == [
        "CORNER BAKERY",
        "Coffee 2 7.00",
        "Croissant 3 8.70",
        "Orange juice 1 4.20",
        "Total 19.90",
    ]
    boxes = found_boxes(text, words, picture.size)
    for cell in RECEIPT:
        truth = ink_box(fed_in(drawn([cell]), degrees))
        assert np.abs(boxes[cell[0]] - truth).max() <= 3, cell[0]


def test_the_frames_of_a_tiff_are_read_as_pages() -> None:
    frames = [drawn(LETTER), fed_in(drawn(RECEIPT), 90)]
    data = picture_bytes(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    found = extract(Source("fax.tiff", data))
    assert [unit.unit_id for unit in found.units] == ["p1", "p2"]
    assert found.units[0].text.startswith("Quarterly revenue fell slightly")
    assert found.units[1].text.startswith("CORNER BAKERY\nCoffee 2 7.00")


def test_a_text_layer_of_noise_gives_way_to_what_the_page_shows() -> None:
    jpeg = picture_bytes(drawn(LETTER), "JPEG", quality=95)
    wrong = codecs.encode("passengers crossed without charge in the first month", "rot13")
    noise = tuple(PdfText(wrong, 10, 5 + 2 * n, 1) for n in range(6))
    found = extract(Source("scan.pdf", make_pdf([PdfPage(noise, size=SIZE, jpeg=jpeg)])))
    assert "Quarterly revenue fell slightly" in found.text
    assert found.warnings == ("1 of 1 pages were read by OCR: 1.",)


def test_a_text_layer_that_reads_no_better_by_ocr_stays() -> None:
    codes = " ".join(["KXR", "PTQ", "DFG", "WRT", "BNM", "ZXC"] * 2)
    page = PdfPage(tuple(PdfText(codes, 20, 60 + 40 * n, 10) for n in range(8)), size=SIZE)
    found = extract(Source("codes.pdf", make_pdf([page])))
    assert found.text == "\n".join([codes] * 8)
    assert found.warnings == ()


LETTERHEAD = (
    "The harbour board has approved the attached sheet without changes, and asks the",
    "master of the ferry to sign a copy of it before the end of the month at the latest.",
)


@pytest.mark.parametrize("rotate", [0, 90])
def test_a_sheet_pasted_under_typed_text_is_read_too_with_boxes_where_it_is_shown(
    rotate: int,
) -> None:
    jpeg = picture_bytes(drawn(RECEIPT), "JPEG", quality=95)
    typed = tuple(PdfText(line, 40, 700 - 20 * n) for n, line in enumerate(LETTERHEAD))
    size, box = (700.0, 800.0), (30.0, 100.0, 30.0 + SIZE[0], 100.0 + SIZE[1])
    page = PdfPage(typed, size=size, rotate=rotate, jpeg=jpeg, jpeg_box=box)
    found = extract(Source("letter.pdf", make_pdf([page])))
    unit = found.units[0]
    assert unit.text.startswith(LETTERHEAD[0])
    assert "Orange juice 1 4.20" in unit.text
    assert found.warnings == ("1 of 1 pages have pictures with words, read by OCR: 1.",)
    assert unit.words is not None
    shown = (700, 800) if rotate == 0 else (800, 700)
    boxes = found_boxes(unit.text, unit.words, shown)
    for cell in (RECEIPT[0], RECEIPT[-1]):
        whole = Image.new("RGB", (700, 800), "white")
        whole.paste(drawn([cell]), (30, round(700 - SIZE[1])))
        truth = ink_box(whole.rotate(-rotate, expand=True))
        assert np.abs(boxes[cell[0]] - truth).max() <= 4, cell[0]


def test_text_on_a_large_picture_is_not_read_twice() -> None:
    jpeg = picture_bytes(Image.new("RGB", (64, 64), "lightgrey"), "JPEG")
    typed = tuple(PdfText(line, 20, 300 - 20 * n, 9) for n, line in enumerate(LETTERHEAD))
    found = extract(Source("a.pdf", make_pdf([PdfPage(typed, size=SIZE, jpeg=jpeg)])))
    assert found.text == "\n".join(LETTERHEAD)
    assert found.warnings == ()


def test_a_pack_in_a_directory_is_what_reads(tmp_path: Path) -> None:
    carried = Path(str(files("rapidocr") / "models" / "PP-OCRv6_rec_small.onnx"))
    (tmp_path / "latin_PP-OCRv5_rec_mobile.onnx").symlink_to(carried)
    choice = OcrChoice(language="latin", models=str(tmp_path))
    assert read_picture(drawn(LETTER), choice)[0] == read_picture(drawn(LETTER))[0]


def test_a_pack_that_is_no_model_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "el_PP-OCRv5_rec_mobile.onnx").write_bytes(b"no model")
    with pytest.raises(ExtractionError, match="OCR cannot be loaded"):
        read_picture(drawn(LETTER), OcrChoice(language="el", models=str(tmp_path)))


def a_pack_without_letters(folder: Path) -> tuple[Path, list[str]]:
    """Save the carried model without the letters that it holds; return its path and them."""
    onnx = pytest.importorskip("onnx")
    model = onnx.load(str(files("rapidocr") / "models" / "PP-OCRv6_rec_small.onnx"))
    (letters,) = (one.value.split("\n") for one in model.metadata_props if one.key == "character")
    del model.metadata_props[:]
    path = folder / "ch_PP-OCRv5_rec_mobile.onnx"
    onnx.save(model, str(path))
    return path, letters


def test_a_pack_reads_by_the_letters_beside_it(tmp_path: Path) -> None:
    path, letters = a_pack_without_letters(tmp_path)
    swapped = [{"Q": "X", "X": "Q"}.get(letter, letter) for letter in letters]
    path.with_suffix(".txt").write_text("\n".join(swapped), encoding="utf-8")
    choice = OcrChoice(language="ch", models=str(tmp_path))
    expected = read_picture(drawn(LETTER))[0].replace("Q", "X")
    assert "Xuarterly" in expected
    assert read_picture(drawn(LETTER), choice)[0] == expected


def test_a_pack_without_letters_is_an_error_and_fetches_none(tmp_path: Path) -> None:
    a_pack_without_letters(tmp_path)
    with pytest.raises(SettingError, match=r"no ch_PP-OCRv5_rec_mobile\.txt beside it"):
        read_picture(drawn(LETTER), OcrChoice(language="ch", models=str(tmp_path)))
