"""Text → terms for BM25, each with the characters that it was read from.

A term is a normalised word: NFKC, case folded, Latin, Greek, Cyrillic, Hebrew and Arabic marks
dropped, stemmed by the Snowball stemmer of its script. A word of letters and digits gives its
parts too. Scripts that write without spaces give overlapping pairs of characters. There are no
stop words: BM25 plays function words down by their weight.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, lru_cache

import Stemmer

_FUNCTION_WORDS_TEXT = """
a about above after again against all am an and any are as at be because been before being
below between both but by can could did do does doing done down during each for from further
had has have having he her here him his how i if in into is it its just may me might more most
must my no not now of off on once only or other our out over own same shall she should so some
such than that the their them then there these they this those through to too under until up
very was we were what when where which while who whom whose why will with would you your
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS_TEXT.split())
"""English words that say little of what a query is about."""

ANALYZER_VERSION = f"latelight-1+snowball-{Stemmer.version()}"
"""Changes whenever the same text could give other terms; part of a pipeline's digest."""

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
    "\u1100-\u11ff\uac00-\ud7af"  # Hangul
)
_MAX_TERM_CHARS = 64
_LETTERS_OR_DIGITS = re.compile(r"\d+|[^\W\d_]+")
_MIXED_WORD = re.compile(r"(?=.*\d)(?=.*[^\W\d_])[^\W_]{2,64}(?=['’ʼ＇][sS]|\Z)")
_STEMMED_SCRIPTS = {"ARABIC": "arabic", "CYRILLIC": "russian", "GREEK": "greek"}
_TYPOGRAPHIC = str.maketrans({"’": "'", "ʼ": "'", "＇": "'"})


@dataclass(frozen=True, slots=True)
class Term:
    """A term and the characters `[start, end)` of the text that gave it."""

    text: str
    start: int
    end: int


def analyze(text: str) -> list[Term]:
    """Return the terms of `text` in order; the same text always gives the same terms.

    `"Sales rose 15.6% to $2,729.4"` gives `sale rose 15.6 % to 2729.4`. Spans count code points
    of `text` as given, before any normalisation.
    """
    return [
        Term(term, match.start() + start, match.start() + end)
        for match in _word_pattern().finditer(text)
        for term, start, end in _terms_of(match.lastgroup or "", match.group())
    ]


def analyze_terms(text: str) -> list[str]:
    """Return `analyze(text)`'s terms without their places: what an index counts."""
    return [
        term
        for match in _word_pattern().finditer(text)
        for term, _, _ in _terms_of(match.lastgroup or "", match.group())
    ]


@cache
def _word_pattern() -> re.Pattern[str]:
    # `\w` leaves combining marks out, which would cut Hindi or pointed Arabic words in pieces.
    # Possessive repeats (`++`) keep this near the speed of a plain `\w+`.
    letter = rf"[^\W\d_{_UNSPACED}]"
    letters = rf"{letter}++(?:[{_marks()}]++{letter}*+)*+"
    return re.compile(
        rf"(?P<unspaced>[{_UNSPACED}]+)"
        r"|(?P<number>\d+(?:[.,:'’]\d+)+)"
        rf"|(?P<initials>(?<![^\W_]){letter}(?:[.]{letter}(?![^\W_]))+)"
        rf"|(?P<word>(?:{letters}|\d+)++(?:&{letters})*+(?:['’ʼ＇][sS](?![^\W_]))?)"
        r"|(?P<percent>%)"
    )


def _marks() -> str:
    """Return the combining marks as ranges of a character class."""
    codes = (c for c in range(0x300, 0x1F000) if unicodedata.category(chr(c)).startswith("M"))
    return "".join(f"{chr(first)}-{chr(last)}" for first, last in _runs(codes))


def _runs(codes: Iterator[int]) -> Iterator[tuple[int, int]]:
    first = last = next(codes)
    for code in codes:
        if code != last + 1:
            yield first, last
            first = code
        last = code
    yield first, last


@lru_cache(maxsize=1 << 17)
def _terms_of(kind: str, word: str) -> tuple[tuple[str, int, int], ...]:
    """Return the terms of one match and their places in it."""
    if kind == "unspaced":
        return tuple(_pairs(word))
    if kind == "number":
        return ((_number(word), 0, len(word)),)
    if kind == "initials":
        return ((_fold(word).replace(".", ""), 0, len(word)),)
    whole = (_stem(_fold(word)[:_MAX_TERM_CHARS]), 0, len(word))
    return whole, *_parts(word)


def _parts(word: str) -> Iterator[tuple[str, int, int]]:
    """Return the letters and the digits of a word that has both: `FY2023` gives `fy`, `2023`."""
    mixed = _MIXED_WORD.match(word)
    for part in _LETTERS_OR_DIGITS.finditer(mixed.group()) if mixed else ():
        yield _stem(_fold(part.group())), part.start(), part.end()


def _pairs(word: str) -> Iterator[tuple[str, int, int]]:
    if len(word) == 1:
        yield _fold(word), 0, 1
    for start in range(len(word) - 1):
        yield _fold(word[start : start + 2]), start, start + 2


def _number(word: str) -> str:
    """Return the number without thousands separators: `2,729.4` and `2'729.4` give `2729.4`."""
    digits = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in word)
    if re.fullmatch(r"\d{1,3}([,'’]\d{3})+([.]\d+)?", digits):
        return re.sub(r"[,'’]", "", digits)
    return digits


def _fold(word: str) -> str:
    """Return the word case folded, compatibility forms resolved, without accents."""
    if word.isascii():
        return word.lower()
    apart = unicodedata.normalize("NFKD", word.translate(_TYPOGRAPHIC)).casefold()
    bare = "".join(c for c in apart if not _is_accent(c))
    return unicodedata.normalize("NFKC", "".join(_ascii_digit(c) for c in bare))


def _ascii_digit(char: str) -> str:
    return str(unicodedata.decimal(char)) if char.isdecimal() else char


def _is_accent(char: str) -> bool:
    # Marks of Indic scripts and kana voicing are letters' own parts and stay.
    return (
        "\u0300" <= char <= "\u036f"
        or "\u0591" <= char <= "\u05c7"
        or "\u064b" <= char <= "\u065f"
        or char in "\u0640\u0670"
    )


def _stem(word: str) -> str:
    language = "english" if word.isascii() else _STEMMED_SCRIPTS.get(_script(word[:1]))
    return _stemmer(language).stemWord(word) if language else word


def _script(char: str) -> str:
    return unicodedata.name(char, "").partition(" ")[0]


@cache
def _function_terms() -> frozenset[str]:
    return frozenset(_stem(word) for word in FUNCTION_WORDS)


def is_function_term(term: str) -> bool:
    """Return whether a term is the stem of one of `FUNCTION_WORDS`."""
    return term in _function_terms()


@cache
def _stemmer(language: str) -> Stemmer.Stemmer:
    return Stemmer.Stemmer(language)
