import pytest

from latelight.extractors.layout import BREAK
from latelight.extractors.pdf_words import without_leaders, word_runs


def runs(text: str) -> list[tuple[str, bool]]:
    return [(text[start:end], glued) for start, end, glued in word_runs(list(text))]


def test_white_space_parts_words() -> None:
    assert runs(" two  words\r\nmore") == [("two", False), ("words", False), ("more", False)]


def test_scripts_without_spaces_give_a_word_for_each_character() -> None:
    assert runs("日本 ok日") == [("日", False), ("本", True), ("ok", False), ("日", True)]


def test_a_hyphen_at_a_line_end_parts_a_word_and_the_rest_is_glued() -> None:
    assert runs(f"infor{BREAK}mation x") == [
        (f"infor{BREAK}", False),
        ("mation", True),
        ("x", False),
    ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [("Sales......", "Sales"), ("......", ""), ("etc...", "etc..."), ("No.", "No."), ("____", "")],
)
def test_leader_dots_are_no_words(text: str, kept: str) -> None:
    assert text[: without_leaders(list(text), 0, len(text))] == kept


def test_spaced_leader_dots_are_no_words_but_a_lone_dot_is() -> None:
    assert without_leaders(list(". . . ."), 0, 1) == 0
    assert without_leaders(list("a . b"), 2, 3) == 3
