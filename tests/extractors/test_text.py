import pytest

from latelight.errors import EmptyFileError, FileTooLargeError, UnsupportedMediaError
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import TextExtractor, extract_record
from latelight.types import Source


def test_the_text_is_the_files_own_and_units_are_its_spans() -> None:
    raw = "\ufeffFirst part.\r\n\r\nSecond part. Third.\r\n"
    found = TextExtractor().extract(Source("a.txt", raw.encode()), ExtractionOptions())
    assert found.text == raw[1:]
    assert [u.unit_id for u in found.units] == ["c0"]
    span = found.units[0].locator.span
    assert span is not None
    assert found.units[0].text == found.text[span.start : span.end]
    assert found.offsets is None


def test_many_passages_are_numbered_in_order() -> None:
    raw = "Some words here. " * 100
    options = ExtractionOptions(passage_characters=200)
    found = TextExtractor().extract(Source("a.txt", raw.encode()), options)
    assert [u.unit_id for u in found.units] == [f"c{i}" for i in range(len(found.units))]
    assert len(found.units) == 10  # eleven sentences of 16 characters fit into 200


def test_white_space_alone_is_empty() -> None:
    with pytest.raises(EmptyFileError, match="white space"):
        TextExtractor().extract(Source("a.txt", b" \n\t "), ExtractionOptions())


def test_too_many_characters_are_refused_with_the_limit() -> None:
    with pytest.raises(FileTooLargeError, match=r"11 characters.*at most 10.*max_characters"):
        TextExtractor().extract(Source("a.txt", b"x" * 11), ExtractionOptions(max_characters=10))


def test_bytes_that_are_no_text_are_refused() -> None:
    with pytest.raises(UnsupportedMediaError, match="no text"):
        TextExtractor().extract(Source("a.txt", bytes(range(256))), ExtractionOptions())


def test_a_record_has_its_title_on_top_and_as_heading() -> None:
    found = extract_record(
        "Body text here. " * 20, "A title", ExtractionOptions(passage_characters=80)
    )
    assert found.text.startswith("A title\nBody text here.")
    assert found.title == "A title"
    assert {u.heading for u in found.units} == {("A title",)}
    for unit in found.units:
        assert unit.locator.span is not None
        assert found.text[unit.locator.span.start : unit.locator.span.end] == unit.text


@pytest.mark.parametrize(("text", "title", "joined"), [("", "T", "T"), ("B", "", "B")])
def test_a_record_may_lack_title_or_text(text: str, title: str, joined: str) -> None:
    assert extract_record(text, title).text == joined


def test_an_empty_record_is_refused_and_surrogates_are_replaced() -> None:
    with pytest.raises(EmptyFileError):
        extract_record(" ", "")
    assert extract_record("a\udc00b").text == "a\ufffdb"
