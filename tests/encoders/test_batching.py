from hypothesis import given
from hypothesis import strategies as st

from latelight.encoders.batching import MOST_PADDING, plan_batches


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
