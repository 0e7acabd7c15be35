"""The shipped rows against the text encoder itself: near what they stand for, far from the rest."""

import numpy as np
import pytest

from latelight.encoders.answerai import latelight_small
from latelight.encoders.sight import PatchEncoder
from latelight.encoders.sight.colours import COLOURS
from latelight.encoders.sight.vocabulary import ATTRIBUTES, KINDS, UNMARKED
from latelight.encoders.token_encoder import TokenEncoder
from latelight.types import Float32Array

# Phrasings that no row was made of.
ASKED = (
    ("plotted line of prices", "line chart"),
    ("circular graph with slices", "pie chart"),
    ("scatter diagram", "scatter plot"),
    ("corporate logo", "logo"),
    ("python code example", "code"),
    ("regional map", "map"),
    ("cursive writing", "handwriting"),
    ("math formulas", "formula"),
)
UNRELATED = ("dividends per share", "treatment of infection in mice", "lease obligations")
TEXT = "The board approved dividends; the treatment of leases is described in the notes."


@pytest.fixture(scope="module")
def text_encoder() -> TokenEncoder:
    encoder = latelight_small(n_threads=1)
    encoder.load()
    return encoder


@pytest.fixture(scope="module")
def rows() -> dict[str, Float32Array]:
    return dict(PatchEncoder().rows())


def score(encoder: TokenEncoder, query: str, rows: Float32Array) -> float:
    """Return the mean over a query's tokens of their best similarity."""
    return float((encoder.encode_query(query).vectors @ rows.T).max(axis=1).mean())


def test_every_concept_that_can_be_seen_has_rows(rows: dict[str, Float32Array]) -> None:
    wanted = {*KINDS, *ATTRIBUTES, *COLOURS} - UNMARKED
    assert set(rows) == wanted


@pytest.mark.model
@pytest.mark.parametrize(("query", "kind"), ASKED)
def test_new_words_lie_nearest_to_their_own_kind(
    text_encoder: TokenEncoder, rows: dict[str, Float32Array], query: str, kind: str
) -> None:
    kinds = [name for name in rows if name in KINDS]
    scores = {name: score(text_encoder, query, rows[name]) for name in kinds}
    ranked = sorted(kinds, key=lambda name: -scores[name])
    assert kind in ranked[:3]


@pytest.mark.model
def test_questions_about_other_things_lie_nearer_to_text_than_to_any_kind(
    text_encoder: TokenEncoder, rows: dict[str, Float32Array]
) -> None:
    text = text_encoder.encode_query(TEXT).vectors
    every = np.concatenate([one for name, one in rows.items() if name in KINDS])
    for query in UNRELATED:
        assert score(text_encoder, query, text) > score(text_encoder, query, every) + 0.05
