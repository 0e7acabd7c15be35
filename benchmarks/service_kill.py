"""Is everything that was acknowledged there after `kill -9` of a server that many clients use?

    python benchmarks/service_kill.py --data ../shared/data
    python benchmarks/service_kill.py --data ../shared/data --texts 200 --clients 20 --seconds 20

As `service.py`, with several writers, and the server is killed `--kills` times, evenly within
`--seconds`, and started again at once on the same port. Whoever searches asks again when the
connection breaks, as every client does; writers never repeat a request that was cut off, so that
only what the server said decides: 202 for documents means that they will be there, 204 that one is
gone for good. What was cut off may have happened or not, whole. In the end every document is
listed and searched for, and the library is verified. Then as many threads as the server has for
searches ask the library in this process.
"""

import argparse
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from beir import load_set
from circumstances import circumstances
from service import COLLECTION, Client, crowd, quantile, text_of, wait_until_ready

import latelight

BUNDLE = 4  # documents of one request
MOST_OPEN = 6  # jobs of a writer that are not waited for
PAUSE_SECONDS = 0.1
SERVE = (sys.executable, "-m", "latelight.cli.main", "serve")
BROKEN = (OSError, http.client.HTTPException)


@dataclass
class Server:
    """A server on one port, which is killed and started again."""

    command: Sequence[str]
    port: int
    process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [*self.command, "--port", str(self.port)]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        threading.Thread(target=self.process.communicate, daemon=True).start()

    def end(self, how: signal.Signals) -> int:
        assert self.process is not None
        self.process.send_signal(how)
        return self.process.wait(60)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(command: Sequence[str]) -> Iterator[Server]:
    server = Server(command, free_port())
    server.start()
    try:
        wait_until_ready(server.port)
        yield server
    finally:
        server.end(signal.SIGTERM)


# -- who searches ------------------------------------------------------------------------------


def searches(told: Mapping[str, Any]) -> list[tuple[float, float, str]]:
    """Let many clients ask without pause; return when each was answered, how late, and by what."""
    until, texts, n = time.monotonic() + told["seconds"], told["texts"], told["clients"]
    every: list[list[tuple[float, float, str]]] = [[] for _ in range(n)]

    def run(number: int) -> None:
        at = number
        with Client(told["port"]) as client:
            while time.monotonic() < until:
                began = time.monotonic()
                how = _insisted(client, texts[at % len(texts)])
                now = time.monotonic()
                every[number].append((now, 1000 * (now - began), how))
                at += n

    with ThreadPoolExecutor(n) as pool:
        list(pool.map(run, range(n)))
    return [one for own in every for one in own]


def _insisted(client: Client, text: str) -> str:
    """Ask until there is an answer; return nothing, `again`, or the error."""
    how, deadline = "", time.monotonic() + 120
    while True:
        try:
            client.search(text)
        except BROKEN as error:
            client.close()  # the next request opens it anew
            if time.monotonic() > deadline:
                return repr(error)
            how = "again"
            time.sleep(PAUSE_SECONDS)
        except RuntimeError as error:
            return str(error)
        else:
            return how


def in_a_process(told: Mapping[str, Any]) -> list[tuple[float, float, str]]:
    """Run the clients in a process of their own: theirs is not the server's interpreter."""
    command = [sys.executable, __file__, "--crowd"]
    done = subprocess.run(
        command, input=json.dumps(told), capture_output=True, text=True, check=True
    )
    answers: list[tuple[float, float, str]] = json.loads(done.stdout)
    return answers


# -- who writes --------------------------------------------------------------------------------


@dataclass
class Writer:
    """Adds and deletes by requests of its own, and keeps what it was told.

    Attributes:
        there: documents that have to be there in the end: a job was acknowledged for them.
        gone: documents whose deletion was acknowledged.
        open: what a cut-off request was about: whole or not at all.
        jobs: acknowledged, and not seen to end.
        wrong: answers that should not have come.
    """

    number: int
    port: int
    until: float
    there: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    open: list[set[str]] = field(default_factory=list)
    jobs: dict[str, list[str]] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        turn, deletable = 0, list[str]()
        while time.monotonic() < self.until:
            turn += 1
            self._add([f"written-{self.number}-{turn}-{i}" for i in range(BUNDLE)])
            deletable += self._ended(MOST_OPEN)
            if len(deletable) > BUNDLE:
                self._delete(deletable.pop(0))
        self._ended(0)

    def _ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Return status and answer; 0 when the connection broke."""
        try:
            with Client(self.port) as client:
                return client.ask(method, path, body)
        except BROKEN:
            time.sleep(PAUSE_SECONDS)
            return 0, None

    def _add(self, doc_ids: list[str]) -> None:
        records = [{"id": one, "text": text_of(one), "name": one} for one in doc_ids]
        status, job = self._ask("POST", f"{COLLECTION}/documents", {"records": records})
        if status == 202:
            self.there.update(doc_ids)
            self.jobs[job["job_id"]] = doc_ids
        elif status == 0:
            self.open.append(set(doc_ids))
        else:
            self.wrong.append(f"add: {status} {job}")

    def _delete(self, doc_id: str) -> None:
        status, said = self._ask("DELETE", f"{COLLECTION}/documents/{doc_id}")
        self.there.discard(doc_id)
        if status == 204:
            self.gone.add(doc_id)
        elif status == 0:
            self.open.append({doc_id})
        else:
            self.wrong.append(f"delete: {status} {said}")

    def _ended(self, most_open: int) -> list[str]:
        """Wait until few jobs are open; return the documents of those that ended."""
        ended: list[str] = []
        deadline = time.monotonic() + 180
        while len(self.jobs) > most_open and time.monotonic() < deadline:
            for job_id in list(self.jobs):
                status, job = self._ask("GET", f"/v1/jobs/{job_id}")
                if status == 0 or job["state"] in ("waiting", "running", "interrupted", "paused"):
                    continue  # between a kill and the next start nobody is at it
                if status != 200 or job["state"] != "done" or job["n_failures"]:
                    self.wrong.append(f"job: {status} {job}")
                ended += self.jobs.pop(job_id)
            time.sleep(PAUSE_SECONDS)
        if len(self.jobs) > most_open:
            self.wrong.append(f"jobs that do not end: {sorted(self.jobs)}")
            self.jobs.clear()
        return ended


def differences(port: int, writers: Sequence[Writer], texts: set[str]) -> list[str]:
    """Return what is there and should not be, or the other way about, by list and by search."""
    listed = set(all_ids(port))
    there = set().union(*(one.there for one in writers)) | texts
    maybe = [part for one in writers for part in one.open]
    wrong = [f"lost: {one}" for one in sorted(there - listed)]
    unasked = listed - there - set().union(*maybe)
    wrong += [f"phantom: {one}" for one in sorted(unasked)]
    wrong += [f"half: {sorted(part)}" for part in maybe if part & listed and part - listed]
    gone = set().union(*(one.gone for one in writers))
    with Client(port) as client:
        for doc_id in sorted(there - texts | gone):
            if _is_found(client, doc_id) != (doc_id in there):
                wrong.append(f"{'not found' if doc_id in there else 'found though gone'}: {doc_id}")
    return wrong


def _is_found(client: Client, doc_id: str) -> bool:
    """Return whether a search finds a document; the others are like it, so it is named."""
    asked = {"text": text_of(doc_id), "filter": {"name": doc_id}}
    status, answer = client.ask("POST", f"{COLLECTION}/search", asked)
    return status == 200 and [hit["doc_id"] for hit in answer["hits"]] == [doc_id]


def all_ids(port: int) -> Iterator[str]:
    cursor = ""
    while True:
        after = f"&cursor={cursor}" if cursor else ""
        with Client(port) as client:
            _, page = client.ask("GET", f"{COLLECTION}/documents?limit=500{after}")
        yield from (one["doc_id"] for one in page["items"])
        cursor = page["next_cursor"] or ""
        if not cursor:
            return


# -- the run -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Load:
    """How much is asked of the server."""

    clients: int = 200
    writers: int = 4
    seconds: float = 120
    kills: int = 1


def under_load(server: Server, texts: Sequence[str], ids: set[str], load: Load) -> dict[str, Any]:
    """Search and write, kill and start again; return what everybody saw."""
    began = time.monotonic()
    writers = [Writer(n, server.port, began + load.seconds) for n in range(load.writers)]
    told = {"port": server.port, "texts": texts, "clients": load.clients, "seconds": load.seconds}
    with ThreadPoolExecutor(load.writers + 1) as pool:
        crowded = pool.submit(in_a_process, told)
        writing = [pool.submit(one.run) for one in writers]
        kills = [_killed(server, began, n, load) for n in range(1, load.kills + 1)]
        answers = crowded.result()
        for one in writing:
            one.result()
    wrong = [said for one in writers for said in one.wrong]
    wrong += differences(server.port, writers, ids)
    calm = [ms for at, ms, how in answers if not how and at < kills[0]]
    return {
        "clients": load.clients,
        "seconds": load.seconds,
        "searches": len(answers),
        "qps_before_the_kill": round(len(calm) / (kills[0] - began), 1),
        "p50_ms": round(quantile(calm, 0.5), 1),
        "p99_ms": round(quantile(calm, 0.99), 1),
        "asked_again": sum(how == "again" for _, _, how in answers),
        "errors": [how for _, _, how in answers if how not in ("", "again")][:3],
        "seconds_until_answered": [round(_outage(answers, at), 1) for at in kills],
        "added": sum(len(one.there) + len(one.gone) for one in writers),
        "deleted": sum(len(one.gone) for one in writers),
        "cut_off": sum(len(one.open) for one in writers),
        "wrong": wrong[:5],
        "n_wrong": len(wrong),
    }


def _killed(server: Server, began: float, number: int, load: Load) -> float:
    """Kill the server at its time, start it again, and return when that was."""
    time.sleep(max(0.0, began + load.seconds * number / (load.kills + 1) - time.monotonic()))
    at = time.monotonic()
    server.end(signal.SIGKILL)
    server.start()
    return at


def _outage(answers: Sequence[tuple[float, float, str]], killed: float) -> float:
    return min((at - killed for at, _, how in answers if at > killed and how == "again"), default=0)


def run(
    root: Path,
    records: Sequence[Mapping[str, Any]],
    texts: Sequence[str],
    load: Load,
    serve: Sequence[str] = SERVE,
) -> dict[str, Any]:
    """Fill a new library, and return what was seen of it under load and in this process."""
    target = latelight.open(root).collection("texts", create=True)
    target.add([dict(one) for one in records])
    ids = {one.doc_id for one in target.documents()}
    row = circumstances("service-kill", None)
    with served([*serve, str(root)]) as server:
        row["load"] = under_load(server, texts, ids, load)
        print(json.dumps(row["load"]), flush=True)
    row["damage"] = [str(one) for one in target.verify()]
    n_threads, seconds = max(4, 2 * (os.cpu_count() or 1)), min(load.seconds, 20)
    seen = crowd(lambda: target.search, texts, n_threads, seconds)
    row["in_process"] = {**seen.told(), "threads": n_threads}
    row["in_process"]["qps"] = round(len(seen.milliseconds) / seconds, 1)
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", default="scifact")
    parser.add_argument("--texts", type=int, default=1000)
    for name, default in (("clients", 200), ("writers", 4), ("seconds", 120), ("kills", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--crowd", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.crowd:
        print(json.dumps(searches(json.load(sys.stdin))))
        return
    judged = load_set(given.data, given.set)
    texts = [judged.queries[topic] for topic in judged.qrels.topics][:200]
    load = Load(given.clients, given.writers, given.seconds, given.kills)
    with tempfile.TemporaryDirectory() as scratch:
        row = run(Path(scratch) / "library", list(judged.records)[: given.texts], texts, load)
    print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
