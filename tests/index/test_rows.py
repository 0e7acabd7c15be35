import numpy as np
import pytest

from latelight.errors import InputError, ShapeError
from latelight.index.rows import SpaceRows, SpaceSpec, store_rows, write_space
from latelight.index.sections import SectionFile, SectionWriter
from latelight.types import MultiVector, RowLocators
from tests.index.making import axis_rows, located

INT8, FLOAT16 = SpaceSpec(8), SpaceSpec(8, "float16")


def written(directory, spec, *documents):
    path = directory / "rows.ll"
    with SectionWriter(path) as writer:
        write_space(writer, "text", spec, [store_rows(spec, units) for units in documents])
        writer.finish("segment", {})
    return SpaceRows(SectionFile.open(path, "segment"), "text", spec)


def test_int8_rows_times_scales_are_the_vectors(tmp_path):
    vectors = np.array([[1, -0.5, 0.25, 0, 0, 0, 0, 0]], np.float32)
    rows = written(tmp_path, INT8, [MultiVector(vectors)])
    values, scales = rows.of(0)
    assert values.dtype == np.int8
    assert np.allclose(values * scales[:, None], vectors, atol=1 / 254)


def test_float16_rows_have_no_scales(tmp_path):
    rows = written(tmp_path, FLOAT16, [axis_rows(0, 1)])
    values, scales = rows.of(0)
    assert values.dtype == np.float16 and scales is None
    assert values.tolist() == axis_rows(0, 1).vectors.tolist()


def test_units_keep_their_own_rows(tmp_path):
    rows = written(tmp_path, INT8, [axis_rows(0), axis_rows()], [axis_rows(1, 2)])
    assert rows.offsets.tolist() == [0, 1, 1, 3]
    assert rows.filled.tolist() == [True, False, True]
    assert rows.of(2)[0].argmax(axis=1).tolist() == [1, 2]


def test_locators_that_nobody_gave_take_no_space(tmp_path):
    rows = written(tmp_path, INT8, [axis_rows(0)])
    places = rows.locators(0)
    assert places.spans is None and places.boxes is None
    assert places.times is None and places.offsets is None


def test_spans_come_back_and_missing_ones_say_so(tmp_path):
    given = MultiVector(axis_rows(0, 1).vectors, located(2))
    rows = written(tmp_path, INT8, [given, axis_rows(3)])
    assert rows.locators(0).spans.tolist() == [[0, 1], [2, 3]]
    assert rows.locators(1).spans.tolist() == [[-1, -1]]


def test_boxes_come_back_within_a_65534th(tmp_path):
    boxes = np.array([[0, 0.1234, 0.5, 1], [np.nan] * 4, [-0.1, 0, 1.2, 1]], np.float32)
    rows = written(
        tmp_path, INT8, [MultiVector(axis_rows(0, 1, 2).vectors, RowLocators(boxes=boxes))]
    )
    found = rows.locators(0).boxes
    assert np.abs(found[0] - boxes[0]).max() <= 0.5 / 65534 + 1e-7
    assert np.isnan(found[1]).all()
    assert found[2].tolist() == [0, 0, 1, 1]


def test_times_come_back(tmp_path):
    times = np.array([[0.5, 1.25], [np.nan, np.nan]], np.float32)
    rows = written(tmp_path, INT8, [MultiVector(axis_rows(0, 1).vectors, RowLocators(times=times))])
    assert np.array_equal(rows.locators(0).times, times, equal_nan=True)


def test_pooled_rows_keep_every_source(tmp_path):
    spans = np.array([[0, 1], [1, 2], [5, 9]], np.int32)
    pooled = RowLocators(spans=spans, offsets=np.array([0, 2, 3]))
    plain = MultiVector(axis_rows(4).vectors, located(1))
    rows = written(tmp_path, INT8, [plain, MultiVector(axis_rows(0, 1).vectors, pooled)], [plain])
    found = rows.locators(1)
    assert found.offsets.tolist() == [0, 2, 3]
    assert found.spans.tolist() == spans.tolist()
    assert rows.locators(0).offsets.tolist() == [0, 1]
    assert rows.locators(2).spans.tolist() == [[0, 1]]


def test_rewriting_changes_nothing(tmp_path):
    boxes = np.random.default_rng(1).random((50, 4)).astype(np.float32)
    units = [MultiVector(np.tile(axis_rows(0, 3).vectors, (25, 1)), RowLocators(boxes=boxes))]
    (tmp_path / "once").mkdir()
    first = written(tmp_path, INT8, units)
    with SectionWriter(tmp_path / "once" / "rows.ll") as writer:
        write_space(writer, "text", INT8, [first.stored(0, 1)])
        writer.finish("segment", {})
    assert (tmp_path / "once" / "rows.ll").read_bytes() == (tmp_path / "rows.ll").read_bytes()


@pytest.mark.parametrize(
    ("vectors", "places", "words"),
    [
        (np.ones((1, 16), np.float32), RowLocators(), "16 dimensions"),
        (np.full((1, 8), np.nan, np.float32), RowLocators(), "NaN"),
        (np.full((1, 8), np.inf, np.float32), RowLocators(), "infinity"),
        (np.ones((2, 8), np.float32), located(3), "spans"),
        (np.ones((2, 8), np.float32), RowLocators(boxes=np.ones((2, 2), np.float32)), "boxes"),
        (np.ones((2, 8), np.float32), RowLocators(offsets=np.array([0, 2])), "offsets"),
        (np.ones((2, 8), np.float32), RowLocators(offsets=np.array([0, 2, 1])), "offsets"),
    ],
)
def test_rows_that_do_not_fit_are_refused(vectors, places, words):
    with pytest.raises(ShapeError, match=words):
        store_rows(INT8, [MultiVector(vectors, places)])


def test_values_beyond_float16_are_refused():
    with pytest.raises(ShapeError, match="float16"):
        store_rows(FLOAT16, [MultiVector(np.full((1, 8), 1e6, np.float32))])


@pytest.mark.parametrize("dim", [0, 4, 12, 1032])
def test_a_dim_that_kernels_do_not_take_is_refused(dim):
    with pytest.raises(InputError, match="multiple of 8"):
        SpaceSpec(dim)


def test_an_unknown_store_is_refused():
    with pytest.raises(InputError, match="'float16'"):
        SpaceSpec(8, "float32")
