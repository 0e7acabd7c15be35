"""Why a hit was found, and the hit itself."""

from dataclasses import dataclass, field
from typing import Any, Literal

from latelight.types.document import Document, Unit
from latelight.types.locator import CharSpan, Locator
from latelight.types.query import QueryTokenKind

Signal = Literal["maxsim", "bm25"]
Part = Literal["unit", "window", "document"]


@dataclass(frozen=True)
class TokenEvidence:
    """What one query token found in a unit.

    Contributions of a hit's evidence add up to its score.

    Attributes:
        token: the query token's text.
        query_span: its characters in the query, None for markers and expansion.
        kind: what the query token stands for.
        similarity: cosine with the winning row for `maxsim`, the term's BM25 weight for `bm25`.
        contribution: its part of the hit's score.
        locators: where the winning row comes from; several when rows were pooled.
        text: the document's characters there, empty where there are none.
        row: number of the winning row in the unit, -1 when the unit has none.
        signal: which part of the ranking it belongs to.
        space: name of the encoder's space, empty for `bm25`.
        part: `unit` for the unit's own winner, `window` for what another row adds in a long
            unit's best window, `document` for a row of the document's beginning that says what
            the unit leaves unsaid: `row` and `locators` are then those of the first unit.
        query_row: number of the query's row, -1 for `bm25`.
        seen: what the winning row stands for where it is of something seen, such as `line chart`.
    """

    token: str
    query_span: CharSpan | None
    kind: QueryTokenKind
    similarity: float
    contribution: float
    locators: tuple[Locator, ...]
    text: str = ""
    row: int = -1
    signal: Signal = "maxsim"
    space: str = ""
    part: Part = "unit"
    query_row: int = -1
    seen: str = ""

    @property
    def found(self) -> str:
        """What was found, to be shown: the document's words, or what is seen there in brackets."""
        return self.text or (f"[{self.seen}]" if self.seen else "")

    @property
    def locator(self) -> Locator:
        """The first (usually the only) place of the winning row."""
        return self.locators[0] if self.locators else Locator()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "token": self.token,
            "query_span": [self.query_span.start, self.query_span.end] if self.query_span else None,
            "kind": self.kind,
            "similarity": self.similarity,
            "contribution": self.contribution,
            "locators": [place.to_dict() for place in self.locators],
            "text": self.text,
            "row": self.row,
            "signal": self.signal,
            "space": self.space,
            "part": self.part,
            "query_row": self.query_row,
            "seen": self.seen,
        }

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> "TokenEvidence":
        """Return the evidence that `to_dict` wrote."""
        span = parts["query_span"]
        places = tuple(Locator.from_dict(place) for place in parts["locators"])
        own = {"query_span": CharSpan(*span) if span else None, "locators": places}
        return cls(**{**{name: parts[name] for name in cls.__dataclass_fields__}, **own})


@dataclass(frozen=True)
class Hit:
    """One ranked unit.

    Attributes:
        rank: from 1.
        score: the ranking score: MaxSim's sum over query tokens, plus the weighted lexical part
            when the search was hybrid.
        score_norm: `score` divided by the number of query tokens; comparable across queries.
        document: whose unit it is.
        unit: what was ranked (without words and picture).
        evidence: filled when the search was asked to explain.
        rerank_score: the cross-encoder's, where one ordered the hits; None for those it did not
            look at. It has no part in `score`.
    """

    rank: int
    score: float
    score_norm: float
    document: Document
    unit: Unit
    evidence: tuple[TokenEvidence, ...] = field(default=())
    rerank_score: float | None = None

    @property
    def doc_id(self) -> str:
        """The document's id."""
        return self.document.doc_id

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "rank": self.rank,
            "score": self.score,
            "score_norm": self.score_norm,
            **({} if self.rerank_score is None else {"rerank_score": self.rerank_score}),
            **self.document.to_dict(),
            **self.unit.to_dict(),
            "evidence": [e.to_dict() for e in self.evidence],
        }
