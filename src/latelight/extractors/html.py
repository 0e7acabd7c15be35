"""HTML -> readable text that knows which characters of the file it was made of."""

import re
from dataclasses import dataclass, field

import numpy as np

from latelight.errors import EmptyFileError
from latelight.extractors.embedded import with_pictures
from latelight.extractors.html_pictures import data_pictures
from latelight.extractors.html_scan import VOID, Tag, Text, attributes, decoded_parts, scan
from latelight.extractors.passages import Heading, Structure, cut_passages, passage_units
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import read_text
from latelight.types import CharSpan, Extraction, ExtractorInfo, OffsetMap, Source

_NEVER_READ_WORDS = """
script style noscript template svg math iframe object select textarea xmp noembed noframes title
audio video canvas datalist
"""
_NEVER_READ = frozenset(_NEVER_READ_WORDS.split())
_NAVIGATION_ROLES = frozenset({"navigation", "banner", "contentinfo", "search", "menu"})
_CONTENT = frozenset({"main", "article", "section"})
_PARAGRAPHS_WORDS = """
p h1 h2 h3 h4 h5 h6 table ul ol dl pre blockquote figure section article main header footer
aside hr form fieldset details
"""
_PARAGRAPHS = frozenset(_PARAGRAPHS_WORDS.split())
_LINES_WORDS = """
div li tr dt dd br address center figcaption caption summary legend option tbody thead tfoot
body html hgroup search dialog title head
"""
_LINES = frozenset(_LINES_WORDS.split())
_CELLS = frozenset({"td", "th"})
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_WORDS = re.compile(r"[^ \t\n\r\f\v]+|[ \t\n\r\f\v]+")
_SPACES = " \t\n\r\f\v"
_HIDDEN_STYLE = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_MAX_TITLE = 300


class HtmlExtractor:
    """HTML: readable text in block order, with offsets back into the file's text."""

    info = ExtractorInfo(
        name="html",
        version="2",
        media_types=("text/html",),
        unit_kinds=("passage", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the readable passages, `c0`, `c1`, …, and the pictures within, `i1.i1`, …

        See `read_text` for the errors.

        Raises:
            EmptyFileError: there is markup, but nothing to read.
        """
        decoded = read_text(source, options)
        page = read_html(decoded.text)
        passages = cut_passages(page.text, options.passage_characters, page.structure)
        found = Extraction(
            media_type="text/html",
            text=page.text,
            units=passage_units(page.text, passages, page.offsets),
            title=page.title,
            metadata=page.metadata,
            offsets=page.offsets,
            warnings=decoded.warnings,
        )
        found = with_pictures(found, data_pictures(decoded.text), options, self.progress)
        if not found.units:
            raise EmptyFileError(
                f"{source.name}: {len(decoded.text):,} characters of HTML hold no readable text; "
                "save the page as it is shown, with its text, or leave it out."
            )
        return found


@dataclass(frozen=True)
class ReadablePage:
    """What a reader sees of an HTML text."""

    text: str
    offsets: OffsetMap
    structure: Structure
    title: str = ""
    metadata: dict[str, str] = field(default_factory=dict)


def read_html(html: str) -> ReadablePage:
    """Return the readable text of `html`.

    Scripts, styles, hidden elements, navigation and page footers are left out; should a
    navigation element never be closed, it is read after all, lest it hide the page.
    """
    reader = _Reader(html, skip_navigation=True)
    reader.read()
    if reader.skipping or not reader.out.length:
        reader = _Reader(html, skip_navigation=False)
        reader.read()
    return reader.page()


@dataclass
class _Readable:
    """Text under construction, with its runs."""

    parts: list[str] = field(default_factory=list)
    runs: list[list[int]] = field(default_factory=list)
    length: int = 0

    def put(self, text: str, source: int) -> None:
        """Append characters that stand at `source` in the file."""
        last = self.runs[-1] if self.runs else None
        if last and last[0] + last[2] == self.length and last[1] + last[2] == source:
            last[2] += len(text)
        else:
            self.runs.append([self.length, source, len(text)])
        self.add(text)

    def add(self, text: str) -> None:
        """Append characters that the file does not have."""
        self.parts.append(text)
        self.length += len(text)


@dataclass
class _Table:
    start: int
    n_cells: int = 0
    in_cell: bool = False


class _Reader:
    """A walk over the tags that decides what is read and where lines end."""

    def __init__(self, html: str, skip_navigation: bool) -> None:
        self.html = html
        self.skip_navigation = skip_navigation
        self.out = _Readable()
        self.skipping = ""  # name of the element that is being left out
        self.skip_depth = 0
        self.content_depth = 0
        self.pre_depth = 0
        self.pre_start = 0
        self.tables: list[_Table] = []
        self.gap = ""  # what comes before the next word: line ends or a cell's bar
        self.space = -1  # place of white space before the next word
        self.heading: tuple[int, int, int] | None = None  # level, start, number of parts
        self.headings: list[Heading] = []
        self.wholes: list[CharSpan] = []
        self.title = ""
        self.metadata: dict[str, str] = {}

    def read(self) -> None:
        for token in scan(self.html):
            if isinstance(token, Text):
                self._text(token)
            elif self.skipping:
                self._skip(token)
            elif token.closing:
                self._close(token.name)
            else:
                self._open(token)
        while self.tables:
            self._close_table()

    def page(self) -> ReadablePage:
        runs = np.asarray(self.out.runs, np.int32).reshape(-1, 3)
        structure = Structure(tuple(self.headings), _disjoint(self.wholes))
        title = self.title or (self.headings[0].title if self.headings else "")
        text = "".join(self.out.parts)
        return ReadablePage(text, OffsetMap(runs), structure, title, self.metadata)

    def _text(self, token: Text) -> None:
        if token.raw_of == "title" and not self.title and self.skipping in ("", "title"):
            parts = decoded_parts(self.html, token.start, token.end)
            self.title = " ".join("".join(part for part, _, _ in parts).split())[:_MAX_TITLE]
        elif not self.skipping and not token.raw_of:
            for part, start, end in decoded_parts(self.html, token.start, token.end):
                self._characters(part, start, same=len(part) == end - start)

    def _characters(self, part: str, start: int, same: bool) -> None:
        """Append decoded characters; `same` says that they stand one by one in the file."""
        if self.pre_depth:
            self._flush()
            self.out.put(part, start)
            return
        for match in _WORDS.finditer(part):
            if match.group()[0] in _SPACES:
                self.space = start + match.start() if same else start
            else:
                self._flush()
                self.out.put(match.group(), start + match.start() if same else start)

    def _flush(self) -> None:
        """Write what separates the next word from the text so far."""
        if not self.out.length:
            pass
        elif self.gap:
            self.out.add(self.gap)
        elif self.space >= 0:
            self.out.put(" ", self.space)
        self.gap, self.space = "", -1

    def _break(self, name: str) -> None:
        if self.tables and self.tables[-1].in_cell:
            self.gap = self.gap or " "
            return
        gap = "\n\n" if name in _PARAGRAPHS else "\n"
        self.gap = self.gap if self.gap == "\n\n" else gap

    def _open(self, tag: Tag) -> None:
        name = tag.name
        if self._is_left_out(tag):
            if name not in VOID and not self.html.startswith("/>", tag.end - 2):
                self.skipping, self.skip_depth = name, 1
        elif name == "img":
            self._picture(tag)
        elif name == "meta":
            self._meta(tag)
        elif name in _CELLS and self.tables:
            self._cell()
        elif name == "table":
            self._break(name)
            self.tables.append(_Table(self.out.length))
        elif name in _PARAGRAPHS or name in _LINES:
            self._open_block(name)

    def _open_block(self, name: str) -> None:
        if name == "tr" and self.tables:
            self.tables[-1].n_cells, self.tables[-1].in_cell = 0, False
        self._break(name)
        if name in _HEADINGS and not (self.tables and self.tables[-1].in_cell):
            self._flush()
            self.heading = (_HEADINGS[name], self.out.length, len(self.out.parts))
        elif name == "pre":
            self._flush()
            self.pre_start = self.pre_start if self.pre_depth else self.out.length
            self.pre_depth += 1
        elif name in _CONTENT:
            self.content_depth += 1

    def _close(self, name: str) -> None:
        if name in _HEADINGS:
            self._close_heading()
        elif name == "pre" and self.pre_depth:
            self.pre_depth -= 1
            if not self.pre_depth:
                self.wholes.append(CharSpan(self.pre_start, self.out.length))
        elif name in _CONTENT:
            self.content_depth = max(self.content_depth - 1, 0)
        elif name == "table" and self.tables:
            self._close_table()
        elif name in ("tr", "caption") and self.tables:
            self.tables[-1].in_cell = False
        if name in _PARAGRAPHS or name in _LINES:
            self._break(name)

    def _close_heading(self) -> None:
        if self.heading is None:
            return
        level, start, n_parts = self.heading
        title = " ".join("".join(self.out.parts[n_parts:]).split())[:_MAX_TITLE]
        if title:
            self.headings.append(Heading(start, level, title))
        self.heading = None

    def _cell(self) -> None:
        table = self.tables[-1]
        if table.n_cells and "\n" not in self.gap:
            self.gap = " | "
        table.n_cells += 1
        table.in_cell = True

    def _close_table(self) -> None:
        table = self.tables.pop()
        if not self.tables:
            self.wholes.append(CharSpan(table.start, self.out.length))

    def _picture(self, tag: Tag) -> None:
        alt, start = attributes(self.html, tag).get("alt", ("", 0))
        if alt.strip():
            self.gap = self.gap or " "
            for part, begin, end in decoded_parts(self.html, start, start + len(alt)):
                self._characters(part, begin, same=len(part) == end - begin)
            self.gap = " "

    def _meta(self, tag: Tag) -> None:
        values = attributes(self.html, tag)
        name = values.get("name", ("", 0))[0].lower()
        content = values.get("content", ("", 0))
        if name in ("author", "description", "keywords", "date") and content[0].strip():
            parts = decoded_parts(self.html, content[1], content[1] + len(content[0]))
            self.metadata.setdefault(name, "".join(part for part, _, _ in parts).strip())

    def _is_left_out(self, tag: Tag) -> bool:
        if tag.name in _NEVER_READ:
            return True
        if not self.skip_navigation or tag.name in VOID:
            return False
        if tag.name == "nav" or (tag.name == "footer" and not self.content_depth):
            return True
        if tag.end - tag.inside < len(" hidden>") or tag.name in ("html", "body"):
            return False
        return self._is_hidden(attributes(self.html, tag))

    def _is_hidden(self, values: dict[str, tuple[str, int]]) -> bool:
        role = values.get("role", ("", 0))[0].lower()
        style = values.get("style", ("", 0))[0]
        hidden = "hidden" in values and values["hidden"][0].lower() != "until-found"
        return hidden or role in _NAVIGATION_ROLES or bool(_HIDDEN_STYLE.search(style))

    def _skip(self, tag: Tag) -> None:
        if tag.name == self.skipping:
            self.skip_depth += -1 if tag.closing else 1
            if not self.skip_depth:
                self.skipping = ""


def _disjoint(wholes: list[CharSpan]) -> tuple[CharSpan, ...]:
    """Return the spans in order without those that lie inside an earlier one."""
    kept: list[CharSpan] = []
    for whole in sorted(wholes):
        if whole.end > whole.start and (not kept or whole.start >= kept[-1].end):
            kept.append(whole)
    return tuple(kept)
