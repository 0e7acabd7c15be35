import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from latelight.encoders.pooled import PooledEncoder
from latelight.encoders.pooling import (
    MOST_ROWS,
    Pooling,
    cover,
    grid_means,
    has_place,
    maxsim_bound,
    pool,
    trees_of,
    truncate,
    ward_labels,
)
from latelight.encoders.vision.geometry import grid_boxes
from latelight.errors import SettingError, ShapeError
from latelight.testing.encoders import FakeEncoder, passage
from latelight.types import MultiVector, RowLocators

scipy = pytest.importorskip("scipy")


def unit_rows(seed: int, n_rows: int, dim: int = 16, spread: float = 1.0) -> np.ndarray:
    """Rows near a few directions, so that there is something to pool."""
    chance = np.random.default_rng(seed)
    centres = chance.standard_normal((max(n_rows // 5, 1), dim))
    near = centres[chance.integers(0, len(centres), n_rows)]
    rows = near + spread * chance.standard_normal((n_rows, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def with_places(rows: np.ndarray, n_markers: int = 0) -> MultiVector:
    """Rows with boxes that tell them apart; the first few are markers."""
    n_rows = len(rows)
    boxes = np.linspace(0, 1, 4 * n_rows, dtype=np.float32).reshape(n_rows, 4)
    boxes[:n_markers] = np.nan
    return MultiVector(rows, RowLocators(boxes=boxes))


SETTINGS = st.builds(
    Pooling,
    method=st.sampled_from(["ward", "cover"]),
    factor=st.integers(1, 8),
    threshold=st.floats(0.5, 0.99),
    protected=st.integers(0, 3),
)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(0, 3), SETTINGS)
def test_every_source_row_belongs_to_exactly_one_pooled_row(
    seed: int, n_rows: int, n_markers: int, pooling: Pooling
) -> None:
    given_ = with_places(unit_rows(seed, n_rows, spread=0.3), min(n_markers, n_rows))
    pooled = pool(given_, pooling)
    boxes = pooled.locators.boxes
    assert boxes is not None and pooled.locators.offsets is not None
    assert pooled.locators.offsets[0] == 0 and (np.diff(pooled.locators.offsets) >= 1).all()
    assert len(pooled.locators.offsets) == pooled.n_rows + 1
    key = lambda b: sorted(map(tuple, np.nan_to_num(b, nan=-1).tolist()))  # noqa: E731
    assert key(boxes) == key(given_.locators.boxes)  # type: ignore[arg-type]
    np.testing.assert_allclose(np.linalg.norm(pooled.vectors, axis=1), 1, atol=1e-5)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 10**6), st.integers(1, 60), st.floats(0.5, 0.99))
def test_the_bound_of_near_duplicate_pruning_holds(
    seed: int, n_rows: int, threshold: float
) -> None:
    given_ = with_places(unit_rows(seed, n_rows, spread=0.3))
    pooling = Pooling("cover", threshold=threshold)
    kept = pool(given_, pooling)
    bound = pooling.bound
    assert bound == maxsim_bound(threshold)
    query = unit_rows(seed + 1, 12)
    full = (query @ given_.vectors.T).max(axis=1)
    fewer = (query @ kept.vectors.T).max(axis=1)
    assert (fewer <= full + 1e-5).all(), "rows are left out, none is new"
    assert (full - fewer <= bound + 1e-5).all()


@given(arrays(np.float32, (12, 4), elements=st.floats(-1, 1, width=32)), st.floats(0.5, 0.99))
def test_every_dropped_row_is_near_the_one_that_stands_for_it(
    values: np.ndarray, threshold: float
) -> None:
    rows = values + np.float32(1e-3)
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    keeper = cover(rows, threshold)
    assert (keeper[keeper] == keeper).all(), "a row that stands for others stands for itself"
    others = np.flatnonzero(keeper != np.arange(len(rows)))
    assert ((rows[others] * rows[keeper[others]]).sum(axis=1) >= threshold).all()


def test_blank_background_becomes_one_row() -> None:
    blank = np.tile(np.eye(8, dtype=np.float32)[:1], (50, 1))
    words = np.eye(8, dtype=np.float32)[1:4]
    pooled = pool(with_places(np.concatenate([blank, words])), Pooling("cover"))
    assert pooled.n_rows == 4
    assert [len(pooled.locators.sources_of(i)) for i in range(4)] == [50, 1, 1, 1]


def test_wards_clusters_are_those_of_a_hand_made_example() -> None:
    angles = np.radians([0, 2, 90, 92, 180, 182])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    pooled = pool(with_places(rows), Pooling("ward", factor=2))
    assert [list(pooled.locators.sources_of(i)) for i in range(3)] == [[0, 1], [2, 3], [4, 5]]
    middle = np.radians([1, 91, 181])
    np.testing.assert_allclose(
        pooled.vectors, np.stack([np.cos(middle), np.sin(middle)], axis=1), atol=1e-6
    )


def test_pooling_by_a_factor_leaves_that_share() -> None:
    rows = unit_rows(3, 90)
    for factor in (1, 2, 3, 6):
        assert pool(with_places(rows), Pooling("ward", factor=factor)).n_rows == 90 // factor


def test_the_same_rows_are_always_pooled_alike() -> None:
    rows = unit_rows(5, 200)
    for method in ("ward", "cover"):
        one, other = (pool(with_places(rows), Pooling(method)) for _ in range(2))
        np.testing.assert_array_equal(one.vectors, other.vectors)
        np.testing.assert_array_equal(one.locators.offsets, other.locators.offsets)


def test_markers_and_protected_rows_stay_as_they_are() -> None:
    rows = np.tile(unit_rows(1, 1), (10, 1))  # all alike
    pooled = pool(with_places(rows, n_markers=2), Pooling("ward", factor=8, protected=3))
    assert pooled.n_rows == 4, "two markers, one protected row, and the rest"
    assert [len(pooled.locators.sources_of(i)) for i in range(4)] == [1, 1, 1, 7]
    np.testing.assert_array_equal(pooled.vectors[:3], rows[:3])


def test_rows_without_any_place_are_pooled_all_the_same() -> None:
    rows = MultiVector(unit_rows(1, 10))
    assert has_place(rows.locators, 10).all()
    assert pool(rows, Pooling("ward", factor=5)).n_rows == 2


def test_what_was_pooled_before_keeps_all_its_sources() -> None:
    given_ = with_places(unit_rows(9, 48))
    twice = pool(pool(given_, Pooling("ward", factor=2)), Pooling("ward", factor=3))
    assert twice.n_rows == 8
    assert twice.locators.offsets is not None and twice.locators.offsets[-1] == 48


@pytest.mark.parametrize("n_rows", [0, 1, 2, 48, MOST_ROWS + 10])
def test_one_tree_serves_every_factor(n_rows: int) -> None:
    given_ = with_places(unit_rows(3, n_rows, dim=4)) if n_rows else MultiVector(unit_rows(3, 0))
    trees = trees_of(given_, Pooling("ward"))
    for factor in (2, 3, 5):
        pooling = Pooling("ward", factor)
        alone, cut = pool(given_, pooling), pool(given_, pooling, trees)
        np.testing.assert_array_equal(alone.vectors, cut.vectors)


def test_more_rows_than_fit_are_clustered_in_runs() -> None:
    rows = unit_rows(2, MOST_ROWS + 10, dim=4)
    labels = ward_labels(rows, 64)
    assert len(set(labels.tolist())) == pytest.approx(len(rows) / 64, abs=3)
    assert not set(labels[: MOST_ROWS // 2].tolist()) & set(labels[-1000:].tolist())
    keeper = cover(rows[:100], 0.9)
    assert ((rows[:100] * rows[:100][keeper]).sum(axis=1) >= 0.9 - 1e-6).all()


def test_rows_and_columns_of_a_grid_have_their_means() -> None:
    boxes = np.concatenate([np.full((1, 4), np.nan, np.float32), grid_boxes(3, 4)])
    rows = unit_rows(4, 13)
    means = grid_means(MultiVector(rows, RowLocators(boxes=boxes)))
    assert means.n_rows == 3 + 4
    first = rows[1:5].mean(axis=0)
    np.testing.assert_allclose(means.vectors[0], first / np.linalg.norm(first), atol=1e-6)
    column = rows[[1, 5, 9]].mean(axis=0)
    np.testing.assert_allclose(means.vectors[3], column / np.linalg.norm(column), atol=1e-6)
    assert [len(means.locators.sources_of(i)) for i in range(7)] == [4, 4, 4, 3, 3, 3, 3]
    with pytest.raises(ShapeError, match="pooled"):
        grid_means(means)


def test_rows_are_cut_and_normalised_again() -> None:
    rows = np.array([[3, 4, 12, 0], [0, 0, 1, 0]], np.float32) / np.float32(13)
    cut = truncate(rows, 2)
    np.testing.assert_allclose(cut, [[0.6, 0.8], [0, 0]], atol=1e-6)
    with pytest.raises(ShapeError, match="cannot be cut to 8"):
        truncate(rows, 8)


def test_an_encoder_pools_documents_and_leaves_queries() -> None:
    inner = FakeEncoder(dim=16)
    encoder = PooledEncoder(inner, Pooling("ward", factor=2))
    text = "one two three four five six seven eight"
    assert encoder.encode_documents([passage(text)])[0].n_rows == 4
    np.testing.assert_array_equal(
        encoder.encode_query(text).vectors, inner.encode_query(text).vectors
    )
    assert len(encoder.encode_queries([text, "two"])) == 2
    assert encoder.info.rendering["pooling"] == "ward factor 2"
    told = PooledEncoder(inner, Pooling("cover", threshold=0.9)).info.rendering
    assert told["maxsim_error_bound"] == "0.4472"
    assert encoder.encode_documents([passage("")])[0].vectors.shape == (0, 16)


def test_only_models_that_were_trained_for_it_are_cut() -> None:
    inner = FakeEncoder(dim=16)
    with pytest.raises(SettingError, match="trained to be cut to: none"):
        PooledEncoder(inner, Pooling(dim=8))
    with pytest.raises(SettingError, match="rows have 16, was trained to be cut to: 8"):
        PooledEncoder(inner, Pooling(dim=32), truncatable=(8, 16, 32))
    encoder = PooledEncoder(inner, Pooling(dim=8), truncatable=(8,))
    assert encoder.info.dim == 8
    assert encoder.encode_query("one").vectors.shape == (1, 8)
    assert encoder.encode_documents([passage("one two")])[0].vectors.shape == (2, 8)


def test_settings_out_of_range_are_refused() -> None:
    for wrong in ({"method": "magic"}, {"factor": 0}, {"threshold": 1.5}, {"dim": -1}):
        with pytest.raises(SettingError):
            Pooling(**wrong)  # type: ignore[arg-type]


def test_sound_has_no_grid_and_keeps_its_rows() -> None:
    times = np.array([[0, 0.04], [0.04, 0.08], [0.08, 0.12]], np.float32)
    nowhere = np.full((3, 4), np.nan, np.float32)
    for boxes in (nowhere, None):
        given = MultiVector(unit_rows(3, 3), RowLocators(boxes=boxes, times=times))
        means = grid_means(given)
        np.testing.assert_array_equal(means.vectors, given.vectors)
        np.testing.assert_array_equal(means.locators.times, times)
