import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latelight.encoders.token_encoder import Rendering
from latelight.errors import QueryError
from latelight.testing.encoders import boxes_by_word, passage
from tests.encoders.fakes import COMMA, RecordingModel, make_encoder

BARE = Rendering(1, 2)
WITH_MARKERS = Rendering(1, 2, query_special_rows=True, document_special_rows=True)


def test_a_document_is_read_after_its_marker() -> None:
    model = RecordingModel()
    make_encoder(model, BARE).encode_documents([passage("ab, c")])
    assert model.sequences == [[101, 2, 202, COMMA, 201, 102]]


def test_a_query_is_read_after_its_marker() -> None:
    model = RecordingModel()
    make_encoder(model, BARE).encode_query("ab c")
    assert model.sequences == [[101, 1, 202, 201, 102]]


def test_a_model_without_markers_sees_none() -> None:
    model = RecordingModel()
    make_encoder(model, Rendering(None, None)).encode_documents([passage("ab")])
    assert model.sequences == [[101, 202, 102]]


def test_documents_keep_no_row_for_punctuation_and_queries_do() -> None:
    encoder = make_encoder(RecordingModel(), BARE)
    (document,) = encoder.encode_documents([passage("ab, c")])
    assert document.locators.spans is not None
    assert document.locators.spans.tolist() == [[0, 2], [4, 5]]
    assert [t.text for t in encoder.encode_query("ab, c").tokens] == ["ab", ",", "c"]


def test_marker_rows_are_kept_where_the_rendering_says_so() -> None:
    encoder = make_encoder(RecordingModel(), WITH_MARKERS)
    (document,) = encoder.encode_documents([passage("ab")])
    assert document.locators.spans is not None
    assert document.locators.spans.tolist() == [[-1, -1], [-1, -1], [0, 2], [-1, -1]]
    kinds = [t.kind for t in encoder.encode_query("ab").tokens]
    assert kinds == ["marker", "marker", "token", "marker"]


def test_rows_are_the_models_states_normalised() -> None:
    (document,) = make_encoder(RecordingModel(), BARE).encode_documents([passage("ab")])
    state = np.array([202, 2, 4, 1], np.float32)  # its id, its place, 4 tokens, 1
    np.testing.assert_allclose(document.vectors, [state / np.linalg.norm(state)], rtol=1e-6)


def test_short_queries_are_filled_up_with_masks_that_are_not_attended_to() -> None:
    model = RecordingModel()
    query = make_encoder(model, Rendering(1, 2, query_length=6)).encode_query("ab")
    assert model.sequences == [[101, 1, 202, 102, 103, 103]]
    assert model.attended == [4]
    assert [t.kind for t in query.tokens] == ["token", "expansion", "expansion"]


def test_queries_longer_than_the_limit_are_cut() -> None:
    encoder = make_encoder(RecordingModel(), BARE, max_query_tokens=3)
    assert [t.text for t in encoder.encode_query("a b c d e").tokens] == ["a", "b", "c"]


@pytest.mark.parametrize("text", ["", "   ", "?!"])
def test_a_query_without_tokens_names_itself(text: str) -> None:
    with pytest.raises(QueryError, match="holds no word"):
        make_encoder(RecordingModel(), BARE).encode_query(text)


def test_long_documents_are_read_in_windows_and_keep_their_places() -> None:
    model = RecordingModel()
    encoder = make_encoder(model, Rendering(1, 2, window=2, document_special_rows=True))
    (document,) = encoder.encode_documents([passage("a bb ccc")])
    assert sorted(model.sequences) == [[101, 2, 201, 202, 102], [101, 2, 203, 102]]
    assert document.locators.spans is not None
    assert document.locators.spans[:, 0].tolist() == [-1, -1, 0, 2, -1, 5]


def test_rows_of_words_with_boxes_have_them() -> None:
    text = "ab, c"
    unit = passage(text, words=boxes_by_word(text))
    (document,) = make_encoder(RecordingModel(), BARE).encode_documents([unit])
    np.testing.assert_array_equal(document.locators.boxes, [[0, 0, 0.5, 1], [0.5, 0, 1, 1]])


def test_the_longest_windows_are_read_first() -> None:
    model = RecordingModel()
    encoder = make_encoder(model, BARE, n_threads=1)
    encoder.encode_documents([passage("a"), passage("a b c"), passage("a b")])
    assert [len(s) for s in model.sequences] == [6, 5, 4]


def test_what_the_model_raises_reaches_the_caller() -> None:
    class Broken(RecordingModel):
        def hidden_states(self, ids: object, attended: object = None) -> np.ndarray:
            raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        make_encoder(Broken(), BARE).encode_documents([passage("a")])


def test_windows_not_begun_are_dropped_when_one_fails() -> None:
    class FailsFirst(RecordingModel):
        def hidden_states(self, ids: np.ndarray, attended: int | None = None) -> np.ndarray:
            super().hidden_states(ids, attended)
            if len(self.sequences) == 1:
                raise RuntimeError("first window")
            time.sleep(0.05)
            return np.zeros((len(ids), 4), np.float32)

    model = FailsFirst()
    with pytest.raises(RuntimeError, match="first window"):
        make_encoder(model, BARE, n_threads=1).encode_documents([passage("a")] * 100)
    assert len(model.sequences) < 50


def test_parts_are_opened_once() -> None:
    opened: list[int] = []
    encoder = make_encoder(RecordingModel(), BARE)
    open_parts = encoder._open_parts
    encoder._open_parts = lambda: opened.append(1) or open_parts()
    encoder.load()
    encoder.load()
    encoder.encode_query("a")
    assert opened == [1]


@given(st.lists(st.text(alphabet="ab ,", max_size=30), max_size=6), st.integers(1, 3))
def test_each_unit_gets_its_own_rows_in_order(texts: list[str], n_threads: int) -> None:
    encoder = make_encoder(RecordingModel(), Rendering(1, 2, window=4), n_threads=n_threads)
    counts: list[int] = []
    together = encoder.encode_documents([passage(t) for t in texts], progress=counts.append)
    assert sum(counts) == len(texts)
    for text, encoded in zip(texts, together, strict=True):
        (alone,) = encoder.encode_documents([passage(text)])
        np.testing.assert_array_equal(encoded.vectors, alone.vectors)
        np.testing.assert_array_equal(encoded.locators.spans, alone.locators.spans)
