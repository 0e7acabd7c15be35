import pytest

import latelight
from latelight.client.address import is_url, parse_address
from latelight.errors import InputError

SECRET = "ll_0123456789abcdef"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("http://localhost:8080", "http://localhost:8080"),
        ("http://localhost:8080/", "http://localhost:8080"),
        ("https://host/search/", "https://host/search"),
        ("https://host/search/v1", "https://host/search"),
        ("http://[::1]:8080", "http://[::1]:8080"),
    ],
)
def test_an_address_ends_before_the_version(given: str, expected: str) -> None:
    assert parse_address(given, "").url == expected


@pytest.mark.parametrize(
    ("url", "said"),
    [
        (f"http://me:{SECRET}@host", "user or a password"),
        (f"http://{SECRET}@host", "user or a password"),
        (f"http://host?key={SECRET}", "query"),
        (f"http://host/#{SECRET}", "query or a fragment"),
        ("http://host?", "query"),
        ("s3://bucket/prefix", "'s3'"),
        ("http://", "names no host"),
        ("http://host:port", "a port that is none"),
        ("http://host:99999", "a port that is none"),
    ],
)
def test_other_urls_are_refused_without_what_may_be_secret(url: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as told:
        parse_address(url, "")
    assert SECRET not in str(told.value)


@pytest.mark.parametrize("key", ["two words", "line\n", "clé"])
def test_a_key_that_cannot_be_sent_is_refused_and_not_shown(key: str) -> None:
    with pytest.raises(InputError, match="The key holds") as told:
        parse_address("http://host", key)
    assert key not in str(told.value)


def test_the_key_is_in_no_repr() -> None:
    client = latelight.Client("http://host:8080", api_key=SECRET)
    shown = [client, client._about, client._carrier, client._carrier._http, vars(client)]
    assert repr(client) == "latelight.open('http://host:8080')"
    assert SECRET not in "".join(map(repr, shown))


def test_the_key_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LATELIGHT_API_KEY", SECRET)
    assert latelight.Client("http://host")._about.api_key == SECRET
    assert latelight.Client("http://host", api_key="other")._about.api_key == "other"


def test_a_directory_has_no_key(tmp_path: object) -> None:
    with pytest.raises(InputError, match="is a directory"):
        latelight.open(str(tmp_path), api_key=SECRET)


def test_only_what_names_a_scheme_is_a_url() -> None:
    assert is_url("http://host")
    assert not is_url("./library")
