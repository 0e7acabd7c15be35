import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from latelight.types import Box

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module("visual_labels")


def test_every_page_of_both_sets_has_one_line(labels: Any) -> None:
    pages = labels.read_labels()
    assert Counter(page.set for page in pages) == {"financebench": 1162, "icdar2013": 127}
    assert len({(page.doc_id, page.page) for page in pages}) == len(pages)
    per_file = Counter(page.doc_id for page in pages)
    assert all(1 <= page.page <= per_file[page.doc_id] for page in pages)


def test_kinds_are_known_and_boxes_lie_on_their_pages(labels: Any) -> None:
    seen = [label for page in labels.read_labels() for label in page.labels]
    assert {label.kind for label in seen} == labels.REGIONS | labels.WHOLE_PAGES
    for label in seen:
        assert (label.box is not None) == (label.kind in labels.REGIONS), label
        if label.box is not None:
            assert 0 <= label.box.left < label.box.right <= 1, label
            assert 0 <= label.box.top < label.box.bottom <= 1, label


def test_tables_of_a_page_do_not_lie_on_each_other(labels: Any) -> None:
    for page in labels.read_labels():
        boxes = [label.box for label in page.labels if label.kind == "table"]
        for number, one in enumerate(boxes):
            for other in boxes[number + 1 :]:
                apart = one.bottom <= other.top + 0.005 or other.bottom <= one.top + 0.005
                assert apart or one.right <= other.left or other.right <= one.left, page.name


def test_enough_pages_are_labelled_with_boxes(labels: Any) -> None:
    boxed = [p for p in labels.read_labels() if any(label.box for label in p.labels)]
    assert len(boxed) >= 200
    assert sum(page.set == "financebench" for page in boxed) >= 60


def test_a_label_is_wanted_when_each_value_is_among_the_wanted_ones(labels: Any) -> None:
    seen = labels.Label("line chart", None, {"series": 3, "colours": ["navy", "olive"]})
    assert seen.is_wanted({"kind": ("line chart", "bar chart"), "colours": ("olive",)})
    assert not seen.is_wanted({"kind": ("bar chart",)})
    assert not seen.is_wanted({"kind": ("line chart",), "series": (2,)})
    assert not seen.is_wanted({"trend": ("rising",)})  # it was not said


def test_every_query_has_relevant_pages_and_its_own_name(labels: Any) -> None:
    queries = labels.read_queries()
    assert len({query.query_id for query in queries}) == len(queries) >= 40
    assert {query.group for query in queries} == set(labels.GROUPS)
    pages = labels.read_labels()
    for name in labels.SETS:
        judged = labels.judge(name, pages, queries)
        assert set(judged.judged) == {query.query_id for query in queries if query.set == name}


def test_charts_are_asked_for_by_charts_and_tables_by_tables(labels: Any) -> None:
    kinds = {
        "chart": labels.CHARTS,
        "figure": labels.FIGURES,
        "table": {"table"},
        "page": labels.WHOLE_PAGES,
    }
    for query in labels.read_queries():
        assert set(query.wanted["kind"]) <= kinds[query.group], query


def test_a_page_is_relevant_by_a_label_and_its_box_is_the_place(labels: Any) -> None:
    pages = [
        labels.PageLabels(
            "s",
            "a",
            2,
            (
                labels.Label("pie chart", Box(0.1, 0.2, 0.3, 0.4), {"colours": ["blue"]}),
                labels.Label("table", Box(0.5, 0.5, 0.9, 0.9)),
            ),
        ),
        labels.PageLabels("s", "b", 1, (labels.Label("cover page"),)),
        labels.PageLabels("other", "c", 1, (labels.Label("cover page"),)),
    ]
    queries = [
        labels.VisualQuery("1", "s", "chart", "blue pie", {"kind": ("pie chart",)}),
        labels.VisualQuery("2", "s", "page", "cover", {"kind": ("cover page",)}),
        labels.VisualQuery("3", "other", "page", "cover", {"kind": ("cover page",)}),
    ]
    judged = labels.judge("s", pages, queries)
    assert judged.qrels.gains == {"1": {"a#p2": 1}, "2": {"b#p1": 1}}
    (place,) = judged.evidence
    assert (place.topic, place.doc_id, place.place.page) == ("1", "a", 2)
    assert place.place.box == Box(0.1, 0.2, 0.3, 0.4)
