import numpy as np
import pytest

from latelight.explain.lighting import RowSimilarities, lighting
from latelight.explain.sound_map import evidence_on_sound, rows_on_sound
from latelight.types import CharSpan, Locator, RowLocators, TimeRange, TokenEvidence

WHOLE = TimeRange(10, 20)
WORD = Locator(span=CharSpan(0, 5), time=TimeRange(11, 12))
MOMENT = Locator(time=TimeRange(15.0, 15.04))


def evidence(*places: Locator) -> TokenEvidence:
    return TokenEvidence("engine", CharSpan(0, 6), "token", 1.0, 1.0, places, row=0, space="sound")


def test_a_word_is_a_band_and_a_moment_a_column() -> None:
    (item,) = evidence_on_sound([evidence(WORD, MOMENT, Locator(time=WHOLE))], WHOLE)
    word, moment, all_of_it = (place.box for place in item.locators)
    assert word is not None and moment is not None
    assert (word.left, word.right) == pytest.approx((0.1, 0.2))
    assert 0 < word.top < word.bottom < 1
    assert (moment.left, moment.right) == pytest.approx((0.5, 0.504))
    assert (moment.top, moment.bottom) == (0, 1)
    assert all_of_it is None


def test_rows_lie_where_their_evidence_does() -> None:
    nan = np.nan
    times = np.array([[11, 12], [15, 15.04], [nan, nan]], np.float32)
    spans = np.array([[0, 5], [-1, -1], [-1, -1]], np.int32)
    places = RowLocators(spans=spans, times=times)
    given = RowSimilarities("sound", np.zeros((1, 3), np.float32), places)
    (rows,) = rows_on_sound([given], WHOLE)
    (item,) = evidence_on_sound([evidence(WORD, MOMENT)], WHOLE)
    expected = [[b.left, b.top, b.right, b.bottom] for b in (p.box for p in item.locators) if b]
    assert rows.locators.boxes is not None
    np.testing.assert_allclose(rows.locators.boxes[:2], expected, atol=1e-6)
    assert np.isnan(rows.locators.boxes[2]).all()


def test_a_25th_of_a_second_is_lit_for_little_more_than_that() -> None:
    size = (240, 960)
    (item,) = evidence_on_sound([evidence(MOMENT)], WHOLE)
    lit = np.flatnonzero(lighting([item], size).light.any(axis=0))
    assert 4 <= len(lit) <= 9, "of 960 pixels for ten seconds"
    assert lit.mean() == pytest.approx(482, abs=1)
