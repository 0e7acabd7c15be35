"""Markdown -> passages that know the headings above them; the text is the file's own."""

import re
from dataclasses import dataclass, field

from latelight.extractors.passages import Heading, Structure, cut_passages, passage_units
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.text import read_text
from latelight.types import CharSpan, Extraction, ExtractorInfo, Source

_LINE = re.compile(r"[^\n]*(?:\n|\Z)")
_ATX = re.compile(r" {0,3}(#{1,6})(?:[ \t]+|$)(.*)")
_SETEXT = re.compile(r" {0,3}(=+|-+)[ \t]*\r?$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t:-]*)+\r?$")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(.{1,300})$", re.MULTILINE)
_INLINE = (
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),  # links and pictures: their words
    (re.compile(r"[*_`]{1,3}"), ""),
)


class MarkdownExtractor:
    """Markdown: headings are context and cut points; code fences and tables stay whole."""

    info = ExtractorInfo(
        name="markdown",
        version="1",
        media_types=("text/markdown",),
        unit_kinds=("passage",),
        licence="Apache-2.0",
    )

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return the passages, `c0`, `c1`, …; see `read_text` for the errors."""
        decoded = read_text(source, options)
        structure = markdown_structure(decoded.text)
        passages = cut_passages(decoded.text, options.passage_characters, structure)
        return Extraction(
            media_type="text/markdown",
            text=decoded.text,
            units=passage_units(decoded.text, passages),
            title=_title(decoded.text, structure.headings),
            warnings=decoded.warnings,
        )


def markdown_structure(text: str) -> Structure:
    """Return the headings, fences and tables of a Markdown text."""
    scan = _Scan()
    for match in _LINE.finditer(text, _front_matter_end(text)):
        scan.line(match.group(), match.start(), match.end())
    return scan.structure(len(text))


@dataclass
class _Scan:
    """A walk over the lines: what is open, and what was found."""

    headings: list[Heading] = field(default_factory=list)
    wholes: list[CharSpan] = field(default_factory=list)
    fence: str = ""
    fence_start: int = 0
    table_start: int = -1
    previous: tuple[str, int] = ("", 0)  # the line before and its start

    def line(self, line: str, start: int, end: int) -> None:
        bare = line.rstrip("\r\n")
        if self.fence:
            self._inside_fence(bare, end)
        elif self.table_start >= 0 and "|" not in bare:
            self._close_table(start)
            self._outside(bare, start)
        else:
            self._outside(bare, start)
        self.previous = (bare, start)

    def structure(self, length: int) -> Structure:
        if self.fence:
            self.wholes.append(CharSpan(self.fence_start, length))
        if self.table_start >= 0:
            self._close_table(length)
        return Structure(tuple(self.headings), tuple(self.wholes))

    def _inside_fence(self, bare: str, end: int) -> None:
        mark = _FENCE.match(bare)
        if mark and mark.group(1).startswith(self.fence) and not bare[mark.end() :].strip():
            self.wholes.append(CharSpan(self.fence_start, end))
            self.fence = ""

    def _outside(self, bare: str, start: int) -> None:
        if mark := _FENCE.match(bare):
            self.fence, self.fence_start = mark.group(1), start
            if self.table_start >= 0:
                self._close_table(start)
        elif mark := _ATX.match(bare):
            self._heading(start, len(mark.group(1)), mark.group(2))
        elif "|" in bare and _TABLE_RULE.match(bare) and "|" in self.previous[0]:
            self.table_start = self.previous[1]
        elif (mark := _SETEXT.match(bare)) and self._may_be_title(self.previous[0]):
            self._heading(self.previous[1], 1 if mark.group(1)[0] == "=" else 2, self.previous[0])

    def _may_be_title(self, line: str) -> bool:
        return bool(line.strip()) and not line.lstrip().startswith((">", "-", "*", "|", "#"))

    def _heading(self, start: int, level: int, title: str) -> None:
        if self.table_start >= 0:
            self._close_table(start)
        self.headings.append(Heading(start, level, plain_inline(title)))

    def _close_table(self, end: int) -> None:
        self.wholes.append(CharSpan(self.table_start, end))
        self.table_start = -1


def plain_inline(line: str) -> str:
    """Return a heading's words without marks, links' targets and closing `#`."""
    line = line[:300].strip().rstrip("#").rstrip()
    for pattern, replacement in _INLINE:
        line = pattern.sub(replacement, line)
    return line.strip()


def _front_matter_end(text: str) -> int:
    if not text.startswith(("---\n", "---\r\n")):
        return 0
    end = re.compile(r"^(?:---|\.\.\.)[ \t]*\r?\n", re.MULTILINE).search(text, 4, 20_000)
    return end.end() if end else 0


def _title(text: str, headings: tuple[Heading, ...]) -> str:
    front = _FRONT_TITLE.search(text, 0, _front_matter_end(text))
    if front:
        return front.group(1).strip().strip("\"'")
    top = min((h.level for h in headings), default=0)
    return next((h.title for h in headings if h.level == top and h.title), "")
