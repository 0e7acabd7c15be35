import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.index.analyzer import ANALYZER_VERSION, analyze, analyze_terms, is_function_term


def terms(text: str) -> list[str]:
    return [term.text for term in analyze(text)]


def places(text: str) -> list[str]:
    return [text[term.start : term.end] for term in analyze(text)]


def test_words_are_folded_and_stemmed() -> None:
    assert terms("Retrieving RETRIEVED documents") == ["retriev", "retriev", "document"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2,729.4", ["2729.4"]),
        ("1'234'567", ["1234567"]),
        ("15.6%", ["15.6", "%"]),
        ("(1,234)", ["1234"]),
        ("2:25.65", ["2:25.65"]),
        ("1,23", ["1,23"]),
        ("١٢٣٫", ["123"]),
        ("in 2023.", ["in", "2023"]),
    ],
)
def test_numbers_stay_whole_and_lose_thousands_separators(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("U.S. sales", ["us", "sale"]),
        ("SG&A", ["sg&a"]),
        ("the company's", ["the", "compani"]),
        ("Alzheimer’s", ["alzheim"]),
        ("SARS-CoV-2", ["sar", "cov", "2"]),
        ("snake_case", ["snake", "case"]),
    ],
)
def test_joined_and_broken_words(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_a_word_of_letters_and_digits_gives_its_parts_too() -> None:
    text = "in FY2023, p53 and Q2FY24"
    assert terms(text) == [
        *("in", "fy2023", "fy", "2023", "p53", "p", "53"),
        *("and", "q2fy24", "q", "2", "fy", "24"),
    ]
    assert places(text)[1:4] == ["FY2023", "FY", "2023"]


def test_accents_and_compatibility_forms_do_not_matter() -> None:
    assert terms("Résumé ﬁles ÜBER") == terms("resume files uber")
    assert terms("ｆｕｌｌ") == ["full"]
    assert terms("Straße") == ["strass"]


def test_composed_and_decomposed_text_give_the_same_terms() -> None:
    text = "Zürich café naïve Ångström"
    assert terms(unicodedata.normalize("NFD", text)) == terms(unicodedata.normalize("NFC", text))


def test_arabic_vowel_marks_do_not_matter() -> None:
    assert terms("مُحَمَّد") == terms("محمد")


def test_indic_vowel_signs_stay_in_their_word() -> None:
    assert terms("हिन्दी भाषा") == ["हिन्दी", "भाषा"]


def test_unspaced_scripts_give_overlapping_pairs() -> None:
    assert terms("北京大学") == ["北京", "京大", "大学"]
    assert terms("第1章") == ["第", "1", "章"]
    assert terms("GPU加速") == ["gpu", "加速"]


def test_spans_count_characters_of_the_text_as_given() -> None:
    text = "ﬁne 👍 Straße 北京大 2,729.4% Alzheimer’s"
    assert places(text) == ["ﬁne", "Straße", "北京", "京大", "2,729.4", "%", "Alzheimer’s"]


def test_function_words_are_terms_too() -> None:
    assert terms("to be or not to be") == ["to", "be", "or", "not", "to", "be"]
    assert all(is_function_term(term) for term in terms("what does the why before only"))
    assert not is_function_term("us")
    assert not is_function_term("sale")


def test_text_without_words_has_no_terms() -> None:
    assert analyze("") == []
    assert analyze(" \n\t—…!? _ ") == []


def test_the_version_names_the_stemmer() -> None:
    assert "snowball-3.1" in ANALYZER_VERSION


def test_a_very_long_word_becomes_a_short_term() -> None:
    (term,) = analyze("x" * 10_000)
    assert len(term.text) == 64
    assert (term.start, term.end) == (0, 10_000)


@given(st.text(max_size=60))
def test_any_text_gives_ordered_spans_within_it(text: str) -> None:
    found = analyze(text)
    assert [term.text for term in found] == analyze_terms(text)
    assert all(term.text for term in found)
    assert all(0 <= term.start < term.end <= len(text) for term in found)
    wholes = [a for a in found if not any(b.start <= a.start < a.end < b.end for b in found)]
    assert [term.start for term in wholes] == sorted(term.start for term in wholes)


@given(st.text(alphabet="aäÄß北京ก1.,%&' -", max_size=30), st.text(max_size=20))
def test_terms_do_not_depend_on_what_follows_a_line_break(text: str, other: str) -> None:
    assert analyze_terms(text + "\n" + other)[: len(analyze_terms(text))] == analyze_terms(text)
