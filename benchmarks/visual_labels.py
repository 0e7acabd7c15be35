"""What people saw on real pages, and what is right for a query by rule from that.

`tests/data/visual_labels.jsonl` holds a line for every page of two public sets, with page numbers
and labels alone: `{"set", "pdf", "page", "labels": [{"kind", "box", "attributes"}]}`. A box is
left, top, right, bottom as shares of the page; labels without one are of the whole page. A page
without labels was looked at and holds plain text. `tests/data/visual_queries.jsonl` holds queries;
a page is relevant when one of its labels is what the query wants.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from latelight.evaluation import EvidenceJudgement, JudgementSet, Qrels
from latelight.types import Box, Locator

HERE = Path(__file__).parent
LABELS = HERE.parent / "tests" / "data" / "visual_labels.jsonl"
QUERIES = HERE.parent / "tests" / "data" / "visual_queries.jsonl"

SETS = {"financebench": "financebench-subset", "icdar2013": "icdar2013-tables-us"}
CHARTS = frozenset({"line chart", "bar chart", "stacked bar chart", "pie chart", "gantt chart"})
FIGURES = frozenset({"diagram", "screenshot", "logo", "ornament", "callout"})
REGIONS = CHARTS | FIGURES | {"table"}
WHOLE_PAGES = frozenset(
    ("blank page", "contents", "cover page", "exhibit list", "form", "list", "signature block")
)
GROUPS = ("chart", "figure", "table", "page")


@dataclass(frozen=True)
class Label:
    """Something on a page.

    Attributes:
        kind: one of `REGIONS` or `WHOLE_PAGES`.
        box: where it is; None for what is said of the whole page.
        attributes: what a person would name: a text, a number or several texts each.
    """

    kind: str
    box: Box | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    def is_wanted(self, wanted: Mapping[str, Sequence[Any]]) -> bool:
        """Return whether kind and attributes are each among the wanted values."""
        told = {"kind": self.kind, **self.attributes}
        return all(_meets(told.get(name), values) for name, values in wanted.items())


@dataclass(frozen=True)
class PageLabels:
    """All that was seen on one page; `doc_id` is the file's name without its ending."""

    set: str
    doc_id: str
    page: int
    labels: tuple[Label, ...]

    @property
    def name(self) -> str:
        """The page as runs and qrels name it."""
        return f"{self.doc_id}#p{self.page}"


@dataclass(frozen=True)
class VisualQuery:
    """A query and the rule that says which pages are right.

    Attributes:
        query_id: unique in the file.
        set: whose pages are searched.
        group: one of `GROUPS`, by which results are told.
        text: as a person would write it.
        wanted: by `kind` or attribute, the values that one label must have, all of them.
    """

    query_id: str
    set: str
    group: str
    text: str
    wanted: Mapping[str, tuple[Any, ...]]

    @property
    def is_plain(self) -> bool:
        """Whether it asks for looks alone: nothing says what the thing is about or whose it is."""
        return not {"subject", "company"} & set(self.wanted)

    def labels_on(self, page: PageLabels) -> list[Label]:
        """Return the page's labels that are wanted."""
        return [label for label in page.labels if label.is_wanted(self.wanted)]


def read_labels(path: Path = LABELS) -> list[PageLabels]:
    """Return every page's labels, in the file's order."""
    return [_page(parts) for parts in _lines(path)]


def read_queries(path: Path = QUERIES) -> list[VisualQuery]:
    """Return the queries, in the file's order."""
    return [
        VisualQuery(
            parts["id"],
            parts["set"],
            parts["group"],
            parts["text"],
            {name: tuple(values) for name, values in parts["wanted"].items()},
        )
        for parts in _lines(path)
    ]


def judge(name: str, pages: Iterable[PageLabels], queries: Sequence[VisualQuery]) -> JudgementSet:
    """Return the judgements of a set's queries on its pages, with boxes as judged places."""
    pages = [page for page in pages if page.set == name]
    asked = [query for query in queries if query.set == name]
    gains: dict[str, dict[str, int]] = {query.query_id: {} for query in asked}
    places: list[EvidenceJudgement] = []
    for query in asked:
        for page in pages:
            found = query.labels_on(page)
            if found:
                gains[query.query_id][page.name] = 1
            places += [
                EvidenceJudgement(query.query_id, page.doc_id, Locator(page=page.page, box=box))
                for box in (label.box for label in found)
                if box is not None
            ]
    texts = {query.query_id: query.text for query in asked}
    return JudgementSet(name, texts, Qrels(gains), tuple(places), "labels of pages, by rule")


def _meets(value: Any, wanted: Sequence[Any]) -> bool:
    return any(one in wanted for one in (value if isinstance(value, list) else [value]))


def _page(parts: Mapping[str, Any]) -> PageLabels:
    labels = tuple(
        Label(
            one["kind"],
            Box(*one["box"]) if "box" in one else None,
            one.get("attributes", {}),
        )
        for one in parts["labels"]
    )
    return PageLabels(parts["set"], parts["pdf"], parts["page"], labels)


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
