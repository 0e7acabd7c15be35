"""How near does adding files come to what the encoder alone can do?

    python benchmarks/ingest.py --data ../shared/data --texts 400 --pdfs 2 --clips 12

For each kind of file, in turn and `--repeat` times: its units are encoded by themselves (the
ceiling), its files are read by themselves, and the files are added to a fresh library. Adding does
both at once: its ceiling is the slower of the two, on as many cores as there are. Medians, in
seconds of wall time and of processor time of all processes.
"""

import argparse
import json
import os
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from circumstances import circumstances

import latelight
from latelight.app.engine import build_encoders
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.pipelines.spec import PipelineSpec
from latelight.settings import read_settings
from latelight.types import Extraction, Source, Unit


@dataclass(frozen=True)
class Files:
    """Files of one kind, and what their amount is counted in."""

    kind: str
    paths: tuple[Path, ...]
    counted_in: str

    def amount(self, read: Sequence[Extraction]) -> float:
        if self.counted_in == "pages":
            return float(sum(len(one.units) for one in read))
        if self.counted_in == "seconds of sound":
            return sum(float(str(one.metadata.get("seconds", 0))) for one in read)
        return sum(path.stat().st_size for path in self.paths) / 1e6


def gathered(data: Path, given: argparse.Namespace, scratch: Path) -> list[Files]:
    texts = scratch / "texts"
    texts.mkdir()
    lines = (data / "text/scifact/corpus.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines[: given.texts]:
        record = json.loads(line)
        path = texts / f"{record['_id']}.txt"
        path.write_text(f"{record['title']}\n\n{record['text']}", encoding="utf-8")
    pdfs = sorted((data / "pages/financebench-subset/pdfs").glob("*.pdf"), key=_size)
    scans = sorted((data / "pages/icdar2013-tables-us").rglob("*.pdf"), key=_size)
    clips = sorted((data / "audio/speech/audio").iterdir())
    pictures = sorted((data / "images/coco-captions-mini").rglob("*.jpg"))
    found = (
        Files("abstracts", tuple(sorted(texts.iterdir())), "MB of text"),
        Files("filings", tuple(pdfs[: given.pdfs]), "pages"),
        Files("reports with tables", tuple(scans[: given.reports]), "pages"),
        Files("speech", tuple(clips[: given.clips]), "seconds of sound"),
        Files("photographs", tuple(pictures[: given.pictures]), "pages"),
    )
    return [one for one in found if one.paths]


def _size(path: Path) -> int:
    return path.stat().st_size


def timed(work: Callable[[], Any]) -> tuple[float, float]:
    """Return seconds of wall time and of processor time, those of finished children included."""
    cpu, wall = _cpu_seconds(), time.perf_counter()
    work()
    return time.perf_counter() - wall, _cpu_seconds() - cpu


def _cpu_seconds() -> float:
    own, children = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def read_all(files: Files, options: ExtractionOptions) -> list[Extraction]:
    with ExtractionPool(1) as pool:
        return [pool.extract(Source(p.name, p.read_bytes()), options) for p in files.paths]


def measured(files: Files, n_repeats: int, scratch: Path) -> dict[str, Any]:
    settings = read_settings()
    encoder = build_encoders(PipelineSpec(), settings)["text"]
    encoder.load()
    options = ExtractionOptions(
        speech_threads=min(settings.n_threads, 2),
        render_images=encoder.info.sees_images,
        image_side=encoder.info.image_side,
    )
    read = read_all(files, options)
    units: list[Unit] = [unit for one in read for unit in one.units]
    encoder.encode_documents(units[:4])
    times: dict[str, list[tuple[float, float]]] = {"encode": [], "read": [], "add": []}
    for number in range(n_repeats):
        root = scratch / f"{files.kind}-{number}"
        target = latelight.open(root).collection("c", create=True)
        times["encode"].append(timed(lambda: encoder.encode_documents(units)))
        times["read"].append(timed(lambda: read_all(files, options)))
        times["add"].append(timed(lambda to=target: to.add([str(p) for p in files.paths])))
        assert target.stats().n_documents == len({p.read_bytes() for p in files.paths})
    return {"kind": files.kind, "n_files": len(files.paths), **rates(files, read, times)}


def rates(
    files: Files, read: Sequence[Extraction], times: dict[str, list[tuple[float, float]]]
) -> dict[str, Any]:
    wall = {step: statistics.median(one for one, _ in own) for step, own in times.items()}
    cpu = {step: statistics.median(two for _, two in own) for step, own in times.items()}
    n_cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    # Both kinds of work need the same cores: nothing can be faster than this.
    floor = max(wall["encode"], (cpu["encode"] + cpu["read"]) / n_cores)
    return {
        "amount": round(files.amount(read), 2),
        "counted_in": files.counted_in,
        "a_second": round(files.amount(read) / wall["add"], 3),
        **{f"{step}_wall_s": round(seconds, 2) for step, seconds in wall.items()},
        **{f"{step}_cpu_s": round(seconds, 2) for step, seconds in cpu.items()},
        "encoder_rate_kept": round(wall["encode"] / wall["add"], 3),
        "floor_kept": round(floor / wall["add"], 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--texts", type=int, default=400)
    parser.add_argument("--pdfs", type=int, default=2)
    parser.add_argument("--reports", type=int, default=10)
    parser.add_argument("--clips", type=int, default=12)
    parser.add_argument("--pictures", type=int, default=8)
    parser.add_argument("--repeat", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for files in gathered(given.data, given, Path(folder)):
            row = measured(files, given.repeat, Path(folder))
            print(json.dumps({**circumstances("ingest", None), **row}), flush=True)


if __name__ == "__main__":
    main()
