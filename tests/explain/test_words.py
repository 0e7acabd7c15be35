import pytest

from latelight.explain.words import query_words
from latelight.types import CharSpan, Locator, TokenEvidence
from latelight.types.evidence import Signal
from latelight.types.query import QueryTokenKind

QUERY = "Did SG&A fall?"


def token(
    text: str,
    span: tuple[int, int] | None,
    contribution: float,
    kind: QueryTokenKind = "token",
    signal: Signal = "maxsim",
) -> TokenEvidence:
    return TokenEvidence(
        token=text,
        query_span=CharSpan(*span) if span else None,
        kind=kind,
        similarity=contribution,
        contribution=contribution,
        locators=(Locator(),),
        text=f"<{text}>",
        signal=signal,
    )


EVIDENCE = (
    token("[CLS]", None, 0.5, "marker"),
    token("did", (0, 3), 0.25),
    token("sg", (4, 6), 0.5),
    token("&", (6, 7), 0.25),
    token("a", (7, 8), 0.75),
    token("fall", (9, 13), 1.0),
    token("?", (13, 14), 0.125),
    token("[MASK]", None, 0.1, "expansion"),
    token("[MASK]", None, 0.2, "expansion"),
)


def test_wordpieces_become_the_word_that_a_person_wrote() -> None:
    found = query_words(EVIDENCE, QUERY)
    assert [word.text for word in found] == ["Did", "SG&A", "fall", "?", "[CLS]", "expansion"]
    assert [word.contribution for word in found[:5]] == [0.25, 1.5, 1.0, 0.125, 0.5]


def test_contributions_of_words_add_up_to_those_of_tokens() -> None:
    total = sum(word.contribution for word in query_words(EVIDENCE, QUERY))
    assert total == pytest.approx(sum(e.contribution for e in EVIDENCE))


def test_a_word_found_what_its_strongest_tokens_found_first() -> None:
    assert query_words(EVIDENCE, QUERY)[1].found == "<a>, <sg>, <&>"


def test_lexical_terms_join_the_word_but_not_its_similarity() -> None:
    (word,) = query_words(
        (token("fall", (9, 13), 0.5), token("fall", (9, 13), 3.0, signal="bm25")), QUERY
    )
    assert (word.contribution, word.similarity, len(word.evidence)) == (3.5, 0.5, 2)
