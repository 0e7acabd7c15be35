"""Are charts, figures and tables on pages found, and does the evidence point at them?

    python benchmarks/visual.py --data ../shared/data
    python benchmarks/visual.py --data ../shared/data --pipeline seeing.yaml --without visual
    python benchmarks/visual.py report --out docs/benchmarks

Pages of two public sets become collections of a library that is kept under `--work`: a second run
searches what the first has encoded, and one that was stopped goes on where it was. Queries and what
is right for them: `visual_labels.py`. Pointing is asked for beside ranking: relevant pages are
explained however they rank (at most `EXPLAINED` a query, drawn at random), and the strongest
evidence must lie in a labelled box of what was asked for. `--without` searches the same collection
once more with a thousandth of a space's weight.
"""

import argparse
import json
import random
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from beir import BeirSet
from circumstances import circumstances
from quality import build
from visual_labels import (
    GROUPS,
    LABELS,
    QUERIES,
    SETS,
    VisualQuery,
    judge,
    read_labels,
    read_queries,
)
from visual_report import groups_of, lines_of, write_report

import latelight
from latelight.app.view import View
from latelight.evaluation import (
    EvidenceJudgement,
    JudgementSet,
    Measure,
    Qrels,
    Run,
    localise,
    search_topics,
)
from latelight.types import TokenEvidence, Unit

DEPTH = 100
CUT = 5
EXPLAINED = 20  # relevant pages a query
SEED = 7
GRID = 200
LEAST = 0.001  # the smallest weight that a space can have
MEASURES = {"recall": Measure("R", CUT), "ndcg": Measure("nDCG", CUT)}


@dataclass(frozen=True)
class System:
    """One way to ask a collection.

    Attributes:
        name: as in the tables.
        collection: whose documents are asked about.
        view: what is asked.
        mode: by which signals.
    """

    name: str
    collection: latelight.Collection
    view: View
    mode: Any

    def units(self, doc_id: str) -> tuple[Unit, ...]:
        """Return a document's units."""
        return self.collection.get(doc_id).units


def main(arguments: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """Run the benchmark or write its report; return the rows."""
    given = _parser().parse_args(arguments)
    if given.what == "report":
        return write_report(given.rows, given.out)
    queries = read_queries(given.queries)
    rows = [row for name in given.set or SETS for row in measured_set(given, name, queries)]
    given.rows.parent.mkdir(parents=True, exist_ok=True)
    with given.rows.open("a", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    return rows


def measured_set(
    given: argparse.Namespace, name: str, queries: Sequence[VisualQuery]
) -> list[dict[str, Any]]:
    """Return a row for each system and mode on one set."""
    asked = limited([query for query in queries if query.set == name], given.limit)
    judged = judge(name, read_labels(given.labels), asked)
    pages = pages_of(given.data, name, judged if given.limit else None)
    folder = given.work / f"{Path(given.pipeline).stem}{'-toy' if given.limit else ''}"
    collection = latelight.open(folder / "library").collection(
        name, create=True, pipeline=given.pipeline
    )
    built = build(collection, pages, folder / f"{name}.build.json")
    print(f"{name}: {built['n_units']} pages, {built['n_rows']} rows", flush=True)
    told = {**circumstances("visual", SEED), "data": pages.digest, "judgements": judged.digest}
    rows = []
    for system in systems(collection, given):
        row = {**told, **built, **measured(system, judged, asked)}
        rows.append(row)
        print(*lines_of(row), sep="\n", flush=True)
    return rows


def limited(queries: Sequence[VisualQuery], n: int) -> list[VisualQuery]:
    """Return the first `n` queries of each group, all for 0."""
    kept: list[VisualQuery] = []
    for group in GROUPS:
        own = [query for query in queries if query.group == group]
        kept += own[:n] if n else own
    return kept


def pages_of(data: Path, name: str, needed: JudgementSet | None) -> BeirSet:
    """Return a set's PDFs, only those with relevant pages where judgements say which."""
    folder = data / "pages" / SETS[name]
    pdfs = tuple(sorted((folder / "pdfs").glob("*.pdf")))
    if needed is not None:
        right = {page.partition("#")[0] for gains in needed.qrels.gains.values() for page in gains}
        pdfs = tuple(pdf for pdf in pdfs if pdf.stem in right)
    return BeirSet(name, folder, MEASURES["ndcg"], None, (), pdfs, {}, Qrels(), {})


def systems(collection: latelight.Collection, given: argparse.Namespace) -> Iterable[System]:
    """Yield the collection as it is and without each space that is to be left out, by mode."""
    pipeline = Path(given.pipeline).stem
    for mode in given.mode or ["auto"]:
        told = "" if mode == "auto" else f", {mode}"
        yield System(f"{pipeline}{told}", collection, collection.view(), mode)
        for space in given.without:
            trial = {"spaces": {space: {"weight": LEAST}}}
            name = f"{pipeline} without {space}{told}"
            yield System(name, collection, collection.view(pipeline=trial), mode)


def measured(system: System, judged: JudgementSet, asked: Sequence[VisualQuery]) -> dict[str, Any]:
    """Return what one system makes of all queries: means by group and values by query."""
    timed = search_topics(lambda text: ranking(system, text), judged.judged, system.name)
    pointed = pointing(system, judged)
    values = {
        query.query_id: {
            "group": query.group,
            "plain": query.is_plain,
            "n_relevant": len(judged.qrels.of(query.query_id)),
            **ranks(timed.run, judged, query.query_id),
            **pointed.get(query.query_id, {}),
        }
        for query in asked
        if query.query_id in judged.judged
    }
    return {
        "set": judged.name,
        "system": system.name,
        "mode": system.mode,
        "p50_ms": round(timed.latency.p50, 1),
        "groups": groups_of(values),
        "queries": values,
    }


def ranking(system: System, text: str) -> list[tuple[str, float]]:
    """Return pages, best first; a page that has several units stands where its best one does."""
    best: dict[str, float] = {}
    for hit in system.view.search(text, k=DEPTH, mode=system.mode):
        best.setdefault(f"{hit.doc_id}#p{hit.unit.locator.page}", hit.score)
    return list(best.items())


def ranks(run: Run, judged: JudgementSet, topic: str) -> dict[str, float]:
    """Return a query's measures; `capped` is the share of what five places can hold."""
    found, gains = run.of(topic), judged.qrels.of(topic)
    hits = sum(page in gains for page in found[:CUT])
    own = {name: round(measure.of(found, gains), 4) for name, measure in MEASURES.items()}
    return {**own, "capped": hits / min(CUT, len(gains))}


def pointing(system: System, judged: JudgementSet) -> dict[str, dict[str, float]]:
    """Return by query how often the strongest evidence lies in a judged box, and by chance.

    Chance is the share of the page that the boxes cover: where a blind finger would point.
    """
    generator = random.Random(SEED)
    found: dict[str, dict[str, float]] = {}
    for topic in judged.judged:
        pages = by_page(judged.places(topic))
        some = generator.sample(sorted(pages), min(EXPLAINED, len(pages)))
        if some:
            hits = {one: explained(system, judged.topics[topic], *one) for one in some}
            pointed = [localise(hits[one], pages[one]).pointing for one in some]
            found[topic] = {
                "pointing": round(statistics.fmean(pointed), 4),
                "chance": round(statistics.fmean(covered(pages[one]) for one in some), 4),
            }
    return found


def by_page(
    places: Iterable[EvidenceJudgement],
) -> dict[tuple[str, int], list[EvidenceJudgement]]:
    """Return judged places by document and page."""
    found: dict[tuple[str, int], list[EvidenceJudgement]] = {}
    for one in places:
        found.setdefault((one.doc_id, one.place.page or 0), []).append(one)
    return found


def explained(system: System, text: str, doc_id: str, page: int) -> tuple[TokenEvidence, ...]:
    """Return the evidence of a page's best unit; none where the page was not read."""
    units = [unit.unit_id for unit in system.units(doc_id) if unit.locator.page == page]
    hits = [
        hit
        for unit_id in units
        for hit in system.view.explain(text, doc_id, unit_id=unit_id, mode=system.mode)
    ]
    best = max(hits, key=lambda hit: hit.score, default=None)
    return best.evidence if best else ()


def covered(places: Sequence[EvidenceJudgement]) -> float:
    """Return the share of a page that boxes cover, counted on a fine grid of points."""
    points = (np.arange(GRID) + 0.5) / GRID
    inside = np.zeros((GRID, GRID), bool)  # (n_across, n_down)
    for box in (one.place.box for one in places if one.place.box):
        across = (points >= box.left) & (points <= box.right)
        inside |= np.outer(across, (points >= box.top) & (points <= box.bottom))
    return float(inside.mean())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("what", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", choices=SETS, help="repeatable; all if none")
    parser.add_argument("--limit", type=int, default=0, help="toy size: queries of each group")
    parser.add_argument("--pipeline", default="default", help="preset or YAML file")
    parser.add_argument("--without", action="append", default=[], help="a space; repeatable")
    parser.add_argument("--mode", action="append", help="as in search; repeatable; auto if none")
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--queries", type=Path, default=QUERIES)
    parser.add_argument("--work", type=Path, default=Path("build/visual"))
    parser.add_argument("--rows", type=Path, default=Path("build/visual.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    return parser


if __name__ == "__main__":
    main()
