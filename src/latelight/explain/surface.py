"""Whole words around a piece of text: what a reader would call a wordpiece."""

import re

from latelight.types import CharSpan

# Scripts written without spaces are read character by character.
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
)
# Vowel signs and accents that stand as characters of their own belong to the word they follow.
MARKS = "\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0dff"
LETTER = rf"(?:[^\W{UNSPACED}]|[{MARKS}])"
# A word may hold marks inside ("SG&A", "don't", "12.5", "low-cost") but not at its ends.
WORD = re.compile(rf"[{UNSPACED}]|{LETTER}+(?:[&'’.,/@-]{LETTER}+)*|[^\w\s]+")
# No word that a person reads is longer; bounds the look around a span in hostile text.
REACH = 64


def word_spans(text: str) -> list[CharSpan]:
    """Return the words and runs of punctuation of `text`, in order, never overlapping."""
    return [CharSpan(*match.span()) for match in WORD.finditer(text)]


def whole_words(text: str, span: CharSpan) -> CharSpan:
    """Return `span` grown to the edges of the words that it touches.

    A span that touches no word (white space, out of range) comes back clipped to the text.
    """
    start, end = max(span.start, 0), min(span.end, len(text))
    if start >= end:
        return CharSpan(min(start, len(text)), min(start, len(text)))
    base = _previous_space(text, start)
    for match in WORD.finditer(text, base, min(end + REACH, len(text))):
        if match.end() <= span.start:
            continue
        if match.start() >= span.end:
            break
        start, end = min(start, match.start()), max(end, match.end())
    return CharSpan(start, end)


def _previous_space(text: str, at: int) -> int:
    for i in range(at, max(at - REACH, 0), -1):
        if text[i - 1].isspace():
            return i
    return max(at - REACH, 0)
