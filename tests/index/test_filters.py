import pytest

from latelight.errors import FilterError
from latelight.index.filters import matches, parse_filter

REPORT = {"year": 2023, "team": "a", "score": 2.5, "draft": False, "owner": None}
TAGGED = {"tags": ["red", "blue"], "sizes": [1, 10], "none": []}


def holds(filter, metadata):
    return matches(parse_filter(filter), metadata)


@pytest.mark.parametrize(
    "filter",
    [
        {},
        {"year": 2023},
        {"year": 2023.0},
        {"year": {"$eq": 2023}},
        {"year": {"$gte": 2023, "$lt": 2024}},
        {"year": {"$gt": 2022.9}},
        {"team": {"$in": ["b", "a"]}},
        {"team": {"$nin": ["b"]}},
        {"team": {"$lte": "a"}},
        {"team": {"$ne": "b"}},
        {"missing": {"$ne": "b"}},
        {"missing": {"$nin": ["b"]}},
        {"missing": {"$exists": False}},
        {"owner": None},
        {"owner": {"$exists": True}},
        {"owner": {"$in": [None, 1]}},
        {"draft": False},
        {"score": {"$not": {"$gt": 3}}},
        {"$not": {"team": "b"}},
        {"$or": [{"year": 1}, {"team": "a"}]},
        {"$and": [{"year": 2023}, {"team": "a"}], "draft": False},
    ],
)
def test_filters_that_match_the_report(filter):
    assert holds(filter, REPORT)


@pytest.mark.parametrize(
    "filter",
    [
        {"year": "2023"},
        {"year": {"$gt": 2023}},
        {"year": {"$gt": "2022"}},
        {"team": {"$in": []}},
        {"team": "A"},
        {"missing": "a"},
        {"missing": None},
        {"missing": {"$lt": 5}},
        {"missing": {"$exists": True}},
        {"owner": {"$exists": False}},
        {"owner": {"$lt": 1}},
        {"draft": 0},
        {"draft": {"$lt": 1}},
        {"year": True},
        {"$or": [{"year": 1}, {"team": "b"}]},
        {"year": 2023, "team": "b"},
        {"$not": {}},
    ],
)
def test_filters_that_do_not_match_the_report(filter):
    assert not holds(filter, REPORT)


def test_a_list_matches_when_any_element_does():
    assert holds({"tags": "blue"}, TAGGED)
    assert holds({"sizes": {"$gt": 5, "$lt": 5}}, TAGGED)  # 10 for the one, 1 for the other
    assert not holds({"tags": {"$in": ["green"]}}, TAGGED)


def test_not_equal_on_a_list_means_that_no_element_is_equal():
    assert not holds({"tags": {"$ne": "red"}}, TAGGED)
    assert holds({"tags": {"$ne": "green"}}, TAGGED)


def test_an_empty_list_is_there_but_equals_nothing():
    assert holds({"none": {"$exists": True}}, TAGGED)
    assert not holds({"none": None}, TAGGED)


def test_whole_numbers_compare_exactly_beyond_the_floats():
    big = {"id": 2**53 + 1}
    assert holds({"id": 2**53 + 1}, big)
    assert not holds({"id": 2**53}, big)
    assert not holds({"id": float(2**53)}, big)
    assert holds({"id": {"$gt": float(2**53)}}, big)


@pytest.mark.parametrize(
    ("filter", "words"),
    [
        ({"year": {"$gtee": 1}}, r"\$gtee.*'year'.*\$gte"),
        ({"$xor": []}, r"\$xor.*\$and"),
        ({"year": {"value": 1}}, r"'value'"),
        ({"$or": []}, r"\$or.*at least one"),
        ({"$or": {"a": 1}}, r"\$or takes a list"),
        ({"$not": 3}, r"a filter is a mapping|A filter is a mapping"),
        ({"year": {}}, "no operator"),
        ({"year": {"$in": "abc"}}, r"\$in.*takes a list"),
        ({"year": {"$gt": None}}, r"\$gt.*number or text"),
        ({"year": {"$gt": True}}, r"\$gt.*number or text"),
        ({"year": {"$eq": float("nan")}}, "NaN"),
        ({"year": {"$exists": 1}}, "True or False"),
        ({"year": {"$not": 3}}, r"Use \$ne"),
        ({"tags": ["a", "b"]}, r"Use \$in"),
        ({3: 1}, "metadata names"),
        ("year", "mapping"),
    ],
)
def test_malformed_filters_say_what_is_wrong(filter, words):
    with pytest.raises(FilterError, match=words):
        parse_filter(filter)
