"""Real server processes for tests: started, signalled, killed, asked."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from tests.server.conftest import NOTES

SCRIPT = """
import sys, time
from latelight.app import engine
from latelight.cli.main import main
from latelight.testing.encoders import FakeEncoder

class Slow(FakeEncoder):
    def encode_documents(self, units, **options):
        time.sleep(0.02 * len(units))
        return super().encode_documents(units, **options)

{more}

if __name__ == "__main__":
    engine.create_encoder = lambda *a, **k: Slow(dim=64)
    sys.argv = ["latelight", "serve", *sys.argv[1:]]
    main()
"""


@dataclass
class Server:
    process: subprocess.Popen[str]
    url: str
    lines: list[str]

    def client(self) -> httpx2.Client:
        return httpx2.Client(base_url=self.url, timeout=20)

    def end(self, how: int) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)


@contextlib.contextmanager
def serving(root: Path, *options: str, more: str = "") -> Iterator[Server]:
    """Start a server over `root`, on any port; `more` is code that it runs first."""
    script = root.parent / "serve.py"
    script.write_text(SCRIPT.replace("{more}", more))
    command = [sys.executable, str(script), str(root), "--port", "0", *options]
    environment = {**os.environ, "LATELIGHT_COMMIT_SECONDS": "0.05", "LATELIGHT_THREADS": "1"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    first = process.stderr.readline()
    assert "http://" in first, first + process.stderr.read()
    lines = [first]
    reader = threading.Thread(target=lambda: lines.extend(process.stderr), daemon=True)
    reader.start()
    try:
        yield Server(process, "http://" + first.split("http://")[1].strip().rstrip("/"), lines)
    finally:
        process.kill()
        process.wait()
        reader.join(5)
        process.stderr.close()


def ready(client: httpx2.Client) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx2.TransportError):
            if client.get("/readyz").status_code == 200:
                return
        time.sleep(0.05)
    raise AssertionError("not ready within 30 s")


def upload(client: httpx2.Client, number: int) -> dict[str, Any]:
    text = f"note {number}. The lamp burns oil.".encode()
    files = [("files", (f"{number}-{i}.txt", text + str(i).encode())) for i in range(8)]
    answer = client.post(f"{NOTES}/documents", files=files)
    assert answer.status_code == 202, answer.text
    told: dict[str, Any] = answer.json()
    return told


def names(client: httpx2.Client) -> set[str]:
    answer = client.get(f"{NOTES}/documents", params={"limit": 1000}).json()
    return {one["source"] for one in answer["items"]}


def wait_for_all(client: httpx2.Client, jobs: list[dict[str, Any]]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        now = [client.get(f"/v1/jobs/{job['job_id']}").json() for job in jobs]
        if {one["state"] for one in now} <= {"done"}:
            return
        time.sleep(0.1)
    raise AssertionError(f"jobs are {[(one['state'], one['error']) for one in now]}")


def wait_until_gone(folder: Path, pattern: str) -> None:
    """A job is done before what it kept is removed."""
    deadline = time.monotonic() + 20
    while left := list(folder.rglob(pattern)):
        assert time.monotonic() < deadline, left
        time.sleep(0.05)
