"""How do recall and latency of this engine compare with its peers', on one workload?

    python benchmarks/engines.py run --harness DIR --data DIR --workload A5 --engine latelight-2bit
    python benchmarks/engines.py run ... --engine tachiom --python PEERS_PYTHON
    python benchmarks/engines.py growth --harness DIR --data DIR --workload A5 A A100
    python benchmarks/engines.py filters --harness DIR --data DIR --workload A
    python benchmarks/engines.py collection --data LIBRARY --workload NAME --queries queries.jsonl
    python benchmarks/engines.py embeddings --data DIR     a folder each with docs.npz
    python benchmarks/engines.py report --out docs/benchmarks

`--harness` is a directory with `bench.py` (adapters of the peers, and what is measured: build and
search in processes of their own) and `dataset.py`; ours registers there as further engines.
`--python` is the interpreter of an environment that has the peer. Rows are kept as JSON under
`build/engines`; `report` writes the table and the figure (it needs matplotlib).
"""

import argparse
import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path("build/engines")
OURS = {"latelight-2bit": 2, "latelight-3bit": 3, "latelight-4bit": 4}
ALONE = {"latelight-codes-3bit": 3, "latelight-codes-4bit": 4}  # no rows beside the codes
LEVELS = ("fast", "balanced", "best", "exact")
K = 10


# ------------------------------------------------------------------ ours, as engines of the harness


def register(bench: Any) -> None:
    """Add our engines to the harness where this environment has the package."""
    try:
        from latelight import MultiVectorIndex
    except ImportError:
        return

    class Ours(bench.Engine):
        name, bits, store = "", 2, "int8"
        ops = tuple((level, {"recall": level}) for level in LEVELS)

        def build(self, ds: Any, path: str) -> None:
            with MultiVectorIndex(path, ds.Q.shape[2], self.store, self.bits) as index:
                rows = np.load(f"{ds.path}/vectors.npy", mmap_mode="r")
                parts = [rows[ds.off[i] : ds.off[i + 1]] for i in range(ds.n)]
                index.add([str(i) for i in range(ds.n)], parts)

        def open(self, path: str, ds: Any) -> None:
            dim, store = ds.Q.shape[2], self.store
            self.index = MultiVectorIndex(path, dim, store, self.bits, n_threads=bench.NT)

        def search(self, q: np.ndarray, k: int, **op: Any) -> list[int]:
            return [int(hit.id) for hit in self.index.search(q, k, **op)]

        def batch(self, queries: np.ndarray, k: int, **op: Any) -> list[list[int]]:
            found = self.index.search_batch(list(queries), k, **op)
            return [[int(hit.id) for hit in hits] for hits in found]

    for name, bits in (OURS | ALONE).items():
        store = "codes" if name in ALONE else "int8"
        bench.register(type("Ours", (Ours,), {"name": name, "bits": bits, "store": store}))


def harness(arguments: argparse.Namespace) -> Any:
    os.environ["BENCH_DATA"] = str(arguments.data)
    os.environ.setdefault("BENCH_INDEX", str(Path(tempfile.gettempdir()) / "engines-index"))
    sys.path.insert(0, str(arguments.harness))
    bench = importlib.import_module("bench")
    register(bench)
    return bench


def step(arguments: argparse.Namespace) -> None:
    """Do one step of the harness in this process: the child of `run`."""
    bench = harness(arguments)
    given = argparse.Namespace(
        engine=arguments.engine,
        data=arguments.workload[0],
        lock="",
        build_lock="",
        budget=arguments.budget,
        out=str(arguments.out),
    )
    done = (bench.child_build if arguments.step == "build" else bench.child_search)(given)
    arguments.out.write_text(json.dumps(done))


def run(arguments: argparse.Namespace) -> None:
    for workload in arguments.workload:
        row = {**circumstances(), "engine": arguments.engine, "workload": workload}
        for part in ("build", "search"):
            row |= child(arguments, part, workload)
            if "error" in row:
                break
        keep(f"{arguments.engine}-{workload}", row)
        for op in row.get("ops", []):
            print(_line(row, op), flush=True)


def child(arguments: argparse.Namespace, part: str, workload: str) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        options = {
            "--harness": arguments.harness,
            "--data": arguments.data,
            "--workload": workload,
            "--engine": arguments.engine,
            "--budget": arguments.budget,
            "--step": part,
            "--out": out,
        }
        words = [str(word) for pair in options.items() for word in pair]
        python = arguments.python or sys.executable
        done = subprocess.run(
            [python, __file__, "step", *words], capture_output=True, text=True, check=False
        )
        if done.returncode or not out.exists():
            last = (done.stderr.strip() or "no message").splitlines()[-1]
            return {"error": f"{part}: {last}"}
        found: dict[str, Any] = json.loads(out.read_text())
        return found


# --------------------------------------------------------------------------- growth and filters


def growth(arguments: argparse.Namespace) -> None:
    """How does latency grow with the collection, level by level?"""
    for workload in arguments.workload:
        work, index = opened(arguments, workload)
        for level in LEVELS[:3]:
            times, recall = timed(index, work, {"recall": level}, work["truth"])
            row = {"workload": workload, "n": work["n"], "level": level, "recall10": recall}
            keep_line("growth", {**circumstances(), **row, **times})


def filters(arguments: argparse.Namespace) -> None:
    """How do recall and latency change with the share of documents that a filter allows?"""
    for workload in arguments.workload:
        work, index = opened(arguments, workload)
        for share in (1.0, 0.5, 0.1, 0.01, 0.001):
            condition = {"filter": {"place": {"$lt": share}}}
            exact = [
                [int(hit.id) for hit in index.search(q, K, exact=True, **condition)]
                for q in work["queries"][:100]
            ]
            times, recall = timed(index, work, condition, exact)
            row = {"workload": workload, "share": share, "recall10": recall}
            keep_line("filters", {**circumstances(), **row, **times})


def opened(arguments: argparse.Namespace, workload: str) -> tuple[dict[str, Any], Any]:
    """Return a workload and an index of it, each document with a random `place` in [0, 1)."""
    from latelight import MultiVectorIndex

    folder = Path(arguments.data) / workload
    rows = np.load(folder / "vectors.npy", mmap_mode="r")
    offsets = np.concatenate([[0], np.cumsum(np.load(folder / "doclens.npy"), dtype=np.int64)])
    n = len(offsets) - 1
    work = {
        "n": n,
        "queries": np.load(folder / "queries.npy"),
        "truth": np.load(folder / "truth_ids.npy")[:, :K].tolist(),
    }
    path = Path(tempfile.gettempdir()) / "engines-index" / f"placed-{workload}"
    is_new = not path.exists()
    index = MultiVectorIndex(path, dim=rows.shape[1])
    places = np.random.default_rng(0).random(n).tolist()
    if is_new:
        parts = [rows[offsets[i] : offsets[i + 1]] for i in range(n)]
        index.add([str(i) for i in range(n)], parts, [{"place": place} for place in places])
    return work, index


def timed(
    index: Any, work: dict[str, Any], options: dict[str, Any], truth: list[list[int]]
) -> tuple[dict[str, float], float]:
    queries = work["queries"][: len(truth)]
    for query in queries[:5]:
        index.search(query, K, **options)
    taken, right, wanted = [], 0, 0
    for query, best in zip(queries, truth, strict=False):
        began = time.perf_counter()
        hits = index.search(query, K, **options)
        taken.append(1000 * (time.perf_counter() - began))
        right += len({int(hit.id) for hit in hits} & set(best))
        wanted += len(best)
    p50, p99 = np.percentile(taken, [50, 99])
    return {"p50_ms": round(float(p50), 3), "p99_ms": round(float(p99), 3)}, right / max(wanted, 1)


def collection(arguments: argparse.Namespace) -> None:
    """Does recall hold on a real encoder's rows, of a collection, with real queries?"""
    import latelight
    from latelight.app.engine import shared_encoder

    source = latelight.open(arguments.data).collection(arguments.workload[0])
    snapshot = source._versions.live().store.snapshot()
    encoder = shared_encoder(source.spec.spaces["text"].encoder, None, os.cpu_count() or 1)
    encoder.load()
    lines = arguments.queries.read_text(encoding="utf-8").splitlines()[: arguments.n_queries]
    queries = [encoder.encode_query(json.loads(line)["text"]).vectors for line in lines]
    for bits in OURS.values():
        index = recoded(snapshot, bits, arguments.workload[0])
        work = {"queries": queries}
        exact = [[int(hit.id) for hit in index.search(q, K, exact=True)] for q in queries]
        for level in LEVELS[:3]:
            times, recall = timed(index, work, {"recall": level}, exact)
            row = {"collection": arguments.workload[0], "bits": bits, "level": level}
            keep_line("collection", {**circumstances(), **row, "recall10": recall, **times})


def embeddings(arguments: argparse.Namespace) -> None:
    """Does recall hold on stored rows of real models? Queries are noisy rows of one document."""
    from latelight import MultiVectorIndex
    from latelight.index import WriterOptions, candidates

    candidates.FEW_ROWS = 0  # these sets are small: search them by codes all the same
    rng = np.random.default_rng(0)
    for path in sorted(Path(arguments.data).glob("*/docs.npz")):
        stored = np.load(path)
        rows, lengths = stored["emb"].astype(np.float32), stored["doclens"]
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        parts = np.split(rows, np.cumsum(lengths)[:-1])
        if len(parts) < 2 * K:
            continue
        queries = [_noisy(rng, parts[i]) for i in rng.integers(0, len(parts), 100)]
        for bits in OURS.values():
            options = WriterOptions(min_coded_rows=1, log_documents=0)
            with tempfile.TemporaryDirectory() as folder:
                index = MultiVectorIndex(folder, dim=rows.shape[1], bits=bits, options=options)
                index.add([str(i) for i in range(len(parts))], parts)
                exact = [[int(hit.id) for hit in index.search(q, K, exact=True)] for q in queries]
                codes = candidates.SearchOptions(32, len(parts), len(parts), 0)
                for name, recall in (("balanced", "balanced"), ("codes alone", codes)):
                    options_ = {"recall": recall}
                    times, found = timed(index, {"queries": queries}, options_, exact)
                    row = {"set": path.parent.name, "n": len(parts), "bits": bits, "level": name}
                    keep_line("embeddings", {**circumstances(), **row, "recall10": found, **times})
                index.close()


def _noisy(rng: np.random.Generator, rows: np.ndarray, n: int = 16) -> np.ndarray:
    near = rows[rng.integers(0, len(rows), n)]
    near = near + 0.5 / np.sqrt(rows.shape[1]) * rng.standard_normal(near.shape)
    return (near / np.linalg.norm(near, axis=1, keepdims=True)).astype(np.float32)


def recoded(snapshot: Any, bits: int, name: str) -> Any:
    """Return an index of a collection's stored rows, a document for each unit."""
    from latelight import MultiVectorIndex

    path = Path(tempfile.gettempdir()) / "engines-index" / f"recoded-{name}-{bits}"
    is_new = not path.exists()
    index = MultiVectorIndex(path, dim=snapshot.spaces["text"].dim, bits=bits)
    if is_new:
        parts = [snapshot.rows("text", ordinal) for ordinal in range(snapshot.n_units)]
        rows = [values * scales[:, None] for values, scales in parts]
        index.add([str(i) for i in range(len(rows))], rows)
    return index


# ------------------------------------------------------------------------------------- reporting


def circumstances() -> dict[str, Any]:
    asked = ["git", "-C", str(Path(__file__).parent), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "commit": commit,
        "machine": f"{names[0] if names else platform.machine()}, {os.cpu_count()} CPUs",
        "load": round(os.getloadavg()[0], 2),
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def keep(name: str, row: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / f"{name}.json").write_text(json.dumps(row, indent=1) + "\n")
    if "error" in row:
        print(f"{name}: {row['error']}", flush=True)


def keep_line(name: str, row: dict[str, Any]) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    with (RESULTS / f"{name}.jsonl").open("a") as lines:
        lines.write(json.dumps(row) + "\n")
    print(json.dumps(row), flush=True)


def _line(row: dict[str, Any], op: dict[str, Any]) -> str:
    if "error" in op:
        return f"| {row['workload']} | {row['engine']} | {op['op']} | {op['error'][:60]} |"
    batch = f"{op['qps_batch']:.0f}" if "qps_batch" in op else ""
    peak = row["build_rss_mb"] - row["build_base_rss_mb"]
    return (
        f"| {row['workload']} | {row['engine']} | {op['op']} | {op['recall10']:.3f} "
        f"| {op['p50_ms']:.2f} | {op['p99_ms']:.2f} | {batch} | {row['build_s']:.1f} "
        f"| {peak:.0f} | {row['disk_mb']:.0f} | {row['load']} |"
    )


HEAD = (
    "| workload | engine | setting | recall@10 | p50 ms | p99 ms | batch QPS | build s "
    "| build peak MB | disk MB | load |\n" + "|---" * 11 + "|"
)


def report(arguments: argparse.Namespace) -> None:
    rows = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    rows = [row for row in rows if row.get("ops")]
    rows.sort(key=lambda row: (row["workload"], row["ops"][0].get("p50_ms", 1e9)))
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = [_line(row, op) for row in rows for op in row["ops"]]
    (arguments.out / "engines.md").write_text(HEAD + "\n" + "\n".join(lines) + "\n")
    draw(rows, arguments.out / "engines.png")


FLOOR = 0.78  # of the panels; what lies below is listed in a corner


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Draw recall against latency, a panel for each workload."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt
    from matplotlib import ticker

    workloads = sorted({row["workload"] for row in rows})
    engines = sorted({row["engine"] for row in rows})
    shades = plt.get_cmap("tab20").colors
    colours = {engine: shades[(2 * i) % 20 + (2 * i) // 20] for i, engine in enumerate(engines)}
    figure, panels = plt.subplots(-(-len(workloads) // 2), 2, figsize=(13, 9), squeeze=False)
    for panel, workload in zip(panels.flat, workloads, strict=False):
        for row in (row for row in rows if row["workload"] == workload):
            _draw_engine(panel, row, colours[row["engine"]])
        panel.set(xscale="log", title=f"workload {workload}", ylim=(FLOOR, 1.01))
        panel.set(xlabel="median latency, ms (log)", ylabel="recall@10, exact float32 = 1")
        panel.xaxis.set_minor_formatter(ticker.NullFormatter())
        panel.xaxis.set_major_formatter(ticker.FormatStrFormatter("%g"))
        panel.grid(alpha=0.3, which="both")
        panel.legend(fontsize=8, loc="lower right")
    figure.suptitle("Recall against latency: up and to the left is better")
    figure.tight_layout()
    figure.savefig(path, dpi=100)


def _draw_engine(panel: Any, row: dict[str, Any], colour: Any) -> None:
    points = [op for op in row["ops"] if "recall10" in op]
    points.sort(key=lambda op: op["p50_ms"])
    shown = [op for op in points if op["recall10"] >= FLOOR]
    hidden = [f"{op['recall10']:.2f}" for op in points if op["recall10"] < FLOOR]
    ours = row["engine"].startswith("latelight")
    panel.plot(
        [op["p50_ms"] for op in shown],
        [op["recall10"] for op in shown],
        color=colour,
        marker="o" if ours else "s",
        linewidth=2 if ours else 1,
        linestyle="-" if ours else ":",
        label=row["engine"] + (f" (below: {', '.join(hidden)})" if hidden else ""),
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=list(COMMANDS))
    parser.add_argument("--harness", type=Path, default=Path(os.environ.get("LATELIGHT_BENCH", "")))
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("BENCH_DATA", "")))
    parser.add_argument("--workload", nargs="+", default=["S"])
    parser.add_argument("--engine", default="latelight-2bit")
    parser.add_argument("--python", default="", help="interpreter with the peer installed")
    parser.add_argument("--budget", type=float, default=20.0, help="seconds of searching a setting")
    parser.add_argument("--step", choices=["build", "search"], help=argparse.SUPPRESS)
    parser.add_argument("--queries", type=Path, help="queries.jsonl of the BEIR layout")
    parser.add_argument("--n-queries", type=int, default=300)
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    return parser.parse_args()


COMMANDS = {
    "run": run,
    "step": step,
    "growth": growth,
    "filters": filters,
    "collection": collection,
    "embeddings": embeddings,
    "report": report,
}

if __name__ == "__main__":
    given = parse()
    COMMANDS[given.what](given)
