import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from latelight.encoders.windows import Window, cut_windows
from latelight.types import Int32Array


def spans_of(text: str) -> Int32Array:
    """One token per character that is no white space."""
    places = [(i, i + 1) for i, c in enumerate(text) if not c.isspace()]
    return np.array(places, np.int32).reshape(-1, 2)


def test_a_text_that_fits_is_one_window() -> None:
    assert cut_windows("abc", spans_of("abc"), 3) == [Window(0, 3)]


def test_no_tokens_give_no_window() -> None:
    assert cut_windows("", spans_of(""), 3) == []


def test_windows_are_about_equally_long() -> None:
    text = " ".join("abcdefghijk")  # 11 one-letter words
    assert cut_windows(text, spans_of(text), 10) == [Window(0, 6), Window(6, 11)]


def test_a_window_ends_at_a_near_line_end_rather_than_between_words() -> None:
    text = "a b c d e f g\nh i j k l m n o p"  # 16 words, the line ends after the seventh
    assert cut_windows(text, spans_of(text), 8) == [Window(0, 7), Window(7, 12), Window(12, 16)]


def test_a_window_does_not_end_inside_a_word() -> None:
    text = "abcde fg hijkl"  # 12 letters: an even share would end after the sixth
    assert cut_windows(text, spans_of(text), 11) == [Window(0, 5), Window(5, 12)]


def test_one_endless_word_is_cut_anywhere() -> None:
    assert cut_windows("a" * 25, spans_of("a" * 25), 10) == [
        Window(0, 9),
        Window(9, 17),
        Window(17, 25),
    ]


@given(st.text(alphabet="ab \n", max_size=300), st.integers(1, 40))
def test_windows_cover_every_token_once_and_are_never_too_long(text: str, limit: int) -> None:
    spans = spans_of(text)
    windows = cut_windows(text, spans, limit)
    covered = [i for w in windows for i in range(w.start, w.end)]
    assert covered == list(range(len(spans)))
    assert all(1 <= w.end - w.start <= limit for w in windows)
