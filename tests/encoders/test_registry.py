from pathlib import Path

import pytest

from latelight.encoders import create_encoder, encoder_names
from latelight.errors import SettingError, WeightsNotFoundError


def test_the_default_comes_first() -> None:
    assert encoder_names()[0] == "latelight-small"


@pytest.mark.parametrize("name", encoder_names())
def test_every_encoder_declares_itself_without_reading_weights(name: str, tmp_path: Path) -> None:
    info = create_encoder(name, weights=tmp_path / "nowhere").info
    assert info.name == name
    assert all(len(digest) == 64 for digest in info.weights.values())


@pytest.mark.parametrize("name", encoder_names())
def test_a_directory_without_weights_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=str(tmp_path)):
        create_encoder(name, weights=tmp_path).load()


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(SettingError, match="latelight-small, colbert-small"):
        create_encoder("colbert-large")


def test_a_negative_number_of_threads_is_refused() -> None:
    with pytest.raises(SettingError, match="n_threads is -1"):
        create_encoder("latelight-small", n_threads=-1)
