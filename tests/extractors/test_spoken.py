"""How words become passages."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.extractors.speech import Recording, SpokenWord
from latelight.extractors.spoken import LONGEST_PASSAGE_S, sound_parts
from latelight.types import TimeRange


def recording(*words: tuple[str, float, float]) -> Recording:
    spoken = [SpokenWord(text, TimeRange(start, end)) for text, start, end in words]
    end = max((word.time.end_s for word in spoken), default=0.0)
    stretches = [TimeRange(spoken[0].time.start_s, end)] if spoken else []
    return Recording(end, spoken, stretches, "en")


def texts(given: Recording, limit: int = 1600) -> list[str]:
    return [part.text for part in sound_parts(given, limit) if part.text]


def test_a_passage_ends_with_a_sentence_after_twenty_seconds() -> None:
    words = [(f" w{i}{'.' if i % 5 == 4 else ''}", i, i + 0.9) for i in range(40)]
    first, second = texts(recording(*words))
    assert first.startswith("w0 w1")
    assert first.endswith("w24.")  # 21 s would be in the middle of a sentence
    assert second.split()[0] == "w25"


def test_a_long_pause_ends_a_passage() -> None:
    assert texts(recording((" One", 0, 1), (" two", 1, 2), (" three", 6, 7))) == [
        "One two",
        "three",
    ]


def test_speech_without_sentences_is_cut_at_a_breath() -> None:
    late = [0.5 * (i >= 30) for i in range(60)]
    words = [(f" w{i}", i + late[i], i + late[i] + 0.95) for i in range(60)]
    first, *_ = texts(recording(*words))
    assert first.split()[-1] == "w29"


def test_languages_without_spaces_stay_without_them() -> None:
    given = recording(("渡", 0, 1), ("轮", 1, 2), ("。", 2, 2.1), (" Ferry", 3, 4))
    (part,) = sound_parts(given, 1600)
    assert part.text == "渡轮。 Ferry"
    assert part.spoken is not None
    assert part.spoken.spans.tolist() == [[0, 1], [1, 2], [2, 3], [4, 9]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([" word", " end.", " ", "字", " two words", " " + "x" * 90]),
            st.floats(0, 12),
            st.floats(0, 3),
        ),
        max_size=80,
    ),
    st.integers(40, 400),
)
def test_no_word_is_lost_and_none_is_misplaced(
    given_words: list[tuple[str, float, float]], limit: int
) -> None:
    now, words = 0.0, []
    for text, pause, length in given_words:
        words.append((text, now + pause, now + pause + length))
        now += pause + length
    parts = [part for part in sound_parts(recording(*words), limit) if part.spoken is not None]
    assert "".join("".join(p.text for p in parts).split()) == "".join(
        "".join(text for text, _, _ in words).split()
    )
    for part in parts:
        assert part.spoken is not None
        spans, times = part.spoken.spans.tolist(), part.spoken.times.tolist()
        assert all(a[1] <= b[0] for a, b in pairwise(spans))
        assert all(0 <= a < b <= len(part.text) for a, b in spans)
        assert all(part.time.start_s <= a + 1e-3 for a, _ in times)
        one_word = len(spans) <= 1
        assert one_word or part.time.end_s - part.time.start_s <= LONGEST_PASSAGE_S
        assert one_word or len(part.text) <= limit


@pytest.mark.parametrize(("seconds", "n_windows"), [(0.5, 1), (32, 1), (44, 2), (3600, 120)])
def test_silence_is_cut_into_even_windows(seconds: float, n_windows: int) -> None:
    parts = sound_parts(Recording(duration_s=seconds), 1600)
    assert len(parts) == n_windows
    assert parts[-1].time.end_s == pytest.approx(seconds)
