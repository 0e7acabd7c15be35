"""A library on this machine, and the same behind a real server in a thread."""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import latelight
from latelight.app import Collection, Library, engine
from latelight.client.waiting import Client, RemoteCollection
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import PdfPage, PdfText, make_pdf

AnyLibrary = Library | Client
AnyCollection = Collection | RemoteCollection
TOP, BOTTOM = "harbour ferry timetable", "lighthouse keeper wages"
RECORDS = [
    {"id": "boats", "title": "Boats", "text": "The ferry leaves the harbour.", "year": 2022},
    {"id": "lamps", "title": "Lamps", "text": "The keeper draws his wages.", "year": 2023},
    {"id": "a/b c?", "title": "Odd", "text": "An id with a slash, and the ferry.", "year": 2023},
]


@pytest.fixture(autouse=True)
def fake_encoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for variable in [name for name in os.environ if name.startswith("LATELIGHT_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
    engine.shared_encoder.cache_clear()
    yield
    engine.shared_encoder.cache_clear()


@contextmanager
def serving(library: Library) -> Iterator[str]:
    """Serve a library on a free port of this machine; give the URL."""
    uvicorn: Any = pytest.importorskip("uvicorn")
    server_app: Any = pytest.importorskip("latelight.server.app")
    listening = socket.create_server(("127.0.0.1", 0))
    config = uvicorn.Config(server_app.create_app(library), log_level="warning", lifespan="on")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    try:
        _wait_for(lambda: server.started)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(30)
        listening.close()


def _wait_for(is_so: Callable[[], bool], seconds: float = 30.0) -> None:
    until = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < until, "the server has not begun"
        time.sleep(0.01)


@pytest.fixture
def embedded(tmp_path: Path) -> Library:
    return Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0.1))


@pytest.fixture
def url(embedded: Library) -> Iterator[str]:
    with serving(embedded) as url:
        yield url


@pytest.fixture
def client(url: str) -> Iterator[Client]:
    with latelight.Client(url) as client:
        yield client


@pytest.fixture(params=["embedded", "client"])
def library(request: pytest.FixtureRequest) -> AnyLibrary:
    """What the suite is about: the same tests hold for both."""
    found: AnyLibrary = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def paper(library: AnyLibrary) -> AnyCollection:
    """A page with words at two places, and some records."""
    target = library.collection("paper", create=True)
    page = PdfPage(texts=(PdfText(TOP, 72, 700), PdfText(BOTTOM, 72, 100)))
    target.add(make_pdf([page]), name="page.pdf", doc_id="page", metadata={"year": 2024})
    target.add(RECORDS)
    return target
