"""The conformance suite, for models with random weights."""

import string

import numpy as np

from latelight.testing.encoders import SAMPLE_TEXTS, EncoderConformance, passage


class TinyConformance(EncoderConformance):
    """Batches change last bits; rows of markers, masks and punctuation say nothing of a text."""

    tolerance = 1e-5

    def test_a_text_finds_itself(self) -> None:
        encoded = self.encoder.encode_documents([passage(text) for text in SAMPLE_TEXTS])
        for i, text in enumerate(SAMPLE_TEXTS):
            query = self.encoder.encode_query(text)
            own = [t.kind == "token" and t.text not in string.punctuation for t in query.tokens]
            scores = [(query.vectors[own] @ d.vectors.T).max(axis=1).sum() for d in encoded]
            assert int(np.argmax(scores)) == i
