"""How a server begins and ends: models loaded, jobs taken up; jobs handed on, within a bound."""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Callable
from types import FrameType

from latelight.errors import LatelightError
from latelight.server.evaluating import evaluate
from latelight.server.service import Service

LOG = logging.getLogger("latelight.server")
Handler = Callable[[int, FrameType | None], object]


async def start(service: Service) -> None:
    """Begin: clear what dead processes left, take up their jobs, load models meanwhile."""
    _hear_the_end(service)
    service.incoming.clear()
    n_jobs = await asyncio.to_thread(service.runner.take_up)
    await asyncio.to_thread(service.library.sweep_jobs)
    unfinished = await asyncio.to_thread(service.evaluations.unfinished)
    for record in unfinished:
        service.background.submit(evaluate, service, record)
    told = {"jobs": n_jobs, "evaluations": len(unfinished), "pid": os.getpid()}
    LOG.info("server begins", extra=told)
    threading.Thread(target=service.warm_up, name="latelight-warm-up", daemon=True).start()


async def stop(service: Service) -> None:
    """End: pause jobs, whose batch in flight is published first; the next process goes on."""
    service.stopping.set()
    seconds = service.config.shutdown_seconds
    _pause_backfills(service)
    in_time = await asyncio.to_thread(service.runner.shutdown, seconds)
    for pool in (service.searches, service.looking, service.writing):
        pool.shutdown()
    service.background.shutdown(wait=False, cancel_futures=True)
    service.incoming.close()
    await asyncio.to_thread(service.tracer.close)
    LOG.info("server ends", extra={"in_time": in_time})


def _hear_the_end(service: Service) -> None:
    """Let event streams end as soon as a signal comes; they would keep their connections open.

    Whoever serves the application has its own handler by now, which is called afterwards.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for heard in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(heard)
        if not callable(before):
            continue

        def handle(sig: int, frame: FrameType | None, before: Handler = before) -> None:
            service.stopping.set()
            before(sig, frame)

        signal.signal(heard, handle)


def _pause_backfills(service: Service) -> None:
    """Ask jobs that steps of releases run in this process to stop, too."""
    for one in service.library.jobs():
        here = one.state == "running" and one.record.process == os.getpid()
        if here and service.runner.running(one.record.job_id) is None:
            try:
                service.library.job(one.record.job_id).pause()
            except LatelightError:
                continue
