"""Why units were found: every signal's part, from the stored rows and postings that ranked them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from latelight.index.analyzer import Term, analyze
from latelight.index.lexical import Bm25Options
from latelight.pipelines.fusion import BM25
from latelight.pipelines.maxsim_evidence import maxsim_evidence
from latelight.pipelines.reader import EncodedQuery, Reader
from latelight.pipelines.signals import Signals
from latelight.types import (
    CharSpan,
    Int64Array,
    Locator,
    OffsetMap,
    RowLocators,
    TokenEvidence,
    Unit,
)

MAX_TERM_PLACES = 16


def collect_evidence(
    reader: Reader, query: EncodedQuery, signals: Signals, ordinals: Int64Array
) -> list[tuple[TokenEvidence, ...]]:
    """Return the evidence of each unit, in the order of `ordinals`.

    Contributions of a unit's evidence add up to its score.
    """
    units = [reader.snapshot.unit(int(ordinal)) for ordinal in ordinals]
    found: list[list[TokenEvidence]] = [[] for _ in units]
    for name in signals.by_name:
        parts = (
            _bm25(reader, query, signals, ordinals, units)
            if name == BM25
            else maxsim_evidence(reader, query, signals, name, ordinals)
        )
        for own, part in zip(found, parts, strict=True):
            own.extend(part)
    return [
        with_cells(
            with_source_spans(
                own, reader.snapshot.offset_map(reader.snapshot.doc_id_of(int(ordinal)))
            ),
            unit,
        )
        for own, ordinal, unit in zip(found, ordinals, units, strict=True)
    ]


def with_source_spans(
    evidence: Sequence[TokenEvidence], offsets: OffsetMap | None
) -> tuple[TokenEvidence, ...]:
    """Return evidence whose places also say where in the file's own text they are."""
    if offsets is None:
        return tuple(evidence)
    return tuple(
        replace(one, locators=tuple(_with_source_span(place, offsets) for place in one.locators))
        for one in evidence
    )


def _with_source_span(place: Locator, offsets: OffsetMap) -> Locator:
    if place.span is None:
        return place
    return replace(place, source_span=offsets.to_source(place.span))


def with_cells(evidence: Sequence[TokenEvidence], unit: Unit) -> tuple[TokenEvidence, ...]:
    """Return evidence whose places in a unit of table cells name the one cell that they are in."""
    if unit.locator.cells is None:
        return tuple(evidence)
    return tuple(
        replace(one, locators=tuple(_in_one_cell(place, unit) for place in one.locators))
        for one in evidence
    )


def _in_one_cell(place: Locator, unit: Unit) -> Locator:
    cells, whole = unit.locator.cells, unit.locator.span
    if cells is None or whole is None or place.span is None or place.span == whole:
        return place
    if not whole.start <= place.span.start < whole.end:
        return place  # of the document's beginning, another unit
    return replace(place, cells=cells.cell_at(unit.text, place.span.start - whole.start))


def _bm25(
    reader: Reader,
    query: EncodedQuery,
    signals: Signals,
    ordinals: Int64Array,
    units: Sequence[Unit],
) -> list[tuple[TokenEvidence, ...]]:
    contributions = reader.snapshot.lexical_view.contributions(
        [term.text for term in query.terms],
        ordinals,
        Bm25Options(reader.spec.lexical.k1, reader.spec.lexical.b),
    )
    weight = signals.weights[BM25]
    return [
        tuple(
            _term_evidence(query, term, float(value), weight, places)
            for term, value, places in zip(
                query.terms,
                contributions[i],
                term_places(reader, int(ordinal), units[i], query.terms),
                strict=True,
            )
            if value
        )
        for i, ordinal in enumerate(ordinals)
    ]


def _term_evidence(
    query: EncodedQuery, term: Term, value: float, weight: float, places: Sequence[Locator]
) -> TokenEvidence:
    surface = query.text[term.start : term.end]
    return TokenEvidence(
        token=surface,
        query_span=CharSpan(term.start, term.end),
        kind="token",
        similarity=value,
        contribution=weight * value,
        locators=tuple(places),
        text=surface,
        signal="bm25",
    )


def term_places(
    reader: Reader, ordinal: int, unit: Unit, terms: Sequence[Term]
) -> list[list[Locator]]:
    """Return where the unit's text holds each term, the first few, with box and time if known."""
    wanted = {term.text for term in terms}
    spans: dict[str, list[CharSpan]] = {}
    for term in analyze(unit.text):
        if term.text in wanted and len(spans.setdefault(term.text, [])) < MAX_TERM_PLACES:
            spans[term.text].append(CharSpan(term.start, term.end))
    places = _Places.of(reader, ordinal)
    return [[places.locate(unit, span) for span in spans.get(term.text, [])] for term in terms]


class _Places:
    """The boxes and times of a unit's characters, known from its rows in any space."""

    def __init__(self, columns: Sequence[RowLocators]) -> None:
        self._columns = columns

    @classmethod
    def of(cls, reader: Reader, ordinal: int) -> "_Places":
        columns = [reader.snapshot.row_locators(space, ordinal) for space in reader.encoders]
        return cls([c for c in columns if c.spans is not None and _has_places(c)])

    def locate(self, unit: Unit, span: CharSpan) -> Locator:
        start = unit.locator.span.start if unit.locator.span is not None else 0
        for column in self._columns:
            source = _overlapping(column, span)
            if source is not None:
                found = RowLocators(boxes=column.boxes, times=column.times)
                place = found.locators_of(source, unit.locator)[0]
                return replace(place, span=span.shifted(start), source_span=None)
        at = unit.locator
        return Locator(
            span=span.shifted(start), page=at.page, time=at.time, cells=at.cells, part=at.part
        )


def _has_places(column: RowLocators) -> bool:
    return column.boxes is not None or column.times is not None


def _overlapping(column: RowLocators, span: CharSpan) -> int | None:
    assert column.spans is not None
    touching = np.flatnonzero((column.spans[:, 0] < span.end) & (column.spans[:, 1] > span.start))
    return int(touching[0]) if len(touching) else None
