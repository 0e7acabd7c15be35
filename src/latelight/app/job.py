"""Adding, as something durable that can be watched, stopped and taken up again."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Self

from latelight.app.adding import JobLock, JobState, Runs
from latelight.errors import JobRunningError
from latelight.pipelines.ledger import Control
from latelight.pipelines.progress import Ended, Event, Failure, Progress, Watch, watch_nothing
from latelight.pipelines.tally import IngestReport, Tally

MOST_EVENTS = 10_000
"""How far a slow listener may fall behind before it misses the oldest events."""
_POLL_SECONDS = 0.2


class Job:
    """A job of adding: written down before it begins, so that whatever stops it, it can go on.

    Everything that was published stays. It runs in a thread of its own, or in another process:
    then it can be looked at and stopped from here all the same.
    """

    def __init__(self, runs: Runs, watch: Watch = watch_nothing) -> None:
        """Hold a job; `start` or `resume` begins a run in this process."""
        self._runs = runs
        self._watch = watch
        self._control = Control()
        self._tally: Tally | None = None
        self._report: IngestReport | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        self._inboxes: list[_Inbox] = []

    def __repr__(self) -> str:
        return f"<job {self.id}, {self.state}>"

    @property
    def id(self) -> str:
        """Its name, for `Library.job` and `latelight jobs`."""
        return self._runs.job_id

    @property
    def state(self) -> JobState:
        """`running`, `paused`, `cancelled`, `failed`, `done`, or `interrupted`: its process ended.

        A job that is done may have items that failed; see `errors`.
        """
        return "running" if self._is_running_here else self._runs.state

    @property
    def done(self) -> bool:
        """Whether no run goes on."""
        return self.state != "running"

    @property
    def is_over(self) -> bool:
        """Whether it is done with nothing left that failed, or was cancelled."""
        return self._runs.is_over

    @property
    def progress(self) -> Progress:
        """How far the last run has come."""
        return self._runs.record.progress if self._tally is None else self._tally.progress

    @property
    def errors(self) -> tuple[Failure, ...]:
        """Every item that could not be added, of all runs, with its reason; waits for the end."""
        self.wait()
        return self.failures

    @property
    def failures(self) -> tuple[Failure, ...]:
        """As `errors`, those so far; does not wait."""
        return self._runs.written_report().failures

    def wait(self, timeout_s: float | None = None) -> IngestReport:
        """Return the report of the last run when it has ended.

        Raises:
            TimeoutError: it has not ended after `timeout_s` seconds; it goes on.
            LatelightError: what ended the run, if it did not end well.
        """
        if self._thread is None:
            return self._wait_for_others(timeout_s)
        self._thread.join(timeout_s)
        if self._is_running_here:
            raise TimeoutError(f"Adding has not ended after {timeout_s} s; it goes on.")
        if self._error is not None:
            raise self._error
        assert self._report is not None
        return self._report

    def wait_or_pause(self) -> None:
        """Wait for the end; Ctrl-C lets the batch in flight be published first."""
        try:
            self.wait()
        except KeyboardInterrupt:
            self.pause()
            self.wait()
            raise

    def events(self) -> Iterator[Event]:
        """Return what happens from now on, one event at a time; the last is `Ended`.

        Of a run in another process only its end is told.
        """
        if not self._is_running_here:
            return self._only_the_end()
        inbox = _Inbox()
        self._inboxes.append(inbox)
        if not self._is_running_here:  # it ended just before it could have told the inbox
            inbox.put(self._ended())
        return iter(inbox)

    # -- steering ----------------------------------------------------------------------------

    def start(self) -> Self:
        """Begin a run of what is left; return at once.

        Raises:
            JobRunningError: a run goes on.
        """
        return self._start(only_failed=False)

    def resume(self) -> Self:
        """Go on after a pause, an interruption or a failure; return at once.

        Raises:
            JobRunningError: a run goes on, here or in another process.
        """
        self._join_stopping()
        return self._start(only_failed=False)

    def retry_failed(self) -> Self:
        """Try the items again that have failed, and no others; return at once.

        Raises:
            JobRunningError: a run goes on, here or in another process.
        """
        self._join_stopping()
        return self._start(only_failed=True)

    def pause(self) -> None:
        """Let the run end after the batch in flight; `wait` returns once it has."""
        self._control.ask("pause")
        if not self._is_running_here:
            self._runs.ask("pause")

    def cancel(self) -> None:
        """As `pause`, for good: the same `add` again is a new job. What was published stays."""
        self._control.ask("cancel")
        if not self._is_running_here:
            self._runs.ask("cancel")

    def put_away(self) -> None:
        """Remove what was kept for another run of one that is over.

        A run does so at its end; one that was killed just then could not.
        """
        if self.is_over:
            self._runs.put_away()

    @property
    def _is_running_here(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def _join_stopping(self) -> None:
        if self._thread is not None and self._control.is_asked:
            self._thread.join()

    def _start(self, *, only_failed: bool) -> Self:
        if self._is_running_here:
            raise JobRunningError(f"Job {self.id} is running already; pause it first.")
        lock = self._runs.lock()
        self._control, self._tally = Control(), Tally(self._tell)
        self._report = self._error = None
        work = (lock, self._control, self._tally, only_failed)
        name = "latelight-job"
        self._thread = threading.Thread(target=self._work, args=work, name=name, daemon=True)
        self._thread.start()
        return self

    def _work(self, lock: JobLock, control: Control, tally: Tally, only_failed: bool) -> None:
        try:
            self._report = self._runs.run(lock, control, tally, only_failed=only_failed)
        except BaseException as error:  # handed to whoever waits
            self._error = error
        self._tell(self._ended())

    def _ended(self) -> Ended:
        if self._report is not None:
            return Ended(self._report.state)
        return Ended("failed", str(self._error))

    def _tell(self, event: Event) -> None:
        self._watch(event)
        for inbox in list(self._inboxes):
            inbox.put(event)
        if isinstance(event, Ended):
            self._inboxes.clear()

    def _only_the_end(self) -> Iterator[Event]:
        yield Ended(self._wait_for_others(None).state)

    def _wait_for_others(self, timeout_s: float | None) -> IngestReport:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while self._runs.state == "running":
            if deadline is not None and time.monotonic() >= deadline:
                raise TimeoutError(f"Job {self.id} has not ended after {timeout_s} s; it goes on.")
            time.sleep(_POLL_SECONDS)
        return self._runs.written_report()


class _Inbox:
    """The events that one listener has not taken yet."""

    def __init__(self) -> None:
        self._events: deque[Event] = deque(maxlen=MOST_EVENTS)
        self._changed = threading.Condition()

    def put(self, event: Event) -> None:
        with self._changed:
            self._events.append(event)
            self._changed.notify()

    def __iter__(self) -> Iterator[Event]:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._events)
                event = self._events.popleft()
            yield event
            if isinstance(event, Ended):
                return
