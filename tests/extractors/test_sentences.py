import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.extractors.sentences import pieces_within, sentence_spans


def sentences(text: str) -> list[str]:
    return [text[a:b].strip() for a, b in sentence_spans(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        (
            "Dr. Smith met Mr. J. R. Jones. They ate.",
            ["Dr. Smith met Mr. J. R. Jones.", "They ate."],
        ),
        ("It grew 3.5 percent. Costs fell.", ["It grew 3.5 percent.", "Costs fell."]),
        ("Sales (see Fig. 3) rose. Why?", ["Sales (see Fig. 3) rose.", "Why?"]),
        (
            "See No. 5 for more. The answer is no. We left.",
            ["See No. 5 for more.", "The answer is no.", "We left."],
        ),
        ("Acme Inc. The firm grew.", ["Acme Inc.", "The firm grew."]),
        ("Acme Inc. Holdings grew.", ["Acme Inc. Holdings grew."]),
        (
            "The U.S. economy grew. In the U.S. It fell.",
            ["The U.S. economy grew.", "In the U.S.", "It fell."],
        ),
        ("Wait... what? Yes.", ["Wait... what?", "Yes."]),
        ("He said \u201cGo.\u201d Then he left.", ["He said \u201cGo.\u201d", "Then he left."]),
        ("1. First point. 2. Second point.", ["1. First point.", "2. Second point."]),
        ("今天很好。我们走吧！好吗？", ["今天很好。", "我们走吧！", "好吗？"]),
        ("هل أنت بخير؟ نعم.", ["هل أنت بخير؟", "نعم."]),
        ("no terminator at all", ["no terminator at all"]),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, expected: list[str]) -> None:
    assert sentences(text) == expected


@given(st.text(alphabet="aB .!?\n。\"'(1", max_size=120))
def test_sentences_cover_the_text_without_gap_or_overlap(text: str) -> None:
    spans = list(sentence_spans(text))
    assert "".join(text[a:b] for a, b in spans) == text
    assert all(a < b for a, b in spans)


def test_pieces_prefer_line_ends_over_words_and_words_over_a_hard_cut() -> None:
    assert list(pieces_within("aaaa bbbb\ncccc dddd", 0, 19, 16)) == [(0, 10), (10, 19)]
    assert list(pieces_within("aaaa bbbb cccc", 0, 14, 12)) == [(0, 10), (10, 14)]
    assert list(pieces_within("a" * 25, 0, 25, 10)) == [(0, 10), (10, 20), (20, 25)]


def test_combining_marks_stay_with_their_letter() -> None:
    text = "e\u0301" * 10
    cuts = [b for _, b in pieces_within(text, 0, len(text), 7)]
    assert cuts == [6, 12, 18, 20]


def test_a_million_full_stops_take_linear_time() -> None:
    assert len(list(sentence_spans("." * 1_000_000))) == 1
