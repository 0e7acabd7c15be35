import subprocess
import sys

import pytest
from PIL import Image

from latelight.errors import (
    DamagedFileError,
    EmptyFileError,
    ExtractionTimeoutError,
    FileTooLargeError,
    SettingError,
    UnsupportedMediaError,
)
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import all_extractors, extract, extractor_for
from latelight.testing.files import picture_bytes, text_pdf
from latelight.types import Source


def test_a_lying_name_is_read_by_its_content() -> None:
    assert extract(Source("a.txt", text_pdf("Hello."))).text == "Hello."
    assert extract(Source("a.pdf", b"Hello.")).media_type == "text/plain"
    picture = picture_bytes(Image.new("RGB", (9, 9)))
    assert (
        extract(Source("a.html", picture), ExtractionOptions(ocr="never")).media_type == "image/png"
    )


def test_each_media_type_has_one_extractor() -> None:
    kinds = [kind for extractor in all_extractors() for kind in extractor.info.media_types]
    assert len(kinds) == len(set(kinds))
    assert extractor_for("application/pdf").info.name == "pdf"


def test_an_unreadable_format_is_named_with_what_could_be_read() -> None:
    with pytest.raises(UnsupportedMediaError, match=r"a\.doc.*application/zip.*application/pdf"):
        extract(Source("a.doc", b"PK\x03\x04 something"))
    with pytest.raises(UnsupportedMediaError, match="unknown format"):
        extract(Source("a", bytes(range(256))))


def test_empty_and_long_files_are_refused_first() -> None:
    with pytest.raises(EmptyFileError, match=r"a\.pdf: 0 bytes"):
        extract(Source("a.pdf", b""))
    with pytest.raises(FileTooLargeError, match=r"6 bytes, at most 5.*max_bytes"):
        extract(Source("a", b"123456"), ExtractionOptions(max_bytes=5))


@pytest.mark.parametrize(
    ("thrown", "expected"),
    [
        (ZeroDivisionError("odd"), DamagedFileError),
        (RecursionError("deep"), DamagedFileError),
        (MemoryError(), ExtractionTimeoutError),
    ],
)
def test_whatever_a_parser_throws_becomes_an_error_of_this_file(
    monkeypatch: pytest.MonkeyPatch, thrown: Exception, expected: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise thrown

    monkeypatch.setattr("latelight.extractors.text.cut_passages", fail)
    with pytest.raises(expected, match=r"a\.txt"):
        extract(Source("a.txt", b"words"))


@pytest.mark.parametrize(
    "wrong", [{"ocr": "sometimes"}, {"dpi": 0}, {"timeout_s": float("nan")}, {"max_pages": 0}]
)
def test_options_out_of_range_are_refused_by_name(wrong: dict[str, object]) -> None:
    with pytest.raises(SettingError, match=next(iter(wrong))):
        ExtractionOptions(**wrong)  # type: ignore[arg-type]


def test_nothing_heavy_is_loaded_until_a_picture_has_to_be_read() -> None:
    program = (
        "import sys; from latelight.extractors.registry import extract;"
        "from latelight.testing.files import text_pdf; from latelight.types import Source;"
        "extract(Source('a.pdf', text_pdf('Some words. ' * 4)));"
        "print(sorted({'onnxruntime', 'rapidocr', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"
