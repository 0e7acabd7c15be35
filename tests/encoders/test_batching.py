from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.encoders.batching import MOST_PADDING, plan_batches, run_halving


@given(lengths=st.lists(st.integers(1, 600), max_size=60), budget=st.integers(1, 4000))
def test_every_sequence_is_in_one_batch_within_budget_and_padding(
    lengths: list[int], budget: int
) -> None:
    batches = plan_batches(lengths, budget)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    for batch in batches:
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * longest <= budget
        assert min(lengths[i] for i in batch) >= longest * (1 - MOST_PADDING)


def test_the_longest_go_first_and_equal_ones_go_together() -> None:
    assert plan_batches([5, 100, 5, 99, 5], 200) == [[1, 3], [0, 2, 4]]


class OutOfRoomError(Exception):
    pass


def test_a_batch_is_halved_until_it_fits_and_nothing_is_lost() -> None:
    tried: list[int] = []

    def run(part: Sequence[int]) -> int:
        tried.append(len(part))
        if len(part) > 3:
            raise OutOfRoomError
        return sum(part)

    done = list(run_halving(range(10), run, lambda error: isinstance(error, OutOfRoomError)))
    assert [i for part, _ in done for i in part] == list(range(10))
    assert sum(result for _, result in done) == 45
    assert tried[0] == 10 and max(len(part) for part, _ in done) <= 3


def test_one_sequence_that_does_not_fit_and_other_errors_are_raised() -> None:
    def fail(_: Sequence[int]) -> int:
        raise OutOfRoomError

    with pytest.raises(OutOfRoomError):
        list(run_halving([1, 2], fail, lambda error: True))
    with pytest.raises(OutOfRoomError):
        list(run_halving([1, 2, 3], fail, lambda error: False))
