"""Jobs that the server took upon itself: a few run, others wait, all outlive the process."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from latelight.app import Job, Library
from latelight.errors import JobRunningError, LatelightError
from latelight.releases.service import ServiceStore

LOG = logging.getLogger("latelight.server.jobs")
_LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class _Task:
    job: Job
    begin: Callable[[Job], Job]


class Runner:
    """Runs jobs, `most` at once, in the order in which they came."""

    def __init__(self, library: Library, store: ServiceStore, most: int) -> None:
        """Run jobs of a library; `store` remembers them beyond this process."""
        self._library = library
        self._store = store
        self._most = most
        self._mutex = threading.Lock()
        self._waiting: deque[_Task] = deque()
        self._running: dict[str, Job] = {}
        self._stopping = False

    def submit(self, job: Job, begin: Callable[[Job], Job] = Job.resume) -> None:
        """Take a job upon the server, durably; it runs as soon as there is room.

        Raises:
            JobRunningError: it runs already.
        """
        self._store.undertake(job.id)
        with self._mutex:
            if job.id in self._running:
                raise JobRunningError(f"Job {job.id} is running already; pause it first.")
            if all(task.job.id != job.id for task in self._waiting):
                self._waiting.append(_Task(job, begin))
        self._fill()

    def take_up(self) -> int:
        """Go on with what an earlier process had taken upon itself; return how many jobs."""
        n_jobs = 0
        for job_id in self._store.undertaken():
            try:
                job = self._library.job(job_id)
            except LatelightError:  # forgotten, with its collection
                self._store.lay_down(job_id)
                continue
            if job.is_over:  # killed between its end and this
                job.put_away()
                self._store.lay_down(job_id)
                continue
            self.submit(job)
            n_jobs += 1
        return n_jobs

    def stop(self, job_id: str, ask: Callable[[Job], None]) -> None:
        """Let somebody pause or cancel a job, which is then no longer the server's."""
        self._store.lay_down(job_id)
        with self._mutex:
            self._waiting = deque(task for task in self._waiting if task.job.id != job_id)
            running = self._running.get(job_id)
        ask(running if running is not None else self._library.job(job_id))

    def is_waiting(self, job_id: str) -> bool:
        """Return whether a job waits for its turn."""
        with self._mutex:
            return any(task.job.id == job_id for task in self._waiting)

    def running(self, job_id: str) -> Job | None:
        """Return a job that runs here, None for any other."""
        with self._mutex:
            return self._running.get(job_id)

    def counts(self) -> dict[str, int]:
        """Return how many run and how many wait."""
        with self._mutex:
            return {"running": len(self._running), "waiting": len(self._waiting)}

    def shutdown(self, seconds: float) -> bool:
        """Pause everything; return whether all of it came to a stop in time.

        It stays the server's: the next one takes it up.
        """
        with self._mutex:
            self._stopping = True
            running = list(self._running.values())
        for job in running:
            job.pause()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            with self._mutex:
                if not self._running:
                    return True
            time.sleep(_LOOK_SECONDS)
        return False

    def _fill(self) -> None:
        while True:
            with self._mutex:
                if self._stopping or not self._waiting or len(self._running) >= self._most:
                    return
                task = self._waiting.popleft()
                self._running[task.job.id] = task.job
            name = f"latelight-runs-{task.job.id}"
            threading.Thread(target=self._run, args=(task,), name=name, daemon=True).start()

    def _run(self, task: _Task) -> None:
        try:
            # Of several processes that took it up, another may have brought it to its end.
            if self._store.is_undertaken(task.job.id):
                self._work(task)
        finally:
            with self._mutex:
                del self._running[task.job.id]
            self._fill()

    def _work(self, task: _Task) -> None:
        job = task.job
        try:
            state = task.begin(job).wait().state
            LOG.info("job ended", extra={"job_id": job.id, "state": state})
        except JobRunningError:  # it stays the server's: whoever is at it may be killed
            LOG.info("job is worked on elsewhere", extra={"job_id": job.id})
            return
        except Exception as error:  # written down in the job; who asks for it is told
            LOG.warning("job failed", extra={"job_id": job.id, "error": type(error).__name__})
        # Paused by the end of this process, it is the next one's.
        if not self._stopping or job.state in ("done", "cancelled", "failed"):
            self._store.lay_down(job.id)
