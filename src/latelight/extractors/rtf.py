"""RTF -> passages under their headings, tables with their cells, pictures with their words."""

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from latelight.errors import DamagedFileError
from latelight.extractors.composition import Composition
from latelight.extractors.decode import without_surrogates
from latelight.extractors.docx import finished
from latelight.extractors.embedded import Pictures
from latelight.extractors.limits import check_bytes, check_characters
from latelight.extractors.opc import plain_value
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.rtf_scan import Token, tokens
from latelight.extractors.tables import Row, plain_cell
from latelight.types import Extraction, ExtractorInfo, Source

RTF = "application/rtf"
MARK = b"{\\rtf"
_MAX_DEPTH = 2_000
_MAX_PICTURES = 1_000
_INFO = {b"title": "title", b"author": "author", b"subject": "subject", b"keywords": "keywords"}
_SKIPPED_WORDS = b"""
fonttbl colortbl stylesheet listtable listoverridetable header headerl headerr headerf footer
footerl footerr footerf revtbl rsidtbl generator themedata colorschememapping datastore latentstyles
xmlnstbl objdata objclass fldinst nonshppict pgdsctbl template operator company doccomm
category comment
creatim revtim printim buptim annotation bkmkstart bkmkend pntext pntxta pntxtb listtext
"""
_SKIPPED = frozenset(_SKIPPED_WORDS.split())
_TABLES = {b"fonttbl": "fonts", b"stylesheet": "styles"}
_CHARACTERS = {
    b"tab": "\t", b"line": "\n", b"emdash": "\u2014", b"endash": "\u2013", b"bullet": "\u2022",
    b"lquote": "\u2018", b"rquote": "\u2019", b"ldblquote": "\u201c", b"rdblquote": "\u201d",
    b"emspace": " ", b"enspace": " ",
}  # fmt: skip
_SYMBOLS = {b"~": " ", b"_": "-", b"\\": "\\", b"{": "{", b"}": "}", b"-": ""}
_CHARSETS = {
    0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5",
    161: "cp1253", 162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257",
    204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_HEADING = re.compile(r"heading ([1-9])\b", re.IGNORECASE)
_MAX_LEVEL = 9
_NO_DIGITS = bytes(c for c in range(256) if c not in b"0123456789abcdefABCDEF")


class RtfExtractor:
    """Rich text; headers, footers and field codes are left out."""

    info = ExtractorInfo(
        name="rtf",
        version="1",
        media_types=(RTF,),
        unit_kinds=("passage", "image"),
        licence="Apache-2.0",
    )

    def __init__(self, progress: Progress = silent) -> None:
        self.progress = progress

    def extract(self, source: Source, options: ExtractionOptions) -> Extraction:
        """Return passages, tables and pictures; see `DocxExtractor`.

        Raises:
            DamagedFileError: it does not begin as RTF does, or is nested without end.
            EmptyFileError: there is nothing to read in it.
            FileTooLargeError: beyond a limit.
        """
        check_bytes(source, options)
        if not source.data.startswith(MARK):
            raise DamagedFileError(
                f"{source.name}: begins with {source.data[:5]!r}, expected {MARK!r}; "
                "save the file anew, or leave it out."
            )
        composition = Composition(source.name, options)
        reader = _Reader(source.name, composition)
        for token in tokens(source.data):
            reader.take(token)
        reader.end()
        pictures = Pictures(composition, self.progress)
        pictures.add(_pictures(reader.pictures))
        return finished(composition, RTF, reader.metadata, pictures.warnings())


def rtf_pictures(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the pictures of an RTF file with the names that their units' `part` gives them."""
    reader = _Reader("", Composition("", ExtractionOptions()))
    for token in tokens(data):
        reader.take(token)
    yield from _pictures(reader.pictures)


@dataclass(frozen=True)
class _State:
    """What a group inherits and may change.

    Attributes:
        target: where its characters go: the text, nowhere, a picture, a field of the metadata.
        codec: of its bytes.
        n_skip: characters after `\\u` that stand for the same.
    """

    target: str = "text"
    codec: str = "cp1252"
    n_skip: int = 1
    level: int = 0


@dataclass
class _Reader:
    """A walk over the tokens."""

    name: str
    into: Composition
    metadata: dict[str, str] = field(default_factory=dict)
    pictures: list[bytes] = field(default_factory=list)
    _states: list[_State] = field(default_factory=lambda: [_State()])
    _fonts: dict[int, str] = field(default_factory=dict)
    _font: int = 0
    _levels: dict[int, int] = field(default_factory=dict)  # of heading styles
    _style: int = 0
    _ansi: str = "cp1252"
    _text: list[str] = field(default_factory=list)
    _bytes: bytearray = field(default_factory=bytearray)
    _hex: list[bytes] = field(default_factory=list)
    _value: list[str] = field(default_factory=list)
    _to_skip: int = 0
    _starred: bool = False
    _high: int = 0  # first half of a surrogate pair
    _cells: list[str] = field(default_factory=list)
    _rows: list[Row] = field(default_factory=list)
    _n_tables: int = 0
    _n_characters: int = 0

    @property
    def _state(self) -> _State:
        return self._states[-1]

    def take(self, token: Token) -> None:
        if token.kind == "byte":
            if self._to_skip:
                self._to_skip -= 1
            else:
                self._bytes += token.text
            return
        if token.kind == "text":
            self._plain(token.text)
            return
        self._flush_bytes()
        if token.kind == "open":
            self._open()
        elif token.kind == "close":
            self._close()
        elif token.kind == "symbol":
            self._symbol(token.text)
        else:
            self._word(token.text, token.number)

    def end(self) -> None:
        self._flush_bytes()
        self._end_paragraph()
        self._end_table()

    def _open(self) -> None:
        if len(self._states) > _MAX_DEPTH:
            raise DamagedFileError(
                f"{self.name}: nested deeper than {_MAX_DEPTH:,} groups, expected a text; "
                "save the file anew, or leave it out."
            )
        self._states.append(self._state)
        self._to_skip = 0

    def _close(self) -> None:
        if len(self._states) == 1:
            return
        closed = self._states.pop()
        if closed.target == self._state.target:
            return
        if closed.target == "picture":
            if len(self.pictures) < _MAX_PICTURES:
                self.pictures.append(b"".join(self._hex))
            self._hex = []
        elif closed.target in _INFO.values():
            value = plain_value(without_surrogates("".join(self._value)))
            if value:
                self.metadata[closed.target] = value
            self._value = []

    def _set(self, **changes: str | int) -> None:
        self._states[-1] = replace(self._state, **changes)  # type: ignore[arg-type]

    def _plain(self, text: bytes) -> None:
        if self._to_skip:
            n = min(self._to_skip, len(text))
            self._to_skip -= n
            text = text[n:]
        if self._state.target == "picture":
            self._hex.append(text)
        else:
            self._bytes += text

    def _flush_bytes(self) -> None:
        if self._bytes:
            text = self._bytes.decode(self._state.codec, errors="replace")
            self._bytes.clear()
            self._characters(text)

    def _characters(self, text: str) -> None:
        target = self._state.target
        if target == "text":
            self._text.append(text)
            self._n_characters += len(text)
            check_characters(self.name, self._n_characters, self.into.options)
        elif target in _INFO.values():
            self._value.append(text)
        elif target == "styles" and (name := _HEADING.match(text)):
            self._levels[self._style] = int(name.group(1))

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._starred = True
        elif symbol in (b"\n", b"\r"):
            self._end_paragraph()
        else:
            self._characters(_SYMBOLS.get(symbol, ""))

    def _word(self, word: bytes, number: int | None) -> None:
        starred, self._starred = self._starred, False
        if self._state.target == "nothing":
            return
        if word == b"pict":
            self._set(target="picture")
        elif word in _SKIPPED or (starred and word not in (b"shppict", b"shpinst")):
            self._set(target=_TABLES.get(word, "nothing"))
        elif word in _INFO and self._state.target == "info":
            self._set(target=_INFO[word])
        elif word == b"info":
            self._set(target="info")
        elif word == b"u":
            self._unicode(number or 0)
        elif word in _CHARACTERS:
            self._characters(_CHARACTERS[word])
        elif self._state.target == "text" and word in _PARAGRAPH_WORDS:
            self._paragraph_word(word, number)
        elif self._state.target == "styles" and word in (b"s", b"outlinelevel"):
            self._style_word(word, number or 0)
        else:
            self._coding_word(word, number)

    def _style_word(self, word: bytes, number: int) -> None:
        """Note which numbered styles are those of headings."""
        if word == b"s":
            self._style = number
        elif 0 <= number < _MAX_LEVEL:
            self._levels[self._style] = number + 1

    def _paragraph_word(self, word: bytes, number: int | None) -> None:
        if word in (b"par", b"sect", b"page"):
            self._end_paragraph()
        elif word == b"cell":
            self._cells.append(plain_cell("".join(self._text)))
            self._text = []
        elif word == b"row":
            self._rows.append((len(self._rows) + 1, self._cells))
            self._cells = []
        elif word == b"pard":
            self._set(level=0)
        elif word == b"s":
            self._set(level=self._levels.get(number or 0, 0))
        elif word == b"outlinelevel":
            self._set(level=number + 1 if number is not None and 0 <= number < _MAX_LEVEL else 0)

    def _coding_word(self, word: bytes, number: int | None) -> None:
        if word == b"ansicpg" and number:
            self._ansi = _codec(f"cp{number}") or self._ansi
            self._set(codec=self._ansi)
        elif word == b"mac":
            self._set(codec="mac_roman")
        elif word == b"uc":
            self._set(n_skip=min(max(number or 0, 0), 8))
        elif word == b"f" and number is not None:
            self._font = number
            if self._state.target != "fonts":
                self._set(codec=self._fonts.get(number, self._ansi))
        elif word == b"fcharset" and number and self._state.target == "fonts":
            self._fonts[self._font] = _codec(_CHARSETS.get(number, "")) or self._ansi

    def _unicode(self, number: int) -> None:
        code = number % 0x10000
        self._to_skip = self._state.n_skip
        if 0xD800 <= code < 0xDC00:
            self._high = code
        elif 0xDC00 <= code < 0xE000:
            if self._high:
                self._characters(chr(0x10000 + ((self._high & 0x3FF) << 10) + (code & 0x3FF)))
            self._high = 0
        elif code:
            self._characters(chr(code))

    def _end_paragraph(self) -> None:
        text = "".join(self._text)
        if self._cells:
            self._text.append("\n")  # within a cell
            return
        self._text = []
        if not text.strip():
            return
        self._end_table()
        if self._state.level:
            self.into.heading(self._state.level, text)
        else:
            self.into.paragraph(text)

    def _end_table(self) -> None:
        if self._rows:
            self._n_tables += 1
            self.into.table(f"table {self._n_tables}", self._rows)
            self._rows = []


_PARAGRAPH_WORDS = frozenset(b"par sect page cell row pard s outlinelevel".split())


def _codec(name: str) -> str:
    try:
        return codecs.lookup(name).name if name else ""
    except LookupError:
        return ""


def _pictures(hexadecimals: list[bytes]) -> Iterator[tuple[str, bytes]]:
    for number, text in enumerate(hexadecimals, 1):
        digits = text.translate(None, _NO_DIGITS)
        yield f"picture {number}", binascii.unhexlify(digits[: len(digits) // 2 * 2])
