"""A server that is killed at the worst moments of a job's end, and the next one."""

import signal
import time
from pathlib import Path

import httpx2
import pytest

from latelight.app import Library
from latelight.app.job import Job
from latelight.errors import JobRunningError
from latelight.releases.catalog import CATALOG
from latelight.releases.service import ServiceStore
from latelight.server.runner import Runner
from tests.server.conftest import NOTES
from tests.server.processes import names, ready, serving, upload, wait_for_all, wait_until_gone

KILL = """
import os, shutil, signal
from latelight.app.adding import Runs
from latelight.releases.jobs import JobStore
from latelight.releases.service import ServiceStore

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

real = Runs.put_away

def half(runs):
    (runs._directory / "inputs").unlink()
    die()

def other_half(runs):
    shutil.rmtree(runs._directory / "uploads")
    die()

def end(jobs, job_id, attempt, state, error="", real=JobStore.end):
    real(jobs, job_id, attempt, state, error)
    die()

def lay_down(store, job_id, real=ServiceStore.lay_down):
    real(store, job_id)
    die()
"""
POINTS = {
    "before the end is written down": "JobStore.end = die",
    "before anything is removed": "JobStore.end = end",
    "when the list is removed": "Runs.put_away = half",
    "when the files are removed": "Runs.put_away = other_half",
    "when all is removed": "ServiceStore.lay_down = die",
    "when the server has let go": "ServiceStore.lay_down = lay_down",
}


@pytest.mark.parametrize("point", POINTS)
def test_killed_as_a_job_ends_it_stays_done_and_nothing_of_it_is_left(
    tmp_path: Path, point: str
) -> None:
    root = tmp_path / "library"
    with serving(root, more=f"{KILL}\n{POINTS[point]}") as server, server.client() as client:
        ready(client)
        assert client.put(NOTES, json={}).status_code == 201
        job = upload(client, 0)
        assert server.process.wait(30) == -signal.SIGKILL
    with serving(root) as server, server.client() as client:
        ready(client)
        wait_for_all(client, [job])
        assert names(client) == {f"0-{i}.txt" for i in range(8)}
        wait_until_gone(root / "ns", "jobs/*/*")
        assert client.get(f"/v1/jobs/{job['job_id']}").json()["state"] == "done"
        assert server.end(signal.SIGTERM) == 0
    assert ServiceStore(root / CATALOG).undertaken() == []


def test_killed_as_a_job_is_cancelled_nothing_of_it_is_left(tmp_path: Path) -> None:
    root = tmp_path / "library"
    more = f"{KILL}\nRuns.put_away = half"
    with serving(root, more=more) as server, server.client() as client:
        ready(client)
        assert client.put(NOTES, json={}).status_code == 201
        jobs = [upload(client, n) for n in range(6)]
        with pytest.raises(httpx2.TransportError):
            client.post(f"/v1/jobs/{jobs[-1]['job_id']}/cancel")
    with serving(root) as server, server.client() as client:
        ready(client)
        wait_for_all(client, jobs[:-1])
        assert client.get(f"/v1/jobs/{jobs[-1]['job_id']}").json()["state"] == "cancelled"
        assert len(names(client)) == 40
        wait_until_gone(root / "ns", "jobs/*/*")


def runner_of(library: Library) -> Runner:
    return Runner(library, ServiceStore(library.root / CATALOG), 2)


def in_time(runner: Runner) -> None:
    """Wait for everything that a runner has."""
    deadline = time.monotonic() + 20
    while any(runner.counts().values()):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_job_that_another_process_is_at_stays_the_servers(library: Library) -> None:
    """That process may be killed, too."""
    store = ServiceStore(library.root / CATALOG)
    job = library.collection("notes", create=True).prepare([{"id": "a", "text": "A tram."}])
    runner = runner_of(library)
    with job._runs.lock():
        runner.submit(library.job(job.id))
        in_time(runner)
        assert store.undertaken() == [job.id]
    again = runner_of(library)
    assert again.take_up() == 1
    in_time(again)
    assert (job.state, store.undertaken()) == ("done", [])


def test_a_job_that_two_processes_took_up_is_done_once(library: Library) -> None:
    notes = library.collection("notes", create=True)
    jobs = [notes.prepare([{"id": str(n), "text": f"Tram {n}."}]) for n in range(6)]
    store = ServiceStore(library.root / CATALOG)
    for job in jobs:
        store.undertake(job.id)
    runners = [runner_of(library), runner_of(library)]
    for runner in runners:
        runner.take_up()
    for runner in runners:
        in_time(runner)
    states = {job.id: (job.state, library.job_summary(job.id).record.attempt) for job in jobs}
    assert set(states.values()) == {("done", 1)}, states
    assert store.undertaken() == []


def test_what_is_over_is_not_made_a_failure_by_going_on(library: Library) -> None:
    job = library.collection("notes", create=True).prepare([{"id": "a", "text": "A tram."}])
    job.resume().wait()
    for again in (Job.resume, Job.retry_failed):
        with pytest.raises(ValueError, match="is over, and what it was given in memory"):
            again(library.job(job.id)).wait()
        assert (job.state, library.job_summary(job.id).record.error) == ("done", "")


def test_a_job_that_runs_here_is_not_taken_twice(library: Library) -> None:
    job = library.collection("notes", create=True).prepare([{"id": "a", "text": "A tram."}])
    runner = runner_of(library)
    with job._runs.lock():
        runner.submit(job)
        with pytest.raises(JobRunningError, match="running already"):
            runner.submit(job)
    in_time(runner)
