"""Whether a page's words can be what they say: a text layer may be noise.

Fonts with a wrong table of characters give other letters than those that are drawn, and poor
recognition leaves words full of marks. Both show in how letters follow each other.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from itertools import pairwise

_VOWELS = frozenset("aeiouyæøœı")
_MIN_LETTERS = 100  # fewer prove nothing
_MIN_VOWELS = 0.3  # share of letters; .35 to .46 on pages of reports
_MIN_WORDS = 20
_MAX_ODD = 0.2  # share of words; at most .09 on pages of reports
_AROUND = ".,;:()[]\"'“”‘’«»„$€£%*!?-–—/&•"
_INSIDE = frozenset("-'’.&/,–—@_:+")


def is_plausible(words: Sequence[str]) -> bool:
    """Return False for words in Latin letters that no language writes; True when unsure.

    Letters have too few vowels, or too many words hold marks, digits between letters, or no vowel.
    """
    letters = [c for c in _base_letters("".join(words)) if "a" <= c <= "z" or c in _VOWELS]
    n_all = sum(c.isalpha() for word in words for c in word)
    if len(letters) < _MIN_LETTERS or len(letters) < 0.5 * n_all:
        return True
    n_vowels = sum(c in _VOWELS for c in letters)
    return n_vowels >= _MIN_VOWELS * len(letters) and _odd_share(words) <= _MAX_ODD


def _odd_share(words: Iterable[str]) -> float:
    cores = [core for word in words if _is_wordy(core := word.strip(_AROUND))]
    if len(cores) < _MIN_WORDS:
        return 0.0
    return sum(_is_odd(core) for core in cores) / len(cores)


def _is_wordy(core: str) -> bool:
    return len(core) >= 3 and 2 * sum(c.isalpha() for c in core) >= len(core)


def _is_odd(core: str) -> bool:
    if any(not c.isalnum() and c not in _INSIDE for c in core):
        return True
    if core.islower() and core.isalpha() and not _VOWELS.intersection(_base_letters(core)):
        return True
    turns = [a.isdigit() != b.isdigit() for a, b in pairwise(core)]
    return core.isalnum() and sum(turns) >= 2 and core[0].isalpha()


def _base_letters(text: str) -> str:
    """Return lower-case letters without their accents."""
    return "".join(c for c in unicodedata.normalize("NFD", text.lower()) if c.isalpha())
