import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.explain.surface import whole_words, word_spans
from latelight.types import CharSpan


def words(text: str) -> list[str]:
    return [text[span.start : span.end] for span in word_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("What drove SG&A?", ["What", "drove", "SG&A", "?"]),
        ("don't pay 1,583.0 (low-cost)", ["don't", "pay", "1,583.0", "(", "low-cost", ")"]),
        ("灯台の光", ["灯", "台", "の", "光"]),
        ("cafe\u0301 हिन्दी", ["cafe\u0301", "हिन्दी"]),
        ("", []),
    ],
)
def test_text_is_read_as_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


def test_a_wordpiece_grows_to_its_word() -> None:
    assert whole_words("the SG&A fell", CharSpan(6, 7)) == CharSpan(4, 8)


def test_a_span_over_a_blank_grows_at_both_ends() -> None:
    assert whole_words("net sales rose", CharSpan(2, 5)) == CharSpan(0, 9)


def test_a_word_longer_than_any_reader_has_is_cut() -> None:
    grown = whole_words("x" * 10_000, CharSpan(5_000, 5_001))
    assert grown.start <= 5_000 < grown.end
    assert grown.end - grown.start < 200


def test_a_span_outside_the_text_is_empty() -> None:
    assert whole_words("abc", CharSpan(7, 9)) == CharSpan(3, 3)


@given(st.text(max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_a_grown_span_covers_the_part_that_lies_in_the_text(text: str, a: int, b: int) -> None:
    span = CharSpan(min(a, b), max(a, b))
    grown = whole_words(text, span)
    assert 0 <= grown.start <= grown.end <= len(text)
    if span.start < min(span.end, len(text)):
        assert grown.start <= span.start
        assert grown.end >= min(span.end, len(text))
