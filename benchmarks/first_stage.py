"""Would means of a page's grid, looked at first, find what all rows find, and sooner?

    python benchmarks/first_stage.py --library LIBRARY --data ../shared/data
    python benchmarks/first_stage.py --library LIBRARY --data ../shared/data --limit 60   toy size

LIBRARY holds the collection `financebench` (1,162 pages of filings) as `benchmarks/quality.py`
makes it. Each row of a page is put into a grid of 32 by 32 cells by its word's box, and
`grid_means` makes at most 64 rows of it. A first stage ranks all pages by MaxSim over these, and
the best N are ordered anew by all their rows. Beside it: Ward's clusters of as few rows, and the
index's own candidates (codes of 2 bits). Agreement is how much of the exact ten best comes back.

A second table takes true patches, 20 pages under ColQwen2 (32 by 23 cells) and 6 under ColPali
(32 by 32), whose queries are made: 12 patches of a page, each turned away to a cosine of .5.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from beir import load_set
from circumstances import circumstances

import latelight
from latelight.encoders.pooling import Pooling, pool
from latelight.evaluation import Run, evaluate
from latelight.index import MultiVectorIndex
from latelight.index.options import WriterOptions
from latelight.kernels.maxsim import Rows, maxsim, quantize_int8, top_k
from latelight.types import Float32Array, Int64Array, MultiVector, RowLocators

SEED, THREADS, K, CELLS = 7, 2, 10, 32
DEPTHS = (16, 32, 64, 128, 256)
LEVELS = ("fast", "balanced", "best")
N_DRAWN, N_WORDS = 200, 10
TURNED = 0.5  # cosine of a made query's row with the patch that it came from
Ranker = Callable[[Float32Array], Int64Array]


@dataclass(frozen=True, eq=False)
class Pages:
    """Pages' rows and the queries' rows.

    Attributes:
        units: rows of each page with their boxes.
        names: of the pages.
        judged: rows of each judged topic's query.
        drawn: rows of queries drawn from the pages.
    """

    units: Sequence[MultiVector]
    names: Sequence[str]
    judged: dict[str, Float32Array]
    drawn: Sequence[Float32Array]


def pages_of(library: Path, queries: dict[str, str], limit: int) -> Pages:
    """Return the stored rows of the collection `financebench`, at most `limit` pages of it."""
    reader = latelight.open(library).collection("financebench")._versions.live().reader()
    (space,) = reader.spec.spaces
    snapshot = reader.snapshot
    live = np.flatnonzero(snapshot.allow_list() & (snapshot.row_counts(space) > 0))[:limit]
    units = []
    for ordinal in map(int, live):
        values, scales = snapshot.rows(space, ordinal)
        assert scales is not None, "the collection's store is int8"
        places = snapshot.row_locators(space, ordinal)
        units.append(MultiVector(values * scales[:, None], places))
    told = [snapshot.unit(int(one)) for one in live]
    names = [f"{d}#p{u.locator.page}" for d, u in zip(snapshot.doc_ids_of(live), told, strict=True)]
    encoder = reader.encoders[space]
    rng = np.random.default_rng(SEED)
    texts = [one.text.split() for one in told if len(one.text.split()) > 5 * N_WORDS]
    drawn = []
    for _ in range(N_DRAWN):
        words = texts[rng.integers(len(texts))]
        first = rng.integers(len(words) - N_WORDS)
        drawn.append(encoder.encode_query(" ".join(words[first : first + N_WORDS])).vectors)
    judged = {topic: encoder.encode_query(text).vectors for topic, text in queries.items()}
    return Pages(units, names, judged, drawn)


# -- first stages -----------------------------------------------------------------------------


def on_grid(given: MultiVector) -> MultiVector:
    """Return the rows that have boxes, each with the box of the cell that its middle lies in."""
    boxes = given.locators.boxes
    assert boxes is not None
    placed = np.flatnonzero(~np.isnan(boxes).any(axis=1))
    middle = (boxes[placed, :2] + boxes[placed, 2:]) / 2
    cell = np.clip((middle * CELLS).astype(np.int64), 0, CELLS - 1)
    snapped = np.concatenate([cell, cell + 1], axis=1).astype(np.float32) / CELLS
    return MultiVector(given.vectors[placed], RowLocators(boxes=snapped))


def stacked(units: Sequence[Float32Array]) -> Rows:
    values, scales = quantize_int8(np.concatenate(units))
    offsets = np.concatenate([[0], np.cumsum([len(one) for one in units])]).astype(np.int64)
    return Rows(values, offsets, scales)


def grid_rows(units: Sequence[MultiVector]) -> Rows:
    return stacked([pool(on_grid(one), Pooling("grid")).vectors for one in units])


def ward_rows(units: Sequence[MultiVector], factor: int) -> Rows:
    plain = [MultiVector(one.vectors) for one in units]
    return stacked([pool(one, Pooling("ward", factor)).vectors for one in plain])


def staged(first: Rows, whole: Rows, depth: int) -> Ranker:
    """Return what ranks the best `depth` pages of the first stage by all their rows."""

    def rank(query: Float32Array) -> Int64Array:
        chosen = top_k(maxsim(query, first, n_threads=THREADS), depth)
        scores = maxsim(query, whole, documents=chosen, n_threads=THREADS)
        return chosen[np.argsort(-scores, kind="stable")]

    return rank


def by_index(index: MultiVectorIndex, level: str) -> Ranker:
    def rank(query: Float32Array) -> Int64Array:
        hits = index.search(query, 5 * K, recall=level)
        return np.array([int(hit.id) for hit in hits], np.int64)

    return rank


# -- measuring --------------------------------------------------------------------------------


def measured(name: str, n_bytes: float, rank: Ranker, pages: Pages, known: "Known") -> None:
    queries = [*pages.drawn, *pages.judged.values()]
    rank(queries[0])
    times = []
    for query in queries:
        began = time.perf_counter()
        rank(query)
        times.append((time.perf_counter() - began) * 1e3)
    agreed = {
        part: float(np.mean([known.agreement(one, rank(one)) for one in some]))
        for part, some in (("drawn", pages.drawn), ("judged", list(pages.judged.values())))
    }
    rankings = {
        topic: tuple((pages.names[i], -float(n)) for n, i in enumerate(rank(query)))
        for topic, query in pages.judged.items()
    }
    found = evaluate(Run(rankings), known.qrels, known.measure)
    known.rows.append(
        {
            "stage": name,
            "bytes": n_bytes / len(pages.names),
            "agreement": agreed,
            "quality": float(np.mean(list(found.values()))),
            "p50_ms": float(np.percentile(times, 50)),
            "p95_ms": float(np.percentile(times, 95)),
        }
    )
    print(json.dumps(known.rows[-1]), flush=True)


@dataclass(frozen=True, eq=False)
class Known:
    """The exact answers, the judgements, and what was measured so far."""

    whole: Rows
    qrels: Any
    measure: Any
    rows: list[dict[str, Any]]

    def agreement(self, query: Float32Array, found: Int64Array) -> float:
        best = set(top_k(maxsim(query, self.whole, n_threads=THREADS), K).tolist())
        return len(best & set(found[:K].tolist())) / len(best)


def run(given: argparse.Namespace) -> list[dict[str, Any]]:
    judged = load_set(given.data, "financebench")
    topics = {t: judged.queries[t] for t in judged.qrels.topics if t in judged.queries}
    pages = pages_of(given.library, topics, given.limit or 1 << 30)
    whole = stacked([one.vectors for one in pages.units])
    known = Known(whole, judged.qrels, judged.measure, [])
    dim = whole.values.shape[1]

    def size(rows: Rows) -> float:
        return float(len(rows.values) * (dim + 4))

    measured("all rows", 0, lambda q: top_k(maxsim(q, whole, n_threads=THREADS), 50), pages, known)
    grid = grid_rows(pages.units)
    factor = max(round(len(whole.values) / len(grid.values)), 1)
    ward = ward_rows(pages.units, factor)
    for name, first in (("grid means", grid), (f"Ward by {factor}", ward)):
        for depth in DEPTHS:
            rank = staged(first, whole, depth)
            measured(f"{name}, best {depth}", size(first), rank, pages, known)
    with tempfile.TemporaryDirectory(prefix="latelight-first-stage-") as folder:
        options = WriterOptions(min_coded_rows=1, log_documents=0, background=False)
        place = Path(folder) / "index"
        with MultiVectorIndex(place, dim, "int8", 2, THREADS, options) as index:
            index.add([str(i) for i in range(len(pages.units))], [u.vectors for u in pages.units])
            for level in LEVELS:
                coded = len(whole.values) * (dim / 4 + 3)
                measured(f"candidates, {level}", coded, by_index(index, level), pages, known)
    told = {**circumstances("first_stage", SEED), "data": judged.digest}
    told |= {"pages": len(pages.names), "rows": len(whole.values), "grid_rows": len(grid.values)}
    return [{**told, **row} for row in known.rows]


# -- true patches -----------------------------------------------------------------------------

PATCHES = (("colqwen2-v1.0-pages", 4, 32, 23), ("colpali-v1.2-pages", 0, 32, 32))


def patches(data: Path) -> list[dict[str, Any]]:
    """Return how often made queries find their page first, by all rows and by grid means."""
    rows = []
    for name, first, n_rows, n_columns in PATCHES:
        with np.load(data / "embeddings" / name / "docs.npz") as found:
            ends = np.cumsum(found["doclens"])
            parts = np.split(found["emb"].astype(np.float32), ends[:-1])
        y, x = np.divmod(np.arange(n_rows * n_columns), n_columns)
        edges = (x / n_columns, y / n_rows, (x + 1) / n_columns, (y + 1) / n_rows)
        places = RowLocators(boxes=np.stack(edges, axis=1).astype(np.float32))
        own = [normal(one[first : first + n_rows * n_columns]) for one in parts]
        grid = stacked([pool(MultiVector(one, places), Pooling("grid")).vectors for one in own])
        whole = stacked(own)
        rng = np.random.default_rng(SEED)
        asked = [made(own[i % len(own)], rng) for i in range(400)]
        hits = {
            "all rows": [top_k(maxsim(q, whole), 1)[0] == i % len(own) for i, q in enumerate(asked)]
        }
        ranks = [top_k(maxsim(q, grid), len(own)).tolist() for q in asked]
        for depth in (1, 2, 5):
            best = [i % len(own) in rank[:depth] for i, rank in enumerate(ranks)]
            hits[f"grid means, within {depth}"] = best
        told = {part: round(float(np.mean(one)), 3) for part, one in hits.items()}
        rows.append({**circumstances("first_stage", SEED), "set": name, "pages": len(own), **told})
    return rows


def made(page: Float32Array, rng: np.random.Generator) -> Float32Array:
    """Return 12 of a page's patches, each turned away at random to a cosine of `TURNED`."""
    chosen = page[rng.choice(len(page), 12, replace=False)]
    noise = rng.standard_normal(chosen.shape).astype(np.float32)
    noise -= (noise * chosen).sum(axis=1, keepdims=True) * chosen
    return TURNED * chosen + (1 - TURNED**2) ** 0.5 * normal(noise)


def normal(rows: Float32Array) -> Float32Array:
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int, default=0, help="pages; 0 takes all")
    parser.add_argument("--rows", type=Path, help="a file to add the result rows to")
    given = parser.parse_args()
    found = [*patches(given.data), *run(given)]
    print(json.dumps(found[: len(PATCHES)], indent=1))
    if given.rows:
        with given.rows.open("a", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row) + "\n" for row in found)


if __name__ == "__main__":
    main()
