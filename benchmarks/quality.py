"""How good are the rankings? Judged sets through the public API, by each signal and by both.

    python benchmarks/quality.py --data ../shared/data --set scifact --set cranfield

Each set becomes a collection of a library that is kept under `--work`: a second run searches what
the first has encoded, and one that was stopped goes on where it was. Pages are judged twice: over
all documents, and within the document that the question is about.
"""

import argparse
import json
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from beir import SET_NAMES, BeirSet, load_set
from circumstances import circumstances

import latelight
from latelight.evaluation import Measure, Run, mean, write_run

MODES = ("maxsim", "bm25", "hybrid")
DEPTH = 100


@dataclass(frozen=True)
class Row:
    """One line of the table: a set under one mode of searching."""

    set: str
    mode: str
    measure: str
    value: float
    recall: float
    baseline: float | None
    n_topics: int
    p50_ms: float


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the benchmark, print its table, write and return its result."""
    given = _parser().parse_args(arguments)
    sets, rows = [], []
    for name in given.set or SET_NAMES:
        judged = load_set(given.data, name)
        judged = judged.limited(given.limit) if given.limit else judged
        folder = given.work / f"{given.pipeline}-{given.limit or 'full'}"
        collection = latelight.open(folder / "library").collection(
            name, create=True, pipeline=given.pipeline
        )
        built = build(collection, judged, folder / f"{name}.build.json")
        sets.append({"set": name, "data_digest": judged.digest, **built})
        print(_build_line(sets[-1]), flush=True)
        for row in judge(collection, judged, folder / "runs"):
            rows.append(row)
            print(_table_line(row), flush=True)
    result = {
        **circumstances("quality", None),  # nothing is drawn at random
        "pipeline": given.pipeline,
        "limit": given.limit,
        "sets": sets,
        "rows": [asdict(row) for row in rows],
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    return result


def build(collection: latelight.Collection, judged: BeirSet, record: Path) -> dict[str, Any]:
    """Add what is not there yet; return how much there is and how fast it was encoded."""
    before = json.loads(record.read_text()) if record.exists() else {"rows_added": 0, "seconds": 0}
    reports = [collection.add(list(judged.records)).wait()] if judged.records else []
    for pdf in judged.pdfs:
        job = collection.add(pdf, doc_id=pdf.stem, metadata={"filing": pdf.stem})
        reports.append(job.wait())
    added = [report for report in reports if report.n_rows]
    built = {
        "rows_added": before["rows_added"] + sum(report.n_rows for report in added),
        "seconds": round(before["seconds"] + sum(report.seconds for report in added), 1),
    }
    record.write_text(json.dumps(built))
    failures = [str(failure) for report in reports for failure in report.failures]
    stats = collection.stats()
    return {
        **built,
        "n_documents": stats.n_documents,
        "n_units": stats.n_units,
        "n_rows": stats.n_rows,
        "n_bytes": stats.n_bytes,
        "digest": stats.digest,
        "failures": failures,
    }


def judge(collection: latelight.Collection, judged: BeirSet, runs: Path) -> list[Row]:
    """Return a row for each mode, and for pages another for searching within the document."""
    rows = [_judge_mode(collection, judged, mode, runs, within=False) for mode in MODES]
    if judged.within:
        rows += [_judge_mode(collection, judged, mode, runs, within=True) for mode in MODES]
    return rows


def _judge_mode(
    collection: latelight.Collection, judged: BeirSet, mode: str, runs: Path, *, within: bool
) -> Row:
    rankings, times = {}, []
    for topic in judged.qrels.topics:
        wanted = {"filing": judged.within[topic]} if within else None
        start = time.perf_counter()
        rankings[topic] = _ranking(collection, judged, judged.queries[topic], mode, wanted)
        times.append(1000 * (time.perf_counter() - start))
    name = f"{judged.name}{' within' if within else ''}"
    run = Run(rankings, mode)
    runs.mkdir(parents=True, exist_ok=True)
    write_run(run, runs / f"{name.replace(' ', '-')}.{mode}.txt")
    return Row(
        set=name,
        mode=mode,
        measure=judged.measure.name,
        value=mean(run, judged.qrels, judged.measure),
        recall=mean(run, judged.qrels, Measure("recall", DEPTH)),
        baseline=0.321 if within else judged.baseline,
        n_topics=len(judged.qrels.topics),
        p50_ms=statistics.median(times),
    )


def _ranking(
    collection: latelight.Collection,
    judged: BeirSet,
    text: str,
    mode: str,
    wanted: Mapping[str, str] | None,
) -> tuple[tuple[str, float], ...]:
    if judged.pdfs:
        hits = collection.search(text, k=DEPTH, mode=mode, filter=wanted)
        return tuple((f"{hit.doc_id}#p{hit.unit.locator.page}", hit.score) for hit in hits)
    hits = collection.search(text, k=DEPTH, mode=mode, group_by="document")
    return tuple((hit.doc_id, hit.score) for hit in hits)


def _build_line(built: Mapping[str, Any]) -> str:
    speed = built["rows_added"] / built["seconds"] if built["seconds"] else 0
    failed = f", {len(built['failures'])} failed" if built["failures"] else ""
    return (
        f"{built['set']}: {built['n_documents']} documents, {built['n_units']} units, "
        f"{built['n_rows']} rows, {built['n_bytes'] / 1e6:.0f} MB, added at {speed:.0f} rows/s"
        f"{failed}"
    )


def _table_line(row: Row) -> str:
    baseline = "" if row.baseline is None else f"(BM25 elsewhere {row.baseline:.3f})"
    return (
        f"  {row.set:20} {row.mode:7} {row.measure} {row.value:.4f}  R@{DEPTH} {row.recall:.4f}  "
        f"p50 {row.p50_ms:.1f} ms  n {row.n_topics}  {baseline}"
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", choices=SET_NAMES, help="repeatable; all if none")
    parser.add_argument("--limit", type=int, default=0, help="toy size: this many queries a set")
    parser.add_argument("--pipeline", default="default", help="preset or YAML file")
    parser.add_argument("--work", type=Path, default=Path("build/quality"))
    parser.add_argument("--out", type=Path, default=Path("build/quality.json"))
    return parser


if __name__ == "__main__":
    main()
