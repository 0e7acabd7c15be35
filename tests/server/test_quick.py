"""A plain search past the framework answers as the framework's route does."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from latelight.app import Library
from latelight.pipelines.request import MAX_K, MAX_QUERY_CHARACTERS
from latelight.releases.catalog import CATALOG
from latelight.releases.keys import KeyStore
from latelight.server.app import create_app
from latelight.server.config import ServerConfig
from latelight.server.quick import QuickSearch
from tests.server.conftest import NOTES, RECORDS, Serve

SEARCH = f"{NOTES}/search"
JSON = {"content-type": "application/json"}
BODIES = [
    b'{"text": "ferry"}',
    b'{"text": "ferry", "k": 2, "explain": true, "profile": true}',
    b'{"text": "oil", "filter": {"year": {"$gte": 2020}}, "exact": true, "mode": "bm25"}',
    b'{"text": "the lamp", "group_by": "document", "recall": "fast", "key": "user 1"}',
    b'{"text": "lamp", "k": null, "filter": null, "group_by": null, "key": null}',
    b'{"text": "lamp", "explain": 1}',
    b'{"text": "lamp", "version": "live"}',
    b'{"text": "lamp", "pipeline": {"search": {"mode": "bm25"}}}',
    b'{"text": "lamp", "version": "nobody"}',
    b'{"text": "lamp", "text": "ferry"}',
    b'{"text": ""}',
    b'{"text": "   "}',
    b'{"text": "\\ud800"}',
    b'{"text": null}',
    b'{"text": 5}',
    b"{}",
    b"",
    b"[]",
    b"null",
    b"{",
    b'\xef\xbb\xbf{"text": "lamp"}',
    b'{"text": "lamp", "unknown": 1}',
    b'{"text": "lamp", "filter": {"year": NaN}}',
    b'{"text": "lamp", "filter": {"$no": 1}}',
    b'{"text": "lamp", "filter": {"year": 1e400}}',
    b'{"text": "lamp", "filter": {"year": 123456789012345678901234567890}}',
    b'{"text": "lamp", "filter": ' + b'{"$not": ' * 3000 + b"1" + b"}" * 3001,
    *(b'{"text": "lamp", "k": %s}' % k for k in (b"0", b"-1", b"1.5", b"5.0", b"true", b'"5"')),
    b'{"text": "lamp", "k": %d}' % (MAX_K + 1),
    b'{"text": "%s"}' % (b"a" * (MAX_QUERY_CHARACTERS + 1)),
    b'{"text": "lamp", "key": "%s"}' % (b"a" * 257),
    b'{"text": "lamp", "mode": "none"}',
    b'{"text": "lamp", "group_by": "unit"}',
]
TIMES = ("search_id", "took_ms", "stages", "request_id")


@pytest.fixture
def slow(library: Library, notes: TestClient) -> Iterator[TestClient]:
    """A server over the same library that sends every search through the framework."""
    app = create_app(library, ServerConfig(shutdown_seconds=10))
    app.user_middleware = [one for one in app.user_middleware if one.cls is not QuickSearch]
    with TestClient(app, base_url="http://localhost", raise_server_exceptions=False) as client:
        yield client


def _lasting(answer: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in answer.items() if name not in TIMES}


def test_both_ways_answer_the_same(notes: TestClient, slow: TestClient) -> None:
    for body in BODIES:
        quick, other = (c.post(SEARCH, content=body, headers=JSON) for c in (notes, slow))
        assert quick.status_code == other.status_code, body[:80]
        assert _lasting(quick.json()) == _lasting(other.json()), body[:80]
        assert quick.json().keys() == other.json().keys()
        assert set(quick.headers) == set(other.headers)


@pytest.mark.parametrize("kind", [None, "text/plain", "application/json; charset=utf-8"])
def test_the_kind_of_a_body_counts_alike(
    notes: TestClient, slow: TestClient, kind: str | None
) -> None:
    headers = {} if kind is None else {"content-type": kind}
    both = [c.post(SEARCH, content=BODIES[0], headers=headers) for c in (notes, slow)]
    assert both[0].status_code == both[1].status_code
    assert _lasting(both[0].json()) == _lasting(both[1].json())


def test_whoever_is_refused_hears_the_same(
    library: Library, notes: TestClient, slow: TestClient
) -> None:
    store = KeyStore(library.root / CATALOG)
    reader = store.create("reader", {"default": "read"})
    stranger = store.create("stranger", {"other": "admin"})
    for key in (reader, stranger, "nonsense", None):
        headers = JSON if key is None else {**JSON, "authorization": f"Bearer {key}"}
        for path in (SEARCH, SEARCH.replace("notes", "gone"), SEARCH.replace("default", "gone")):
            both = [c.post(path, content=BODIES[0], headers=headers) for c in (notes, slow)]
            assert both[0].status_code == both[1].status_code, (key, path)
            assert _lasting(both[0].json()) == _lasting(both[1].json())
            assert both[0].json().get("code") == both[1].json().get("code")


def test_limits_hold(library: Library, serve: Serve) -> None:
    library.collection("notes", create=True).add(RECORDS)
    tight = serve(max_json_bytes=200, requests_per_second=1, burst=3)
    large = tight.post(SEARCH, content=b'{"text": "%s"}' % (b"a" * 300), headers=JSON)
    assert (large.status_code, large.json()["code"]) == (413, "too_large")
    # A body that is not as expected goes on to the framework, and is counted once all the same.
    assert tight.post(SEARCH, json={"text": ""}).status_code == 422
    assert tight.post(SEARCH, json={"text": "oil"}).status_code == 200
    last = tight.post(SEARCH, json={"text": "oil"})
    assert (last.status_code, last.json()["code"]) == (429, "rate_limited")
    assert int(last.headers["retry-after"]) >= 1


def test_a_body_in_pieces_is_read_whole_and_is_counted_under_its_route(notes: TestClient) -> None:
    pieces = iter([b'{"text": ', b'"refitted', b' ferry"}'])
    answer = notes.post(SEARCH, content=pieces, headers=JSON)
    assert answer.json()["hits"][0]["doc_id"] == "ferry"
    told = notes.get("/metrics").text
    route = "/v1/namespaces/{namespace}/collections/{collection}/search"
    assert f'latelight_requests_total{{method="POST",route="{route}",status="200"}} 1.0' in told


def test_a_body_that_breaks_off_is_nobodys_error(notes: TestClient) -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": SEARCH,
        "query_string": b"",
        "headers": [(b"host", b"localhost"), (b"content-type", b"application/json")],
    }
    asyncio.run(notes.app(scope, receive, send))  # type: ignore[arg-type]
    assert sent == []
