"""The real weights: few tests, each worth its seconds."""

import numpy as np
import pytest

from latelight.encoders import Encoder, create_encoder
from latelight.testing.encoders import EncoderConformance, passage

pytestmark = pytest.mark.model


class TestLatelightSmallConforms(EncoderConformance):
    def make_encoder(self) -> Encoder:
        return create_encoder("latelight-small")


class TestMiniLmConforms(EncoderConformance):
    def make_encoder(self) -> Encoder:
        return create_encoder("minilm")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return create_encoder("latelight-small", n_threads=2)


def test_meaning_is_found_without_shared_words(encoder: Encoder) -> None:
    query = encoder.encode_query("Who paid for repairing the boat?").vectors
    texts = [
        "The county council financed the overhaul of the ferry.",
        "The ferry leaves the harbour at nine every morning.",
        "Tomatoes need six hours of sun a day.",
    ]
    documents = encoder.encode_documents([passage(text) for text in texts])
    scores = [float((query @ d.vectors.T).max(axis=1).sum()) for d in documents]
    assert scores.index(max(scores)) == 0
    assert scores.index(min(scores)) == 2


def test_threads_change_no_bit(encoder: Encoder) -> None:
    texts = ["A page of text about harbours, ferries and their crews. " * n for n in (1, 20, 60)]
    units = [passage(text) for text in texts]
    alone = create_encoder("latelight-small", n_threads=1).encode_documents(units)
    for one, other in zip(alone, encoder.encode_documents(units), strict=True):
        np.testing.assert_array_equal(one.vectors, other.vectors)
