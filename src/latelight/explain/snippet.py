"""The part of a unit's text that answers the query, with the winning words marked."""

import html
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from latelight.errors import SettingError
from latelight.explain.attribution import evidence_places
from latelight.explain.surface import whole_words
from latelight.explain.window import best_window
from latelight.explain.words import is_telling
from latelight.types import CharSpan, TokenEvidence, Unit

LEVELS = 4
# Matches of function words, punctuation and markers count little when a window is chosen: they
# are part of the score, but they tell a reader nothing.
LITTLE = 0.1
ELLIPSIS = "…"
# Control characters (line ends too) and the marks that reorder a whole line: documents are not
# trusted, and none of these may reach a terminal.
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
# 256-colour backgrounds of levels 2 to 4 under black: readable on light and dark terminals.
AMBER = (229, 221, 214)
RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Mark:
    """A marked word.

    Attributes:
        span: its characters in the unit's text.
        contribution: what query tokens brought by winning here.
        telling: the part of it that query words with a meaning of their own brought.
        level: 2 to 4 (strongest) in thirds of the unit's most telling mark; 1 where only function
            words, punctuation or markers of the query won.
        tokens: the query tokens that won here, strongest first.
    """

    span: CharSpan
    contribution: float
    telling: float
    level: int
    tokens: tuple[str, ...]


@dataclass(frozen=True)
class Snippet:
    """A window of a unit's text with marks.

    Attributes:
        text: the characters of the window, as they stand in the unit.
        span: where the window is in the unit's text.
        marks: the marked words inside it, in order, never overlapping.
        before: whether the unit's text goes on before the window.
        after: whether it goes on after it.
    """

    text: str
    span: CharSpan
    marks: tuple[Mark, ...] = ()
    before: bool = False
    after: bool = False

    def pieces(self) -> list[tuple[str, Mark | None]]:
        """Return the window cut at its marks: texts in order, with their mark or None."""
        out: list[tuple[str, Mark | None]] = []
        at = self.span.start
        for mark in self.marks:
            out.append((self._part(at, mark.span.start), None))
            out.append((self._part(mark.span.start, mark.span.end), mark))
            at = mark.span.end
        out.append((self._part(at, self.span.end), None))
        return [(text, mark) for text, mark in out if text]

    def plain(self, left: str = "[", right: str = "]") -> str:
        """Return one line with the marked words of level 2 and more between `left` and `right`."""
        return self._joined(
            lambda text, mark: f"{left}{text}{right}" if mark and mark.level > 1 else text
        )

    def ansi(self) -> str:
        """Return one line for a terminal: marked words on amber, deeper as they matter more.

        Those of level 1 are underlined only.
        """
        return self._joined(_ansi_piece)

    def html(self) -> str:
        """Return escaped HTML: `<mark class="ll-1">` to `ll-4`, the query tokens as title."""
        return self._joined(_html_piece)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return {
            "text": self.text,
            "span": [self.span.start, self.span.end],
            "before": self.before,
            "after": self.after,
            "marks": [
                {
                    "span": [mark.span.start, mark.span.end],
                    "contribution": mark.contribution,
                    "telling": mark.telling,
                    "level": mark.level,
                    "tokens": list(mark.tokens),
                }
                for mark in self.marks
            ],
        }

    def _joined(self, render: "Callable[[str, Mark | None], str]") -> str:
        body = "".join(render(printable(text), mark) for text, mark in self.pieces())
        return f"{ELLIPSIS * self.before}{body}{ELLIPSIS * self.after}"

    def _part(self, start: int, end: int) -> str:
        return self.text[start - self.span.start : end - self.span.start]


def snippet(unit: Unit, evidence: Iterable[TokenEvidence], *, max_characters: int = 240) -> Snippet:
    """Return the window of the unit's text that holds the most contribution, with marked words.

    Marks are whole words around the winning rows' characters; tokens that won in the same word
    add up. Function words of the query weigh little in the choice. Of equally good windows the
    earliest is taken, and it begins with a sentence where there is room. Evidence without
    characters (markers, patches, sound) marks nothing.

    Args:
        unit: the unit that was found, with its text.
        evidence: the hit's evidence; its spans count the document's text.
        max_characters: longest window, without the ellipses.

    Raises:
        SettingError: `max_characters` is below 20.
    """
    if max_characters < 20:
        raise SettingError(f"max_characters is {max_characters}; a snippet needs at least 20.")
    marks = _marks(unit, evidence)
    weighed = [(mark.span, mark.telling + LITTLE * mark.contribution) for mark in marks]
    window = best_window(unit.text, weighed, max_characters)
    inside = [m for m in marks if window.start <= m.span.start and m.span.end <= window.end]
    return Snippet(
        text=unit.text[window.start : window.end],
        span=window,
        marks=tuple(inside),
        before=bool(unit.text[: window.start].strip()),
        after=bool(unit.text[window.end :].strip()),
    )


@dataclass(frozen=True, order=True)
class _Win:
    """A word of the unit that one query token won with."""

    span: CharSpan
    share: float
    telling: bool
    token: str


def _marks(unit: Unit, evidence: Iterable[TokenEvidence]) -> list[Mark]:
    """Return the marked words of the whole unit in order, merged where they overlap."""
    base = unit.locator.span.start if unit.locator.span is not None else 0
    word = cache(lambda span: _word_in_unit(unit.text, span, base))  # many tokens win with one
    wins = [
        _Win(word(place.span), share, is_telling(item), item.token)
        for item in evidence
        for place, share in evidence_places(item)
        if item.part != "document"
        and place.span is not None
        and place != unit.locator
        and share > 0
    ]
    groups = _overlapping(sorted(win for win in wins if win.span.start < win.span.end))
    most = max((_telling(group) for group in groups), default=0.0)
    return [_mark(group, most) for group in groups]


def _word_in_unit(text: str, span: CharSpan, base: int) -> CharSpan:
    inside = span.shifted(-base)
    if inside.end <= 0 or inside.start >= len(text):
        return CharSpan(0, 0)
    return whole_words(text, inside)


def _overlapping(wins: list[_Win]) -> list[list[_Win]]:
    groups: list[list[_Win]] = []
    end = -1
    for win in wins:
        if win.span.start < end:
            groups[-1].append(win)
        else:
            groups.append([win])
        end = max(end, win.span.end)
    return groups


def _telling(group: list[_Win]) -> float:
    return sum(win.share for win in group if win.telling)


def _mark(group: list[_Win], most: float) -> Mark:
    by_token: dict[str, float] = {}
    for win in group:
        by_token[win.token] = by_token.get(win.token, 0.0) + win.share
    telling = _telling(group)
    return Mark(
        span=CharSpan(group[0].span.start, max(win.span.end for win in group)),
        contribution=sum(by_token.values()),
        telling=telling,
        level=min(2 + int(3 * telling / most), LEVELS) if telling else 1,
        tokens=tuple(sorted(by_token, key=lambda token: -by_token[token])),
    )


def printable(text: str) -> str:
    """Return the text on one line, without characters that could command or reorder a terminal."""
    return re.sub(r"\s+", " ", UNPRINTABLE.sub(" ", text))


def _ansi_piece(text: str, mark: Mark | None) -> str:
    if mark is None:
        return text
    if mark.level == 1:
        return f"\x1b[4m{text}{RESET}"
    bold = "1;" if mark.level == LEVELS else ""
    return f"\x1b[{bold}30;48;5;{AMBER[mark.level - 2]}m{text}{RESET}"


def _html_piece(text: str, mark: Mark | None) -> str:
    if mark is None:
        return html.escape(text)
    title = html.escape(printable(", ".join(mark.tokens)))
    return f'<mark class="ll-{mark.level}" title="{title}">{html.escape(text)}</mark>'
