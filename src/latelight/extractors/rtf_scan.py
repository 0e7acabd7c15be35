"""RTF -> control words, groups and bytes, in linear time on any input."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?[0-9]{1,10})? ?"  # a control word
    rb"|\\'([0-9a-fA-F]{2})"  # a byte in hex
    rb"|\\([^a-zA-Z'])"  # a control symbol
    rb"|([{}])"
    rb"|([^\\{}\r\n]+)"
    rb"|[\r\n]+"
)
Kind = Literal["word", "byte", "symbol", "open", "close", "text"]


@dataclass(frozen=True, slots=True)
class Token:
    """One piece; `number` is a control word's, None where it has none."""

    kind: Kind
    text: bytes
    number: int | None = None


def tokens(data: bytes) -> Iterator[Token]:
    r"""Yield the tokens of an RTF file; the bytes behind `\bin` are left out."""
    place = 0
    while place < len(data):
        match = _TOKEN.match(data, place)
        if match is None:  # a lone backslash
            place += 1
            continue
        place = match.end()
        token = _token(match)
        if token is None:
            continue
        if token.kind == "word" and token.text == b"bin":
            place += max(token.number or 0, 0)
        else:
            yield token


def _token(match: re.Match[bytes]) -> Token | None:
    word, number, byte, symbol, brace, text = match.groups()
    if word is not None:
        return Token("word", word, int(number) if number else None)
    if byte is not None:
        return Token("byte", bytes([int(byte, 16)]))
    if symbol is not None:
        return Token("symbol", symbol)
    if brace is not None:
        return Token("open" if brace == b"{" else "close", brace)
    return Token("text", text) if text is not None else None
