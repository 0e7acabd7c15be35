import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.errors import InputError
from latelight.index.filters import matches, parse_filter
from latelight.index.metadata import MetadataColumns, check_metadata, write_metadata
from latelight.index.sections import SectionFile, SectionWriter


def columns(directory, documents):
    path = directory / "metadata.ll"
    path.unlink(missing_ok=True)
    with SectionWriter(path) as writer:
        write_metadata(writer, documents)
        writer.finish("segment", {})
    return MetadataColumns(SectionFile.open(path, "segment"), len(documents))


def test_conditions_are_answered_from_columns(tmp_path):
    found = columns(
        tmp_path, [{"year": 2022}, {"year": 2023.0, "t": ["x", "y"]}, {}, {"year": None}]
    )
    assert found.matching(parse_filter({"year": {"$gte": 2022.5}})).tolist() == [0, 1, 0, 0]
    assert found.matching(parse_filter({"t": "y"})).tolist() == [0, 1, 0, 0]
    assert found.matching(parse_filter({"year": None})).tolist() == [0, 0, 0, 1]
    assert found.matching(parse_filter({"year": {"$exists": False}})).tolist() == [0, 0, 1, 0]
    assert found.matching(parse_filter({"nope": {"$ne": 1}})).tolist() == [1, 1, 1, 1]


def test_a_thousand_keys_take_no_more_sections_than_one(tmp_path):
    many = columns(tmp_path, [{f"k{i}": i} for i in range(1000)])
    assert many.matching(parse_filter({"k7": 7})).sum() == 1
    n_sections = len(SectionFile.open(tmp_path / "metadata.ll", "segment").header.sections)
    assert n_sections == 20


WHOLE = st.one_of(
    st.integers(-3, 3),
    st.sampled_from([2**53, 2**53 + 1, -(2**53) - 1, 2**63 - 1, -(2**63)]),
)
FLOATS = st.one_of(
    st.sampled_from([0.0, -0.0, 0.5, 1.0, -2.5, float(2**53), float(2**63), 1e300, -1e300]),
    st.floats(allow_nan=False, allow_infinity=False),
)
TEXTS = st.one_of(
    st.sampled_from(["", "a", "b", "ab", "é", "\uffff", "\U0001f600"]), st.text(max_size=2)
)
ELEMENTS = st.one_of(WHOLE, FLOATS, TEXTS, st.booleans())
VALUES = st.one_of(ELEMENTS, st.none(), st.lists(ELEMENTS, max_size=3))
KEYS = st.sampled_from(["a", "b", "é"])
DOCUMENTS = st.lists(st.dictionaries(KEYS, VALUES, max_size=3), max_size=6)

OPERANDS = st.one_of(ELEMENTS, st.none(), st.integers(-(2**70), 2**70))
BOUNDS = st.one_of(
    WHOLE, FLOATS, TEXTS, st.integers(-(2**1030), 2**1030), st.sampled_from([np.inf, -np.inf])
)
OPERATORS = st.one_of(
    st.tuples(st.sampled_from(["$eq", "$ne"]), OPERANDS),
    st.tuples(st.sampled_from(["$in", "$nin"]), st.lists(OPERANDS, max_size=3)),
    st.tuples(st.sampled_from(["$gt", "$gte", "$lt", "$lte"]), BOUNDS),
    st.tuples(st.just("$exists"), st.booleans()),
)
ON_A_KEY = st.one_of(
    st.dictionaries(KEYS, OPERANDS, max_size=2),
    st.builds(lambda key, ops: {key: dict(ops)}, KEYS, st.lists(OPERATORS, min_size=1, max_size=2)),
)
FILTERS = st.recursive(
    ON_A_KEY,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"$or": parts}),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: {"$and": parts}),
        inner.map(lambda part: {"$not": part}),
    ),
    max_leaves=4,
)


@settings(max_examples=150, deadline=None)
@given(documents=DOCUMENTS, filters=st.lists(FILTERS, min_size=1, max_size=5))
def test_columns_agree_with_the_readable_twin(tmp_path_factory, documents, filters):
    found = columns(tmp_path_factory.getbasetemp(), documents)
    for filter in filters:
        condition = parse_filter(filter)
        expected = [matches(condition, document) for document in documents]
        assert found.matching(condition).tolist() == expected, filter


@pytest.mark.parametrize(
    "metadata",
    [
        {"x": float("nan")},
        {"x": float("inf")},
        {"x": 2**63},
        {"x": [None]},
        {"x": {"y": 1}},
        {"x": [[1]]},
        {"x": np.int64(3)},
        {"x": (1, 2)},
        {"$x": 1},
        {3: 1},
    ],
)
def test_values_that_columns_cannot_hold_are_refused(metadata):
    with pytest.raises(InputError, match="'doc'"):
        check_metadata("doc", metadata)
