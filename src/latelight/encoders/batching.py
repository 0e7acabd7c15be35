"""Which sequences run together: those of about one length, as many as a budget of tokens holds."""

from collections.abc import Sequence

MOST_PADDING = 1 / 8
"""The share of a batch's longest sequence by which another may be shorter."""


def plan_batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Return the numbers of the sequences of each batch, the longest first; every one once.

    A batch takes at most `budget` tokens, padding counted (but at least one sequence), and its
    shortest sequence lacks at most an eighth of its longest: little is computed for nothing.

    Args:
        lengths: tokens of each sequence.
        budget: at least 1.
    """
    batches: list[list[int]] = []
    longest = 0
    for number in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        fits = batches and (len(batches[-1]) + 1) * longest <= budget
        if fits and lengths[number] >= longest * (1 - MOST_PADDING):
            batches[-1].append(number)
        else:
            batches.append([number])
            longest = lengths[number]
    return batches
