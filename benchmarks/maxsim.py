"""How fast is exact MaxSim, beside its peers, in one run?

    python benchmarks/maxsim.py                                  toy workload, ours alone
    python benchmarks/maxsim.py --workload A --harness DIR --data DIR --peers PYTHON

`--harness` (or LATELIGHT_BENCH) is a directory with `dataset.py`, which makes the workload below
`--data` (or BENCH_DATA). `--peers` is the interpreter of an environment with numpy, torch and
lateweave; every contender runs in a process of its own, one after the other, ours too, on float32
documents rounded to float16 as encoders hand them over. A ratio compares equal thread counts.
Latencies are valid on an idle machine: the load at the start is part of the result, and the CPU
time per query stands beside the wall time.
"""

import argparse
import hashlib
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
OURS = ("ours-f32", "ours-f16", "ours-bf16", "ours-i8")
EXACT_PEERS = ("lateweave-f32", "torch-f32", "torch-padded-f32", "pylate-rank-f32")
PEERS = (*EXACT_PEERS, "torch-bf16")
K = 10
TOY_SEED = 4


@dataclass(frozen=True)
class Workload:
    """Documents as flat float32 rows, queries, and the exact ten best of each query."""

    rows: np.ndarray  # (n_rows, dim) float32
    offsets: np.ndarray  # (n_documents + 1,) int64
    queries: np.ndarray  # (n_queries, n_query, dim) float32
    truth: np.ndarray  # (n_queries, >= 10) ordinals
    digest: str

    def document(self, i: int) -> np.ndarray:
        return self.rows[self.offsets[i] : self.offsets[i + 1]]

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    @property
    def ops_per_query(self) -> float:
        """Multiplications and additions of one query against everything."""
        return 2.0 * self.rows.size * self.queries.shape[1]


def toy_workload() -> Workload:
    rng = np.random.default_rng(TOY_SEED)
    offsets = np.concatenate([[0], np.cumsum(rng.integers(20, 180, 500))]).astype(np.int64)
    rows = _unit(rng.standard_normal((offsets[-1], 128), dtype=np.float32))
    rows = rows.astype(np.float16).astype(np.float32)
    queries = _unit(rng.standard_normal((20, 32, 128), dtype=np.float32))
    scores = [np.maximum.reduceat(rows @ q.T, offsets[:-1]).sum(axis=1) for q in queries]
    return Workload(rows, offsets, queries, np.argsort(-np.array(scores)), _digest(rows, queries))


def stored_workload(folder: Path) -> Workload:
    lengths = np.load(folder / "doclens.npy")
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    rows = np.load(folder / "vectors.npy").astype(np.float32)
    queries = np.load(folder / "queries.npy").astype(np.float32)
    truth = np.load(folder / "truth_ids.npy")
    return Workload(rows, offsets, queries, truth, _digest(rows, queries))


def _unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _digest(*arrays: np.ndarray) -> str:
    whole = hashlib.sha256()
    for array in arrays:
        whole.update(np.ascontiguousarray(array).data)
    return whole.hexdigest()[:12]


# ------------------------------------------------------------ contenders: query -> ten ordinals


def ours(work: Workload, stored_as: str, n_threads: int) -> Callable[[np.ndarray], np.ndarray]:
    from latelight.kernels.maxsim import Rows, bfloat16_bits, maxsim, quantize_int8, top_k

    if stored_as == "i8":
        codes, scales = quantize_int8(work.rows)
        rows = Rows(codes, work.offsets, scales)
    elif stored_as == "bf16":
        rows = Rows(bfloat16_bits(work.rows), work.offsets)
    else:
        dtype = np.float16 if stored_as == "f16" else np.float32
        rows = Rows(work.rows.astype(dtype), work.offsets)
    return lambda query: top_k(maxsim(query, rows, n_threads=n_threads), K)


def lateweave(work: Workload, n_threads: int) -> Callable[[np.ndarray], np.ndarray]:
    from lateweave import maxsim_scores_packed

    lengths = work.lengths.astype(np.int64)
    return lambda query: _best(
        np.asarray(maxsim_scores_packed(query, work.rows, lengths, threads=n_threads))
    )


def torch_ragged(work: Workload, dtype: str, n_threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """One product per 64 documents, then the maximum over each document's own rows."""
    torch = _torch(n_threads)
    rows = torch.from_numpy(work.rows).to(getattr(torch, dtype))
    offsets = work.offsets.tolist()
    n = len(offsets) - 1

    def search(query: np.ndarray, step: int = 64) -> np.ndarray:
        transposed = torch.from_numpy(query).to(rows.dtype).T.contiguous()
        scores = []
        for i in range(0, n, step):
            j, start = min(i + step, n), offsets[i]
            products = rows[start : offsets[j]] @ transposed
            spans = [(offsets[d] - start, offsets[d + 1] - start) for d in range(i, j)]
            best = torch.stack([products[a:b].amax(0) for a, b in spans])
            scores.append(best.float().sum(1))
        return torch.cat(scores).topk(K).indices.numpy()

    return search


def torch_padded(work: Workload, n_threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """Einsum, mask and amax over batches of 500 documents of like length, padded beforehand."""
    torch = _torch(n_threads)
    order = np.argsort(work.lengths, kind="stable")
    batches = [order[i : i + 500] for i in range(0, len(order), 500)]
    padded = [
        torch.nn.utils.rnn.pad_sequence(
            [torch.from_numpy(work.document(d)) for d in batch], batch_first=True
        )
        for batch in batches
    ]
    missing = [
        torch.arange(p.shape[1])[None] >= torch.from_numpy(work.lengths[batch])[:, None]
        for p, batch in zip(padded, batches, strict=True)
    ]
    ordinals = torch.from_numpy(np.concatenate(batches))

    def search(query: np.ndarray) -> np.ndarray:
        q = torch.from_numpy(query)
        scores = [
            torch.einsum("qd,ntd->nqt", q, p).masked_fill_(m[:, None], -torch.inf).amax(-1).sum(-1)
            for p, m in zip(padded, missing, strict=True)
        ]
        return ordinals[torch.cat(scores).topk(K).indices].numpy()

    return search


def pylate_rank(work: Workload, n_threads: int) -> Callable[[np.ndarray], np.ndarray]:
    """What PyLate 1.6.0's `rank.rerank` computes, restated: pad with zeros, einsum, max, sort.

    PyLate itself cannot be installed beside this torch. 2,000 documents a call bound the memory.
    """
    torch = _torch(n_threads)
    documents = [torch.from_numpy(work.document(i)) for i in range(len(work.lengths))]

    def search(query: np.ndarray, step: int = 2000) -> np.ndarray:
        q, found = torch.from_numpy(query)[None], []
        for i in range(0, len(documents), step):
            padded = torch.nn.utils.rnn.pad_sequence(documents[i : i + step], batch_first=True)
            scores = torch.einsum("ash,bth->abst", q, padded).max(dim=-1).values.sum(dim=-1)[0]
            best, order = torch.sort(scores, descending=True)
            found += zip(best[:K].tolist(), (order[:K] + i).tolist(), strict=True)
        return np.array([ordinal for _, ordinal in sorted(found, reverse=True)[:K]])

    return search


def _torch(n_threads: int) -> Any:
    import torch

    torch.set_num_threads(n_threads)
    torch.set_grad_enabled(False)
    return torch


def _best(scores: np.ndarray) -> np.ndarray:
    among = np.argpartition(-scores, K)[:K]
    return among[np.argsort(-scores[among], kind="stable")]


def contender(name: str, work: Workload, n_threads: int) -> Callable[[np.ndarray], np.ndarray]:
    if name.startswith("ours-"):
        return ours(work, name.removeprefix("ours-"), n_threads)
    if name.startswith("torch-padded"):
        return torch_padded(work, n_threads)
    if name.startswith("torch-"):
        return torch_ragged(work, {"f32": "float32", "bf16": "bfloat16"}[name[6:]], n_threads)
    return (lateweave if name.startswith("lateweave") else pylate_rank)(work, n_threads)


# ------------------------------------------------------------------------------- measuring


def measure(name: str, work: Workload, n_threads: int, n_queries: int) -> dict[str, Any]:
    search = contender(name, work, n_threads)
    for query in work.queries[:3]:
        search(query)
    wall, cpu, hits = [], [], 0
    for query, truth in zip(work.queries[:n_queries], work.truth, strict=False):
        before, cpu_before = time.perf_counter(), time.process_time()
        found = search(query)
        wall.append(time.perf_counter() - before)
        cpu.append(time.process_time() - cpu_before)
        hits += len(set(np.asarray(found).tolist()) & set(truth[:K].tolist()))
    p50 = float(np.median(wall))
    return {
        "engine": name,
        "threads": n_threads,
        "p50_ms": round(p50 * 1e3, 2),
        "best_ms": round(min(wall) * 1e3, 2),
        "cpu_ms": round(float(np.median(cpu)) * 1e3, 2),
        "gops": round(work.ops_per_query / p50 / 1e9, 1),
        "recall10": round(hits / (K * len(wall)), 4),
        **_peak(name, n_threads, work.ops_per_query / p50 / 1e9),
    }


def _peak(name: str, n_threads: int, gops: float) -> dict[str, Any]:
    """The register-only limit of the path, measured in the same process."""
    if not name.startswith("ours-"):
        return {}
    from latelight.kernels.maxsim import isa

    if isa() == "numpy":
        return {"isa": "numpy"}
    from latelight.kernels._native import peak

    limit = peak(isa(), name.removeprefix("ours-"), 0.5) / 1e9 * n_threads
    share = round(gops / limit, 3) if limit else None
    return {"isa": isa(), "peak_gops": round(limit, 1), "of_peak": share}


def child(arguments: argparse.Namespace) -> None:
    work = _workload(arguments)
    result = measure(arguments.child, work, arguments.child_threads, arguments.queries)
    print(json.dumps({**result, "data_digest": work.digest}))


def _workload(arguments: argparse.Namespace) -> Workload:
    if arguments.workload == "toy":
        return toy_workload()
    return stored_workload(Path(arguments.data) / arguments.workload)


def run_child(name: str, n_threads: int, arguments: argparse.Namespace) -> dict[str, Any]:
    python = arguments.peers if name in PEERS else sys.executable
    options = {
        "--child": name,
        "--child-threads": n_threads,
        "--workload": arguments.workload,
        "--queries": arguments.queries,
        "--data": arguments.data,
    }
    words = [str(word) for pair in options.items() for word in pair]
    pools = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS", "MKL_NUM_THREADS")
    environment = os.environ | dict.fromkeys(pools, str(n_threads))
    done = subprocess.run(
        [python, __file__, *words], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        return {"engine": name, "threads": n_threads, "error": last}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def add_ratios(rows: list[dict[str, Any]]) -> None:
    """Say how many times faster than the fastest exact peer with as many threads."""
    for row in rows:
        peers = [
            other["p50_ms"]
            for other in rows
            if other["engine"] in EXACT_PEERS
            and other["threads"] == row["threads"]
            and "p50_ms" in other
        ]
        if peers and "p50_ms" in row:
            row["times_fastest_peer"] = round(min(peers) / row["p50_ms"], 2)


def provenance(arguments: argparse.Namespace) -> dict[str, Any]:
    asked = ["git", "-C", str(HERE), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.strip()
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    return {
        "commit": commit,
        "machine": f"{names[0] if names else platform.machine()}, {os.cpu_count()} CPUs",
        "load_at_start": load,
        "workload": arguments.workload,
        "seed": TOY_SEED if arguments.workload == "toy" else "the workload's own",
        "queries": arguments.queries,
    }


def table(rows: list[dict[str, Any]]) -> str:
    columns = {
        "engine": "engine",
        "threads": "threads",
        "p50_ms": "p50 ms",
        "best_ms": "best ms",
        "cpu_ms": "CPU ms",
        "gops": "Gop/s",
        "peak_gops": "peak",
        "of_peak": "of peak",
        "recall10": "recall@10",
        "times_fastest_peer": "x fastest exact peer",
    }
    lines = ["| " + " | ".join(columns.values()) + " |", "|" + "---|" * len(columns)]
    for row in rows:
        cells = [str(row.get(column, "")) for column in columns]
        lines.append("| " + " | ".join([*cells[:-1], row.get("error", cells[-1])]) + " |")
    return "\n".join(lines)


def make_workload(arguments: argparse.Namespace) -> None:
    """Let the harness make the workload where it is not there yet."""
    if arguments.workload == "toy" or (Path(arguments.data) / arguments.workload).exists():
        return
    if not arguments.harness:
        sys.exit(f"No workload {arguments.workload} in {arguments.data!r}: give --harness.")
    script = Path(arguments.harness) / "dataset.py"
    environment = os.environ | {"BENCH_DATA": str(arguments.data)}
    subprocess.run([sys.executable, str(script), arguments.workload], env=environment, check=True)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workload", default="toy", help="toy, or a name that the harness knows")
    parser.add_argument("--harness", default=os.environ.get("LATELIGHT_BENCH", ""))
    parser.add_argument("--data", default=os.environ.get("BENCH_DATA", ""))
    parser.add_argument("--peers", default="", help="interpreter with torch and lateweave")
    parser.add_argument("--queries", type=int, default=50)
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--out", default="", help="write the rows as JSON")
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--child-threads", type=int, default=1, help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    arguments = parse()
    if arguments.child:
        child(arguments)
        return
    make_workload(arguments)
    header = provenance(arguments)
    names = (*OURS, *(PEERS if arguments.peers else ()))
    rows = [run_child(name, n, arguments) for n in arguments.threads for name in names]
    add_ratios(rows)
    print(json.dumps(header), table(rows), sep="\n\n")
    if arguments.out:
        Path(arguments.out).write_text(json.dumps({**header, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
