"""What a request says of how far a search is narrowed."""

import pytest

from latelight.errors import InputError
from latelight.pipelines.request import LEAST_DEPTH, SearchRequest


@pytest.mark.parametrize(("k", "group_by", "depth"), [(5, None, LEAST_DEPTH), (150, None, 150)])
def test_a_request_says_how_deep_signals_are_looked_at(k, group_by, depth):
    assert SearchRequest("query", k=k, group_by=group_by).narrowing.depth == depth


def test_grouping_looks_deeper_and_exact_does_not_narrow():
    assert SearchRequest("query", k=20, group_by="document").narrowing.depth == 160
    assert SearchRequest("query", exact=True).narrowing.effort.options is None
    assert SearchRequest("query", recall="fast").narrowing.effort.options is not None


def test_an_unknown_level_is_refused():
    with pytest.raises(InputError, match="recall is 'quick'"):
        SearchRequest("query", recall="quick")  # type: ignore[arg-type]
