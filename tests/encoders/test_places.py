import numpy as np

from latelight.encoders.places import boxes_of, row_locators
from latelight.testing.encoders import passage
from latelight.types import Box, CharSpan, Locator, TimeRange, Unit, WordBoxes, WordTimes

# "ferry boats": two words side by side
WORDS = WordBoxes(
    np.array([[0, 5], [6, 11]], np.int32),
    np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.1, 0.7, 0.3]], np.float32),
)


def spans(*pairs: tuple[int, int]) -> np.ndarray:
    return np.array(pairs, np.int32)


def test_a_row_inside_a_word_has_the_words_box() -> None:
    np.testing.assert_array_equal(boxes_of(spans((1, 3)), WORDS), WORDS.boxes[:1])


def test_a_row_across_two_words_has_the_box_around_both() -> None:
    np.testing.assert_allclose(boxes_of(spans((3, 8)), WORDS), [[0.1, 0.1, 0.7, 0.4]])


def test_rows_between_words_and_markers_have_no_box() -> None:
    assert np.isnan(boxes_of(spans((5, 6), (-1, -1), (11, 12)), WORDS)).all()


def test_a_page_without_words_gives_no_boxes() -> None:
    assert np.isnan(boxes_of(spans((0, 5)), WordBoxes.empty())).all()


def test_locators_without_words_hold_characters_only() -> None:
    locators = row_locators(spans((0, 5)), passage("ferry boats"))
    assert locators.boxes is None
    unit = Locator(span=CharSpan(100, 111))
    assert locators.locators_of(0, unit) == (Locator(span=CharSpan(100, 105)),)


def test_a_rows_place_in_the_document_has_page_and_box() -> None:
    unit = passage("ferry boats", words=WORDS)
    (place,) = row_locators(spans((6, 8)), unit).locators_of(0, Locator(page=3))
    assert place.page == 3
    assert place.span == CharSpan(6, 8)
    assert place.box is not None and np.allclose([place.box.left, place.box.bottom], [0.5, 0.3])
    assert isinstance(place.box, Box)


def test_a_row_of_sound_is_said_from_its_first_word_to_its_last() -> None:
    spoken = WordTimes(WORDS.spans, np.array([[12.5, 13.0], [13.25, 14.0]], np.float32))
    unit = Unit("a1", "audio", Locator(), "ferry boats", spoken=spoken)
    locators = row_locators(spans((0, 2), (3, 8), (-1, -1)), unit)
    whole = Locator(span=CharSpan(40, 51), time=TimeRange(10, 30))
    assert locators.locators_of(0, whole) == (
        Locator(span=CharSpan(40, 42), time=TimeRange(12.5, 13.0)),
    )
    assert locators.locators_of(1, whole)[0].time == TimeRange(12.5, 14.0)
    assert locators.locators_of(2, whole) == (whole,)
