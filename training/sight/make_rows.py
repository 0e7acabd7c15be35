"""Make the table of rows: for each concept, the rows of the text space that stand for it.

    python -m training.sight.make_rows --out src/latelight/encoders/heads

Query rows of all phrasings are clustered on the sphere (Dhillon and Modha, 2001), function words
left out; each centre, drawn away from what unrelated questions share, is one row of the concept.
"""

import argparse
import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from latelight.encoders.answerai import latelight_small
from latelight.encoders.protocol import Encoder
from latelight.encoders.sight.vocabulary import KINDS
from training.sight.phrasings import CONCEPTS, TEMPLATES, UNRELATED

FILE = "latelight-sight-rows.npz"
KIND_ROWS, OTHER_ROWS = 3, 1
STEPS = 25
_OF_TEMPLATES = """
a the of on with in by to and that have has which me show find page pages from over is them it s
' - , slides report includes about monthly revenue sales region energy costs
"""
SKIPPED = frozenset(_OF_TEMPLATES.split())


def content_rows(encoder: Encoder, text: str) -> np.ndarray:
    """Return the rows (n, 128) of a query's words, without those of `SKIPPED`."""
    query = encoder.encode_query(text)
    kept = [i for i, token in enumerate(query.tokens) if token.text.lower() not in SKIPPED]
    rows: np.ndarray = np.asarray(query.vectors)[kept]
    return rows


def concept_rows(encoder: Encoder, names: Sequence[str], n: int, away: float) -> np.ndarray:
    """Return `n` rows (n, 128) that stand for a concept's names."""
    found = [content_rows(encoder, form.format(name)) for name in names for form in TEMPLATES]
    rows = np.concatenate([one for one in found if len(one)])
    shared = np.concatenate([np.asarray(encoder.encode_query(q).vectors) for q in UNRELATED]).mean(
        0
    )
    centres = clustered(rows, n)
    centres = centres - away * shared
    scaled: np.ndarray = centres / np.linalg.norm(centres, axis=1, keepdims=True)
    return scaled.astype(np.float32)


def clustered(rows: np.ndarray, n: int) -> np.ndarray:
    """Return `n` unit centres of unit rows, begun at those that lie farthest apart."""
    centres = [rows[int(np.argmax(rows @ rows.mean(axis=0)))]]
    while len(centres) < n:
        centres.append(rows[int(np.argmin((rows @ np.stack(centres).T).max(axis=1)))])
    at = np.stack(centres)
    for _ in range(STEPS):
        nearest = (rows @ at.T).argmax(axis=1)
        for i in range(n):
            if (nearest == i).any():
                mean = rows[nearest == i].mean(axis=0)
                at[i] = mean / np.linalg.norm(mean)
    return at


def make_table(encoder: Encoder, away: float) -> Mapping[str, np.ndarray]:
    """Return the rows of every concept by its name."""
    encoder.load()
    return {
        name: concept_rows(encoder, names, KIND_ROWS if name in KINDS else OTHER_ROWS, away)
        for name, names in CONCEPTS.items()
    }


def main() -> None:
    """Read the arguments and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--away", type=float, default=0.3)
    given = parser.parse_args()
    encoder = latelight_small(n_threads=1)
    table = make_table(encoder, given.away)
    path = given.out / FILE
    halved: dict[str, Any] = {name: rows.astype(np.float16) for name, rows in table.items()}
    np.savez(path, **halved)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(json.dumps({"file": FILE, "sha256": digest, "n_rows": sum(map(len, table.values()))}))


if __name__ == "__main__":
    main()
