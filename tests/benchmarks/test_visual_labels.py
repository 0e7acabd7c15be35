import importlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

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
