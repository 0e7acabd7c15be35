"""Text -> passages: whole sentences, packed, cut where sections begin."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from latelight.extractors.sentences import pieces_within, sentence_spans
from latelight.types import CharSpan, Locator, OffsetMap, Unit


@dataclass(frozen=True)
class Heading:
    """A title in the text: where its line starts, how deep it is (1 outermost), what it says."""

    start: int
    level: int
    title: str


@dataclass(frozen=True)
class Structure:
    """What is known of a text beyond its characters.

    Attributes:
        headings: in order.
        wholes: spans that stay in one passage where they fit (code, tables), in order, disjoint.
    """

    headings: tuple[Heading, ...] = ()
    wholes: tuple[CharSpan, ...] = ()


@dataclass(frozen=True)
class Passage:
    """A piece of a text, without white space at its ends, and the titles above it."""

    span: CharSpan
    heading: tuple[str, ...] = ()


def cut_passages(text: str, limit: int, structure: Structure | None = None) -> list[Passage]:
    """Return the passages of `text`, in order.

    A passage holds whole sentences and at most `limit` characters; only a sentence that alone is
    longer is cut. A passage also ends where a section begins, once it is a quarter full, and the
    passages of a run are evened out so that no last one is a scrap.
    """
    structure = structure or Structure()
    passages: list[Passage] = []
    for section in _sections(len(text), structure.headings):
        pieces = list(_pieces(text, section, structure.wholes, limit))
        passages += [
            Passage(span, section.path)
            for span in (_trimmed(text, begin, end) for begin, end in _packed(pieces, limit))
            if span is not None
        ]
    return _scraps_joined(passages, limit)


def passage_units(
    text: str, passages: Iterable[Passage], offsets: OffsetMap | None = None
) -> tuple[Unit, ...]:
    """Return one unit for each passage: `c0`, `c1`, …"""
    return tuple(
        Unit(
            unit_id=f"c{number}",
            kind="passage",
            locator=Locator(
                span=passage.span,
                source_span=offsets.to_source(passage.span) if offsets is not None else None,
            ),
            text=text[passage.span.start : passage.span.end],
            heading=passage.heading,
        )
        for number, passage in enumerate(passages)
    )


@dataclass(frozen=True)
class _Section:
    start: int
    end: int
    path: tuple[str, ...]


def _sections(length: int, headings: tuple[Heading, ...]) -> Iterator[_Section]:
    first = headings[0].start if headings else length
    if first > 0:
        yield _Section(0, first, ())
    open_titles: list[Heading] = []
    for heading, end in zip(headings, [h.start for h in headings[1:]] + [length], strict=False):
        while open_titles and open_titles[-1].level >= heading.level:
            open_titles.pop()
        open_titles.append(heading)
        yield _Section(heading.start, end, tuple(h.title for h in open_titles if h.title))


def _pieces(
    text: str, section: _Section, wholes: tuple[CharSpan, ...], limit: int
) -> Iterator[tuple[int, int]]:
    """Yield the smallest spans that packing may not tear, in order, only white space between."""
    place = section.start
    first = bisect_right(wholes, section.start, key=lambda whole: whole.end)
    stop = bisect_left(wholes, section.end, key=lambda whole: whole.start)
    for whole in wholes[first:stop]:
        start, end = max(whole.start, place), min(whole.end, section.end)
        yield from _sentences(text, place, start, limit)
        yield from _within(text, start, end, limit)
        place = end
    yield from _sentences(text, place, section.end, limit)


_BLANK_LINES = re.compile(r"\n[ \t\r\f\v]*\n\s*|\f\s*|\u2029\s*")


def _sentences(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    breaks = [match.end() for match in _BLANK_LINES.finditer(text, start, end)]
    for begin, stop in pairwise([start, *breaks, end]):
        for sentence in sentence_spans(text, begin, stop):
            yield from _within(text, *sentence, limit)


def _within(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a span without the white space behind it, which needs no room."""
    return pieces_within(text, start, start + len(text[start:end].rstrip()), limit)


def _packed(pieces: list[tuple[int, int]], limit: int) -> Iterator[tuple[int, int]]:
    """Yield neighbouring pieces joined to spans of at most `limit`, of about equal length."""
    if not pieces:
        return
    start, last = pieces[0][0], pieces[-1][1]
    target = _even_share(last - start, limit)
    end = start
    for begin, stop in pieces:
        past_middle = (begin + stop) / 2 - start > target
        if end > start and (stop - start > limit or past_middle):
            yield start, end
            start = begin
            target = _even_share(last - start, limit)
        end = stop
    yield start, end


def _even_share(length: int, limit: int) -> float:
    return length / -(-length // limit) if length else 0.0


def _trimmed(text: str, start: int, end: int) -> CharSpan | None:
    piece = text[start:end]
    body = piece.strip()
    if not body:
        return None
    begin = start + len(piece) - len(piece.lstrip())
    return CharSpan(begin, begin + len(body))


def _scraps_joined(passages: list[Passage], limit: int) -> list[Passage]:
    """Return the passages with short sections joined to what follows them.

    The joined passage keeps the titles that all its parts stand under.
    """
    joined: list[Passage] = []
    for passage in passages:
        scrap = joined[-1] if joined else None
        if scrap is not None and _may_join(scrap, passage, limit):
            span = CharSpan(scrap.span.start, passage.span.end)
            joined[-1] = Passage(span, _common(scrap.heading, passage.heading))
        else:
            joined.append(passage)
    return joined


def _may_join(scrap: Passage, passage: Passage, limit: int) -> bool:
    is_short = scrap.span.end - scrap.span.start < limit / 4
    fits = passage.span.end - scrap.span.start <= limit
    return is_short and fits and scrap.heading != passage.heading


def _common(one: tuple[str, ...], other: tuple[str, ...]) -> tuple[str, ...]:
    shared = []
    for title, same in zip(one, other, strict=False):
        if title != same:
            break
        shared.append(title)
    return tuple(shared)
