"""Who may do what: every route of the OpenAPI document, with every kind of key."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from latelight.app import Library
from latelight.releases.catalog import CATALOG
from latelight.releases.keys import KeyScope, KeyStore
from tests.server.conftest import NOTES, RECORDS, Serve

PUBLIC = {"healthz", "readyz"}
ID = {"X-Request-ID": "same"}


@pytest.fixture
def keys(library: Library) -> dict[str, str]:
    """Keys by name; `foreign` opens another namespace, `gone` is revoked."""
    store = KeyStore(library.root / CATALOG)
    scopes: dict[str, dict[str, KeyScope]] = {
        "reader": {"default": "read"},
        "writer": {"default": "write"},
        "admin": {"default": "admin"},
        "foreign": {"other": "admin"},
        "root": {"*": "admin"},
        "gone": {"*": "admin"},
    }
    made = {name: store.create(name, grants) for name, grants in scopes.items()}
    store.revoke("gone")
    return made


@pytest.fixture
def guarded(library: Library, keys: dict[str, str], serve: Serve) -> TestClient:
    library.collection("notes", create=True).add(RECORDS)
    library.collection("theirs", create=True, namespace="other")
    return serve()


def operations(client: TestClient) -> Iterator[tuple[str, str, dict[str, Any]]]:
    document = client.app.openapi()  # type: ignore[attr-defined]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def call(client: TestClient, method: str, path: str, key: str | None, **more: Any) -> Any:
    filled = path.replace("{namespace}", "default").replace("{collection}", "notes")
    filled = re.sub(r"\{doc_id\}", "ferry", re.sub(r"\{unit_id\}", "c0", filled))
    filled = re.sub(r"\{\w+\}", more.pop("job_id", "x"), filled)
    headers = {**ID, **({"Authorization": f"Bearer {key}"} if key else {})}
    return client.request(method, filled, headers=headers, params={"text": "oil"}, **more)


def test_no_route_answers_without_a_good_key(guarded: TestClient, keys: dict[str, str]) -> None:
    n_routes = 0
    for method, path, operation in operations(guarded):
        if operation["operationId"] in PUBLIC:
            continue
        n_routes += 1
        for key in (None, keys["gone"], "ll_" + "x" * 43, "no key at all", "ll_\x00"):
            headers = {"api-key": key.encode()} if key else {}
            path_ = path.replace("{namespace}", "default").replace("{collection}", "notes")
            answer = guarded.request(method, path_, headers=headers, content=b"\xff" * 10)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), path
            assert answer.headers["www-authenticate"].startswith("Bearer")
    assert n_routes > 40


def test_a_foreign_namespace_is_as_if_it_were_not_there(
    guarded: TestClient, keys: dict[str, str], library: Library
) -> None:
    n_routes = 0
    for method, path, _ in operations(guarded):
        if "{namespace}" not in path:
            continue
        n_routes += 1
        there = call(guarded, method, path, keys["foreign"], content=b"{}")
        absent = call(
            guarded, method, path.replace("{namespace}", "nowhere"), keys["foreign"], content=b"{}"
        )
        assert there.status_code == absent.status_code == 404
        assert there.content.replace(b"default", b"nowhere") == absent.content
    assert n_routes > 25
    assert library.collection("notes").stats().n_documents == 3


def test_jobs_of_others_are_as_if_they_were_not_there(
    guarded: TestClient, keys: dict[str, str], library: Library
) -> None:
    job_id = library.jobs()[0].record.job_id
    for method, path, _ in operations(guarded):
        if "{job_id}" not in path:
            continue
        theirs = call(guarded, method, path, keys["foreign"], job_id=job_id)
        absent = call(guarded, method, path, keys["foreign"], job_id="f" * len(job_id))
        assert theirs.status_code == absent.status_code == 404, path
        assert theirs.content.replace(job_id.encode(), b"f" * len(job_id)) == absent.content
        part = call(guarded, method, path, keys["foreign"], job_id=job_id[:3])
        assert part.status_code == 404
    own = guarded.get("/v1/jobs", headers={"api-key": keys["foreign"]}).json()
    assert own["items"] == []
    seen = guarded.get("/v1/jobs", headers={"api-key": keys["reader"]}).json()
    assert [one["job_id"] for one in seen["items"]] == [job_id]


@pytest.mark.parametrize(("name", "may"), [("reader", 1), ("writer", 2), ("admin", 3), ("root", 3)])
def test_scopes_are_what_the_contract_says(
    guarded: TestClient, keys: dict[str, str], name: str, may: int
) -> None:
    needed = {"read": 1, "write": 2, "admin": 3}
    for method, path, operation in operations(guarded):
        scope = operation.get("x-latelight-scope")
        if not scope or operation["operationId"] in ("drop_collection", "search_image"):
            continue
        # A body that nobody can read: whoever is let in is told so, and nothing happens.
        answer = call(guarded, method, path, keys[name], content=b"\xff\xfe")
        if needed[scope] > may:
            assert (answer.status_code, answer.json()["code"]) == (403, "forbidden"), path
        else:
            assert answer.status_code not in (401, 403, 500), (path, answer.text)


def test_what_needs_no_namespace_shows_only_ones_own(
    guarded: TestClient, keys: dict[str, str]
) -> None:
    reader, root = ({"api-key": keys[name]} for name in ("reader", "root"))
    names = guarded.get("/v1/namespaces", headers=reader).json()["items"]
    assert names == [{"name": "default"}]
    every = guarded.get("/v1/namespaces", headers=root).json()["items"]
    assert every == [{"name": "default"}, {"name": "other"}]
    me = guarded.get("/v1/whoami", headers=reader).json()
    assert (me["key"], me["namespaces"], me["open"]) == ("reader", {"default": "read"}, False)
    assert guarded.get("/metrics", headers=reader).status_code == 403
    assert guarded.get("/metrics", headers=root).status_code == 200
    job = guarded.get("/v1/jobs", headers=root).json()["items"][0]["job_id"]
    assert guarded.post(f"/v1/jobs/{job}/cancel", headers=reader).status_code == 403
    body = {"namespace": "default", "collection": "notes", "search_id": "x", "doc_id": "y"}
    foreign = {"api-key": keys["foreign"]}
    assert guarded.post("/v1/interactions", headers=foreign, json=body).status_code == 404


def test_a_key_ends_at_once_and_the_server_never_opens_again(
    guarded: TestClient, keys: dict[str, str], library: Library
) -> None:
    headers = {"Authorization": f"Bearer {keys['reader']}"}
    assert guarded.get(NOTES, headers=headers).status_code == 200
    store = KeyStore(library.root / CATALOG)
    for key in store.all():
        if key.revoked_at is None:
            store.revoke(key.name)
    assert guarded.get(NOTES, headers=headers).status_code == 401
    assert guarded.get(NOTES).status_code == 401


def test_the_first_key_closes_an_open_server(notes: TestClient, library: Library) -> None:
    assert notes.get("/v1/whoami").json()["open"] is True
    KeyStore(library.root / CATALOG).create("first", {"*": "admin"})
    assert notes.get("/v1/whoami").status_code == 401


def test_an_open_server_is_not_for_pages_of_other_sites(notes: TestClient) -> None:
    for headers in (
        {"Host": "rebound.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "localhost.evil.example"},
    ):
        assert notes.get(NOTES, headers=headers).status_code == 403, headers
    assert notes.get(NOTES, headers={"Origin": "http://localhost"}).status_code == 200


def test_beyond_this_machine_nothing_is_open(library: Library, serve: Serve) -> None:
    assert serve(is_loopback=False).get("/v1/whoami").status_code == 401


def test_only_hashes_of_keys_are_kept(library: Library, keys: dict[str, str]) -> None:
    kept = b"".join(path.read_bytes() for path in library.root.glob("catalog.db*"))
    assert b"reader" in kept
    assert not [name for name, secret in keys.items() if secret[3:].encode() in kept]
