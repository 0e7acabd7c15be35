"""Compare two ways into the text space: regression to rows, and probabilities with a table of rows.

    python -m training.sight.compare_targets --checkpoint FILE --train DIR --pages DIR [--n 300]

Both use the same network. Regression is a ridge from each cell's features to the mean row of its
kind, closed form, on cells of training pages; a region then has the mean of its cells' answers as
its row. Held-out phrasings rank the pages of `--pages`; prints the mean average precision of each.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from latelight.encoders.answerai import latelight_small
from latelight.encoders.sight.regions import Cells, find_regions
from latelight.encoders.sight.vocabulary import KINDS, UNMARKED
from training.sight.dataset import Page, read_pages
from training.sight.export import read_network
from training.sight.make_rows import content_rows, make_table
from training.sight.network import Sight
from training.sight.phrasings import HELD_OUT
from training.sight.targets import targets_of

RIDGE = 10.0
CELLS_PER_PAGE = 120


@dataclass(frozen=True)
class Answer:
    """What the network computes of a page: features (width, h, w) and cells."""

    features: np.ndarray
    cells: Cells


@torch.no_grad()
def answer(network: Sight, page: Page) -> Answer:
    """Return a page's features and cells."""
    pixels = torch.from_numpy(np.asarray(page.pixels())[None]).permute(0, 3, 1, 2)
    features = network.features(pixels.float() / 127.5 - 1)
    kinds, attributes = network.kinds(features).softmax(1), network.attributes(features).sigmoid()
    distances = network.boxes(features).clamp(-4, 5).exp()
    cells = Cells(*(one[0].numpy() for one in (kinds, attributes, distances)))
    return Answer(features[0].numpy(), cells)


def fit_regression(
    network: Sight, pages: Sequence[Page], rows: Mapping[str, np.ndarray]
) -> np.ndarray:
    """Return the map (width + 1, 128) from a cell's features, and 1, to its kind's mean row."""
    rng = np.random.default_rng(0)
    means = np.stack([mean_row(rows, kind) for kind in KINDS])
    xtx, xty = np.zeros((0, 0)), np.zeros((0, 0))
    for page in pages:
        found = answer(network, page).features
        kinds = targets_of(page.labels, *page.size).kinds.ravel()
        features = found.reshape(len(found), -1).T
        at = rng.choice(len(kinds), CELLS_PER_PAGE, replace=False)
        x = np.c_[features[at], np.ones(len(at))]
        if not xtx.size:
            xtx, xty = np.eye(x.shape[1]) * RIDGE, np.zeros((x.shape[1], means.shape[1]))
        xtx += x.T @ x
        xty += x.T @ means[kinds[at]]
    solved: np.ndarray = np.linalg.solve(xtx, xty)
    return solved


def mean_row(rows: Mapping[str, np.ndarray], kind: str) -> np.ndarray:
    """Return the mean of a kind's rows; zeros for what is not marked."""
    width = next(iter(rows.values())).shape[1]
    found: np.ndarray = rows[kind].mean(axis=0) if kind not in UNMARKED else np.zeros(width)
    return found


def page_rows(network: Sight, page: Page, weights: np.ndarray,
              rows: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Return a page's rows by the table and by regression, each (n, 128)."""
    found = answer(network, page)
    width, height = page.size
    by_table, by_regression = [np.zeros((1, 128))], [np.zeros((1, 128))]
    for region in find_regions(found.cells, width, height):
        by_table.append(rows[region.kind])
        left, top, right, bottom = (int(side / 16) for side in region.box)
        inside = found.features[:, top : bottom + 1, left : right + 1]
        mean = inside.reshape(len(inside), -1).mean(axis=1)
        row = np.r_[mean, 1] @ weights
        by_regression.append((row / max(1e-6, float(np.linalg.norm(row))))[None])
    return np.concatenate(by_table), np.concatenate(by_regression)


def average_precision(scores: np.ndarray, wanted: np.ndarray) -> float:
    """Return the average precision of a ranking; equal scores share the worst order."""
    order = np.lexsort((wanted, -scores))
    hits = wanted[order]
    return float((np.cumsum(hits) / np.arange(1, len(hits) + 1))[hits].mean())


def main() -> None:
    """Read the arguments and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--train", type=Path, required=True)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--n", type=int, default=300)
    given = parser.parse_args()
    torch.set_num_threads(1)
    network, _ = read_network(given.checkpoint)
    encoder = latelight_small(n_threads=1)
    rows = make_table(encoder, 0.3)
    weights = fit_regression(network, read_pages(given.train)[: given.n], rows)
    pages = read_pages(given.pages)
    both = [page_rows(network, page, weights, rows) for page in pages]
    found = defaultdict(list)
    for kind, names in HELD_OUT.items():
        wanted = np.array([any(one.kind == kind for one in page.labels) for page in pages])
        if not wanted.any():
            continue
        for name in names:
            query = content_rows(encoder, name)
            for way, i in (("table", 0), ("regression", 1)):
                scores = np.array([(query @ one[i].T).max(axis=1).mean() for one in both])
                found[way].append(average_precision(scores, wanted))
            found["chance"].append(float(wanted.mean()))
    print(json.dumps({way: round(float(np.mean(each)), 3) for way, each in found.items()}))


if __name__ == "__main__":
    main()
