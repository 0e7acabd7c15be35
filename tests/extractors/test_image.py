import numpy as np
import pytest
from PIL import Image

from latelight.errors import DamagedFileError, FileTooLargeError, UnsupportedMediaError
from latelight.extractors.image import ImageExtractor
from latelight.extractors.pictures import is_blank, on_white
from latelight.extractors.protocol import ExtractionOptions
from latelight.testing.files import picture_bytes
from latelight.types import Extraction, Source

NO_OCR = ExtractionOptions(ocr="never")


def extracted(data: bytes, options: ExtractionOptions = NO_OCR) -> Extraction:
    return ImageExtractor().extract(Source("a.png", data), options)


def turned(picture: Image.Image, orientation: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x0132] = "2023:04:05 06:07:08"
    return picture_bytes(picture, "JPEG", exif=exif)


@pytest.mark.parametrize("picture_format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP"])
def test_a_picture_is_one_unit(picture_format: str) -> None:
    found = extracted(picture_bytes(Image.new("RGB", (30, 20)), picture_format))
    assert [(u.unit_id, u.kind, u.text) for u in found.units] == [("i1", "image", "")]
    assert found.metadata == {"width": 30, "height": 20, "n_frames": 1}
    assert found.warnings == ("No words were looked for on the picture, because ocr is 'never'.",)


def test_size_and_date_are_those_of_the_upright_picture() -> None:
    found = extracted(turned(Image.new("RGB", (30, 20)), 6))
    assert found.metadata == {"width": 20, "height": 30, "n_frames": 1, "created": "2023-04-05"}


def test_a_plain_file_is_its_own_picture_and_a_turned_one_is_encoded_anew() -> None:
    options = ExtractionOptions(ocr="never", render_images=True)
    plain = picture_bytes(Image.new("RGB", (30, 20)))
    assert extracted(plain, options).units[0].image == plain
    again = extracted(turned(Image.new("RGB", (30, 20)), 6), options).units[0].image
    assert again is not None
    assert again.startswith(b"\xff\xd8")


def test_the_frames_of_a_tiff_are_pages_up_to_the_limit() -> None:
    frames = [Image.new("RGB", (30, 20 + i)) for i in range(4)]
    data = picture_bytes(frames[0], "TIFF", save_all=True, append_images=frames[1:])
    found = extracted(data, ExtractionOptions(ocr="never", max_frames=3))
    assert [(u.unit_id, u.kind, u.locator.page) for u in found.units] == [
        ("p1", "page", 1),
        ("p2", "page", 2),
        ("p3", "page", 3),
    ]
    assert found.text == "\f\f"
    assert "first 3 of 4 frames" in found.warnings[0]


def test_an_animation_is_its_first_frame() -> None:
    frames = [Image.new("P", (30, 20), i) for i in range(3)]
    data = picture_bytes(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert [u.unit_id for u in extracted(data).units] == ["i1"]


def test_a_header_of_too_many_pixels_is_refused_before_decoding() -> None:
    data = picture_bytes(Image.new("1", (12_000, 10_000)))
    assert len(data) < 30_000
    with pytest.raises(FileTooLargeError, match="120,000,000 pixels, at most 50,000,000"):
        extracted(data)
    with pytest.raises(FileTooLargeError, match=r"300000000 pixels.*at most 50,000,000"):
        extracted(picture_bytes(Image.new("1", (30_000, 10_000))))


def test_a_truncated_picture_is_damaged() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    data = picture_bytes(Image.fromarray(noise), "JPEG")
    with pytest.raises(DamagedFileError, match=r"a\.png.*image/jpeg.*whole picture"):
        extracted(data[: len(data) // 2])


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(UnsupportedMediaError, match="text/plain"):
        extracted(b"words")


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        (Image.new("RGBA", (2, 2), (255, 0, 0, 0)), (255, 255, 255)),
        (Image.new("LA", (2, 2), (0, 255)), (0, 0, 0)),
        (Image.new("L", (2, 2), 7), (7, 7, 7)),
        (Image.new("CMYK", (2, 2), (0, 0, 0, 0)), (255, 255, 255)),
        (Image.fromarray(np.array([[0, 65535], [0, 65535]], np.uint16)), (0, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb_on_white(picture: Image.Image, expected: tuple[int, ...]) -> None:
    flat = on_white(picture)
    assert flat.mode == "RGB"
    assert flat.getpixel((0, 0)) == expected


def scanned(picture: Image.Image) -> Image.Image:
    noise = np.random.default_rng(0).normal(0, 5, (*picture.size[::-1], 3))
    shaded = np.asarray(picture, np.float64) - np.linspace(0, 30, picture.width)[None, :, None]
    return Image.fromarray(np.clip(shaded + noise, 0, 255).astype(np.uint8))


def test_a_scan_of_nothing_is_blank_and_one_of_a_full_stop_is_not() -> None:
    page = Image.new("RGB", (400, 300), (240, 238, 230))
    assert is_blank(page)
    assert is_blank(scanned(page))
    page.paste((60, 60, 60), (200, 150, 204, 154))
    assert not is_blank(scanned(page))
