import numpy as np

from latelight.testing.encoders import EncoderConformance, FakeEncoder, passage


class TestFakeEncoderConforms(EncoderConformance):
    def make_encoder(self) -> FakeEncoder:
        return FakeEncoder(dim=64)


def test_equal_words_have_similarity_one_and_others_less() -> None:
    encoder = FakeEncoder(dim=64)
    query = encoder.encode_query("Ferry").vectors
    rows = encoder.encode_documents([passage("ferry harbour")])[0].vectors
    similarity = (query @ rows.T)[0]
    assert np.isclose(similarity[0], 1, atol=1e-6)
    assert similarity[1] < 0.6


def test_two_fakes_agree() -> None:
    one, other = FakeEncoder(dim=16), FakeEncoder(dim=16)
    np.testing.assert_array_equal(
        one.encode_query("the same words").vectors, other.encode_query("the same words").vectors
    )


def test_the_dim_is_the_one_asked_for() -> None:
    assert FakeEncoder(dim=8).encode_query("ferry").vectors.shape == (1, 8)
