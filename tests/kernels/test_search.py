import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.errors import ShapeError
from latelight.kernels.codec import centroid_lists, encode_rows, train_codebook
from latelight.kernels.maxsim import Rows, available_isas, maxsim, quantize_int8, top_k
from latelight.kernels.residuals import BITS
from latelight.kernels.search import CodedSegment, SearchOptions, pack_mask, search_coded
from tests.kernels.test_codec import topical_rows

NATIVE = [path for path in available_isas() if path != "numpy"]
THOROUGH = SearchOptions(n_probe=16, n_candidates=90, n_scored=50, n_exact=20)


def segment_of(rows, offsets, bits=4, n_centroids=40, book=None, stored=True) -> CodedSegment:
    if book is None:
        n_centroids = min(n_centroids, len(rows))
        book = train_codebook(rows, bits, n_centroids, np.random.default_rng(1))
    coded, _ = encode_rows(book, rows, offsets)
    lists = centroid_lists(coded.centroid_of, offsets, len(book.centroids))
    values, scales = quantize_int8(rows)
    return CodedSegment(
        book, coded, offsets, *lists, Rows(values, offsets, scales) if stored else None
    )


def queries_near(rng, rows, n_queries: int, n_query: int):
    chosen = rows[rng.integers(0, len(rows), (n_queries, n_query))]
    near = chosen + 0.3 / np.sqrt(rows.shape[1]) * rng.standard_normal(chosen.shape)
    near /= np.linalg.norm(near, axis=2, keepdims=True)
    return list(near.astype(np.float32))


def ragged(rng, n_units: int, dim: int):
    rows, _ = topical_rows(rng, n_units, 12, dim)
    counts = rng.integers(0, 12, n_units)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return np.ascontiguousarray(rows[: offsets[-1]]), offsets


@pytest.mark.parametrize("path", NATIVE)
@settings(max_examples=25, deadline=None)
@given(
    bits=st.sampled_from(BITS),
    dim=st.sampled_from([8, 48, 96, 128, 160]),
    n_query=st.sampled_from([1, 5, 31, 32, 33, 70]),
    n_exact=st.sampled_from([0, 7]),
    seed=st.integers(0, 5),
)
def test_a_native_path_finds_what_the_reference_finds(path, bits, dim, n_query, n_exact, seed):
    rng = np.random.default_rng(seed)
    rows, offsets = ragged(rng, 50, dim)
    more, more_offsets = ragged(rng, 20, dim)
    first = segment_of(rows, offsets, bits)
    book = first.book
    if seed % 2:
        book = train_codebook(more, bits, min(20, len(more)), rng, rotation=book.rotation)
    segments = [first, segment_of(more, more_offsets, book=book)]
    query = queries_near(rng, rows, 1, n_query)[0]
    query[0] *= seed != 1  # a row of zeros takes part
    options = SearchOptions(4, 40, 40, n_exact)  # wide enough that no stage cuts a tie
    masks = [rng.random(50) < 0.8, None]
    found = search_coded(segments, [query], options, allowed=masks, isa=path)
    wanted = search_coded(segments, [query], options, allowed=masks, isa="numpy")
    near = 1e-4 * n_query
    n = int((wanted.units[0] >= 0).sum())
    assert (found.units[0] >= 0).sum() == n
    np.testing.assert_allclose(found.scores[0, :n], wanted.scores[0, :n], atol=near)
    clear = np.abs(np.diff(wanted.scores[0, :n], prepend=np.inf, append=-np.inf)) > 2 * near
    alone = clear[:-1] & clear[1:]
    np.testing.assert_array_equal(found.units[0, :n][alone], wanted.units[0, :n][alone])


@pytest.mark.parametrize("path", NATIVE)
def test_a_native_probe_keeps_what_the_reference_keeps(path):
    rng = np.random.default_rng(13)
    rows, offsets = topical_rows(rng, 300, 6, 32)
    first = segment_of(rows, offsets, 2)
    book = train_codebook(rows, 2, 25, rng, rotation=first.book.rotation)
    segments = [first, segment_of(rows, offsets, book=book)]
    n_alike = 0
    for query in queries_near(rng, rows, 20, 8):
        options = SearchOptions(4, 10, 10, 0)  # eighty sums of six hundred get their means
        found, wanted = (
            search_coded(segments, [query], options, isa=isa) for isa in (path, "numpy")
        )
        n_alike += len(_places(found) & _places(wanted))
    assert n_alike >= 195


def _places(hits):
    return set(zip(hits.segments[0].tolist(), hits.units[0].tolist(), strict=True))


@pytest.mark.parametrize("path", available_isas())
def test_the_best_units_are_found_with_their_exact_scores(path):
    rng = np.random.default_rng(3)
    rows, offsets = topical_rows(rng, 200, 15, 64)
    segment = segment_of(rows, offsets, n_centroids=120)
    n_right = 0
    for query in queries_near(rng, rows, 20, 12):
        exact = maxsim(query, segment.exact, isa=path)
        found = search_coded([segment], [query], THOROUGH, isa=path)
        np.testing.assert_allclose(found.scores[0], exact[found.units[0]], rtol=1e-6)
        n_right += len(set(found.units[0, :10].tolist()) & set(top_k(exact, 10).tolist()))
    assert n_right >= 190


@pytest.mark.parametrize("bits", BITS)
def test_codes_alone_rank_nearly_as_the_rows_do(bits):
    rng = np.random.default_rng(4)
    rows, offsets = topical_rows(rng, 200, 15, 64)
    segment = segment_of(rows, offsets, bits, stored=False)
    options = SearchOptions(8, 200, 200, 0)
    wrong = []
    for query in queries_near(rng, rows, 10, 12):
        found = search_coded([segment], [query], options)
        exact = maxsim(query, Rows(rows, offsets))
        wrong.append(np.abs(found.scores[0] - exact[found.units[0]]).mean() / 12)
    assert np.mean(wrong) < {1: 0.06, 2: 0.03, 3: 0.015, 4: 0.008}[bits]


@pytest.mark.parametrize("path", available_isas())
def test_units_that_cannot_rank_are_passed_over(path):
    rng = np.random.default_rng(11)
    rows, offsets = topical_rows(rng, 300, 10, 64)
    segment, few, all_of_them = segment_of(rows, offsets, 2, n_centroids=120), [], []
    whole = SearchOptions(n_probe=16, n_candidates=200, n_scored=150, n_exact=100)
    hasty = dataclasses.replace(whole, deviations=3.0).at_least(5)
    n_right = 0
    for query in queries_near(rng, rows, 20, 12):
        found = search_coded([segment], [query], hasty, isa=path)
        wanted = search_coded([segment], [query], whole, isa=path)
        few.append((found.units[0] >= 0).sum())
        all_of_them.append((wanted.units[0] >= 0).sum())
        n_right += len(set(found.units[0, :5].tolist()) & set(wanted.units[0, :5].tolist()))
    assert n_right >= 97
    assert min(all_of_them) == 100
    assert np.mean(few) < 50
    assert min(few) >= 9  # the best five, and four more to learn from


@pytest.mark.parametrize("path", NATIVE)
def test_a_native_path_passes_over_what_the_reference_does(path):
    rng = np.random.default_rng(12)
    rows, offsets = topical_rows(rng, 200, 8, 32)
    segment = segment_of(rows, offsets, 2, n_centroids=80)
    options = SearchOptions(8, 150, 100, 60, deviations=2.0, k=3)
    n_alike = 0
    for query in queries_near(rng, rows, 20, 8):
        found = search_coded([segment], [query], options, isa=path)
        wanted = search_coded([segment], [query], options, isa="numpy")
        n_alike += set(found.units[0].tolist()) == set(wanted.units[0].tolist())
    assert n_alike >= 18  # a score beside the bound may fall on either side


def test_threads_and_company_change_nothing():
    rng = np.random.default_rng(5)
    rows, offsets = topical_rows(rng, 100, 10, 32)
    segment = segment_of(rows, offsets)
    queries = queries_near(rng, rows, 9, 5)
    together = search_coded([segment], queries, THOROUGH, n_threads=3)
    for i, query in enumerate(queries):
        alone = search_coded([segment], [query], THOROUGH)
        np.testing.assert_array_equal(together.units[i], alone.units[0])
        np.testing.assert_array_equal(together.scores[i], alone.scores[0])


def test_segments_with_codebooks_of_their_own_are_searched_together():
    rng = np.random.default_rng(6)
    rows, offsets = topical_rows(rng, 100, 10, 32)
    first = segment_of(rows, offsets)
    book = train_codebook(rows, 2, 30, rng, rotation=first.book.rotation)
    second = segment_of(rows, offsets, book=book)
    query = queries_near(rng, rows, 1, 5)[0]
    found = search_coded([first, second], [query], THOROUGH)
    pairs = list(zip(found.segments[0].tolist(), found.units[0].tolist(), strict=True))
    assert {pairs[0][1], pairs[1][1]} == {pairs[0][1]}  # the same unit of both, then the next
    assert [pairs[0][0], pairs[1][0]] == [0, 1]


@pytest.mark.parametrize("path", available_isas())
def test_only_allowed_units_are_found(path):
    rng = np.random.default_rng(7)
    rows, offsets = topical_rows(rng, 100, 10, 32)
    segment, query = segment_of(rows, offsets), queries_near(rng, rows, 1, 5)[0]
    allowed = rng.random(100) < 0.1
    found = search_coded([segment], [query], THOROUGH, allowed=[allowed], isa=path).units[0]
    assert set(found[found >= 0].tolist()) == set(np.flatnonzero(allowed).tolist())
    nothing = search_coded([segment], [query], THOROUGH, allowed=[np.zeros(100, bool)], isa=path)
    assert (nothing.units == -1).all()
    assert np.isneginf(nothing.scores).all()


def test_no_segments_and_no_queries_give_nothing():
    assert search_coded([], [np.ones((1, 8), np.float32)], THOROUGH).units.tolist() == [[-1] * 20]
    rows, offsets = topical_rows(np.random.default_rng(8), 10, 5, 8)
    assert search_coded([segment_of(rows, offsets)], [], THOROUGH).units.shape == (0, 20)


def test_options_make_room_for_k():
    options = SearchOptions(8, 50, 20, 10).at_least(30)
    assert options == SearchOptions(8, 50, 30, 30, k=30)
    assert SearchOptions(8, 50, 20, 0).at_least(60) == SearchOptions(8, 60, 60, 0, k=60)


def test_wrong_options_and_queries_are_refused():
    with pytest.raises(ShapeError, match="at least 1"):
        SearchOptions(n_probe=0)
    rows, offsets = topical_rows(np.random.default_rng(9), 10, 5, 8)
    segment = segment_of(rows, offsets)
    with pytest.raises(ShapeError, match="at least 0"):
        SearchOptions(deviations=-1.0)
    for wrong in (np.ones((2, 16), np.float32), np.ones((0, 8), np.float32), np.ones((2, 8))):
        with pytest.raises(ShapeError, match="finite float32"):
            search_coded([segment], [wrong], THOROUGH)


def test_a_mask_is_packed_from_the_lowest_bit():
    mask = np.zeros(70, bool)
    mask[[0, 3, 65]] = True
    assert pack_mask(mask).tolist() == [9, 2]


def test_a_segment_keeps_its_arrays_alive():
    rng = np.random.default_rng(10)
    rows, offsets = topical_rows(rng, 50, 10, 32)
    segment, query = segment_of(rows, offsets), queries_near(rng, rows, 1, 5)[0]
    before = search_coded([segment], [query], THOROUGH)
    handle = segment.handle
    copy = dataclasses.replace(segment, coded=None)  # type: ignore[arg-type]
    vars(copy)["handle"] = handle
    del segment
    np.testing.assert_array_equal(search_coded([copy], [query], THOROUGH).units, before.units)
