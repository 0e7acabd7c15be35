"""What do bi-encoder, late interaction, cross-encoder and their combinations cost and give?

    python benchmarks/interaction.py --data ../shared/data --set scifact --set cranfield
    python benchmarks/interaction.py report --out docs/benchmarks

One collection with two spaces, the default encoder's rows and one row a window of a dense
bi-encoder, is searched by each of them, by words, by sums of these, and with a cross-encoder over
the best units. Quality is that of documents (their best unit); time is a whole search of the
library, encoding included, one query after the other. *Shown* is the share of a score that its
evidence ascribes to a place smaller than the unit: what a person can check.
"""

import argparse
import json
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from beir import SET_NAMES, BeirSet, load_set
from circumstances import circumstances

import latelight
from latelight.encoders.registry import create_reranker
from latelight.evaluation import Qrels, Run, mean
from latelight.pipelines.query import run_searches
from latelight.pipelines.reader import Reader
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.spec import PipelineSpec, SearchMode, SearchSpec, SpaceSpecification
from latelight.types import Hit

DEPTH = 100
RERANKED = 20
EXPLAINED = 20  # queries
SOME, SEED = 60, 4  # topics that the cross-encoder is asked about
SPEC = PipelineSpec(
    name="interaction",
    spaces={
        "late": SpaceSpecification(encoder="latelight-small"),
        "dense": SpaceSpecification(encoder="bge-small"),
    },
    search=SearchSpec(rerank_depth=RERANKED),
)


@dataclass(frozen=True)
class System:
    """One way to rank: by which spaces, with words or without, and who orders the best anew."""

    name: str
    spaces: tuple[str, ...]
    mode: SearchMode
    reranks: bool = False


FIRST = (
    System("words (BM25)", (), "bm25"),
    System("bi-encoder", ("dense",), "maxsim"),
    System("bi-encoder + words", ("dense",), "hybrid"),
    System("late interaction", ("late",), "maxsim"),
    System("late interaction + words", ("late",), "hybrid"),
    System("late interaction + bi-encoder", ("late", "dense"), "maxsim"),
    System("late interaction + bi-encoder + words", ("late", "dense"), "hybrid"),
)
AGAIN = tuple(
    replace(FIRST[number], name=f"{FIRST[number].name} > cross-encoder", reranks=True)
    for number in (0, 1, 4)
)
SYSTEMS = FIRST + AGAIN


def collection_of(judged: BeirSet, work: Path) -> tuple[Any, float]:
    """Return the set's collection, and how many seconds it took to fill it, 0 if it was there."""
    target = latelight.open(work).collection(judged.name, create=True, pipeline=SPEC)
    began = time.perf_counter()
    report = target.add(judged.records).wait()
    assert all(one.code == "empty_file" for one in report.failures), report.failures[:3]
    return target, time.perf_counter() - began if report.n_added else 0.0


def measured(target: Any, judged: BeirSet, system: System, cross_encoder: Any) -> dict[str, Any]:
    whole = target._versions.live().reader()
    reader = replace(
        whole,
        encoders={name: whole.encoders[name] for name in system.spaces},
        spec=replace_spaces(system),
        cross_encoder=cross_encoder if system.reranks else None,
    )
    topics = [topic for topic in judged.qrels.topics if topic in judged.queries]
    some = drawn(topics)
    topics = some if system.reranks else topics
    rankings, times = {}, []
    for topic in topics:
        request = SearchRequest(judged.queries[topic], DEPTH, None, "document", mode=system.mode)
        began = time.perf_counter()
        (found,) = run_searches(reader, [request])
        times.append(1000 * (time.perf_counter() - began))
        order = [hit.doc_id for hit in found.hits]
        rankings[topic] = tuple((doc, -float(rank)) for rank, doc in enumerate(order))
    return {
        "set": judged.name,
        "system": system.name,
        "measure": judged.measure.name,
        "quality": None if system.reranks else quality(judged, rankings, topics),
        "quality_of_some": quality(judged, rankings, some),
        "p50_ms": round(statistics.median(times), 2),
        "bytes_a_document": round(sum(stored(whole, space) for space in system.spaces)),
        # What a cross-encoder decides cannot be ascribed to any place.
        "shown": 0.0
        if system.reranks
        else round(shown(reader, [judged.queries[t] for t in topics[:EXPLAINED]], system), 3),
        "n_topics": len(topics),
        "n_some": len(some),
        "n_documents": whole.snapshot.n_documents,
    }


def quality(judged: BeirSet, rankings: dict[str, Any], topics: list[str]) -> float:
    kept = Run({topic: rankings[topic] for topic in topics})
    qrels = Qrels({topic: judged.qrels.of(topic) for topic in topics})
    return round(mean(kept, qrels, judged.measure), 4)


def drawn(topics: list[str]) -> list[str]:
    """Return the topics that the cross-encoder is asked about: each takes it a second or two."""
    return topics if len(topics) <= SOME else random.Random(SEED).sample(topics, SOME)


def replace_spaces(system: System) -> PipelineSpec:
    kept = {name: SPEC.spaces[name] for name in system.spaces}
    return PipelineSpec(spaces=kept or SPEC.spaces, search=SPEC.search)


def stored(reader: Reader, space: str) -> float:
    """Return the bytes of a document's rows in a space, int8 and their scales."""
    n_rows = int(reader.snapshot.row_counts(space).sum())
    return n_rows * (reader.snapshot.spaces[space].dim + 4) / reader.snapshot.n_documents


def shown(reader: Reader, queries: list[str], system: System) -> float:
    shares = []
    for text in queries:
        request = SearchRequest(text, 1, None, "document", explain=True, mode=system.mode)
        (found,) = run_searches(reader, [request])
        shares += [share for hit in found.hits[:1] for share in _shares(hit)]
    return statistics.fmean(shares) if shares else 0.0


def _shares(hit: Hit) -> Iterator[float]:
    """Yield the share of a hit's score that came from places within its unit."""
    whole = sum(abs(one.contribution) for one in hit.evidence)
    span = hit.unit.locator.span
    inner = [one for one in hit.evidence if one.locator.span not in (None, span)]
    if whole:
        yield sum(abs(one.contribution) for one in inner) / whole


def run(given: argparse.Namespace) -> None:
    cross_encoder = create_reranker()
    cross_encoder.load()
    given.rows.parent.mkdir(parents=True, exist_ok=True)
    for name in given.set or SET_NAMES[:4]:
        judged = load_set(given.data, name)
        judged = judged.limited(given.limit) if given.limit else judged
        target, seconds = collection_of(judged, given.work)
        if seconds:
            print(f"{name}: {len(judged.records):,} documents added in {seconds:.0f} s", flush=True)
        for system in SYSTEMS:
            row = measured(target, judged, system, cross_encoder)
            told = {**circumstances("interaction", SEED), "data": judged.digest, **row}
            with given.rows.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps(told) + "\n")
            print(line_of(row), flush=True)


HEAD = (
    "| set | system | measure | all topics | 60 topics | p50 ms | bytes a document | shown |\n"
    "|---|---|---|---|---|---|---|---|"
)


def line_of(row: dict[str, Any]) -> str:
    every = "" if row["quality"] is None else f"{row['quality']:.3f}"
    cells = (
        row["set"],
        row["system"],
        row["measure"],
        every,
        f"{row['quality_of_some']:.3f}",
        f"{row['p50_ms']:.1f}",
        f"{row['bytes_a_document']:,.0f}",
        f"{row['shown']:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def report(given: argparse.Namespace) -> None:
    lines = given.rows.read_text(encoding="utf-8").splitlines()
    latest = {(row["set"], row["system"]): row for row in map(json.loads, lines)}
    sets = list(dict.fromkeys(name for name, _ in latest))
    order = [system.name for system in SYSTEMS]
    rows = sorted(
        latest.values(), key=lambda row: (sets.index(row["set"]), order.index(row["system"]))
    )
    given.out.mkdir(parents=True, exist_ok=True)
    text = HEAD + "\n" + "\n".join(map(line_of, rows)) + "\n"
    (given.out / "interaction.md").write_text(text, encoding="utf-8")
    draw(rows, given.out / "interaction.png")


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw quality against time, a panel for each set; the area of a mark is its bytes."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    sets = list(dict.fromkeys(row["set"] for row in rows))
    names = [system.name for system in SYSTEMS]
    n_across = 2 if len(sets) > 1 else 1
    size = (7 * n_across, 4.6 * -(-len(sets) // n_across))
    figure, panels = plt.subplots(-(-len(sets) // n_across), n_across, figsize=size, squeeze=False)
    for panel in panels.flat[len(sets) :]:
        panel.axis("off")
    for panel, name in zip(panels.flat, sets, strict=False):
        for row in (row for row in rows if row["set"] == name):
            number = names.index(row["system"])
            panel.scatter(
                row["p50_ms"],
                row["quality_of_some"],
                s=30 + 0.9 * np.sqrt(row["bytes_a_document"]),
                color=f"C{number % 7}" if "cross" not in row["system"] else "none",
                edgecolors=f"C{number % 7}" if "cross" not in row["system"] else "black",
                marker="D" if "cross" in row["system"] else "o",
                label=row["system"],
            )
            panel.annotate(f" {number + 1}", (row["p50_ms"], row["quality_of_some"]), fontsize=8)
        panel.set(xscale="log", title=f"{name}", xlabel="median search, ms (log)")
        panel.set_ylabel(next(row["measure"] for row in rows if row["set"] == name))
        panel.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        panel.xaxis.set_minor_formatter(ticker.NullFormatter())
        panel.grid(alpha=0.3, which="both")
    listed = "   ".join(f"{number}: {name}" for number, name in enumerate(names, 1))
    figure.text(0.5, 0.005, _wrapped(listed, 85 * n_across), ha="center", fontsize=8)
    figure.suptitle("Up and to the left is better; larger marks store more")
    figure.tight_layout(rect=(0, 0.16 if n_across == 1 else 0.06, 1, 1))
    figure.savefig(path, dpi=100)


def _wrapped(text: str, width: int) -> str:
    lines, line = [], ""
    for part in text.split("   "):
        if len(line) + len(part) > width:
            lines.append(line)
            line = ""
        line += ("   " if line else "") + part
    return "\n".join([*lines, line])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", choices=SET_NAMES, help="repeatable")
    parser.add_argument("--limit", type=int, default=0, help="toy size: this many queries a set")
    parser.add_argument("--work", type=Path, default=Path("build/interaction"))
    parser.add_argument("--rows", type=Path, default=Path("build/interaction.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    given = parser.parse_args()
    (run if given.what == "run" else report)(given)


if __name__ == "__main__":
    main()
