import pytest

from latelight.extractors.decode import decode_text, text_encoding, without_surrogates


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_encodings_are_found(encoding: str) -> None:
    text = "Plain words, and a caf\u00e9 \u2014 enough to tell."
    decoded = decode_text(text.encode(encoding))
    assert decoded is not None
    assert decoded.text == text
    assert decoded.warnings == ()


def test_latin_1_is_the_fall_back_and_says_so() -> None:
    decoded = decode_text("Un caf\u00e9 \u00e0 cr\u00e8me \u2013 5 \u20ac".encode("cp1252"))
    assert decoded is not None
    assert decoded.text == "Un caf\u00e9 \u00e0 cr\u00e8me \u2013 5 \u20ac"
    assert "Latin-1" in decoded.warnings[0]


def test_one_broken_sequence_does_not_make_utf_8_latin_1() -> None:
    decoded = decode_text("\u00e9\u00e8\u00ea\u00eb text ".encode() + b"\xff end")
    assert decoded is not None
    assert decoded.text == "\u00e9\u00e8\u00ea\u00eb text \ufffd end"
    assert decoded.warnings == ("1 broken utf-8 sequences were read as U+FFFD.",)


def test_nul_bytes_become_spaces_in_place() -> None:
    decoded = decode_text(b"one\x00two" + b" words" * 50)
    assert decoded is not None
    assert decoded.text.startswith("one two words")
    assert "control characters" in decoded.warnings[0]


@pytest.mark.parametrize("data", [bytes(range(256)) * 4, b"\x00" * 100, b"\x01\x02\x03"])
def test_binary_data_is_no_text(data: bytes) -> None:
    assert text_encoding(data) is None
    assert decode_text(data) is None


def test_a_long_sample_cut_inside_a_character_is_still_utf_8() -> None:
    decoded = decode_text(("a" + "\u00e9" * 40_000).encode())
    assert decoded is not None
    assert decoded.encoding == "utf-8"


def test_lone_surrogates_can_be_written_afterwards() -> None:
    assert without_surrogates("a\ud800b").encode() == "a\ufffdb".encode()
