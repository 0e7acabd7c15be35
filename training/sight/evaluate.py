"""Measure the exported patch encoder on labelled pages: what is found, where, and how fast.

    python -m training.sight.evaluate --pages DIR [--weights DIR] [--n 200]

A thing counts as found where a region of its kind overlaps it by half (IoU >= .5). Prints one JSON
object: by kind its precision, recall and count; attributes of found things; pages without a figure
on which one is seen; milliseconds a page on one core.
"""

import argparse
import json
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from latelight.encoders.sight import PatchEncoder, Region
from latelight.encoders.sight.regions import overlaps
from latelight.encoders.sight.vocabulary import CHARTS, TABLES, UNMARKED
from training.sight.canvas import Box, Label
from training.sight.dataset import Page, read_pages

FOUND_AT = 0.5


@dataclass
class Counts:
    """What was counted on the pages so far."""

    there: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)
    said: Counter[str] = field(default_factory=Counter)
    right: Counter[str] = field(default_factory=Counter)
    confused: Counter[str] = field(default_factory=Counter)
    attributes: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    milliseconds: list[float] = field(default_factory=list)
    n_bare: int = 0
    n_bare_with_figure: int = 0
    n_regions: int = 0


def family(kind: str) -> str:
    """Return what a kind counts as when its family is enough."""
    return "any chart" if kind in CHARTS else "any table" if kind in TABLES else kind


def count(counts: Counts, page: Page, regions: Sequence[Region]) -> None:
    """Add a page: its labels against the regions that were seen."""
    w, h = page.size
    boxes = [(r.box.left * w, r.box.top * h, r.box.right * w, r.box.bottom * h) for r in regions]
    labels = [one for one in page.labels if one.kind not in UNMARKED]
    counts.n_regions += len(regions)
    for label in labels:
        counts.there[label.kind] += 1
        best = _best(label, regions, boxes)
        if best is not None:
            counts.found[label.kind] += 1
            _count_attributes(counts, label, regions[best])
        else:
            counts.confused[f"{label.kind} > {_seen_instead(label.box, regions, boxes)}"] += 1
    for region, box in zip(regions, boxes, strict=True):
        counts.said[region.kind] += 1
        counts.right[region.kind] += any(
            one.kind == region.kind and overlap(one.box, box) >= FOUND_AT for one in labels
        )
    figures = [one for one in labels if family(one.kind) != "any table"]
    if not figures:
        counts.n_bare += 1
        counts.n_bare_with_figure += any(family(r.kind) != "any table" for r in regions)


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes."""
    return float(overlaps(np.array(one, np.float32), np.array([other], np.float32))[0])


def _best(label: Label, regions: Sequence[Region], boxes: Sequence[Box]) -> int | None:
    of_kind = [i for i, one in enumerate(regions) if one.kind == label.kind]
    shares = [(overlap(label.box, boxes[i]), i) for i in of_kind]
    share, i = max(shares, default=(0.0, -1))
    return i if share >= FOUND_AT else None


def _seen_instead(box: Box, regions: Sequence[Region], boxes: Sequence[Box]) -> str:
    shares = [
        (overlap(box, other), region.kind) for region, other in zip(regions, boxes, strict=True)
    ]
    share, kind = max(shares, default=(0.0, ""))
    return kind if share >= FOUND_AT else "other box" if share > 0.1 else "nothing"


def _count_attributes(counts: Counts, label: Label, region: Region) -> None:
    for name, there in label.attributes.items():
        said = name in region.attributes
        counts.attributes[name][f"{'there' if there else 'not'}-{'said' if said else 'not'}"] += 1


def report(counts: Counts) -> dict[str, object]:
    """Return the measures of what was counted."""
    kinds = {
        kind: {
            "n": counts.there[kind],
            "recall": _share(counts.found[kind], counts.there[kind]),
            "precision": _share(counts.right[kind], counts.said[kind]),
        }
        for kind in sorted(counts.there | counts.said)
    }
    return {
        "kinds": kinds,
        "recall": _share(counts.found.total(), counts.there.total()),
        "precision": _share(counts.right.total(), counts.said.total()),
        "attributes": {name: _attribute(one) for name, one in sorted(counts.attributes.items())},
        "regions_per_page": round(counts.n_regions / max(1, len(counts.milliseconds)), 2),
        "pages_without_figures": counts.n_bare,
        "of_these_with_one_seen": counts.n_bare_with_figure,
        "ms_per_page_median": round(float(np.median(counts.milliseconds)), 1),
        "most_missed": dict(counts.confused.most_common(25)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _attribute(counted: Counter[str]) -> dict[str, float | None]:
    right = counted["there-said"]
    return {
        "n": counted["there-said"] + counted["there-not"],
        "recall": _share(right, right + counted["there-not"]),
        "precision": _share(right, right + counted["not-said"]),
    }


def main() -> None:
    """Read the arguments and measure."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--n", type=int, default=0, help="pages; 0 for all")
    given = parser.parse_args()
    encoder = PatchEncoder(given.weights)
    encoder.load()
    counts = Counts()
    pages = read_pages(given.pages)
    for page in pages[: given.n or len(pages)]:
        image = page.pixels()
        began = time.process_time()
        regions = encoder.look(image)
        counts.milliseconds.append(1000 * (time.process_time() - began))
        count(counts, page, regions)
    print(json.dumps(report(counts), indent=1))


if __name__ == "__main__":
    main()
