"""A real server on a small library, and a real browser that looks at it."""

import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_pdf

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HERE = Path(__file__).parent
WAIT_SECONDS = 60.0
NOTES = [
    {"id": f"note-{i}", "title": f"Note {i}", "text": text, "year": 2020 + i}
    for i, text in enumerate(
        [
            "The lamp burns whale oil in winter and olive oil in summer.",
            "Sales grew because stores opened late and closed later.",
            "A keeper trims the wick of the lamp every four hours at night.",
            "Fog signals are sounded when the light cannot be seen from the sea.",
        ]
    )
]
HOSTILE = "<img src=x onerror=\"window.broken='yes'\"><script>window.broken='yes'</script>"


@dataclass
class Server:
    """A running `latelight serve`."""

    url: str
    root: Path
    process: "subprocess.Popen[bytes]"


@dataclass
class Complaints:
    """What the browser said was wrong."""

    said: list[str] = field(default_factory=list)
    expected: list[str] = field(default_factory=list)

    def unexpected(self) -> list[str]:
        return [one for one in self.said if not any(part in one for part in self.expected)]


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium without a window."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    if found is None:
        pytest.skip(f"no browser: none of {', '.join(BROWSERS)} is installed")
    with api.sync_playwright() as playwright:
        made = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield made
        made.close()


@pytest.fixture(scope="session")
def library_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library with a page, texts and a hostile document."""
    root = tmp_path_factory.mktemp("web") / "library"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
        engine.shared_encoder.cache_clear()
        library = Library(root, Settings(n_threads=1))
        notes = library.collection("notes", create=True)
        notes.add(NOTES)
        page = text_pdf("The lamp of the lighthouse burns oil. Sales of oil grew in winter.")
        library.collection("pages", create=True).add(page, name="lamp.pdf", doc_id="lamp")
        hostile = {
            "id": f"id {HOSTILE}",
            "title": HOSTILE,
            "text": f"lamp {HOSTILE}",
            "by": HOSTILE,
        }
        library.collection("hostile", create=True).add([hostile])
        for name in ("release", "ramp", "mixed"):
            library.collection(name, create=True).add(NOTES)
        library.collection("inbox", create=True)
        engine.shared_encoder.cache_clear()
    return root


def started(root: Path, *flags: str) -> Server:
    """Start a server on a free port and wait until it says where it listens."""
    log = root.parent / "serve.log"
    command = [sys.executable, str(HERE / "served.py"), "serve", str(root), "--port", "0", *flags]
    with log.open("w") as told:
        process = subprocess.Popen(
            command, stderr=told, stdout=subprocess.DEVNULL, env={**os.environ, "COLUMNS": "400"}
        )
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        if address := re.search(r"http://127\.0\.0\.1:\d+", log.read_text()):
            return Server(address.group(), root, process)
        time.sleep(0.1)
    process.kill()
    raise AssertionError(f"The server did not start:\n{log.read_text()}")


def stop(server: Server) -> None:
    """End a server as an operator does."""
    server.process.terminate()
    server.process.wait(WAIT_SECONDS)


@pytest.fixture(scope="session")
def server(library_root: Path, browser: Any) -> Iterator[Server]:
    """The library, served."""
    made = started(library_root)
    yield made
    stop(made)


@pytest.fixture
def complaints() -> Iterator[Complaints]:
    """What the browser complains about: violations of the policy, failed requests, exceptions."""
    found = Complaints()
    yield found
    assert not found.unexpected()


@pytest.fixture
def page(browser: Any, server: Server, complaints: Complaints) -> Iterator[Any]:
    """A page on the server; whatever the console says is wrong fails the test."""
    context = browser.new_context(base_url=server.url, viewport={"width": 1440, "height": 900})
    yield watched(context, complaints)
    context.close()


def watched(context: Any, complaints: Complaints) -> Any:
    """Return a new page of a context whose errors are collected."""
    made = context.new_page()
    made.set_default_timeout(15_000)
    made.on("console", lambda m: m.type in ("error", "warning") and complaints.said.append(m.text))
    made.on("pageerror", lambda error: complaints.said.append(str(error)))
    made.on("dialog", lambda dialog: complaints.said.append(f"dialog: {dialog.message}"))
    return made
