"""How well do layout detectors find tables and figures on real pages, and what does a page cost?

    pip install rapid-layout==1.2.1
    python benchmarks/layout.py --data ../shared/data --detector rapid-layout
    python benchmarks/layout.py --data ../shared/data --detector words --set icdar2013
    python benchmarks/layout.py --data ../shared/data --detector rapid-layout --scan good --every 4

Every page of the labelled sets (`visual_labels.py`) is rendered and looked at; a region that was
found is right when it covers a labelled one of its class with an intersection over union of 0.5,
best score first, each labelled region once. `words` needs no model: runs of lines whose words stand
in columns are tables. `--scan` turns, blurs and greys pages and packs them as JPEG first.
Milliseconds are those of the processor, on one thread, rendering left out.
"""

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pypdfium2 as pdfium
from circumstances import circumstances
from column_tables import tables_of
from PIL import Image, ImageFilter
from visual_labels import CHARTS, LABELS, SETS, PageLabels, read_labels

from latelight.types import Box

CLASSES = {
    "table": frozenset({"table"}),
    "figure": CHARTS | {"diagram", "screenshot", "logo"},
}
OVERLAP = 0.5
SEED = 7


@dataclass(frozen=True)
class Region:
    """Something that a detector found: `table` or `figure`, where, and how sure it is."""

    kind: str
    box: Box
    score: float


@dataclass(frozen=True)
class Scan:
    """What a scanner does: blur in pixels, paper's brightness, noise in grey values, JPEG."""

    blur: float
    white: float
    noise: float
    quality: int


SCANS = {"good": Scan(0.5, 0.97, 3.0, 60), "poor": Scan(0.8, 0.92, 9.0, 40)}

Detector = Callable[[Image.Image, Any], list[Region]]
"""From a page's picture and the PDF's own page, which only `words` looks at."""


def rapid_layout() -> Detector:
    """Return the model that the package rapid-layout carries (PicoDet, trained on CDLA)."""
    from rapid_layout import EngineType, ModelType, RapidLayout, RapidLayoutInput

    threads = {"intra_op_num_threads": 1, "inter_op_num_threads": 1}
    model = RapidLayout(
        RapidLayoutInput(
            model_type=ModelType.PP_LAYOUT_CDLA,
            engine_type=EngineType.ONNXRUNTIME,
            engine_cfg=threads,
            conf_thresh=0.3,
        )
    )

    def detect(picture: Image.Image, _page: Any) -> list[Region]:
        found = model(np.asarray(picture)[:, :, ::-1].copy())
        if found.boxes is None:
            return []
        width, height = picture.size
        return [
            Region(kind, _share(box, width, height), float(score))
            for box, kind, score in zip(found.boxes, found.class_names, found.scores, strict=True)
            if kind in CLASSES
        ]

    return detect


def words() -> Detector:
    """Return the detector without a model; it is equally sure of everything."""
    return lambda _picture, page: [Region("table", box, 1.0) for box in tables_of(page)]


DETECTORS = {"rapid-layout": rapid_layout, "words": words}


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the benchmark, print its table; write and return its result."""
    given = _parser().parse_args(arguments)
    detect = DETECTORS[given.detector]()
    result: dict[str, Any] = {
        **circumstances("layout", SEED),
        "detector": given.detector,
        "scan": given.scan,
        "rows": [],
    }
    for name in given.set or SETS:
        pages = [page for page in read_labels(given.labels) if page.set == name][:: given.every]
        found, times = detected(detect, pages, given)
        if given.regions:
            write_regions(given.regions, pages, found)
        for threshold in given.threshold or [0.5]:
            row = {"set": name, "n_pages": len(pages), "threshold": threshold}
            row |= {"ms": round(statistics.median(times), 1), **told(pages, found, threshold)}
            result["rows"].append(row)
            print(*lines_of(row), sep="\n", flush=True)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return result


def detected(
    detect: Detector, pages: Sequence[PageLabels], given: argparse.Namespace
) -> tuple[list[list[Region]], list[float]]:
    """Return what is found on each page, and how many milliseconds it took."""
    generator = np.random.default_rng(SEED)
    found, times = [], []
    for picture, page in rendered(given.data, pages, given.dpi):
        seen = scan_of(picture, SCANS[given.scan], generator) if given.scan else picture
        began = time.process_time()
        found.append(detect(seen, page))
        times.append(1000 * (time.process_time() - began))
    return found, times


def rendered(data: Path, pages: Sequence[PageLabels], dpi: int) -> Iterator[tuple[Any, Any]]:
    """Yield each page's picture and the PDF's own page."""
    opened: tuple[str, Any] = ("", None)
    for page in pages:
        if opened[0] != page.doc_id:
            path = data / "pages" / SETS[page.set] / "pdfs" / f"{page.doc_id}.pdf"
            opened = (page.doc_id, pdfium.PdfDocument(path))
        own = opened[1][page.page - 1]
        yield own.render(scale=dpi / 72).to_pil().convert("RGB"), own


def scan_of(picture: Image.Image, scan: Scan, generator: np.random.Generator) -> Image.Image:
    """Return the page as a scanner gives it: grey, turned, blurred, noisy, JPEG.

    It is turned by up to 0.7 degrees, so that boxes stay where they were to within a hundredth.
    """
    turned = picture.convert("L").rotate(generator.uniform(-0.7, 0.7), fillcolor=255)
    blurred = np.asarray(turned.filter(ImageFilter.GaussianBlur(scan.blur)), np.float32)
    noisy = blurred * scan.white + generator.normal(0, scan.noise, blurred.shape)
    buffer = io.BytesIO()
    packed = Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8))
    packed.save(buffer, "JPEG", quality=scan.quality)
    return Image.open(io.BytesIO(buffer.getvalue())).convert("RGB")


def write_regions(
    path: Path, pages: Sequence[PageLabels], found: Sequence[Sequence[Region]]
) -> None:
    """Append what was found, a line a page, in the form of the labels with scores."""
    with path.open("a", encoding="utf-8") as lines:
        for page, regions in zip(pages, found, strict=True):
            told = [
                {"kind": one.kind, "box": list(astuple(one.box)), "score": round(one.score, 4)}
                for one in regions
            ]
            row = {"set": page.set, "pdf": page.doc_id, "page": page.page, "labels": told}
            lines.write(json.dumps(row) + "\n")


def told(
    pages: Sequence[PageLabels], found: Sequence[Sequence[Region]], threshold: float
) -> dict[str, Any]:
    """Return precision and recall by class, and recall by what people called it."""
    matched: dict[str, list[bool]] = {}
    right: dict[str, list[bool]] = {kind: [] for kind in CLASSES}
    page_hits: dict[str, list[tuple[bool, bool]]] = {kind: [] for kind in CLASSES}
    for page, regions in zip(pages, found, strict=True):
        for kind, names in CLASSES.items():
            labels = [one for one in page.labels if one.kind in names and one.box is not None]
            own = [one for one in regions if one.kind == kind and one.score >= threshold]
            taken = match([one.box for one in own_order(own)], [one.box for one in labels])
            right[kind] += [number is not None for number in taken]
            for number, label in enumerate(labels):
                matched.setdefault(label.kind, []).append(number in taken)
            page_hits[kind].append((bool(labels), bool(own)))
    return {
        "classes": {
            kind: {
                "precision": _share_of(right[kind]),
                "recall": _share_of(
                    [hit for name in names for hit in matched.get(name, [])],
                ),
                "n_found": len(right[kind]),
                "n_labelled": sum(len(matched.get(name, [])) for name in names),
                "page_precision": _share_of([there for there, said in page_hits[kind] if said]),
                "page_recall": _share_of([said for there, said in page_hits[kind] if there]),
            }
            for kind, names in CLASSES.items()
        },
        "kinds": {kind: [sum(hits), len(hits)] for kind, hits in sorted(matched.items())},
        "places": places(pages, found, threshold),
    }


def places(
    pages: Sequence[PageLabels], found: Sequence[Sequence[Region]], threshold: float
) -> dict[str, list[int]]:
    """Return by kind how many labelled regions are found whatever they are taken for, and all."""
    told: dict[str, list[int]] = {}
    for page, regions in zip(pages, found, strict=True):
        boxes = [one.box for one in regions if one.score >= threshold]
        for label in (label for label in page.labels if label.box is not None):
            hits = told.setdefault(label.kind, [0, 0])
            hits[0] += any(overlap(box, label.box) >= OVERLAP for box in boxes)
            hits[1] += 1
    return dict(sorted(told.items()))


def own_order(regions: Sequence[Region]) -> list[Region]:
    """Return regions, surest first."""
    return sorted(regions, key=lambda one: -one.score)


def match(found: Sequence[Box], labelled: Sequence[Box | None]) -> list[int | None]:
    """Return for each region found the labelled one that it takes, None for none.

    In order, each takes the free labelled region that it overlaps most, if by `OVERLAP` at least.
    """
    taken: list[int | None] = []
    for box in found:
        free = [
            (overlap(box, other), number)
            for number, other in enumerate(labelled)
            if other is not None and number not in taken
        ]
        best, number = max(free, default=(0.0, -1))
        taken.append(number if best >= OVERLAP else None)
    return taken


def overlap(one: Box, other: Box) -> float:
    """Return the intersection over union of two boxes."""
    across = min(one.right, other.right) - max(one.left, other.left)
    down = min(one.bottom, other.bottom) - max(one.top, other.top)
    common = max(across, 0.0) * max(down, 0.0)
    either = sum((b.right - b.left) * (b.bottom - b.top) for b in (one, other)) - common
    return common / either if either else 0.0


def lines_of(row: dict[str, Any]) -> list[str]:
    """Return a row's lines of the table."""
    lines = [
        f"| {row['set']} | {row['threshold']} | {kind} "
        f"| {one['precision']:.3f} of {one['n_found']} "
        f"| {one['recall']:.3f} of {one['n_labelled']} | {one['page_precision']:.3f} "
        f"| {one['page_recall']:.3f} | {row['ms']:.0f} |"
        for kind, one in row["classes"].items()
    ]
    named, placed = (
        ", ".join(f"{kind} {hit}/{n}" for kind, (hit, n) in row[name].items())
        for name in ("kinds", "places")
    )
    return [*lines, f"  by their class: {named}", f"  whatever the class: {placed}"]


def _share(box: Sequence[float], width: int, height: int) -> Box:
    left, top, right, bottom = (float(value) for value in box)
    return Box(left / width, top / height, right / width, bottom / height)


def _share_of(hits: Sequence[bool]) -> float:
    return round(sum(hits) / len(hits), 4) if hits else 0.0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", choices=SETS, help="repeatable; all if none")
    parser.add_argument("--detector", choices=DETECTORS, default="words")
    parser.add_argument("--dpi", type=int, default=150)
    parser.add_argument("--every", type=int, default=1, help="look at every such page alone")
    parser.add_argument("--scan", choices=SCANS, help="as scans, instead of as they are")
    parser.add_argument("--threshold", type=float, action="append", help="of scores; repeatable")
    parser.add_argument("--labels", type=Path, default=LABELS)
    parser.add_argument("--regions", type=Path, help="file that gets what was found on each page")
    parser.add_argument("--out", type=Path, default=Path("build/layout.json"))
    return parser


if __name__ == "__main__":
    main()
