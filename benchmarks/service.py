"""What does HTTP cost a search, and what do many clients at once see while others write?

    python benchmarks/service.py --data ../shared/data
    python benchmarks/service.py --data ../shared/data --texts 200 --clients 20 --seconds 10

A library of abstracts is served by a process of its own. First one client asks the same questions
in turn over HTTP and of the library in its own process. Then many clients ask without pause for
`--seconds`, while a writer adds a document, looks whether it is found, deletes an earlier one and
looks whether that is gone. In the end every document that was acknowledged must be there, and no
other. For comparison, as many threads ask the library in process as the server has for searches.
"""

import argparse
import http.client
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beir import load_set
from circumstances import circumstances

import latelight

WARM = 20  # questions asked before anything is timed
COLLECTION = "/v1/namespaces/default/collections/texts"
Ask = Callable[[str], Any]


@dataclass
class Seen:
    """What clients saw."""

    milliseconds: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def told(self) -> dict[str, Any]:
        return {
            "n": len(self.milliseconds),
            "p50_ms": round(quantile(self.milliseconds, 0.5), 2),
            "p99_ms": round(quantile(self.milliseconds, 0.99), 2),
            "errors": len(self.errors),
            "first_errors": self.errors[:3],
        }


class Client:
    """One connection that is kept, as a plain client of the standard library has it."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.took_ms = 0.0
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        sent = None if body is None else json.dumps(body)
        headers = {} if sent is None else {"Content-Type": "application/json"}
        self._http.request(method, path, sent, headers)
        answer = self._http.getresponse()
        read = answer.read()
        is_json = "json" in (answer.headers.get("Content-Type") or "")
        return answer.status, json.loads(read) if is_json and read else None

    def search(self, text: str) -> list[str]:
        """Return the documents found; `took_ms` then says how long the server searched."""
        status, answer = self.ask("POST", f"{COLLECTION}/search", {"text": text})
        if status != 200:
            raise RuntimeError(f"{status}: {answer}")
        self.took_ms = answer["took_ms"]
        return [hit["doc_id"] for hit in answer["hits"]]


def quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)] if ordered else float("nan")


@contextmanager
def served(root: Path) -> Any:
    """Serve a library; yield its port."""
    command = [sys.executable, "-m", "latelight.cli.main", "serve", str(root), "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    line = process.stderr.readline()
    port = int(line.rstrip().rstrip("/").rpartition(":")[2])
    threading.Thread(target=process.stderr.read, daemon=True).start()
    try:
        wait_until_ready(port)
        yield port
    finally:
        process.terminate()
        process.wait(60)


def wait_until_ready(port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with suppress(OSError), Client(port) as client:
            if client.ask("GET", "/readyz")[0] == 200:
                return
        time.sleep(0.2)
    raise TimeoutError("The server is not ready after two minutes.")


def timed(ask: Ask, text: str, seen: Seen) -> None:
    began = time.perf_counter()
    try:
        ask(text)
    except Exception as error:
        seen.errors.append(f"{type(error).__name__}: {error}")
    seen.milliseconds.append(1000 * (time.perf_counter() - began))


def overhead(port: int, target: Any, texts: Sequence[str]) -> dict[str, Any]:
    """Ask the same in turn both ways."""
    client, over, inside = Client(port), Seen(), Seen()
    around = []  # the search, in the server
    for text in texts[:WARM]:
        client.search(text)
        target.search(text)
    for text in texts:
        timed(client.search, text, over)
        around.append(over.milliseconds[-1] - client.took_ms)
        timed(target.search, text, inside)
    extra = [a - b for a, b in zip(over.milliseconds, inside.milliseconds, strict=True)]
    return {
        "http": over.told(),
        "in_process": inside.told(),
        "overhead_p50_ms": round(statistics.median(extra), 2),
        "around_the_search_p50_ms": round(statistics.median(around), 2),
    }


# -- many clients ------------------------------------------------------------------------------


def crowd(make: Callable[[], Ask], texts: Sequence[str], n: int, seconds: float) -> Seen:
    """Let n threads ask without pause; return what they all saw."""
    until, every = time.monotonic() + seconds, [Seen() for _ in range(n)]

    def run(number: int) -> None:
        ask, at = make(), number
        while time.monotonic() < until:
            timed(ask, texts[at % len(texts)], every[number])
            at += n

    with ThreadPoolExecutor(n) as pool:
        list(pool.map(run, range(n)))
    return Seen(
        [one for own in every for one in own.milliseconds],
        [one for own in every for one in own.errors],
    )


@dataclass
class Writer:
    """Adds and deletes over HTTP, and looks each time whether searches agree."""

    port: int
    until: float
    there: list[str] = field(default_factory=list)
    n_deleted: int = 0
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        client, number = Client(self.port), 0
        while time.monotonic() < self.until:
            self._add(client, number)
            if len(self.there) > 5:
                self._delete(client, self.there.pop(0))
            number += 1

    def _add(self, client: Client, number: int) -> None:
        doc_id = f"written-{number}"
        record = {"id": doc_id, "text": text_of(doc_id)}
        status, job = client.ask("POST", f"{COLLECTION}/documents", {"records": [record]})
        if status != 202:
            self.wrong.append(f"add: {status} {job}")
            return
        while job["state"] in {"waiting", "running", "paused"}:
            time.sleep(0.05)
            _, job = client.ask("GET", f"/v1/jobs/{job['job_id']}")
        if job["state"] != "done" or job["n_failures"]:
            self.wrong.append(f"job: {job}")
        self.there.append(doc_id)
        if doc_id not in client.search(text_of(doc_id)):
            self.wrong.append(f"lost: {doc_id} was added, and is not found")

    def _delete(self, client: Client, doc_id: str) -> None:
        status, said = client.ask("DELETE", f"{COLLECTION}/documents/{doc_id}")
        if status != 204:
            self.wrong.append(f"delete: {status} {said}")
        self.n_deleted += 1
        if doc_id in client.search(text_of(doc_id)):
            self.wrong.append(f"phantom: {doc_id} was deleted, and is found")


def text_of(doc_id: str) -> str:
    return f"The ledger of the harbour names {doc_id} beside the ferry."


def load(port: int, texts: Sequence[str], given: argparse.Namespace) -> dict[str, Any]:
    """Search by many clients, with a writer beside them."""
    writer = Writer(port, time.monotonic() + given.seconds)
    thread = threading.Thread(target=writer.run)
    thread.start()
    seen = crowd_apart(port, texts, given)
    thread.join()
    return {
        "clients": given.clients,
        "seconds": given.seconds,
        **seen,
        "added": writer.n_deleted + len(writer.there),
        "deleted": writer.n_deleted,
        "wrong": writer.wrong[:5],
        "n_wrong": len(writer.wrong) + differences(port, writer, given.texts),
    }


def crowd_apart(port: int, texts: Sequence[str], given: argparse.Namespace) -> dict[str, Any]:
    """Run the clients in a process of their own: theirs is not the server's interpreter."""
    asked = {"port": port, "texts": texts, "clients": given.clients, "seconds": given.seconds}
    command = [sys.executable, __file__, "--crowd"]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, check=True
    )
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def differences(port: int, writer: Writer, n_texts: int) -> int:
    """Return how many documents are there that should not be, or the other way about."""
    client, found, cursor = Client(port), set(), ""
    while True:
        after = f"&cursor={cursor}" if cursor else ""
        _, page = client.ask("GET", f"{COLLECTION}/documents?limit=500{after}")
        found |= {one["doc_id"] for one in page["items"]}
        cursor = page["next_cursor"] or ""
        if not cursor:
            break
    written = {one for one in found if one.startswith("written-")}
    return len(written ^ set(writer.there)) + abs(len(found - written) - n_texts)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", default="scifact")
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--work", type=Path, help="kept; a scratch directory otherwise")
    parser.add_argument("--crowd", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.crowd:
        told = json.load(sys.stdin)
        port, texts = told["port"], told["texts"]
        seen = crowd(lambda: Client(port).search, texts, told["clients"], told["seconds"])
        print(
            json.dumps({**seen.told(), "qps": round(len(seen.milliseconds) / told["seconds"], 1)})
        )
        return
    with tempfile.TemporaryDirectory() as scratch:
        run(given.work or Path(scratch) / "library", given)


def run(root: Path, given: argparse.Namespace) -> None:
    judged = load_set(given.data, given.set)
    texts = [judged.queries[topic] for topic in judged.qrels.topics][:200]
    target = latelight.open(root).collection("texts", create=True)
    target.add(list(judged.records)[: given.texts])
    for old in [one.doc_id for one in target.documents() if one.doc_id.startswith("written-")]:
        target.delete([old])
    row: dict[str, Any] = circumstances("service", None)
    with served(root) as port:
        row["alone"] = overhead(port, target, texts)
        print(json.dumps(row["alone"]), flush=True)
        row["load"] = load(port, texts, given)
        print(json.dumps(row["load"]), flush=True)
    n_threads = max(4, 2 * (os.cpu_count() or 1))
    seen = crowd(lambda: target.search, texts, n_threads, min(given.seconds, 20))
    row["in_process"] = {**seen.told(), "threads": n_threads}
    row["in_process"]["qps"] = round(len(seen.milliseconds) / min(given.seconds, 20), 1)
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
