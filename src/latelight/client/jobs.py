"""Jobs of a server: looked at, waited for, stopped, taken up again."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from latelight.client import calls
from latelight.client.answers import JobNow, run_state
from latelight.client.lists import every
from latelight.client.steps import Pause, Talking
from latelight.errors import LatelightError
from latelight.pipelines.progress import (
    Encoded,
    Ended,
    Event,
    Failure,
    ItemFailed,
    Noted,
    Progress,
    Started,
    Watch,
    watch_nothing,
)
from latelight.pipelines.tally import IngestReport
from latelight.releases.jobs import no_one_job

FIRST_LOOK, LONGEST_LOOK = 0.1, 1.0
"""Seconds between two looks, growing: short jobs end soon, long ones are left alone."""


@dataclass
class Heard:
    """How far a listener is."""

    progress: Progress | None = None
    n_failures: dict[str, int] = field(default_factory=dict)
    has_local: bool = False
    ended: bool = False


@dataclass(frozen=True)
class Sent:
    """The jobs that one `add` became: one, or several where it was too much for one request.

    Attributes:
        ids: theirs.
        failures: what was not even sent.
        warnings: what was left out here.
        watch: hears of events while somebody waits.
        heard: what it was told already.
    """

    ids: tuple[str, ...]
    failures: tuple[Failure, ...] = ()
    warnings: tuple[str, ...] = ()
    watch: Watch = watch_nothing
    heard: Heard = field(default_factory=Heard, compare=False, repr=False)


@dataclass(frozen=True)
class Moment:
    """The jobs of one `add` at one moment, as if they were one."""

    jobs: tuple[JobNow, ...]

    @property
    def state(self) -> str:
        """The least finished job's."""
        states = {job.state for job in self.jobs}
        order = ("running", "waiting", "failed", "interrupted", "paused", "cancelled")
        return next((one for one in order if one in states), "done")

    @property
    def is_under_way(self) -> bool:
        """Whether something runs, or will."""
        return any(job.is_under_way for job in self.jobs)

    @property
    def progress(self) -> Progress:
        """Of all together."""
        own = [job.record.progress for job in self.jobs]
        return Progress(**{one.name: sum(getattr(p, one.name) for p in own) for one in _NUMBERS})

    @property
    def error(self) -> str:
        """What stopped the first that was stopped."""
        return next((job.record.error for job in self.jobs if job.record.error), "")


_NUMBERS = fields(Progress)


def find(job_id: str) -> Talking[Sent]:
    """The job with this id, or with an id that begins so.

    Raises:
        NotFoundError: there is no such job, or several.
    """
    found = yield from every(lambda cursor: calls.list_jobs(None, None, cursor))
    ids = [job.record.job_id for job in found if job.record.job_id.startswith(job_id)]
    if len(ids) > 1:
        raise no_one_job(job_id, sorted(ids))
    # The server says that there is none, in its own words.
    job = yield from calls.get_job(ids[0] if ids else job_id)
    return Sent((job.record.job_id,))


def look(sent: Sent) -> Talking[Moment]:
    """The job at this moment."""
    jobs = []
    for job_id in sent.ids:
        jobs.append((yield from calls.get_job(job_id)))
    return Moment(tuple(jobs))


def state(sent: Sent) -> Talking[str]:
    """`waiting`, `running`, `paused`, `cancelled`, `failed`, `done`, or `interrupted`."""
    return (yield from look(sent)).state


def done(sent: Sent) -> Talking[bool]:
    """Whether nothing of it runs, or will."""
    return not (yield from look(sent)).is_under_way


def progress(sent: Sent) -> Talking[Progress]:
    """How far it has come."""
    return (yield from look(sent)).progress


def failures(sent: Sent) -> Talking[tuple[Failure, ...]]:
    """Every item that could not be added so far, with its reason; does not wait."""
    found = list(sent.failures)
    for job_id in sent.ids:
        found += yield from _failed(job_id)
    return tuple(found)


def errors(sent: Sent) -> Talking[tuple[Failure, ...]]:
    """As `failures`; waits for the end."""
    return (yield from wait(sent)).failures


def wait(sent: Sent, timeout_s: float | None = None) -> Talking[IngestReport]:
    """The report when it has ended; while it is awaited, `progress` of `add` hears of events.

    Raises:
        TimeoutError: it has not ended after `timeout_s` seconds; it goes on.
        LatelightError: what ended the run, if it did not end well.
    """
    until = None if timeout_s is None else time.monotonic() + timeout_s
    seconds = FIRST_LOOK
    while True:
        now = yield from look(sent)
        for event in (yield from _news(sent, sent.heard, now)):
            sent.watch(event)
        if not now.is_under_way:
            break
        left = seconds if until is None else until - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"Job {sent.ids[0]} has not ended after {timeout_s} s; it goes on.")
        yield Pause(min(seconds, left))
        seconds = min(2 * seconds, LONGEST_LOOK)
    if now.state == "failed":
        why = now.error or "its log says why."
        raise LatelightError(f"Adding was stopped on the server: {why}")
    return _report(sent, now, (yield from failures(sent)))


def hear(sent: Sent, heard: Heard) -> Talking[list[Event]]:
    """What happened since the listener heard last; waits until there is something."""
    seconds = FIRST_LOOK
    while True:
        now = yield from look(sent)
        events = yield from _news(sent, heard, now)
        if events:
            return events
        yield Pause(seconds)
        seconds = min(2 * seconds, LONGEST_LOOK)


def resume(sent: Sent) -> Talking[None]:
    """Nothing, with it going on after a pause, an interruption or a failure.

    Raises:
        JobRunningError: a run goes on.
    """
    yield from _ask(sent, "resume")


def retry_failed(sent: Sent) -> Talking[None]:
    """Nothing, with the items that have failed, and no others, tried again.

    Raises:
        JobRunningError: a run goes on.
    """
    yield from _ask(sent, "retry")


def pause(sent: Sent) -> Talking[None]:
    """Nothing, with the run asked to end after the batch in flight; `wait` returns once it has."""
    yield from _ask(sent, "pause")


def cancel(sent: Sent) -> Talking[None]:
    """As `pause`, for good. What was published stays."""
    yield from _ask(sent, "cancel")


def _failed(job_id: str) -> Talking[list[Failure]]:
    return (yield from every(partial(calls.list_failures, job_id)))


def _ask(sent: Sent, what: str) -> Talking[None]:
    sent.heard.ended = False
    for job_id in sent.ids:
        yield from calls.ask_job(job_id, what)


def _news(sent: Sent, heard: Heard, now: Moment) -> Talking[list[Event]]:
    """Return what a listener has not heard of yet.

    A server tells numbers and failures; from these come the events, the last of which is `Ended`.
    """
    events = list(_numbers(heard.progress or Progress(), now.progress))
    heard.progress = now.progress
    if not heard.has_local:
        heard.has_local = True
        events += [ItemFailed(one) for one in sent.failures]
        events += [Noted(*warning.split(": ", 1)) for warning in sent.warnings]
    for job in now.jobs:
        seen = heard.n_failures.get(job.record.job_id, 0)
        if job.n_failures > seen:
            own = job.record.job_id
            found = yield from _failed(own)
            events += [ItemFailed(one) for one in found[seen:]]
            heard.n_failures[own] = len(found)
    if not now.is_under_way and not heard.ended:
        heard.ended = True
        events.append(Ended(run_state(now.state), now.error))
    return events


def _numbers(before: Progress, now: Progress) -> Iterator[Event]:
    if (now.n_items, now.n_bytes) != (before.n_items, before.n_bytes):
        yield Started(now.n_items, now.n_bytes)
    if now.n_units > before.n_units or now.n_bytes_done > before.n_bytes_done:
        n_bytes = max(now.n_bytes_done - before.n_bytes_done, 0)
        yield Encoded(
            max(now.n_units - before.n_units, 0), max(now.n_rows - before.n_rows, 0), n_bytes
        )


def _report(sent: Sent, now: Moment, failed: tuple[Failure, ...]) -> IngestReport:
    counted: Any = now.progress
    names = ("n_added", "n_replaced", "n_unchanged", "n_units", "n_rows", "seconds")
    return IngestReport(
        **{name: getattr(counted, name) for name in names},
        failures=failed,
        warnings=sent.warnings,
        state=run_state(now.state),
    )
