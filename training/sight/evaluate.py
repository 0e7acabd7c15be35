"""Measure the exported patch encoder on labelled pages: what is found, where, and how fast.

    python -m training.sight.evaluate --pages DIR [--weights DIR] [--n 200]

A thing counts as found where a region of its kind overlaps it by half (IoU >= .5), as pointed at
where a region's middle lies in it. Prints one JSON object: precision and recall by kind and by
family (any chart, any table, all); attributes of found things; pages without a figure on which one
is seen; milliseconds a page on one core.
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
Thing = tuple[str, Box]


@dataclass
class Tally:
    """What was counted of a kind, or of a family of kinds.

    Attributes:
        there, said: things on the pages; regions of the kind.
        found, right: of each, how many have one of the other that overlaps by half.
        seen, fitting: of each, how many have one of the other with one's middle in it.
    """

    there: int = 0
    said: int = 0
    found: int = 0
    right: int = 0
    seen: int = 0
    fitting: int = 0

    def report(self) -> dict[str, float | int | None]:
        """Return the measures."""
        return {
            "n": self.there,
            "recall": _share(self.found, self.there),
            "precision": _share(self.right, self.said),
            "pointed_recall": _share(self.seen, self.there),
            "pointed_precision": _share(self.fitting, self.said),
        }


@dataclass
class Counts:
    """What was counted on the pages so far."""

    kinds: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    families: dict[str, Tally] = field(default_factory=lambda: defaultdict(Tally))
    missed: Counter[str] = field(default_factory=Counter)
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
    there = [(one.kind, one.box) for one in labels]
    said = [(one.kind, box) for one, box in zip(regions, boxes, strict=True)]
    _tally(counts.kinds, there, said)
    _tally(counts.families, _families(there), _families(said))
    _tally(counts.families, [("all", box) for _, box in there], [("all", box) for _, box in said])
    counts.n_regions += len(regions)
    for label in labels:
        best = max(said, key=lambda one: overlap(label.box, one[1]), default=None)
        if best is None or overlap(label.box, best[1]) < FOUND_AT:
            counts.missed[f"{label.kind} > nothing there"] += 1
        elif best[0] != label.kind:
            counts.missed[f"{label.kind} > {best[0]}"] += 1
        else:
            _count_attributes(counts, label, regions[said.index(best)])
    if all(kind in TABLES for kind, _ in there):
        counts.n_bare += 1
        counts.n_bare_with_figure += any(kind not in TABLES for kind, _ in said)


def _families(things: list[Thing]) -> list[Thing]:
    return [(family(kind), box) for kind, box in things]


def _tally(tallies: dict[str, Tally], there: list[Thing], said: list[Thing]) -> None:
    for kind, box in there:
        own = [other for name, other in said if name == kind]
        tallies[kind].there += 1
        tallies[kind].found += any(overlap(box, other) >= FOUND_AT for other in own)
        tallies[kind].seen += any(_holds_middle(box, other) for other in own)
    for kind, box in said:
        own = [other for name, other in there if name == kind]
        tallies[kind].said += 1
        tallies[kind].right += any(overlap(box, other) >= FOUND_AT for other in own)
        tallies[kind].fitting += any(_holds_middle(other, box) for other in own)


def overlap(one: Box, other: Box) -> float:
    """Return intersection over union of two boxes."""
    return float(overlaps(np.array(one, np.float32), np.array([other], np.float32))[0])


def _holds_middle(box: Box, other: Box) -> bool:
    """Return whether the middle of `other` lies in `box`."""
    x, y = (other[0] + other[2]) / 2, (other[1] + other[3]) / 2
    return box[0] <= x <= box[2] and box[1] <= y <= box[3]


def _count_attributes(counts: Counts, label: Label, region: Region) -> None:
    for name, there in label.attributes.items():
        said = name in region.attributes
        counts.attributes[name][f"{'there' if there else 'not'}-{'said' if said else 'not'}"] += 1


def report(counts: Counts) -> dict[str, object]:
    """Return the measures of what was counted."""
    return {
        "kinds": {name: one.report() for name, one in sorted(counts.kinds.items())},
        "families": {name: one.report() for name, one in sorted(counts.families.items())},
        "attributes": {name: _attribute(one) for name, one in sorted(counts.attributes.items())},
        "regions_per_page": round(counts.n_regions / max(1, len(counts.milliseconds)), 2),
        "pages_without_figures": counts.n_bare,
        "of_these_with_one_seen": counts.n_bare_with_figure,
        "ms_per_page_median": round(float(np.median(counts.milliseconds)), 1),
        "most_missed": dict(counts.missed.most_common(25)),
    }


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 3) if whole else None


def _attribute(counted: Counter[str]) -> dict[str, float | int | None]:
    right = counted["there-said"]
    return {
        "n": right + counted["there-not"],
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
