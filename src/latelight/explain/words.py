"""The query as a person reads it: words with their whole contribution."""

from collections.abc import Iterable
from dataclasses import dataclass

from latelight.explain.surface import word_spans
from latelight.index.analyzer import FUNCTION_WORDS
from latelight.types import CharSpan, QueryTokenKind, TokenEvidence


@dataclass(frozen=True)
class QueryWord:
    """One word of the query with what all its tokens brought.

    Attributes:
        text: as written in the query; a marker's name, or `expansion` for all added tokens.
        span: its characters in the query, None for markers and expansion.
        kind: what its tokens stand for.
        contribution: sum over its tokens, of every signal and space.
        similarity: the highest MaxSim similarity among its tokens, 0 when there is none.
        evidence: its tokens' evidence, in the query's order.
    """

    text: str
    span: CharSpan | None
    kind: QueryTokenKind
    contribution: float
    similarity: float
    evidence: tuple[TokenEvidence, ...]

    @property
    def found(self) -> str:
        """The words that its tokens won with, the three strongest; may be empty.

        They are the unit's, or those of its document's beginning where these counted more.
        """
        strongest = sorted(self.evidence, key=lambda e: -e.contribution)
        texts = dict.fromkeys(e.found for e in strongest if e.found and e.contribution > 0)
        return ", ".join(list(texts)[:3])


def query_words(evidence: Iterable[TokenEvidence], query: str) -> tuple[QueryWord, ...]:
    """Return the evidence merged into the query's words; contributions still add up to the score.

    Wordpieces go to the word that they are part of ("sg", "##&", "##a" to "SG&A"), and so do the
    tokens of other spaces and the lexical signal. Words come in reading order, then markers, then
    one entry for all expansion tokens. A query word without evidence is left out.
    """
    spans = word_spans(query)
    groups: dict[_Key, list[TokenEvidence]] = {}
    for item in evidence:
        groups.setdefault(_key(item, spans), []).append(item)
    return tuple(_word(key, tuple(groups[key]), query) for key in sorted(groups))


def is_telling(item: TokenEvidence) -> bool:
    """Return whether a query token has a meaning of its own: no function word, mark or marker.

    Only the display goes by this (what glows, is outlined, draws a snippet's window): the score
    and the contributions do not.
    """
    word = item.token.strip().casefold()
    named = any(character.isalnum() for character in word)
    return item.kind in ("token", "patch") and named and word not in FUNCTION_WORDS


_ORDER: tuple[QueryTokenKind, ...] = ("token", "patch", "marker", "expansion")
# (order of kinds, start, end, name): sorts into reading order.
_Key = tuple[int, int, int, str]


def _key(item: TokenEvidence, spans: list[CharSpan]) -> _Key:
    if item.query_span is not None:
        span = _containing(item.query_span, spans)
        return (0, span.start, span.end, "")
    name = "expansion" if item.kind == "expansion" else item.token
    return (1 + _ORDER.index(item.kind), 0, 0, name)


def _containing(span: CharSpan, spans: list[CharSpan]) -> CharSpan:
    """Return the word that holds the start of `span`, else `span` itself."""
    return next((w for w in spans if w.start <= span.start < w.end), span)


def _word(key: _Key, evidence: tuple[TokenEvidence, ...], query: str) -> QueryWord:
    order, start, end, name = key
    return QueryWord(
        text=name if order else query[start:end],
        span=None if order else CharSpan(start, end),
        kind=evidence[0].kind,
        contribution=sum(e.contribution for e in evidence),
        similarity=max((e.similarity for e in evidence if e.signal == "maxsim"), default=0.0),
        evidence=evidence,
    )
