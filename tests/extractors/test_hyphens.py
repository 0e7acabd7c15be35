import numpy as np

from latelight.extractors.hyphens import mended, vocabulary
from latelight.extractors.layout import BREAK
from latelight.types import WordBoxes

KNOWN = vocabulary(["Information is long term", f"a term{BREAK}inal"])


def boxes(*spans: tuple[int, int]) -> WordBoxes:
    return WordBoxes(np.array(spans, np.int32), np.zeros((len(spans), 4), np.float32))


def test_the_vocabulary_holds_whole_words_only() -> None:
    assert {"information", "is", "long", "term", "a"} == KNOWN


def test_a_word_known_elsewhere_loses_its_hyphen_and_spans_move() -> None:
    text, words = mended(f"infor{BREAK}mation now", boxes((0, 6), (6, 12), (13, 16)), KNOWN)
    assert text == "information now"
    assert words.spans.tolist() == [[0, 5], [5, 11], [12, 15]]


def test_a_compound_of_two_known_words_keeps_its_hyphen() -> None:
    assert mended(f"long{BREAK}term", boxes((0, 5), (5, 9)), KNOWN)[0] == "long-term"


def test_unknown_halves_become_one_word_and_numbers_keep_the_hyphen() -> None:
    assert mended(f"satis{BREAK}fied", boxes((0, 6), (6, 10)), KNOWN)[0] == "satisfied"
    assert mended(f"2021{BREAK}2022", boxes((0, 5), (5, 9)), KNOWN)[0] == "2021-2022"
