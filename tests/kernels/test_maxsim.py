"""The native paths against the numpy reference, and the documented corner cases."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.errors import ShapeError
from latelight.kernels.maxsim import (
    Rows,
    available_isas,
    bfloat16_bits,
    isa,
    maxsim,
    maxsim_argmax,
    quantize_int8,
    similarity_matrix,
)

FORMS = ("f32", "f16", "bf16", "i8")
NATIVE = [name for name in available_isas() if name != "numpy"]
# VDPBF16PS multiplies bfloat16 by bfloat16: there the query is rounded too.
ROUNDED_QUERY = 1e-2


def stored(vectors: npt.NDArray[np.float32], offsets: npt.NDArray[np.int64], form: str) -> Rows:
    if form == "i8":
        codes, scales = quantize_int8(vectors)
        return Rows(codes, offsets, scales)
    if form == "f16":
        return Rows(vectors.astype(np.float16), offsets)
    return Rows(bfloat16_bits(vectors) if form == "bf16" else vectors, offsets)


def offsets_of(counts: list[int]) -> npt.NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def unit_rows(rng: np.random.Generator, n: int, dim: int) -> npt.NDArray[np.float32]:
    x = rng.standard_normal((n, dim), dtype=np.float32)
    return x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), np.float32(1e-9))


@st.composite
def batches(draw: st.DrawFn) -> tuple[npt.NDArray[np.float32], Rows]:
    form = draw(st.sampled_from(FORMS))
    dim = 8 * draw(st.sampled_from([1, 2, 3, 5, 12, 16, 48, 128]))
    n_query = draw(st.sampled_from([1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100]))
    counts = draw(st.lists(st.integers(0, 70), min_size=1, max_size=8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    vectors = unit_rows(rng, sum(counts), dim)
    vectors[rng.random(len(vectors)) < 0.1] = 0
    return unit_rows(rng, n_query, dim), stored(vectors, offsets_of(counts), form)


def tolerance(path: str, rows: Rows) -> float:
    return ROUNDED_QUERY if (path, rows.stored_as) == ("avx512_bf16", "bf16") else 1e-5


@pytest.mark.parametrize("path", NATIVE)
@settings(max_examples=60, deadline=None)
@given(batch=batches(), n_threads=st.integers(1, 3))
def test_a_native_path_scores_as_the_reference_does(
    path: str, batch: tuple[npt.NDArray[np.float32], Rows], n_threads: int
) -> None:
    query, rows = batch
    near = tolerance(path, rows)
    wanted = maxsim(query, rows, isa="numpy")
    found = maxsim(query, rows, isa=path, n_threads=n_threads)
    np.testing.assert_allclose(found, wanted, rtol=near, atol=near * len(query))


@pytest.mark.parametrize("path", available_isas())
@settings(max_examples=60, deadline=None)
@given(batch=batches())
def test_similarities_of_the_winners_add_up_to_the_score(
    path: str, batch: tuple[npt.NDArray[np.float32], Rows]
) -> None:
    query, rows = batch
    _, similarities = maxsim_argmax(query, rows, isa=path)
    scores = maxsim(query, rows, isa=path)
    np.testing.assert_allclose(similarities.astype(np.float64).sum(axis=1), scores, rtol=1e-6)


@pytest.mark.parametrize("path", NATIVE)
@settings(max_examples=60, deadline=None)
@given(batch=batches(), n_threads=st.integers(1, 3))
def test_the_winning_row_has_the_best_similarity(
    path: str, batch: tuple[npt.NDArray[np.float32], Rows], n_threads: int
) -> None:
    query, rows = batch
    near = tolerance(path, rows)
    winners, similarities = maxsim_argmax(query, rows, isa=path, n_threads=n_threads)
    _, wanted = maxsim_argmax(query, rows, isa="numpy")
    np.testing.assert_allclose(similarities, wanted, atol=near)
    near = max(near, tolerance(isa(), rows))  # the matrix is of the best path
    everything = similarity_matrix(query, rows.values, rows.scales)
    for document, start in enumerate(rows.offsets[:-1]):
        if winners[document, 0] >= 0:
            at = everything[np.arange(len(query)), start + winners[document]]
            np.testing.assert_allclose(at, wanted[document], atol=near)


@pytest.mark.parametrize("path", NATIVE)
@settings(max_examples=40, deadline=None)
@given(batch=batches().filter(lambda batch: batch[1].stored_as == "i8"))
def test_int8_is_the_same_on_every_path_to_the_last_bit(
    path: str, batch: tuple[npt.NDArray[np.float32], Rows]
) -> None:
    query, rows = batch
    for found, wanted in zip(
        maxsim_argmax(query, rows, isa=path), maxsim_argmax(query, rows, isa="numpy"), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("path", NATIVE)
def test_the_largest_codes_do_not_saturate(path: str) -> None:
    query = np.full((3, 1024), -1, dtype=np.float32)
    rows = Rows(np.full((2, 1024), -128, np.int8), offsets_of([2]), np.ones(2, np.float32))
    _, similarities = maxsim_argmax(query, rows, isa=path)
    np.testing.assert_allclose(similarities, 1024 * 128, rtol=1e-6)


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("n_query", "dim"), [(1024, 8), (1024, 128), (1, 1024), (1023, 24)])
def test_the_extremes_of_query_rows_and_dims_are_served(
    path: str, form: str, n_query: int, dim: int
) -> None:
    rng = np.random.default_rng(3)
    query, vectors = unit_rows(rng, n_query, dim), unit_rows(rng, 9, dim)
    rows = stored(vectors, offsets_of([4, 0, 5]), form)
    exact = query @ vectors.T
    wanted = exact[:, :4].max(axis=1).sum(), exact[:, 4:].max(axis=1).sum()
    found = maxsim(query, rows, isa=path)
    np.testing.assert_allclose(found[[0, 2]], wanted, atol=1e-2 * n_query)
    assert found[1] == -np.inf


@pytest.mark.parametrize("path", available_isas())
def test_a_hand_computed_score(path: str) -> None:
    query = np.zeros((2, 8), np.float32)
    query[0, 0], query[1, 1] = 1, 2
    values = np.zeros((3, 8), np.float32)
    values[0, :2], values[1, :2], values[2, :2] = (0.5, 0.25), (1, -1), (-3, -1)
    rows = Rows(values, offsets_of([2, 1]))
    assert maxsim(query, rows, isa=path).tolist() == [1.0 + 0.5, -3.0 - 2.0]
    winners, similarities = maxsim_argmax(query, rows, isa=path)
    assert winners.tolist() == [[1, 0], [0, 0]]
    assert similarities.tolist() == [[1.0, 0.5], [-3.0, -2.0]]


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("form", FORMS)
def test_a_document_without_rows_scores_minus_infinity_and_has_no_winner(
    path: str, form: str
) -> None:
    query = np.eye(3, 16, dtype=np.float32)
    rows = stored(np.eye(2, 16, dtype=np.float32), offsets_of([0, 2, 0]), form)
    scores = maxsim(query, rows, isa=path)
    winners, similarities = maxsim_argmax(query, rows, isa=path)
    assert np.isneginf(scores).tolist() == [True, False, True]
    assert (winners[[0, 2]] == -1).all()
    assert np.isneginf(similarities[[0, 2]]).all()


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("form", FORMS)
def test_a_row_of_zeros_takes_part_with_similarity_zero(path: str, form: str) -> None:
    query = np.eye(1, 8, dtype=np.float32)
    rows = stored(np.array([[-1] + [0] * 7, [0] * 8], np.float32), offsets_of([1, 1]), form)
    assert maxsim(query, rows, isa=path).tolist() == [-1.0, 0.0]


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("form", ["f32", "f16", "bf16"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_row_that_is_not_finite_never_wins(path: str, form: str, value: float) -> None:
    vectors = np.full((3, 8), 0.25, np.float32)
    vectors[1, 0] = value
    rows = stored(vectors, offsets_of([2, 1]), form)
    query = np.ones((9, 8), np.float32)
    winners, similarities = maxsim_argmax(query, rows, isa=path)
    assert (winners == 0).all()
    assert similarities.tolist() == [[2.0] * 9] * 2
    alone = stored(vectors[1:2], offsets_of([1]), form)
    assert maxsim(query, alone, isa=path).tolist() == [-np.inf]


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("scale", [np.nan, np.inf, 1e38])
def test_a_scale_that_cannot_be_right_hides_its_row(path: str, scale: float) -> None:
    rows = Rows(np.ones((2, 8), np.int8), offsets_of([2]), np.array([scale, 1], np.float32))
    winners, similarities = maxsim_argmax(np.ones((1, 8), np.float32), rows, isa=path)
    assert winners.tolist() == [[1]]
    np.testing.assert_allclose(similarities, 8, rtol=1e-6)


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("form", FORMS)
def test_a_choice_of_documents_is_scored_in_its_order(path: str, form: str) -> None:
    rng = np.random.default_rng(5)
    rows = stored(unit_rows(rng, 60, 32), offsets_of([10, 0, 20, 5, 25]), form)
    query = unit_rows(rng, 6, 32)
    chosen = np.array([4, 0, 0, 1, 3], np.int64)
    everything = maxsim(query, rows, isa=path)
    found = maxsim(query, rows, documents=chosen, isa=path, n_threads=2)
    np.testing.assert_array_equal(found, everything[chosen])
    winners, _ = maxsim_argmax(query, rows, documents=chosen, isa=path)
    np.testing.assert_array_equal(winners, maxsim_argmax(query, rows, isa=path)[0][chosen])


@pytest.mark.parametrize("path", available_isas())
def test_an_empty_choice_of_documents_finds_nothing(path: str) -> None:
    rows = Rows(np.ones((2, 8), np.float32), offsets_of([2]))
    nothing = np.array([], np.int64)
    assert maxsim(np.ones((1, 8), np.float32), rows, documents=nothing, isa=path).shape == (0,)


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("form", FORMS)
def test_read_only_memory_maps_are_scored_as_they_lie(path: str, form: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(6)
    rows = stored(unit_rows(rng, 20, 16), offsets_of([5, 15]), form)
    np.save(tmp_path / "values.npy", rows.values)
    mapped = np.load(tmp_path / "values.npy", mmap_mode="r")
    query = unit_rows(rng, 4, 16)
    query.setflags(write=False)
    found = maxsim(query, Rows(mapped, rows.offsets, rows.scales), isa=path)
    np.testing.assert_array_equal(found, maxsim(query, rows, isa=path))


@pytest.mark.parametrize("form", FORMS)
def test_the_similarity_matrix_holds_the_similarities_of_the_winners(form: str) -> None:
    rng = np.random.default_rng(8)
    rows = stored(unit_rows(rng, 13, 24), offsets_of([13]), form)
    query = unit_rows(rng, 5, 24)
    matrix = similarity_matrix(query, rows.values, rows.scales)
    winners, similarities = maxsim_argmax(query, rows)
    assert matrix.shape == (5, 13)
    np.testing.assert_array_equal(matrix.argmax(axis=1), winners[0])
    np.testing.assert_allclose(matrix.max(axis=1), similarities[0], rtol=1e-6)


def test_the_best_path_is_the_first_and_numpy_the_last() -> None:
    assert available_isas()[0] == isa()
    assert available_isas()[-1] == "numpy"


def wrong_queries() -> dict[str, npt.NDArray[np.float32]]:
    with_nan = np.ones((2, 8), np.float32)
    with_nan[1, 1] = np.nan
    return {
        "no rows": np.ones((0, 8), np.float32),
        "too many rows": np.ones((1025, 8), np.float32),
        "other dim": np.ones((2, 16), np.float32),
        "one axis": np.ones(8, np.float32),
        "float64": np.ones((2, 8)),  # type: ignore[dict-item]
        "not a number": with_nan,
        "infinite": np.full((2, 8), np.inf, np.float32),
    }


@pytest.mark.parametrize("name", wrong_queries())
def test_a_wrong_query_is_refused(name: str) -> None:
    rows = Rows(np.ones((2, 8), np.float32), offsets_of([2]))
    with pytest.raises(ShapeError, match="query"):
        maxsim(wrong_queries()[name], rows)


@pytest.mark.parametrize(
    "documents", [np.array([2]), np.array([-1]), np.array([0.0]), np.array([[0]])]
)
def test_wrong_ordinals_are_refused(documents: npt.NDArray[np.int64]) -> None:
    rows = Rows(np.ones((2, 8), np.float32), offsets_of([1, 1]))
    with pytest.raises(ShapeError, match="ordinals"):
        maxsim(np.ones((1, 8), np.float32), rows, documents=documents)


@pytest.mark.parametrize("path", available_isas())
@pytest.mark.parametrize("chosen", [None, np.array([1], np.int64)])
@pytest.mark.parametrize("middle", [[3, 1], [-5, 1], [9, 9]])
def test_falling_offsets_are_refused(
    path: str, chosen: npt.NDArray[np.int64] | None, middle: list[int]
) -> None:
    rows = Rows(np.ones((4, 8), np.float32), np.array([0, *middle, 4], np.int64))
    with pytest.raises(ShapeError, match="never fall"):
        maxsim(np.ones((1, 8), np.float32), rows, documents=chosen, isa=path)
    with pytest.raises(ShapeError, match="never fall"):
        rows.check()


def test_an_unknown_path_is_refused() -> None:
    rows = Rows(np.ones((2, 8), np.float32), offsets_of([2]))
    with pytest.raises(ShapeError, match="no path 'mmx'"):
        maxsim(np.ones((1, 8), np.float32), rows, isa="mmx")
