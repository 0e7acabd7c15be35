import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.errors import SettingError
from latelight.explain.snippet import snippet
from latelight.types import CharSpan, Locator, TokenEvidence, Unit

BASE = 1_000
TEXT = (
    "The tower was painted. Nothing else was done that spring. "
    "In April the fog signal got a new compressor for 18,450 crowns. The horn is old. "
    "Visitors came in August, and most of them bought scones & tea <at the kiosk>."
)


def unit(text: str = TEXT) -> Unit:
    return Unit("c3", "passage", Locator(span=CharSpan(BASE, BASE + len(text))), text=text)


def won(token: str, part: str, contribution: float = 1.0, text: str = TEXT) -> TokenEvidence:
    start = BASE + text.index(part)
    place = Locator(span=CharSpan(start, start + len(part)))
    return TokenEvidence(token, CharSpan(0, 1), "token", 0.9, contribution, (place,))


def test_the_window_holds_the_words_that_brought_most() -> None:
    found = snippet(
        unit(),
        [won("cost", "18,450"), won("fog", "fog"), won("sea", "painted", 0.5)],
        max_characters=70,
    )
    assert found.plain() == (
        "…In April the [fog] signal got a new compressor for [18,450] crowns.…"
    )
    assert TEXT[found.span.start : found.span.end] == found.text


def test_a_mark_is_the_whole_word_in_the_units_own_coordinates() -> None:
    (mark,) = snippet(unit(), [won("pump", "press")]).marks
    assert TEXT[mark.span.start : mark.span.end] == "compressor"


def test_tokens_that_won_in_one_word_add_up_strongest_first() -> None:
    (mark,) = snippet(unit(), [won("a", "comp", 0.5), won("b", "ressor", 0.75)]).marks
    assert (mark.contribution, mark.tokens) == (1.25, ("b", "a"))


def test_function_words_mark_faintly_and_do_not_draw_the_window() -> None:
    evidence = [won("the", "The horn", 5.0), won("scones", "scones", 0.5)]
    found = snippet(unit(), evidence, max_characters=60)
    assert "[scones]" in found.plain()
    whole = snippet(unit(), evidence, max_characters=1_000)
    assert [mark.level for mark in whole.marks] == [1, 4]


def test_a_short_text_is_shown_whole() -> None:
    found = snippet(unit("Fog horn."), [won("fog", "Fog", text="Fog horn.")])
    assert found.plain() == "[Fog] horn."
    assert (found.before, found.after) == (False, False)


def test_without_evidence_the_beginning_is_shown() -> None:
    found = snippet(unit(), [], max_characters=24)
    assert found.text == "The tower was painted."
    assert found.marks == ()
    assert found.after


def test_evidence_of_the_whole_unit_marks_nothing() -> None:
    whole = TokenEvidence("[CLS]", None, "marker", 1.0, 1.0, (unit().locator,))
    assert snippet(unit(), [whole]).marks == ()


def test_html_is_escaped_and_graded() -> None:
    found = snippet(unit(), [won('"tea"', "tea"), won("kiosk", "kiosk", 0.1)], max_characters=50)
    assert '&amp; <mark class="ll-4" title="&quot;tea&quot;">tea</mark> &lt;at' in found.html()
    assert '<mark class="ll-2" title="kiosk">kiosk</mark>&gt;' in found.html()


def test_a_document_cannot_command_the_terminal() -> None:
    text = "Beware \x1b[2J of\u202e the\x07 lamp\nroom."
    found = snippet(unit(text), [won("lamp", "lamp", text=text)])
    assert found.plain() == "Beware [2J of the [lamp] room."
    assert found.ansi() == "Beware [2J of the \x1b[1;30;48;5;214mlamp\x1b[0m room."


def test_too_small_a_window_is_refused() -> None:
    with pytest.raises(SettingError, match="at least 20"):
        snippet(unit(), [], max_characters=5)


def test_the_json_form_has_everything() -> None:
    told = snippet(unit(), [won("fog", "fog")]).to_dict()
    assert told["marks"] == [
        {"span": [71, 74], "contribution": 1.0, "telling": 1.0, "level": 4, "tokens": ["fog"]}
    ]


@given(
    st.text(alphabet="ab .\n&<é灯\u202e", max_size=120),
    st.lists(st.tuples(st.integers(-5, 130), st.integers(0, 12), st.floats(0, 2)), max_size=12),
    st.integers(20, 60),
)
def test_any_window_fits_and_holds_its_marks(
    text: str, places: list[tuple[int, int, float]], size: int
) -> None:
    evidence = [
        TokenEvidence(
            "word", None, "token", 0.5, share, (Locator(span=CharSpan(BASE + a, BASE + a + n)),)
        )
        for a, n, share in places
    ]
    found = snippet(unit(text), evidence, max_characters=size)
    assert len(found.text) <= size
    assert text[found.span.start : found.span.end] == found.text
    assert "".join(piece for piece, _ in found.pieces()) == found.text
    ends = [edge for mark in found.marks for edge in (mark.span.start, mark.span.end)]
    assert ends == sorted(ends)
