import numpy as np

from latelight.testing.hearing import (
    FakeHearingEncoder,
    HearingConformance,
    silence,
    sound_unit,
    tone,
)


class TestFakeHearingEncoderConforms(HearingConformance):
    def make_encoder(self) -> FakeHearingEncoder:
        return FakeHearingEncoder(dim=64)


def test_a_word_finds_its_tone_and_no_other() -> None:
    encoder = FakeHearingEncoder(dim=64)
    query = encoder.encode_query("harbour").vectors
    sound = np.concatenate([silence(0.5), tone(0.5, 800), tone(0.5, 500)])
    rows = encoder.encode_documents([sound_unit(sound, start_s=3.0)])[0]
    similar = (query @ rows.vectors.T)[0]
    assert np.flatnonzero(similar > 0.9).tolist() == [5, 6, 7, 8, 9]
    assert rows.locators.times is not None
    np.testing.assert_allclose(rows.locators.times[5], [3.5, 3.6], atol=1e-5)
