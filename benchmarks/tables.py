"""Do queries made of a table's cells light that table? ICDAR 2013, through the public API.

    python benchmarks/tables.py --data ../shared/data               # by the text layer
    python benchmarks/tables.py --data ../shared/data --ocr always --documents 12

For every table with its cells transcribed, `--queries` rows with at least three cells are drawn; a
query is one row's cells, left to right, at most six. The document is searched exactly, and the
best page's evidence is held against the table's true region. A place counts as inside when its
middle is.

- page: the best hit is the table's page
- share: how much of the hit's score came from places inside the region, all else counting as
  outside: other pages, other places, rows without a place
- pointing: the brightest place of the heat map, the one that contributed most, lies inside
- chance: the share of the document's words in the text layer that lie inside the region
"""

import argparse
import json
import random
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pypdfium2 as pdfium
from circumstances import circumstances

import latelight
from latelight.extractors.protocol import ExtractionOptions
from latelight.extractors.registry import extract
from latelight.types import Box, Locator, Source, Unit

MODES = ("maxsim", "bm25", "hybrid")
_MIN_CELLS = 3
_MAX_CELLS = 6
_MARGIN = 0.004  # of the page: the regions were drawn by hand


@dataclass(frozen=True)
class Region:
    """Where a table, or its part on one page, truly stands."""

    document: str
    page: int
    box: Box

    def holds(self, place: Locator) -> bool:
        """Whether the middle of a place lies inside."""
        if place.page != self.page or place.box is None:
            return False
        x, y = (place.box.left + place.box.right) / 2, (place.box.top + place.box.bottom) / 2
        across = self.box.left - _MARGIN <= x <= self.box.right + _MARGIN
        return across and self.box.top - _MARGIN <= y <= self.box.bottom + _MARGIN


@dataclass(frozen=True)
class Topic:
    """A query and the region that it was made from."""

    query: str
    region: Region


@dataclass(frozen=True)
class Judged:
    """How one query's best hit did."""

    page: bool
    share: float
    pointing: bool


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the benchmark, print its table, write and return its result."""
    given = _parser().parse_args(arguments)
    folder = given.data / "pages" / "icdar2013-tables-us"
    files = sorted((folder / "pdfs").glob("*.pdf"))
    if given.documents:
        files = sorted(random.Random(given.seed).sample(files, given.documents))
    topics = [
        topic
        for file in files
        for topic in topics_of(file, folder / "ground-truth", given.queries, given.seed)
    ]
    with tempfile.TemporaryDirectory() as scratch:
        collection = build(Path(scratch), files, given.ocr)
        rows = [means(mode, judge(collection, topics, mode)) for mode in MODES]
    chance = statistics.mean(
        share
        for file in files
        for share in _chance(file, [t.region for t in topics if t.region.document == file.stem])
    )
    for row in rows:
        print("  ".join(f"{k} {v:.3f}" if isinstance(v, float) else f"{v}" for k, v in row.items()))
    print(f"{len(files)} documents, {len(topics)} queries, ocr {given.ocr}, chance {chance:.3f}")
    result = {
        **circumstances("tables", given.seed),
        "ocr": given.ocr,
        "n_documents": len(files),
        "n_queries": len(topics),
        "chance": chance,
        "rows": rows,
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    return result


def build(scratch: Path, files: Sequence[Path], ocr: str) -> latelight.Collection:
    """Return a collection of the files, read by their text layers or by OCR."""
    pipeline = scratch / "tables.yaml"
    pipeline.write_text(f"name: tables\nextract: {{ocr: {ocr}}}\n")
    library = latelight.open(scratch / "library")
    collection = library.collection("tables", create=True, pipeline=pipeline)
    for file in files:
        report = collection.add(file, doc_id=file.stem, metadata={"file": file.stem}).wait()
        for failure in report.failures:
            print(failure)
    return collection


def topics_of(file: Path, truth: Path, count: int, seed: int) -> list[Topic]:
    """Return some rows of every table of a document as queries."""
    draw = random.Random(f"{seed} {file.stem}")
    topics = []
    for region, rows in _tables(file, truth):
        usable = [row for row in rows if len(row) >= _MIN_CELLS]
        for row in draw.sample(usable, min(count, len(usable))):
            topics.append(Topic(" ".join(row[:_MAX_CELLS]), region))
    return topics


def judge(collection: latelight.Collection, topics: Sequence[Topic], mode: Any) -> list[Judged]:
    """Return how each query did."""
    found = []
    for topic in topics:
        wanted = {"file": topic.region.document}
        hits = collection.search(
            topic.query, k=1, filter=wanted, mode=mode, exact=True, explain=True
        )
        found.append(_judged(list(hits), topic.region))
    return found


def means(mode: str, judged: Sequence[Judged]) -> dict[str, Any]:
    """Return the means over queries."""
    columns = {name: [getattr(one, name) for one in judged] for name in asdict(judged[0])}
    return {"mode": mode, **{name: float(np.mean(values)) for name, values in columns.items()}}


def _judged(hits: Sequence[Any], region: Region) -> Judged:
    if not hits:
        return Judged(False, 0.0, False)
    light: dict[tuple[int | None, Any], float] = defaultdict(float)
    inside = total = 0.0
    for one in hits[0].evidence:
        total += one.contribution
        for place in one.locators:
            part = one.contribution / len(one.locators)
            inside += part * region.holds(place)
            light[place.page, place.box] += part
    page, box = max(light, key=lambda place: light[place], default=(None, None))
    return Judged(
        page=hits[0].unit.locator.page == region.page,
        share=inside / total if total else 0.0,
        pointing=region.holds(Locator(page=page, box=box)),
    )


def _chance(file: Path, regions: Sequence[Region]) -> list[float]:
    """Return, for each region of a file, the share of the file's words that lie inside."""
    found = extract(Source(file.name, file.read_bytes()), ExtractionOptions(ocr="never"))
    counts = [[_n_inside(unit, region) for unit in found.units] for region in regions]
    n_words = sum(len(unit.words.boxes) for unit in found.units if unit.words is not None)
    return [sum(inside) / max(n_words, 1) for inside in counts]


def _n_inside(unit: Unit, region: Region) -> int:
    boxes = [] if unit.words is None else unit.words.boxes.tolist()
    places = [Locator(page=unit.locator.page, box=Box(*box)) for box in boxes]
    return sum(region.holds(place) for place in places)


def _tables(file: Path, truth: Path) -> Iterator[tuple[Region, list[list[str]]]]:
    """Yield each part of a table on one page, and its rows of cells."""
    regions = _named_regions(truth / f"{file.stem}-reg.xml")
    cells = _named_regions(truth / f"{file.stem}-str.xml")
    with pdfium.PdfDocument(file) as document:
        for name in sorted(regions.keys() & cells.keys()):
            number = int(regions[name].get("page", "1"))
            box = regions[name].find("bounding-box")
            page = document[number - 1]
            if box is None or page.get_rotation():
                continue
            yield Region(file.stem, number, _shown(box, page)), _rows(cells[name])


def _named_regions(path: Path) -> Mapping[tuple[str, str], ElementTree.Element]:
    root = ElementTree.parse(path).getroot()
    return {
        (table.get("id", ""), region.get("id", "")): region
        for table in root.iter("table")
        for region in table.iter("region")
    }


def _shown(box: ElementTree.Element, page: pdfium.PdfPage) -> Box:
    """Return a box of user space as fractions of the page as shown."""
    x0, y0, x1, y1 = (float(box.get(name, "0")) for name in ("x1", "y1", "x2", "y2"))
    left, bottom, right, top = page.get_cropbox()
    width, height = right - left, top - bottom
    return Box((x0 - left) / width, (top - y1) / height, (x1 - left) / width, (top - y0) / height)


def _rows(region: ElementTree.Element) -> list[list[str]]:
    rows: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for cell in region.iter("cell"):
        text = " ".join((cell.findtext("content") or "").split())
        if text:
            rows[int(cell.get("start-row", "0"))].append((int(cell.get("start-col", "0")), text))
    return [[text for _, text in sorted(row)] for _, row in sorted(rows.items())]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--ocr", choices=("auto", "always"), default="auto")
    parser.add_argument("--documents", type=int, default=0, help="this many, drawn; 0 for all")
    parser.add_argument("--queries", type=int, default=2, help="rows of each table")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--out", type=Path, default=Path("build/tables.json"))
    return parser


if __name__ == "__main__":
    main()
