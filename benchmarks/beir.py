"""Sets of the BEIR layout as values: records or PDFs, queries and judgements."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from latelight.evaluation import Measure, Qrels, read_qrels


@dataclass(frozen=True)
class BeirSet:
    """One judged set.

    Attributes:
        name: as on the command line.
        folder: where it lies.
        measure: what it is usually judged by.
        baseline: BM25's value of that measure as the data's README states it, None if unstated.
        records: `{"_id", "title", "text"}` each; empty when the set is made of PDFs.
        pdfs: the files of a set of pages; a page's name is `<file name>#p<number from 1>`.
        queries: text by topic.
        qrels: judgements of the test split.
        within: for page sets, the file that each topic is about.
    """

    name: str
    folder: Path
    measure: Measure
    baseline: float | None
    records: tuple[Mapping[str, Any], ...]
    pdfs: tuple[Path, ...]
    queries: Mapping[str, str]
    qrels: Qrels
    within: Mapping[str, str]

    @property
    def digest(self) -> str:
        """12 hex digits of the sha256 of everything that decides the numbers."""
        whole = hashlib.sha256()
        for path in sorted(self.folder.rglob("*")):
            if path.suffix in (".jsonl", ".tsv", ".pdf"):
                whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()[:12]

    def limited(self, n_queries: int) -> "BeirSet":
        """Return a toy set: the first queries with what they judge, and twice as much besides."""
        topics = [topic for topic in self.qrels.topics if topic in self.queries][:n_queries]
        judged = {doc for topic in topics for doc in self.qrels.of(topic)}
        wanted = [r for r in self.records if r["_id"] in judged]
        others = [r for r in self.records if r["_id"] not in judged][: 2 * len(wanted)]
        files = {doc.partition("#")[0] for doc in judged}
        return replace(
            self,
            records=(*wanted, *others),
            pdfs=tuple(pdf for pdf in self.pdfs if pdf.stem in files),
            queries={topic: self.queries[topic] for topic in topics},
            qrels=Qrels({topic: self.qrels.of(topic) for topic in topics}),
        )


_SETS: Mapping[str, tuple[str, str, float | None]] = {
    "scifact": ("text/scifact", "nDCG@10", 0.676),
    "cranfield": ("text/cranfield", "nDCG@10", 0.485),
    "e2e-wtq": ("text/e2e-wtq", "nDCG@10", 0.781),
    "xquad-en": ("text/xquad/en", "nDCG@10", 0.964),
    "xquad-es": ("text/xquad/es", "nDCG@10", 0.961),
    "xquad-de": ("text/xquad/de", "nDCG@10", 0.941),
    "xquad-zh": ("text/xquad/zh", "nDCG@10", None),
    "xquad-ar": ("text/xquad/ar", "nDCG@10", 0.935),
    "financebench": ("pages/financebench-subset", "nDCG@5", 0.218),
}
SET_NAMES = tuple(_SETS)


def load_set(data: Path, name: str) -> BeirSet:
    """Return one of `SET_NAMES` from the data directory."""
    place, measure, baseline = _SETS[name]
    folder = data / place
    pdfs = tuple(sorted((folder / "pdfs").glob("*.pdf")))
    queries = _lines(folder / "queries.jsonl")
    return BeirSet(
        name=name,
        folder=folder,
        measure=Measure.parse(measure),
        baseline=baseline,
        records=() if pdfs else tuple(_lines(folder / "corpus.jsonl")),
        pdfs=pdfs,
        queries={query["_id"]: query["text"] for query in queries},
        qrels=read_qrels(folder / "qrels" / "test.tsv"),
        within={query["_id"]: Path(query["doc"]).stem for query in queries if "doc" in query},
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]
