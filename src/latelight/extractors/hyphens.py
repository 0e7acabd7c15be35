"""Words broken at a line's end -> whole again, by the document's own other words."""

import re
from collections.abc import Iterable

import numpy as np

from latelight.extractors.layout import BREAK
from latelight.types import WordBoxes

_WORD = re.compile(r"[^\W\d_]+")
_BROKEN = re.compile(rf"([^\W\d_]*){BREAK}([^\W\d_]*)")


def vocabulary(texts: Iterable[str]) -> frozenset[str]:
    """Return the unbroken words of some texts, in lower case."""
    found: set[str] = set()
    for text in texts:
        found.update(_WORD.findall(_BROKEN.sub(" ", text).lower()))
    return frozenset(found)


def mended(text: str, words: WordBoxes, known: frozenset[str]) -> tuple[str, WordBoxes]:
    """Return a text with every broken word joined, with its hyphen where it belongs to the word.

    The hyphen goes when the joined word occurs elsewhere, or when one of its parts is no word;
    it stays in a compound of two words.
    """
    if BREAK not in text:
        return text, words
    dropped = np.zeros(len(text) + 1, np.int32)
    pieces = list(text)
    for match in _BROKEN.finditer(text):
        place = match.end(1)
        if _is_one_word(match.group(1).lower(), match.group(2).lower(), known):
            pieces[place], dropped[place] = "", 1
        else:
            pieces[place] = "-"
    before = np.cumsum(dropped) - dropped  # characters dropped before each place
    return "".join(pieces), WordBoxes(words.spans - before[words.spans], words.boxes)


def _is_one_word(first: str, second: str, known: frozenset[str]) -> bool:
    if not first or not second:
        return False
    return first + second in known or not (first in known and second in known)
