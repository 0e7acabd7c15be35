"""Where sentences end, by rules that need no model and no language setting."""

import re
from collections.abc import Iterator

# Words after which a full stop never ends a sentence.
_NEVER_LAST_WORDS = """
mr mrs ms mx dr prof rev hon sen gov gen capt lt sgt cmdr adm st mt fig figs eq eqs vol vols ed
eds pp ref refs approx ca cf vs viz e.g i.e eg ie incl esp dept univ assn messrs mlle mme sra
srta dra ing bzw usw z.b d.h u.a o.ä vgl hr fr p.ej pág núm
"""
_NEVER_LAST = frozenset(_NEVER_LAST_WORDS.split())
# Words whose full stop ends no sentence before a number: "No. 5", "Jan. 3".
_BEFORE_NUMBER_WORDS = """
no nos nr art sec secs ch chap p tab table abs bd tel jan feb mar apr jun jul aug sep sept oct
nov dec mon tue tues wed thu thur thurs fri sat sun
"""
_BEFORE_NUMBER = frozenset(_BEFORE_NUMBER_WORDS.split())
# Words whose full stop ends a sentence only before a word that usually begins one.
_SELDOM_LAST_WORDS = """
inc ltd co corp llc plc bros jr sr esq etc al est u.s u.k u.n e.u d.c a.m p.m ph.d m.d b.a m.a
s.a n.v a.g
"""
_SELDOM_LAST = frozenset(_SELDOM_LAST_WORDS.split())
_STARTERS_WORDS = """
the a an this that these those it its he she they we i you in on at by for from with as if when
while after before since although however but and so then there here our their his her to under
during no not all some many most each both other such under according
"""
_STARTERS = frozenset(_STARTERS_WORDS.split())
_CLOSERS = "\"'”’»›)\\]}」』】）》〉"
_OPENERS = "\"'“‘«‹([{「『【（《〈¿¡*_#>"
_END = re.compile(
    # A terminator with white space after it; possessive and looking behind: linear on "......".
    rf"(?:(?<![.!?…؟۔।॥])[.!?…؟۔।॥]++[{_CLOSERS}*_]*+(?=\s)"
    rf"|[。！？｡]++[{_CLOSERS}]*+)"  # full-width ones need none
)
_WORD_BEFORE = re.compile(r"[^\W\d_](?:[^\W_]|\.(?=\w)|[-'’](?=\w))*\Z")
_NUMBER_BEFORE = re.compile(r"(?:^|\n)[ \t]*\(?[0-9]{1,3}\Z")
_NEXT_WORD = re.compile(rf"\s+[{re.escape(_OPENERS)}]*(\w+|.|\Z)", re.DOTALL)
_LOOK_BEHIND = 24
_LOOK_AHEAD = 64
# Where a sentence that is too long is cut, best first.
_CUTS = tuple(re.compile(pattern) for pattern in (r"\n+", r"[；：、，]|[;:,)–—](?=\s)", r"\s+"))


def sentence_spans(text: str, start: int = 0, end: int | None = None) -> Iterator[tuple[int, int]]:
    """Yield the sentences of `text[start:end]` as spans that together cover it.

    White space after a sentence belongs to it, so neighbouring spans touch.
    """
    end = len(text) if end is None else end
    begin = start
    for match in _END.finditer(text, start, end):
        if match.end() > begin and _ends_sentence(text, match, begin, end):
            stop = _after_space(text, match.end(), end)
            yield begin, stop
            begin = stop
    if begin < end:
        yield begin, end


def pieces_within(text: str, start: int, end: int, limit: int) -> Iterator[tuple[int, int]]:
    """Yield `text[start:end]` in touching pieces of at most `limit` characters.

    A piece ends, where it can, behind a line end, else a clause, else a word.
    """
    while end - start > limit:
        cut = _best_cut(text, start, start + limit)
        yield start, cut
        start = cut
    if start < end:
        yield start, end


def _best_cut(text: str, start: int, stop: int) -> int:
    least = start + (stop - start) // 3
    for pattern in _CUTS:
        cuts = [match.end() for match in pattern.finditer(text, least, stop)]
        if cuts:
            return cuts[-1]
    return _not_inside_character(text, stop)


def _not_inside_character(text: str, cut: int) -> int:
    """Return a cut that leaves combining marks and joiners with their character."""
    for earlier in range(cut, cut - 8, -1):
        if not _JOINING.match(text, earlier):
            return earlier
    return cut


_JOINING = re.compile("[\u0300-\u036f\u200c\u200d\ufe00-\ufe0f\U0001f3fb-\U0001f3ff]")


def _after_space(text: str, place: int, end: int) -> int:
    match = _SPACE.match(text, place, end)
    return match.end() if match else place


_SPACE = re.compile(r"\s+")


def _ends_sentence(text: str, match: re.Match[str], begin: int, end: int) -> bool:
    terminator = match.group()[0]
    if terminator in "。！？｡؟۔।॥":
        return True
    following = _NEXT_WORD.match(text, match.end(), min(end, match.end() + _LOOK_AHEAD))
    next_word = following.group(1) if following else ""
    if next_word[:1].islower():
        return False
    return terminator != "." or _full_stop_ends(text, match, begin, next_word)


def _full_stop_ends(text: str, match: re.Match[str], begin: int, next_word: str) -> bool:
    if match.group().startswith(".."):
        return True
    stop = match.start()
    before = text[max(begin, stop - _LOOK_BEHIND) : stop]
    if _NUMBER_BEFORE.search(before):  # "1. Introduction": the number of a list or a heading
        return False
    word = _WORD_BEFORE.search(before)
    if word is None:
        return True
    return _word_can_be_last(word.group(), next_word)


def _word_can_be_last(word: str, next_word: str) -> bool:
    folded = word.lower()
    if folded in _NEVER_LAST or (len(word) == 1 and word != "I"):  # an initial: "J. Smith"
        return False
    if folded in _BEFORE_NUMBER and next_word[:1].isdigit():
        return False
    if folded in _SELDOM_LAST or _is_initials(word):
        return next_word.lower() in _STARTERS
    return True


def _is_initials(word: str) -> bool:
    return "." in word and all(len(part) == 1 for part in word.split("."))
