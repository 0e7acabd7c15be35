"""What do pooling and fewer bits a dim cost a space's MaxSim, and does one bit pay?

    python benchmarks/compression.py --data ../shared/data --set scifact
    python benchmarks/compression.py report --out docs/benchmarks

The rows of a collection under each encoder are pooled by 1 to 4 and kept in several ways; then
plain MaxSim ranks documents by their best unit, without words, weights or context, so that nothing
hides the loss. Rows of 8, 4, 2 and 1 bits are those of the index, searched through it twice: all
scored, and by its candidates. 1 bit there is the sign of what is left of a row beside its centroid
and its unit's mean. Plain signs are not stored by this package; they are made here, to see what
they would give:

* sign: a row is turned at random, and of it the signs stay; the query keeps its numbers;
* sign > 8 bits: the best 100 units by sign, ordered anew by int8 rows that are kept beside.

Bytes are those of what a score needs: rows or codes, scales, unit means and the codebook.
"""

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from beir import SET_NAMES, BeirSet, load_set
from circumstances import circumstances

import latelight
from latelight.encoders.pooling import Pooling, pool
from latelight.evaluation import Run, evaluate
from latelight.evaluation.significance import holm, randomisation
from latelight.index import MultiVectorIndex
from latelight.index.options import WriterOptions
from latelight.index.rows import RowStore
from latelight.kernels.codec import random_rotation, suggested_centroids
from latelight.kernels.decoding import decode_units
from latelight.kernels.maxsim import Rows, maxsim, quantize_int8, top_k
from latelight.types import Float32Array, Int64Array, MultiVector

Ranker = Callable[[Float32Array], npt.NDArray[np.int64]]

ENCODERS = {"latelight-small": "default", "minilm": "minilm"}  # and the preset that has it
FACTORS = (1, 2, 3, 4)
STORES: tuple[tuple[str, RowStore, int], ...] = (
    ("8 bits", "int8", 2),
    ("4 bits", "codes", 4),
    ("2 bits", "codes", 2),
    ("1 bit", "codes", 1),
)
SIGN, RESCORED = "sign", "sign > 8 bits"
DEPTH = 100  # units a ranking
SEED = 7
THREADS = 2
_CHUNK = 1 << 16


@dataclass(frozen=True, eq=False)
class Material:
    """The rows of a collection, pooled or not, and its queries' rows.

    Attributes:
        rows: (n_rows, dim) float32.
        offsets: (n_units + 1,) int64.
        doc_ids: of each unit.
        queries: rows by topic.
    """

    rows: Float32Array
    offsets: Int64Array
    doc_ids: Sequence[str]
    queries: dict[str, Float32Array]

    @property
    def dim(self) -> int:
        return int(self.rows.shape[1])

    @property
    def n_documents(self) -> int:
        return len(set(self.doc_ids))

    def units(self) -> Iterator[Float32Array]:
        for first, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            yield self.rows[first:stop]


# Rows, from a collection that is kept


def material_of(judged: BeirSet, encoder: str, work: Path) -> Material:
    """Return the set's rows under an encoder; what is encoded already is not encoded again."""
    library = latelight.open(work / "library")
    target = library.collection(f"{judged.name}-{encoder}", create=True, pipeline=ENCODERS[encoder])
    report = target.add(list(judged.records)).wait()
    assert all(one.code == "empty_file" for one in report.failures), report.failures[:3]
    reader = target._versions.live().reader()
    (space,) = reader.spec.spaces
    snapshot = reader.snapshot
    live = np.flatnonzero(snapshot.allow_list() & (snapshot.row_counts(space) > 0))
    offsets = np.concatenate([[0], np.cumsum(snapshot.row_counts(space)[live])]).astype(np.int64)
    rows = np.empty((int(offsets[-1]), snapshot.spaces[space].dim), np.float32)
    for number, ordinal in enumerate(live):
        values, scales = snapshot.rows(space, int(ordinal))
        assert scales is not None, "the collection's store is int8"
        rows[offsets[number] : offsets[number + 1]] = values * scales[:, None]
    topics = [topic for topic in judged.qrels.topics if topic in judged.queries]
    own = reader.encoders[space]
    queries = {topic: own.encode_query(judged.queries[topic]).vectors for topic in topics}
    return Material(rows, offsets, snapshot.doc_ids_of(live), queries)


def pooled(given: Material, factor: int, kept: Path) -> Material:
    """Return the same with units' rows pooled by Ward's linkage; kept on disk once made."""
    if factor == 1:
        return given
    if not kept.exists():
        how = Pooling("ward", factor)
        parts = [pool(MultiVector(rows), how).vectors for rows in given.units()]
        kept.parent.mkdir(parents=True, exist_ok=True)
        counts = np.array([len(part) for part in parts], np.int64)
        with kept.open("wb") as file:
            np.savez(file, rows=np.concatenate(parts), counts=counts)
    with np.load(kept) as found:
        rows, counts = found["rows"], found["counts"]
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Material(rows, offsets, given.doc_ids, given.queries)


# The index's own stores


def index_of(given: Material, folder: Path, store: RowStore, bits: int) -> MultiVectorIndex:
    options = WriterOptions(min_coded_rows=1, log_documents=0, background=False)
    index = MultiVectorIndex(folder, given.dim, store, bits, THREADS, options)
    index.add([str(number) for number in range(len(given.doc_ids))], list(given.units()))
    return index


def searcher(index: MultiVectorIndex) -> Ranker:
    """Return what ranks as a search of the index does."""

    def rank(query: Float32Array) -> npt.NDArray[np.int64]:
        hits = index.search(query, DEPTH, recall="balanced")
        return np.array([int(hit.id) for hit in hits], np.int64)

    return rank


def scorer(index: MultiVectorIndex) -> Ranker:
    """Return what scores every stored row; codes are decoded once instead of for every query.

    Decoded rows are scored as int8, which adds a twenty-fifth to the error of codes of 4 bits.
    """
    snapshot = index.snapshot()
    parts = [rows for rows, _ in snapshot.parts("vectors")]
    numbers = np.array([int(i) for i in snapshot.doc_ids_of(np.arange(snapshot.n_units))])
    rotation = np.eye(snapshot.spaces["vectors"].dim, dtype=np.float32)
    whole = []
    for part in parts:
        if part.has_values:
            whole.append(part.rows)
            continue
        decoded = decode_units(part.coded, np.arange(part.coded.n_units), n_threads=THREADS)
        whole.append(as_int8(decoded.values, decoded.offsets))
        rotation = part.coded.book.rotation

    def rank(query: Float32Array) -> npt.NDArray[np.int64]:
        turned = query @ rotation
        scores = [maxsim(turned, rows, n_threads=THREADS) for rows in whole]
        return numbers[top_k(np.concatenate(scores), DEPTH)]

    return rank


def bytes_of(given: Material, store: RowStore, bits: int) -> float:
    """Return the bytes a document of what scores are made of."""
    n_rows, n_units, dim = len(given.rows), len(given.doc_ids), given.dim
    if store == "int8":
        return n_rows * (dim + 4) / given.n_documents
    each_row = n_rows * (dim * bits / 8 + 3)  # codes, centroid, scale
    book = 2 * suggested_centroids(n_rows) * (dim + 4) + 4 * dim**2
    return (each_row + n_units * (dim + 4) + book) / given.n_documents


# Plain signs, simulated


def as_int8(decoded: Float32Array, offsets: Int64Array) -> Rows:
    """Return decoded rows as the kernel takes them; signs of equal size lose nothing by that."""
    values = np.empty(decoded.shape, np.int8)
    scales = np.empty(len(decoded), np.float32)
    for first in range(0, len(decoded), _CHUNK):
        part = slice(first, first + _CHUNK)
        values[part], scales[part] = quantize_int8(decoded[part])
    return Rows(values, offsets, scales)


def signs_of(given: Material) -> tuple[Rows, Float32Array]:
    """Return the signs of turned rows, all of length 1, and the rotation for queries."""
    rotation = random_rotation(given.dim, np.random.default_rng(SEED))
    signs = np.empty(given.rows.shape, np.int8)
    for first in range(0, len(signs), _CHUNK):
        part = slice(first, first + _CHUNK)
        signs[part] = np.where(given.rows[part] @ rotation < 0, -127, 127)
    scales = np.full(len(signs), 1 / (127 * given.dim**0.5), np.float32)
    return Rows(signs, given.offsets, scales), rotation


def scan(rows: Rows, rotation: Float32Array) -> Ranker:
    return lambda query: top_k(maxsim(query @ rotation, rows, n_threads=THREADS), DEPTH)


def rescored(first: Ranker, rows: Rows) -> Ranker:
    def rank(query: Float32Array) -> npt.NDArray[np.int64]:
        chosen = first(query)
        return chosen[np.argsort(-maxsim(query, rows, documents=chosen), kind="stable")]

    return rank


# Measuring


def values_of(given: Material, judged: BeirSet, rank: Ranker) -> dict[str, float]:
    """Return the measure's value by topic; a document stands where its best unit does."""
    rankings = {}
    for topic, query in given.queries.items():
        order = dict.fromkeys(given.doc_ids[number] for number in rank(query))
        rankings[topic] = tuple((doc, -float(place)) for place, doc in enumerate(order))
    found = evaluate(Run(rankings), judged.qrels, judged.measure)
    return {topic: round(value, 4) for topic, value in found.items()}


def measured(given: Material, judged: BeirSet) -> Iterator[dict[str, Any]]:
    """Yield what every store gives: its name, bytes, values by topic."""
    for name, store, bits in STORES:
        with (
            tempfile.TemporaryDirectory(prefix="latelight-compression-") as folder,
            index_of(given, Path(folder) / "index", store, bits) as index,
        ):
            whole = values_of(given, judged, scorer(index))
            found = values_of(given, judged, searcher(index))
        yield {
            "store": name,
            "bytes": bytes_of(given, store, bits),
            "values": whole,
            "searched": found,
        }
    eight, one = bytes_of(given, "int8", 8), len(given.rows) * given.dim / 8 / given.n_documents
    rows, rotation = signs_of(given)
    yield {"store": SIGN, "bytes": one, "values": values_of(given, judged, scan(rows, rotation))}
    again = rescored(scan(rows, rotation), as_int8(given.rows, given.offsets))
    yield {"store": RESCORED, "bytes": one + eight, "values": values_of(given, judged, again)}


def run(given: argparse.Namespace) -> None:
    given.rows.parent.mkdir(parents=True, exist_ok=True)
    for name in given.set or ["scifact"]:
        judged = load_set(given.data, name)
        judged = judged.limited(given.limit) if given.limit else judged
        for encoder in given.encoder or ENCODERS:
            whole = material_of(judged, encoder, given.work)
            for factor in FACTORS:
                kept = given.work / f"{name}-{encoder}-{factor}-{given.limit or 'full'}.npz"
                own = pooled(whole, factor, kept)
                for row in measured(own, judged):
                    told = {
                        **circumstances("compression", SEED),
                        "data": judged.digest,
                        "set": name,
                        "encoder": encoder,
                        "measure": judged.measure.name,
                        "factor": factor,
                        "n_rows": len(own.rows),
                        "n_documents": own.n_documents,
                        **row,
                    }
                    with given.rows.open("a", encoding="utf-8") as lines:
                        lines.write(json.dumps(told) + "\n")
                    print(line_of(told, 1.0), flush=True)


# The report

HEAD = (
    "| pool | store | bytes a document | {measure}, all scored | through candidates "
    "| against 8 bits unpooled | p |\n|---|---|---|---|---|---|---|"
)


def mean_of(values: dict[str, float]) -> float:
    return sum(values.values()) / len(values)


def line_of(row: dict[str, Any], p: float, base: float | None = None) -> str:
    quality = mean_of(row["values"])
    searched = f"{mean_of(row['searched']):.3f}" if "searched" in row else ""
    against = "" if base is None else f"{quality - base:+.3f}"
    told = "" if base is None or row["is_base"] else f"{p:.3f}" if p >= 0.001 else "< .001"
    cells = (f"×{row['factor']}", row["store"], f"{row['bytes']:,.0f}", f"{quality:.3f}")
    return "| " + " | ".join((*cells, searched, against, told)) + " |"


def latest(path: Path) -> list[dict[str, Any]]:
    """Return the rows, of repeated ones the last."""
    found = {}
    for line in path.read_text("utf-8").splitlines():
        row = json.loads(line)
        found[row["set"], row["encoder"], row["factor"], row["store"]] = row
    return list(found.values())


def tested(rows: Sequence[dict[str, Any]]) -> list[tuple[dict[str, Any], float, float]]:
    """Return each row of a set and encoder, its p-value (corrected by Holm) and the base's mean."""
    base = next(row for row in rows if row["factor"] == 1 and row["store"] == "8 bits")
    p_values = [
        randomisation([row["values"][t] - base["values"][t] for t in base["values"]]).p
        for row in rows
        if row is not base
    ]
    corrected = iter(holm(p_values))
    mean = mean_of(base["values"])
    return [
        ({**row, "is_base": row is base}, 1.0 if row is base else next(corrected), mean)
        for row in rows
    ]


def groups(rows: Sequence[dict[str, Any]]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        found.setdefault((row["set"], row["encoder"]), []).append(row)
    return found


def report(given: argparse.Namespace) -> None:
    rows = latest(given.rows)
    given.out.mkdir(parents=True, exist_ok=True)
    parts = ["# Pooling and bits\n"]
    for (name, encoder), own in groups(rows).items():
        first = own[0]
        parts.append(
            f"## {name}, `{encoder}`\n\n{first['n_documents']:,} documents, "
            f"{len(first['values'])} queries, {first['n_rows']:,} rows; {first['machine']}, commit "
            f"{first['commit']}, seed {first['seed']}, data {first['data']}.\n\n"
            + HEAD.format(measure=first["measure"])
        )
        parts[-1] += "".join("\n" + line_of(row, p, base) for row, p, base in tested(own)) + "\n"
    parts.append("![Quality against bytes](compression.png)\n")
    (given.out / "compression.md").write_text("\n".join(parts), encoding="utf-8")
    draw(rows, given.out / "compression.png")
    print("\n".join(parts))


def draw(rows: Sequence[dict[str, Any]], path: Path) -> None:
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    own = groups(rows)
    across, down = min(len(own), 2), -(-len(own) // 2)
    figure, panels = plt.subplots(down, across, figsize=(6.5 * across, 5 * down), squeeze=False)
    for panel in panels.flat[len(own) :]:
        panel.set_axis_off()
    for panel, ((name, encoder), some) in zip(panels.flat, own.items(), strict=False):
        for number, store in enumerate(dict.fromkeys(row["store"] for row in some)):
            those = [row for row in some if row["store"] == store]
            x, y = [row["bytes"] for row in those], [mean_of(row["values"]) for row in those]
            style = "o--" if "sign" in store else "o-"
            panel.plot(x, y, style, color=f"C{number}", label=store, markersize=5)
            for place, row in zip(zip(x, y, strict=True), those, strict=True):
                panel.annotate(
                    row["factor"], place, (0, 5), textcoords="offset points",
                    ha="center", fontsize=7, color=f"C{number}",
                )  # fmt: skip
        panel.set(xscale="log", title=f"{name}, {encoder}", xlabel="bytes a document (log)")
        panel.xaxis.set_major_locator(ticker.LogLocator(base=10, subs=(1, 2, 5)))
        panel.xaxis.set_major_formatter(ticker.FuncFormatter(lambda n, _: f"{n:,.0f}"))
        panel.xaxis.set_minor_formatter(ticker.NullFormatter())
        panel.set_ylabel(f"{some[0]['measure']}, all scored")
        panel.grid(alpha=0.3)
    panels.flat[0].legend(loc="lower right", fontsize=8, title="numbers: pool factor")
    figure.suptitle("Up and to the left is better")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", choices=SET_NAMES[:-1], help="repeatable")
    parser.add_argument("--encoder", action="append", choices=list(ENCODERS), help="repeatable")
    parser.add_argument("--limit", type=int, default=0, help="toy size: this many queries a set")
    parser.add_argument("--work", type=Path, default=Path("build/compression"))
    parser.add_argument("--rows", type=Path, default=Path("build/compression.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    given = parser.parse_args()
    (run if given.what == "run" else report)(given)


if __name__ == "__main__":
    main()
