"""Why the same unit, or two units of a document, score differently under two versions.

Both versions' evidence is laid side by side, piece of the query by piece of the query, signal by
signal, space by space. Contributions add up to the score in each, so their differences add up to
the difference of the scores.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from latelight.types import CharSpan, QueryTokenKind, TokenEvidence
from latelight.types.evidence import Signal

_MARKS = ("marker", "expansion")
MOST_FOUND = 3


@dataclass(frozen=True)
class Shift:
    """What one piece of the query brought by one signal, in one space, before and after.

    Two encoders cut a query differently: a piece is the fewest characters that begin and end a
    token in both ("refit" and "##ted" against "refitted" are one). What has no characters,
    markers and expansions, is laid beside its namesake and is not aligned.

    Attributes:
        text: the piece as written in the query; a marker's name, or `expansion`.
        span: its characters in the query, None where it has none: not aligned.
        kind: what its tokens stand for.
        signal, space: the part of the ranking; the space is empty for `bm25`.
        before, after: contributions; 0 where it brought nothing.
        n_before, n_after: query tokens that were added up; 0 says that it is in one version alone.
        found_before, found_after: words that it won with, the strongest first; may be empty.
    """

    text: str
    span: CharSpan | None
    kind: QueryTokenKind
    signal: Signal
    space: str
    before: float
    after: float
    n_before: int
    n_after: int
    found_before: tuple[str, ...] = ()
    found_after: tuple[str, ...] = ()

    @property
    def delta(self) -> float:
        """What it brings more in the second version."""
        return self.after - self.before

    @property
    def is_aligned(self) -> bool:
        """Whether both versions' tokens stand for the same characters of the query."""
        return self.span is not None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "text": self.text,
            "query_span": [self.span.start, self.span.end] if self.span else None,
            "kind": self.kind,
            "signal": self.signal,
            "space": self.space,
            "before": self.before,
            "after": self.after,
            "delta": self.delta,
            "n_before": self.n_before,
            "n_after": self.n_after,
            "found_before": list(self.found_before),
            "found_after": list(self.found_after),
            "is_aligned": self.is_aligned,
        }


def shifts(
    before: Sequence[TokenEvidence], after: Sequence[TokenEvidence], query: str
) -> tuple[Shift, ...]:
    """Return both evidences laid side by side, in the query's order, then what has no characters.

    The deltas add up to the sum of `after`'s contributions less the sum of `before`'s.

    Args:
        before, after: evidence of one hit each, for the same query; either may be empty.
        query: the query's text.
    """
    pieces = common_pieces([*_spans(before), *_spans(after)])
    groups: dict[_Key, tuple[list[TokenEvidence], list[TokenEvidence]]] = {}
    for side, evidence in enumerate((before, after)):
        for item in evidence:
            groups.setdefault(_key(item, pieces), ([], []))[side].append(item)
    return tuple(_shift(key, *groups[key], query) for key in sorted(groups))


def common_pieces(spans: Iterable[CharSpan]) -> list[CharSpan]:
    """Return the fewest characters each that no span crosses, in order: overlaps are merged."""
    pieces: list[CharSpan] = []
    for span in sorted(set(spans), key=lambda span: (span.start, span.end)):
        if pieces and span.start < pieces[-1].end:
            end = max(span.end, pieces[-1].end)
            pieces[-1] = CharSpan(pieces[-1].start, end)
        else:
            pieces.append(span)
    return pieces


# (order of kinds, start, end, name, signal, space): sorts into reading order.
_Key = tuple[int, int, int, str, str, str]


def _spans(evidence: Iterable[TokenEvidence]) -> Iterator[CharSpan]:
    return (one.query_span for one in evidence if one.query_span is not None)


def _key(item: TokenEvidence, pieces: Sequence[CharSpan]) -> _Key:
    part = (item.signal, item.space)
    if item.query_span is not None:
        own = item.query_span
        piece = next((p for p in pieces if p.start <= own.start and own.end <= p.end), own)
        return (0, piece.start, piece.end, "", *part)
    name = "expansion" if item.kind == "expansion" else item.token
    order = 1 + (_MARKS.index(item.kind) if item.kind in _MARKS else len(_MARKS))
    return (order, 0, 0, name, *part)


def _shift(key: _Key, before: list[TokenEvidence], after: list[TokenEvidence], query: str) -> Shift:
    order, start, end, name, _, space = key
    one = (before or after)[0]
    return Shift(
        text=name if order else query[start:end],
        span=None if order else CharSpan(start, end),
        kind=one.kind,
        signal=one.signal,
        space=space,
        before=sum(item.contribution for item in before),
        after=sum(item.contribution for item in after),
        n_before=_n_tokens(before),
        n_after=_n_tokens(after),
        found_before=_found(before),
        found_after=_found(after),
    )


def _n_tokens(evidence: Iterable[TokenEvidence]) -> int:
    """Return how many tokens of the query these are of: one may have won in several places."""
    return len({(one.query_row, one.query_span) for one in evidence})


def _found(evidence: Iterable[TokenEvidence]) -> tuple[str, ...]:
    strongest = sorted(evidence, key=lambda one: -one.contribution)
    texts = dict.fromkeys(one.found for one in strongest if one.found and one.contribution > 0)
    return tuple(texts)[:MOST_FOUND]
