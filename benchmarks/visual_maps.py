"""Draw where queries for what is drawn on pages find it: ten heat maps on one sheet.

    python benchmarks/visual.py --data ../shared/data --set icdar2013
    python benchmarks/visual_maps.py --out docs/models/sight-maps.png

Looks into the library that `visual.py` has built under `--work`. The pages are reports of the
government of the United States. Good ones and bad ones, chosen by looking at all: each says what
was asked, at which rank the page came, and what the strongest evidence was.
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import latelight
from latelight.types import Hit

SET = "icdar2013"
ACROSS, CELL, HEADER, GAP = 5, (400, 520), 54, 14
DEPTH = 100


@dataclass(frozen=True)
class Map:
    """A query, the page to look at, and whether the map is right."""

    text: str
    doc_id: str
    page: int
    is_right: bool


MAPS = (
    Map("line chart", "us-023", 3, True),
    Map("red bars with a black line over them", "us-028", 1, True),
    Map("horizontal bar chart of disability by age", "us-001", 2, True),
    Map("line chart of fuel savings", "us-030", 3, True),
    Map("diagram of a conceptual framework", "us-015", 1, True),
    Map("table of unhealthy housing", "us-024", 3, True),
    Map("stacked bar chart", "us-028", 1, False),
    Map("screenshot of a website", "us-010", 2, False),
    Map("columns of numbers without any lines", "us-001", 1, False),
    Map("quotation set apart in brackets", "us-010", 3, False),
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the sheet."""
    given = _parser().parse_args(arguments)
    library = latelight.open(given.work / given.pipeline / "library")
    collection = library.collection(SET)
    cells = [cell_of(collection, one) for one in MAPS]
    sheet_of(cells).quantize(160).save(given.out, optimize=True)


def cell_of(collection: latelight.Collection, one: Map) -> Image.Image:
    """Return a page with its heat map, under what was asked and found."""
    found = collection.search(one.text, k=DEPTH, explain=True)
    places = [(hit.doc_id, hit.unit.locator.page) for hit in found]
    rank = places.index((one.doc_id, one.page)) if (one.doc_id, one.page) in places else None
    hit = found[rank] if rank is not None else explained(collection, one)
    strongest = max(hit.evidence, key=lambda own: own.contribution)
    told = f"rank {rank + 1}" if rank is not None else f"not among {DEPTH}"
    cell = Image.new("RGB", (CELL[0], CELL[1] + HEADER), "white")
    page = hit.heatmap().image.convert("RGB")
    page.thumbnail(CELL)
    cell.paste(page, ((CELL[0] - page.width) // 2, HEADER))
    draw = ImageDraw.Draw(cell)
    mark, colour = ("right", "#1b7f3b") if one.is_right else ("wrong", "#b3261e")
    draw.text((4, 4), f"“{one.text}”", "black", ImageFont.load_default(17))
    below = f"{mark}: {told}, {strongest.token}: {strongest.found}"
    draw.text((4, 30), below[:56], colour, ImageFont.load_default(15))
    return cell


def explained(collection: latelight.Collection, one: Map) -> Hit:
    """Return the best unit of a page that was not found, explained."""
    units = [u.unit_id for u in collection.get(one.doc_id).units if u.locator.page == one.page]
    hits = [h for u in units for h in collection.explain(one.text, one.doc_id, unit_id=u)]
    return max(hits, key=lambda hit: hit.score)


def sheet_of(cells: Sequence[Image.Image]) -> Image.Image:
    """Return the cells in rows of five."""
    width, height = cells[0].size
    down = -(-len(cells) // ACROSS)
    size = (ACROSS * (width + GAP) + GAP, down * (height + GAP) + GAP)
    sheet = Image.new("RGB", size, "#d9d9d9")
    for number, cell in enumerate(cells):
        x, y = number % ACROSS, number // ACROSS
        sheet.paste(cell, (GAP + x * (width + GAP), GAP + y * (height + GAP)))
    return sheet


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--work", type=Path, default=Path("build/visual"))
    parser.add_argument("--pipeline", default="default", help="whose library under --work")
    parser.add_argument("--out", type=Path, default=Path("docs/models/sight-maps.png"))
    return parser


if __name__ == "__main__":
    main()
