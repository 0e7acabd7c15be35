"""A real server process: started, signalled, killed, started again."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest

from latelight.server.process import Bind, listen
from tests.server.conftest import NOTES
from tests.server.processes import (
    SCRIPT,
    names,
    ready,
    serving,
    upload,
    wait_for_all,
    wait_until_gone,
)


def test_killed_in_the_middle_it_brings_everything_acknowledged_to_its_end(tmp_path: Path) -> None:
    root, jobs = tmp_path / "library", []
    for _ in range(2):
        with serving(root) as server, server.client() as client:
            ready(client)
            assert client.put(NOTES, json={}).status_code in (200, 201)
            jobs += [upload(client, len(jobs) + i) for i in range(4)]
            time.sleep(0.2)
            server.end(signal.SIGKILL)
    with serving(root) as server, server.client() as client:
        wait_for_all(client, jobs)
        expected = {f"{n}-{i}.txt" for n in range(len(jobs)) for i in range(8)}
        assert names(client) == expected
        wait_until_gone(root / "ns", "jobs/*/uploads/*/*")
        assert server.end(signal.SIGTERM) == 0
    assert list(root.glob("incoming/*")) == []


def test_a_signal_pauses_jobs_ends_streams_and_leaves_with_0(tmp_path: Path) -> None:
    root = tmp_path / "library"
    with serving(root, "--grace", "20") as server, server.client() as client:
        ready(client)
        client.put(NOTES, json={})
        jobs = [upload(client, n) for n in range(6)]
        began = time.monotonic()
        with client.stream("GET", f"/v1/jobs/{jobs[-1]['job_id']}/events") as stream:
            lines = stream.iter_lines()
            assert next(lines) == "event: state"
            server.process.send_signal(signal.SIGTERM)
            for _ in lines:
                pass
        assert server.process.wait(30) == 0
        assert time.monotonic() - began < 15
        with pytest.raises(httpx2.TransportError):
            client.get("/healthz")
    with serving(root) as server, server.client() as client:
        wait_for_all(client, jobs)
        assert len(names(client)) == 48


def test_logs_are_json_and_say_nothing_of_what_is_asked_or_held(tmp_path: Path) -> None:
    with serving(tmp_path / "library") as server, server.client() as client:
        ready(client)
        client.put(NOTES, json={})
        wait_for_all(client, [upload(client, 1)])
        client.post(f"{NOTES}/documents", json={"records": [{"id": "zebra-id", "text": "zebra"}]})
        client.post(f"{NOTES}/search", json={"text": "zebra lamp"})
        client.post(f"{NOTES}/search", json={"text": "zebra", "filter": {"$zebra": 1}})
        client.get(f"{NOTES}/documents/zebra-id/units/c0/heatmap.png", params={"text": "zebra"})
        client.get("/v1/zebra", params={"q": "zebra"})
        assert server.end(signal.SIGTERM) == 0
        time.sleep(0.2)
        told = [json.loads(line) for line in server.lines[1:]]
    access = [one for one in told if one["logger"] == "latelight.server.access"]
    assert {"search", "heatmap.png"} <= {one["route"].rpartition("/")[2] for one in access}
    assert all(one["request_id"] and one["milliseconds"] >= 0 for one in access)
    assert "zebra" not in "".join(server.lines)


def test_beyond_this_machine_it_wants_a_key_first(tmp_path: Path) -> None:
    script = tmp_path / "serve.py"
    script.write_text(SCRIPT.replace("{more}", ""))
    command = [sys.executable, str(script), str(tmp_path / "library"), "--port", "0"]
    refused = subprocess.run(
        [*command, "--host", "0.0.0.0"], capture_output=True, text=True, timeout=60, check=False
    )
    assert refused.returncode == 2
    assert "latelight keys create" in refused.stderr


def test_several_workers_share_a_library(tmp_path: Path) -> None:
    with serving(tmp_path / "library", "--workers", "2") as server, server.client() as client:
        ready(client)
        client.put(NOTES, json={})
        jobs = [upload(client, n) for n in range(3)]
        wait_for_all(client, jobs)
        assert len(names(client)) == 24
        assert server.end(signal.SIGTERM) == 0


def test_small_answers_are_sent_at_once() -> None:
    """Nagle's algorithm and delayed acknowledgements would add 40 ms to every answer."""
    seen: list[int] = []

    async def connect() -> None:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            own = writer.get_extra_info("socket")
            seen.append(own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()

        with listen(Bind(port=0)) as listening:
            async with await asyncio.start_server(accepted, sock=listening):
                reader, writer = await asyncio.open_connection(*listening.getsockname())
                await reader.read()
                writer.close()

    asyncio.run(connect())
    assert seen == [1]
