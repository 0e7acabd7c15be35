import random
from collections import Counter

import pytest

from latelight.errors import InputError
from latelight.experiments import Attraction, Cascade, ClickModel, PositionBased, click_model

RANKING = ("good", "bad", "best", "worse")
GAINS = {"good": 1, "best": 3, "worse": -1}
N = 20_000


def rates(model: ClickModel) -> dict[str, float]:
    generator = random.Random(0)
    seen = Counter(doc for _ in range(N) for doc in model.clicks(RANKING, GAINS, generator))
    return {doc: seen[doc] / N for doc in RANKING}


def test_attraction_rises_with_the_gain_as_in_graded_relevance() -> None:
    attraction = Attraction(noise=0.1, highest=0.8, max_gain=3)
    assert [attraction.of(gain) for gain in (-2, 0, 1, 2, 3, 9)] == pytest.approx(
        [0.1, 0.1, 0.2, 0.4, 0.8, 0.8]
    )


def test_positions_are_looked_at_whatever_lies_above() -> None:
    attraction = Attraction(noise=0.1, highest=0.8, max_gain=3)
    found = rates(PositionBased(attraction, eta=1))
    expected = {"good": 0.2, "bad": 0.1 / 2, "best": 0.8 / 3, "worse": 0.1 / 4}
    assert found == pytest.approx(expected, abs=0.012)


def test_a_content_user_reads_no_further() -> None:
    attraction = Attraction(noise=0.1, highest=0.8, max_gain=3)
    found = rates(Cascade(attraction, stop=1))
    expected = {
        "good": 0.2,
        "bad": 0.8 * 0.1,
        "best": 0.8 * 0.9 * 0.8,
        "worse": 0.8 * 0.9 * 0.2 * 0.1,
    }
    assert found == pytest.approx(expected, abs=0.012)
    generator = random.Random(1)
    most = max(len(Cascade(stop=1).clicks(RANKING, GAINS, generator)) for _ in range(200))
    assert most == 1


def test_a_user_who_never_stops_clicks_whatever_attracts() -> None:
    attraction = Attraction(noise=0.1, highest=0.8, max_gain=3)
    found = rates(Cascade(attraction, stop=0))
    assert found == pytest.approx({"good": 0.2, "bad": 0.1, "best": 0.8, "worse": 0.1}, abs=0.012)


def test_models_have_names_and_wrong_ones_are_refused() -> None:
    assert isinstance(click_model("cascade"), Cascade)
    assert click_model("position-based", max_gain=2).name.startswith("position-based")
    with pytest.raises(InputError, match="unknown"):
        click_model("random")
    with pytest.raises(InputError, match=r"noise is 0.9; .* from 0 to 0.1"):
        Attraction(noise=0.9, highest=0.1)
    with pytest.raises(InputError, match="eta"):
        PositionBased(eta=-1)
    with pytest.raises(InputError, match="stop"):
        Cascade(stop=2)
