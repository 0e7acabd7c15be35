"""Which part of a long text to show: the densest run of marked characters, cut at sentences."""

from collections.abc import Sequence

from latelight.types import CharSpan

SENTENCE_ENDS = (". ", "! ", "? ", ".\n", "!\n", "?\n", "\n\n", "。", "！", "？")

# A mark at the edge that brings less than this part of the whole gives way to context.
SLIGHT = 0.05


def best_window(text: str, marks: Sequence[tuple[CharSpan, float]], size: int) -> CharSpan:
    """Return the window of at most `size` characters whose marks weigh most, the earliest if equal.

    Half of the room beside the marks goes before them. There it begins with a sentence, else with
    a word; it ends with a sentence where that keeps half of it. It is the text's beginning when
    nothing is marked.

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
    best, best_sum = (0, -1), 0.0
    low, total = 0, 0.0
    for high, (span, weight) in enumerate(marks):
        total += weight
        while low < high and span.end - marks[low][0].start > size:
            total -= marks[low][1]
            low += 1
        if total > best_sum + 1e-9:
            best, best_sum = (low, high), total
    run = _tightened(marks[best[0] : best[1] + 1], SLIGHT * best_sum)
    return (run[0][0].start, run[-1][0].end) if run else (0, 0)


def _tightened(
    run: Sequence[tuple[CharSpan, float]], slight: float
) -> Sequence[tuple[CharSpan, float]]:
    """Return the run without slight marks at its ends: their room shows what stands around it."""
    while len(run) > 1 and min(run[0][1], run[-1][1]) < slight:
        run = run[1:] if run[0][1] < run[-1][1] else run[:-1]
    return run


def _start(text: str, first: int, last: int, size: int) -> int:
    """Return where the window begins: a sentence's first character if it fits, else a word's."""
    room = max(size - (last - first), 0) // 2
    earliest = max(first - room, 0)
    if earliest == 0:
        return 0
    ends = (text.rfind(mark, earliest, first) + len(mark) for mark in SENTENCE_ENDS)
    sentence = max((end for end in ends if earliest < end <= first), default=-1)
    if sentence >= 0:
        return sentence
    return _after_space(text, earliest, first)


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
