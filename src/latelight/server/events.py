"""What happens to a job, as server-sent events."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

from latelight.errors import LatelightError
from latelight.server.job_json import job_of
from latelight.server.json_answers import encoded
from latelight.server.service import Service

LOOK_SECONDS = 0.25
_UNDER_WAY = ("running", "waiting")


async def job_events(service: Service, job_id: str) -> AsyncIterator[bytes]:
    """Yield events until the job has ended, or the server stops.

    `state` at first and whenever it changed, `progress` whenever a number changed, `failed` for
    every item that could not be added, `ended` at the end, comments in between so that nobody takes
    the silence for a dead connection. Of failures, those of before come first.
    """
    shown: dict[str, Any] = {}
    state = ""
    n_failures = 0
    spoken = time.monotonic()
    while not service.stopping.is_set():
        try:
            now, failed = await service.looking.run(_look, service, job_id, n_failures)
        except LatelightError:  # the collection was dropped
            yield _event("ended", {"state": "cancelled"})
            return
        n_failures += len(failed)
        if now["state"] in _UNDER_WAY and now["state"] != state:
            state = now["state"]
            yield _event("state", {"state": state})
            spoken = time.monotonic()
        told = _without_clock(now["progress"])
        if told != shown:
            shown = told
            yield _event("progress", now["progress"])
            spoken = time.monotonic()
        for one in failed:
            yield _event("failed", one)
        if now["state"] not in _UNDER_WAY:
            yield _event("ended", {"state": now["state"]})
            return
        if time.monotonic() - spoken >= service.config.heartbeat_seconds:
            yield b": here\n\n"
            spoken = time.monotonic()
        await asyncio.sleep(LOOK_SECONDS)


def _look(service: Service, job_id: str, seen: int) -> tuple[dict[str, Any], list[Any]]:
    # The state first: a failure that is written after this look is seen by the next one.
    now = job_of(service, service.library.job_summary(job_id))
    if now["n_failures"] <= seen:
        return now, []
    return now, [vars(one) for one in service.library.job(job_id).failures[seen:]]


def _without_clock(progress: dict[str, Any]) -> dict[str, Any]:
    clock = ("seconds", "eta_seconds", "bytes_per_second")
    return {name: value for name, value in progress.items() if name not in clock}


def _event(name: str, data: Any) -> bytes:
    return b"event: " + name.encode() + b"\ndata: " + encoded(data) + b"\n\n"
