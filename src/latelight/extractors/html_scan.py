"""HTML -> tags and text with their places, in linear time on any input."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html import unescape

RAW_TEXT_WORDS = """
script style xmp iframe noembed noframes textarea title
"""
RAW_TEXT = frozenset(RAW_TEXT_WORDS.split())
VOID_WORDS = """
area base br col embed hr img input link meta param source track wbr
"""
VOID = frozenset(VOID_WORDS.split())
_NAME = re.compile(r"/?([a-zA-Z][^\s/>]{0,60})")
# A quote counts only behind "="; possessive, so that nothing is tried twice.
_TAG_END = re.compile(r"""(?:[^=>]++|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""")
_ATTRIBUTE = re.compile(r"""([^\s=>/"']+)(?:\s*+=\s*+(?:"([^"]*+)"|'([^']*+)'|([^\s>"']++)))?""")
_REFERENCE = re.compile(r"&(?:#[0-9]{1,8};?|#[xX][0-9a-fA-F]{1,7};?|[a-zA-Z][a-zA-Z0-9]{1,31};?)")
_CLOSING = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in RAW_TEXT}


@dataclass(frozen=True, slots=True)
class Tag:
    """A start or end tag at `html[start:end]`, its attributes within `html[inside:end]`."""

    name: str
    closing: bool
    start: int
    inside: int
    end: int


@dataclass(frozen=True, slots=True)
class Text:
    """Characters between tags, references not yet decoded; `raw_of` names a raw-text element."""

    start: int
    end: int
    raw_of: str = ""


def scan(html: str) -> Iterator[Tag | Text]:
    """Yield the tags and texts of `html` in order; comments and declarations are left out."""
    place, length = 0, len(html)
    bracket = html.find(">")  # the first one not before `opening`, looked for once
    while place < length:
        opening = html.find("<", place)
        bracket = bracket if bracket < 0 or bracket > opening else html.find(">", opening)
        if opening < 0 or bracket < 0:
            yield Text(place, length)
            return
        tag = _tag_at(html, opening)
        end = tag.end if tag else _markup_end(html, opening)
        text_end = opening if end else opening + 1
        if text_end > place:
            yield Text(place, text_end)
        place = end or text_end
        if tag:
            yield tag
            if tag.name in RAW_TEXT and not tag.closing:
                closing = _CLOSING[tag.name].search(html, place)
                stop = closing.start() if closing else length
                yield Text(place, stop, tag.name)
                place = stop


def attributes(html: str, tag: Tag) -> dict[str, tuple[str, int]]:
    """Return a tag's attributes by lower-case name: the value and where it starts in `html`."""
    found: dict[str, tuple[str, int]] = {}
    for match in _ATTRIBUTE.finditer(html, tag.inside, tag.end - 1):
        group = match.lastindex or 1
        value = match.group(group) if group > 1 else ""
        found.setdefault(match.group(1).lower(), (value, match.start(group)))
    return found


def decoded_parts(html: str, start: int, end: int) -> Iterator[tuple[str, int, int]]:
    """Yield `html[start:end]` as (characters, start, end) with references decoded one by one."""
    place = start
    for match in _REFERENCE.finditer(html, start, end):
        character = unescape(match.group())
        if character == match.group():
            continue
        if match.start() > place:
            yield html[place : match.start()], place, match.start()
        yield character, match.start(), match.end()
        place = match.end()
    if place < end:
        yield html[place:end], place, end


def _tag_at(html: str, opening: int) -> Tag | None:
    name = _NAME.match(html, opening + 1)
    if not name:
        return None
    end = _TAG_END.match(html, name.end())
    if not end:
        return None
    closing = html[opening + 1] == "/"
    return Tag(name.group(1).lower(), closing, opening, name.end(), end.end())


def _markup_end(html: str, opening: int) -> int:
    """Return the end of a comment or declaration, 0 when the `<` is a mere character."""
    if html.startswith("<!--", opening):
        end = html.find("-->", opening + 4)
        return end + 3 if end >= 0 else len(html)
    if html.startswith(("<!", "<?", "</"), opening):
        return html.find(">", opening) + 1
    return 0
