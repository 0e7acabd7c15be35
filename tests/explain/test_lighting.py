from dataclasses import replace

import numpy as np

from latelight.explain.lighting import by_evidence, lighting
from latelight.types import Box, CharSpan, Locator, TokenEvidence

LAMP = TokenEvidence(
    "lamp", CharSpan(0, 4), "token", 0.9, 0.9, (Locator(),), "lamp", row=1, query_row=0
)


def test_each_evidence_has_its_own_winner() -> None:
    oil = replace(LAMP, token="oil", query_span=CharSpan(5, 8), row=3, query_row=1)
    in_window = replace(oil, row=4, part="window")
    similarities = np.array([[0.1, 0.9, 0.1, 0.2, 0.3], [0.0, 0.1, 0.2, 0.8, 0.6]], np.float32)
    rows = by_evidence(similarities, [LAMP, oil, in_window])
    assert rows.argmax(axis=1).tolist() == [1, 3, 4]
    np.testing.assert_allclose(rows[:2], similarities)
    np.testing.assert_allclose(rows[2], [0.0, 0.1, 0.2, 0.2, 0.6])  # 0.8 became the median


def test_a_window_winner_wins_even_below_the_typical_row() -> None:
    in_window = replace(LAMP, row=0, part="window")
    similarities = np.array([[0.1, 0.9, 0.5]], np.float32)
    assert by_evidence(similarities, [LAMP, in_window]).argmax(axis=1).tolist() == [1, 0]


def test_unit_evidence_alone_leaves_the_similarities_as_they_are() -> None:
    similarities = np.array([[0.1, 0.9, 0.5]], np.float32)
    np.testing.assert_array_equal(by_evidence(similarities, [LAMP]), similarities)


def test_what_the_documents_beginning_brought_lights_nothing_on_this_page() -> None:
    placed = replace(LAMP, locators=(Locator(page=1, box=Box(0.1, 0.1, 0.4, 0.2)),))
    assert lighting([placed], (20, 20)).light.max() > 0
    borrowed = lighting([replace(placed, part="document")], (20, 20))
    assert (borrowed.light.max(), len(borrowed.outlines)) == (0, 0)
