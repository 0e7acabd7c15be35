from hypothesis import given
from hypothesis import strategies as st

from latelight.index.buffer import FANOUT, plan_merges


def test_neighbours_of_one_level_become_one_of_the_next():
    assert plan_merges([0, 0, 0]) == [(0, 1, 0), (1, 2, 0), (2, 3, 0)]
    assert plan_merges([0, 0, 0, 0, 0]) == [(0, 4, 1), (4, 5, 0)]
    assert plan_merges([1, 1, 1, 0, 0, 0, 0]) == [(0, 7, 2)]
    assert plan_merges([]) == []


@given(st.integers(0, 300))
def test_a_buffer_has_few_segments(n_commits):
    runs = plan_merges([0] * n_commits)
    assert [number for first, stop, _ in runs for number in range(first, stop)] == list(
        range(n_commits)
    )
    assert len(runs) <= (FANOUT - 1) * 5


@given(st.lists(st.integers(1, 20), max_size=12))
def test_commits_that_come_at_once_are_merged_as_if_they_came_one_by_one(batches):
    levels: list[int] = []
    for n in batches:
        levels = [level for _, _, level in plan_merges([*levels, *[0] * n])]
    assert levels == [level for _, _, level in plan_merges([0] * sum(batches))]
