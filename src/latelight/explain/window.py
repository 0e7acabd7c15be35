"""Which part of a long text to show: the densest run of marked characters, cut at sentences."""

from collections.abc import Sequence

from latelight.types import CharSpan

SENTENCE_ENDS = (". ", "! ", "? ", ".\n", "!\n", "?\n", "\n\n", "。", "！", "？")


def best_window(text: str, marks: Sequence[tuple[CharSpan, float]], size: int) -> CharSpan:
    """Return the window of at most `size` characters whose marks weigh most, the earliest if equal.

    It begins with a sentence where there is room before the first mark, else with a word, ends
    with one where that keeps half of it, and is the text's beginning when nothing is marked.

    Args:
        text: what the spans count.
        marks: spans with their weights, in order, not overlapping.
        size: longest window.
    """
    if len(text) <= size:
        return _trimmed(text, CharSpan(0, len(text)))
    first, last = _best_run(marks, size)
    start = _start(text, first, last, size)
    return _trimmed(text, CharSpan(start, _end(text, start, last, size)))


def _best_run(marks: Sequence[tuple[CharSpan, float]], size: int) -> tuple[int, int]:
    """Return where the run of marks with the highest sum that fits into `size` starts and ends."""
    best, best_sum = (0, 0), 0.0
    low, total = 0, 0.0
    for high, (span, weight) in enumerate(marks):
        total += weight
        while low < high and span.end - marks[low][0].start > size:
            total -= marks[low][1]
            low += 1
        if total > best_sum + 1e-9:
            best, best_sum = (marks[low][0].start, span.end), total
    return best


def _start(text: str, first: int, last: int, size: int) -> int:
    """Return where the window begins: a sentence's first character if it fits, else a word's."""
    room = max(size - (last - first), 0)
    earliest = max(first - room, 0)
    if earliest == 0:
        return 0
    ends = (text.rfind(mark, earliest, first) + len(mark) for mark in SENTENCE_ENDS)
    sentence = max((end for end in ends if earliest < end <= first), default=-1)
    if sentence >= 0:
        return sentence
    return _after_space(text, max(first - room // 2, 0), first)


def _after_space(text: str, at: int, limit: int) -> int:
    for i in range(at, limit + 1):
        if i == 0 or text[i - 1].isspace():
            return i
    return min(at, limit)


def _end(text: str, start: int, last: int, size: int) -> int:
    end = min(start + size, len(text))
    if end == len(text):
        return end
    sentence = max(text.rfind(mark, last, end) + 1 for mark in SENTENCE_ENDS)
    if sentence > start + size // 2:
        return sentence
    space = max(text.rfind(" ", last, end + 1), text.rfind("\n", last, end + 1))
    return space if space >= last else end


def _trimmed(text: str, window: CharSpan) -> CharSpan:
    part = text[window.start : window.end]
    start = window.start + len(part) - len(part.lstrip())
    return CharSpan(start, max(start, window.start + len(part.rstrip())))
