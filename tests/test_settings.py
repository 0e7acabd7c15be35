import pytest

from latelight.errors import SettingError
from latelight.settings import SETTINGS, read_settings


def test_an_empty_environment_gives_the_defaults() -> None:
    settings = read_settings({})
    assert str(settings.library) == "library"
    assert settings.weights is None
    assert settings.n_threads >= 1


def test_every_row_of_the_table_can_be_set() -> None:
    given = {
        "LATELIGHT_LIBRARY": "/a",
        "LATELIGHT_API_KEY": "k",
        "LATELIGHT_NAMESPACE": "b",
        "LATELIGHT_COLLECTION": "c",
        "LATELIGHT_THREADS": "3",
        "LATELIGHT_DEVICE": "cuda:1",
        "LATELIGHT_WEIGHTS": "/w",
        "LATELIGHT_COMMIT_SECONDS": "1.5",
        "LATELIGHT_BACKFILL_NICENESS": "5",
        "LATELIGHT_SHOWN_DAYS": "7",
        "LATELIGHT_SHOWN_SEARCHES": "500",
    }
    assert {row.variable for row in SETTINGS} == set(given)
    settings = read_settings(given)
    assert (str(settings.library), settings.namespace, settings.collection) == ("/a", "b", "c")
    assert settings.api_key == "k"
    assert "api_key" not in repr(settings)
    assert (settings.n_threads, str(settings.weights), settings.commit_seconds) == (3, "/w", 1.5)
    assert settings.backfill_niceness == 5
    assert (settings.shown_days, settings.shown_searches) == (7, 500)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LATELIGHT_THREADS", "many"),
        ("LATELIGHT_COMMIT_SECONDS", "-1"),
        ("LATELIGHT_COMMIT_SECONDS", "soon"),
        ("LATELIGHT_BACKFILL_NICENESS", "20"),
        ("LATELIGHT_SHOWN_DAYS", "0"),
        ("LATELIGHT_SHOWN_SEARCHES", "nan"),
        ("LATELIGHT_LIBARY", "typo"),
    ],
)
def test_a_wrong_variable_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(SettingError, match=name):
        read_settings({name: value})
