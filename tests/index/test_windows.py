import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.index.windows import best_windows
from latelight.kernels.maxsim import Rows, maxsim

DIM = 8


def rows_of(similarities: list[list[list[float]]]) -> Rows:
    """Rows whose similarities to the unit vectors 0, 1, ... are the given ones, by unit and row."""
    offsets = np.cumsum([0, *(len(unit) for unit in similarities)]).astype(np.int64)
    values = np.zeros((int(offsets[-1]), DIM), np.float32)
    for row, given_row in zip(values, (r for unit in similarities for r in unit), strict=True):
        row[: len(given_row)] = given_row
    return Rows(values, offsets)


def query_of(n_rows: int) -> np.ndarray:
    return np.eye(n_rows, DIM, dtype=np.float32)


SCATTERED = [[0.9, 0], [0, 0], [0, 0], [0.5, 0], [0, 0.6], [0, 0.8]]


def test_the_window_with_both_words_beats_the_best_row_of_each() -> None:
    found = best_windows(query_of(2), rows_of([SCATTERED]), np.array([0]), window_rows=2)
    assert found.spans.tolist() == [[3, 5]]
    assert found.winners.tolist() == [[3, 4]]
    np.testing.assert_allclose(found.similarities, [[0.5, 0.6]])


def test_windows_overlap_by_half() -> None:
    # Blocks of two rows: 0-1, 2-3, 4-5. Only the window of the last two holds rows 3 and 5.
    found = best_windows(query_of(2), rows_of([SCATTERED]), np.array([0]), window_rows=4)
    assert found.spans.tolist() == [[2, 6]]
    assert found.winners.tolist() == [[3, 5]]


def test_of_equal_windows_the_first_is_taken() -> None:
    rows = rows_of([[[0.5], [0.5], [0.5], [0.5]]])
    found = best_windows(query_of(1), rows, np.array([0]), window_rows=2)
    assert (found.spans.tolist(), found.winners.tolist()) == ([[0, 2]], [[0]])


def test_a_unit_that_fits_is_its_own_window() -> None:
    rows = rows_of([SCATTERED, [[0.1, 0.7]], SCATTERED])
    found = best_windows(query_of(2), rows, np.array([2, 1]), window_rows=6)
    assert found.spans.tolist() == [[0, 6], [0, 1]]
    np.testing.assert_allclose(found.similarities.sum(axis=1), [1.7, 0.8], rtol=1e-6)


@settings(max_examples=60, deadline=None)
@given(data=st.data(), half=st.integers(1, 5), store=st.sampled_from(["float32", "int8"]))
def test_it_is_the_best_of_all_windows_counted_one_by_one(
    data: st.DataObject, half: int, store: str
) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    lengths = data.draw(st.lists(st.integers(0, 12), min_size=1, max_size=6))
    offsets = np.cumsum([0, *lengths]).astype(np.int64)
    values = rng.normal(size=(int(offsets[-1]), DIM)).astype(np.float32)
    rows = Rows(values, offsets)
    if store == "int8":
        codes = rng.integers(-127, 128, (int(offsets[-1]), DIM)).astype(np.int8)
        rows = Rows(codes, offsets, np.ones(int(offsets[-1]), np.float32))
    units = rng.permutation(np.flatnonzero(lengths)).astype(np.int64)
    query = rng.normal(size=(3, DIM)).astype(np.float32)
    if not len(units):
        return
    found = best_windows(query, rows, units, window_rows=2 * half)
    for i, unit in enumerate(units):
        best = max(
            _score(query, rows, int(offsets[unit]) + start, min(2 * half, lengths[unit] - start))
            for start in range(0, max(lengths[unit] - half, 1), half)
        )
        assert found.similarities[i].sum() == pytest.approx(best, rel=1e-4, abs=1e-4)
        start, end = found.spans[i]
        assert ((start <= found.winners[i]) & (found.winners[i] < end)).all()


def _score(query: np.ndarray, rows: Rows, first: int, n_rows: int) -> float:
    scales = None if rows.scales is None else rows.scales[first : first + n_rows]
    part = Rows(rows.values[first : first + n_rows], np.array([0, n_rows]), scales)
    return float(maxsim(query, part)[0])
