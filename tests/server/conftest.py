from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from latelight.app import Library, engine
from latelight.server.app import create_app
from latelight.server.config import ServerConfig
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

RECORDS = [
    {"id": "ferry", "title": "The ferry", "text": "The ferry was refitted in 2019.", "year": 2019},
    {"id": "lamp", "title": "The lamp", "text": "The lamp of the lighthouse burns oil."},
    {"id": "tram", "title": "The tram", "text": "The tram depot burned down.", "year": 2021},
]
NOTES = "/v1/namespaces/default/collections/notes"

Serve = Callable[..., TestClient]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """A library whose default encoder is a fake, so that nothing heavy is loaded."""
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0.05))
    engine.shared_encoder.cache_clear()


@pytest.fixture
def serve(library: Library) -> Iterator[Serve]:
    """Start servers over the library, in this process; all are stopped in the end."""
    clients: list[TestClient] = []

    def start(**limits: Any) -> TestClient:
        app = create_app(library, ServerConfig(**{"shutdown_seconds": 10, **limits}))
        client = TestClient(app, base_url="http://localhost", raise_server_exceptions=False)
        client.__enter__()
        clients.append(client)
        return client

    yield start
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(serve: Serve) -> TestClient:
    """An open server with an empty library."""
    return serve()


@pytest.fixture
def notes(library: Library, client: TestClient) -> TestClient:
    """An open server with three records in the collection `notes`."""
    library.collection("notes", create=True).add(RECORDS)
    return client
