"""How well are scans read? Pages drawn from PDFs, damaged, and held against their text layers.

    python benchmarks/ocr.py --data ../shared/data --pages 24

A page's truth is its own text layer: which words, and where. Words are compared as bags of
lower-case letters and digits, so reading order plays no part; boxes are compared for the words
that occur once on both sides. Pages without 40 words in their text layer are not drawn.
"""

import argparse
import io
import json
import math
import random
import statistics
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pypdfium2 as pdfium
from circumstances import circumstances
from PIL import Image, ImageFilter

from latelight.extractors.ocr import read_picture
from latelight.extractors.ocr_models import OcrChoice
from latelight.extractors.pdf_file import draw_page
from latelight.extractors.pdf_words import page_words
from latelight.types import WordBoxes

SETS = ("financebench-subset", "icdar2013-tables-us")
DPI = 150
SKEW = 3.0  # degrees clockwise
_LEAST_WORDS = 40
_MAX_PIXELS = 50_000_000
Boxes = npt.NDArray[np.float64]  # (n, 4): left, top, right, bottom in pixels
Placed = list[tuple[str, tuple[float, ...]]]


@dataclass(frozen=True)
class Damage:
    """One way to spoil a page: its picture, and where a point of it then lies."""

    name: str
    picture: Callable[[Image.Image], Image.Image]
    place: Callable[[Boxes, tuple[int, int]], Boxes]


@dataclass(frozen=True)
class Row:
    """One set under one damage."""

    set: str
    damage: str
    n_pages: int
    recall: float
    precision: float
    edge_median: float
    edge_p95: float
    cpu_s: float
    wall_s: float


def main(arguments: Sequence[str] | None = None) -> dict[str, Any]:
    """Run the benchmark, print its table, write and return its result."""
    given = _parser().parse_args(arguments)
    rows = [
        row
        for name in given.set or SETS
        for row in judge(name, given.data / "pages" / name / "pdfs", given)
    ]
    result = {
        **circumstances("ocr", given.seed),
        "pages": given.pages,
        "threads": given.threads,
        "language": given.language,
        "rows": [asdict(row) for row in rows],
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n")
    return result


def judge(name: str, folder: Path, given: argparse.Namespace) -> Iterator[Row]:
    """Yield a row for each damage, over the same pages of one set."""
    pages = sample(folder, given.pages, random.Random(given.seed))
    for damage in DAMAGES:
        if given.damage and damage.name not in given.damage:
            continue
        choice = OcrChoice(given.threads, given.language, given.models)
        row = _judge_damage(name, pages, damage, choice)
        print(
            f"{name:20} {damage.name:8} {row.n_pages:3} pages  recall {row.recall:.4f}  "
            f"precision {row.precision:.4f}  edges {row.edge_median:.2f} px, "
            f"95 % {row.edge_p95:.2f}  {row.cpu_s:.1f} CPU-s a page",
            flush=True,
        )
        yield row


@dataclass(frozen=True)
class Page:
    """A page as drawn, with its words and their boxes in pixels."""

    picture: Image.Image
    words: Placed


def sample(folder: Path, count: int, draw: random.Random) -> list[Page]:
    """Return pages that have a text layer, at most one of each file before a second of any."""
    files = sorted(folder.glob("*.pdf"))
    draw.shuffle(files)
    pages: list[Page] = []
    while len(pages) < count:
        before = len(pages)
        for file in files:
            page = _any_page(file, draw)
            if page is not None and len(pages) < count:
                pages.append(page)
        if len(pages) == before:
            break
    return pages


def _any_page(file: Path, draw: random.Random) -> Page | None:
    with pdfium.PdfDocument(file) as document:
        page = document[draw.randrange(len(document))]
        found = page_words(page)
        upright = [not quarter for quarter in found.quarters]
        if len(found.words) < _LEAST_WORDS or sum(upright) < 0.9 * len(upright):
            return None
        picture = draw_page(page, DPI, _MAX_PIXELS)
    across, down = picture.width / found.width, picture.height / found.height
    return Page(
        picture,
        [
            (w.text, (w.left * across, w.top * down, w.right * across, w.bottom * down))
            for w in found.words
        ],
    )


def _judge_damage(name: str, pages: list[Page], damage: Damage, choice: OcrChoice) -> Row:
    recalls, precisions, edges = [], [], []
    cpu, wall = time.process_time(), time.perf_counter()
    for page in pages:
        picture = damage.picture(page.picture)
        text, words = read_picture(picture, choice)
        wanted, got = bag(w for w, _ in page.words), bag(text.split())
        shared = (wanted & got).total()
        recalls.append(shared / max(wanted.total(), 1))
        precisions.append(shared / max(got.total(), 1))
        there = damage.place(np.array([box for _, box in page.words]), page.picture.size)
        truth = [(word, tuple(box)) for (word, _), box in zip(page.words, there, strict=True)]
        edges += edge_errors(truth, _placed(text, words, picture.size))
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return Row(
        name,
        damage.name,
        len(pages),
        statistics.mean(recalls),
        statistics.mean(precisions),
        float(np.median(edges)),
        float(np.percentile(edges, 95)),
        cpu / len(pages),
        wall / len(pages),
    )


def bag(words: Any) -> Counter[str]:
    """Return the words as they are compared: lower-case letters and digits."""
    plain = ("".join(c for c in word.lower() if c.isalnum()) for word in words)
    return Counter(word for word in plain if word)


def edge_errors(truth: Placed, found: Placed) -> list[float]:
    """Return |difference| of all four edges, in pixels, of the words that occur once in both."""
    once = [{w: b for w, b in side if _count(side)[w] == 1} for side in (truth, found)]
    return [
        abs(a - b)
        for word in once[0].keys() & once[1].keys()
        for a, b in zip(once[0][word], once[1][word], strict=True)
    ]


def _count(side: Placed) -> Counter[str]:
    return Counter(word for word, _ in side)


def _placed(text: str, words: WordBoxes, size: tuple[int, int]) -> Placed:
    boxes = words.boxes * np.array([*size, *size])
    return [
        (text[start:end], tuple(box))
        for (start, end), box in zip(words.spans.tolist(), boxes.tolist(), strict=True)
    ]


def _same(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    return boxes


def _on_its_side(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Where boxes lie after a quarter turn anticlockwise."""
    left, top, right, bottom = boxes.T
    return np.stack([top, size[0] - right, bottom, size[0] - left], 1)


def _skewed(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Where boxes lie after a small turn clockwise about the middle, on the page grown by it."""
    angle = math.radians(SKEW)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    corners = boxes[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]  # (n, 4, 2)
    middle = np.array(size) / 2
    grown = np.array(_skew(Image.new("L", size)).size) / 2
    there = (corners - middle) @ turn.T + grown
    return np.concatenate([there.min(1), there.max(1)], 1)


def _skew(picture: Image.Image) -> Image.Image:
    white = (255,) * len(picture.getbands())
    return picture.rotate(-SKEW, Image.Resampling.BICUBIC, expand=True, fillcolor=white)


def _worn(picture: Image.Image) -> Image.Image:
    """A poor scan: blurred, noisy, a JPEG of quality 20."""
    blurred = np.asarray(picture.filter(ImageFilter.GaussianBlur(0.8)), np.float32)
    noise = np.random.default_rng(0).normal(0, 12, blurred.shape)
    noisy = Image.fromarray(np.clip(blurred + noise, 0, 255).astype(np.uint8))
    buffer = io.BytesIO()
    noisy.save(buffer, "JPEG", quality=20)
    return Image.open(buffer).convert("RGB")


DAMAGES = (
    Damage("clean", lambda picture: picture, _same),
    Damage("turned", lambda picture: picture.rotate(90, expand=True), _on_its_side),
    Damage("skewed", _skew, _skewed),
    Damage("worn", _worn, _same),
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", action="append", choices=SETS, help="repeatable; all if none")
    parser.add_argument("--damage", action="append", help="repeatable; all if none")
    parser.add_argument("--pages", type=int, default=12, help="of each set")
    parser.add_argument("--seed", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--language", default="", help="a model beside the carried one")
    parser.add_argument("--models", default="", help="the directory that holds it")
    parser.add_argument("--out", type=Path, default=Path("build/ocr.json"))
    return parser


if __name__ == "__main__":
    main()
