import pytest

from latelight.extractors.detect import UNKNOWN, detect_media_type
from latelight.testing.files import picture_bytes, text_pdf, text_picture
from latelight.types import Source


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("a.txt", b"plain words", "text/plain"),
        ("a.md", b"# Title", "text/markdown"),
        ("a.csv", b"a,b\n1,2", "text/csv"),
        ("a.jsonl", b'{"text": "x"}', "application/jsonl"),
        ("a.txt", b"<!DOCTYPE html><html><body>x", "text/html"),
        ("a.md", b"<p>Markdown may begin with HTML</p>", "text/markdown"),
        ("a.html", b"no tag at all", "text/plain"),
        ("page", b"  <!-- note --> <html>", "text/html"),
        ("a.pdf", b"plain words", "text/plain"),
        ("a.txt", text_pdf("x"), "application/pdf"),
        ("a.txt", b"junk before\n" + text_pdf("x"), "application/pdf"),
        ("note.txt", b"Every PDF begins with %PDF-1.7, they say.", "text/plain"),
        (
            "a.docx",
            b"PK\x03\x04....word/document.xml",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        ("a.png", b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        ("x", bytes(range(256)) * 2, UNKNOWN),
    ],
)
def test_the_content_decides_and_the_name_breaks_ties(
    name: str, data: bytes, expected: str
) -> None:
    assert detect_media_type(Source(name, data)) == expected


@pytest.mark.parametrize(
    ("picture_format", "expected"),
    [
        ("PNG", "image/png"),
        ("JPEG", "image/jpeg"),
        ("GIF", "image/gif"),
        ("BMP", "image/bmp"),
        ("TIFF", "image/tiff"),
        ("WEBP", "image/webp"),
    ],
)
def test_pictures_are_told_apart(picture_format: str, expected: str) -> None:
    data = picture_bytes(text_picture(["x"]), picture_format)
    assert detect_media_type(Source("lie.txt", data)) == expected
