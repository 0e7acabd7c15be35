"""The runs of a job: made, taken up again after whatever stopped them, and put away."""

import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from json import loads
from pathlib import Path
from typing import Any, Literal

from latelight.app.mirror import Mirror, Work
from latelight.errors import (
    InputError,
    JobRunningError,
    LatelightError,
    NotFoundError,
    WriterLockedError,
)
from latelight.index.lock import WriterLock
from latelight.pipelines.inputs import Given, Inputs
from latelight.pipelines.items import Item, UploadItem
from latelight.pipelines.ledger import Control, ItemNote, StopRequest
from latelight.pipelines.progress import Progress
from latelight.pipelines.spec import canonical_json
from latelight.pipelines.spool import Spooled, write_spool
from latelight.pipelines.tally import IngestReport, Tally
from latelight.pipelines.target import EVERYTHING, Scope
from latelight.releases.jobs import Home, JobRecord, JobStore, new_job_id

JobState = Literal["running", "paused", "cancelled", "failed", "done", "interrupted"]
"""As a run's; `interrupted`: it was running when its process ended."""

SPOOL_NAME = "inputs"
UPLOADS_NAME = "uploads"
MOST_NAME_BYTES, MOST_SUFFIX_BYTES = 150, 50
BACKFILL = "backfill"
"""In a job's inputs: fill this store from the live generation."""
FORGOTTEN_SECONDS = 86_400.0
_LOCK_SECONDS = 0.5  # whoever only looks whether a job is at work holds its lock for a moment


@dataclass(frozen=True)
class Workshop:
    """What adding to one collection needs.

    Attributes:
        jobs: where jobs are written down.
        home: the generation that is live as the job is made.
        directory: of the collection's jobs, each of which has one in it.
        mirror: writes to the generations.
        backfill_niceness: how far everybody else is preferred to a backfill.
    """

    jobs: JobStore
    home: Home
    directory: Path
    mirror: Mirror
    backfill_niceness: int = 0


class JobLock(WriterLock):
    """Held by who runs a job; the system drops it when its process ends."""

    work = "worked on"


class Runs:
    """One job of a collection; at most one run of it goes on at a time, in any process."""

    def __init__(self, shop: Workshop, job_id: str) -> None:
        """Take a job that is written down."""
        self._shop = shop
        self.job_id = job_id
        self._directory = shop.directory / job_id

    @property
    def record(self) -> JobRecord:
        """What is written down by now."""
        return self._shop.jobs.get(self.job_id)

    @property
    def state(self) -> JobState:
        """How the job stands by now."""
        state = self.record.state
        if state != "running" or is_alive(self._directory):
            return state
        after = self.record.state  # it may just have ended well
        return "interrupted" if after == "running" else after

    def run(
        self, lock: JobLock, control: Control, tally: Tally, *, only_failed: bool = False
    ) -> IngestReport:
        """Do what is left of the job, or what has failed, in this thread; return what happened.

        `lock` is released at the end.

        Raises:
            InputError: it is over, and what came in memory is not kept; it stays as it ended.
            LatelightError: what stopped it; everything so far published stays.
        """
        with lock:
            is_used_up = self._is_used_up()
            if not is_used_up:
                report = self._claimed(control, tally, only_failed=only_failed)
        if is_used_up:
            self.put_away()  # what is left, and the directory that `lock` made anew
            raise _not_kept(self.job_id)
        if report.state == "cancelled" or (report.state == "done" and not report.failures):
            self.put_away()
        return report

    def _claimed(self, control: Control, tally: Tally, *, only_failed: bool) -> IngestReport:
        attempt = self._shop.jobs.claim(self.job_id)
        try:
            report = self._ingest(attempt, control, tally, only_failed=only_failed)
        except BaseException as error:
            with suppress(LatelightError):
                said = str(error) or type(error).__name__
                self._shop.jobs.end(self.job_id, attempt, "failed", said)
            raise
        self._shop.jobs.end(self.job_id, attempt, report.state)
        return report

    @property
    def is_over(self) -> bool:
        """Whether nothing is left to do: it did all that it could, or was cancelled."""
        return _is_over(self._shop.jobs, self.record)

    def _is_used_up(self) -> bool:
        """Return whether it is over and had something in memory, some of which may be gone."""
        record = self.record
        given = loads(record.inputs)
        if BACKFILL in given or record.state not in ("done", "cancelled"):
            return False
        spool = Inputs.from_dict(given, self._directory / SPOOL_NAME).spool
        return spool is not None and (self.is_over or not spool.exists())

    def ask(self, request: StopRequest) -> None:
        """Ask whoever is at the job to stop; one that nobody is at is cancelled here.

        Cancelling one that is done gives up what was kept of it for another try.
        """
        state = self.state
        if state == "running":
            self._shop.jobs.ask(self.job_id, request)
        elif request == "cancel":
            if state != "done":
                self._shop.jobs.set_state(self.job_id, "cancelled")
            self.put_away()

    def written_report(self) -> IngestReport:
        """Return what the last run did, as far as it was written down."""
        record = self.record
        now, state = record.progress, record.state
        return IngestReport(
            n_added=now.n_added,
            n_replaced=now.n_replaced,
            n_unchanged=now.n_unchanged,
            n_units=now.n_units,
            n_rows=now.n_rows,
            failures=tuple(self._shop.jobs.failures(self.job_id)),
            seconds=now.seconds,
            state="failed" if state == "running" else state,
        )

    def put_away(self) -> None:
        """Remove what the job kept for its next run."""
        shutil.rmtree(self._directory, ignore_errors=True)

    def lock(self) -> JobLock:
        """Return the lock that a run needs.

        Raises:
            JobRunningError: somebody is at the job.
        """
        self._directory.mkdir(parents=True, exist_ok=True)
        try:
            return JobLock(self._directory, _LOCK_SECONDS)
        except WriterLockedError as error:
            raise JobRunningError(
                f"Job {self.job_id} is running already ({error}) `latelight jobs show "
                f"{self.job_id}` says how far it is, `latelight jobs pause {self.job_id}` stops it."
            ) from error

    def _ingest(
        self, attempt: int, control: Control, tally: Tally, *, only_failed: bool
    ) -> IngestReport:
        given = loads(self.record.inputs)
        ledger = _JobLedger(self._shop.jobs, self.job_id, attempt)
        scope = self._failed_scope() if only_failed else EVERYTHING
        work = Work(self._directory, tally, ledger, control, scope)
        if BACKFILL in given:
            quiet = replace(work, niceness=self._shop.backfill_niceness)
            return self._shop.mirror.backfill(given[BACKFILL], quiet)
        inputs = Inputs.from_dict(given, self._directory / SPOOL_NAME)
        if inputs.spool is not None and not inputs.spool.exists():
            raise _not_kept(self.job_id)
        return self._shop.mirror.add(inputs, work)

    def _failed_scope(self) -> Scope:
        failed = frozenset(failure.source for failure in self._shop.jobs.failures(self.job_id))
        return Scope(failed, self._shop.jobs.wanted_ids(self.job_id))


class _JobLedger:
    """Writes the notes of one run into its job."""

    def __init__(self, jobs: JobStore, job_id: str, attempt: int) -> None:
        self._jobs = jobs
        self._job_id = job_id
        self._attempt = attempt

    def note(self, notes: Iterable[ItemNote], progress: Progress) -> StopRequest:
        return self._jobs.note(self._job_id, self._attempt, notes, progress)


def is_alive(directory: Path) -> bool:
    """Return whether somebody holds the lock of a job's directory."""
    try:
        JobLock(directory).release()
    except WriterLockedError:
        return True
    except OSError:  # there is no directory
        return False
    return False


def make_job(shop: Workshop, given: Given) -> Runs:
    """Return the job for what was given: the one that did not come to its end, or a new one.

    What came in memory is on the disk when this returns.

    Raises:
        JobRunningError: somebody is at this very job.
        InputError: something given cannot be an item.
    """
    sweep(shop.jobs, shop.directory)
    job_id = new_job_id()
    directory = shop.directory / job_id
    if given.is_paths_alone:
        inputs = Inputs(given.paths, given.metadata, given.doc_id)
    else:
        directory.mkdir(parents=True)
        inputs = _spooled(directory, given)
    earlier = shop.jobs.unfinished(shop.home, inputs.key)
    if earlier is not None:
        shutil.rmtree(directory, ignore_errors=True)
        _check_free(shop.directory / earlier.job_id, earlier)
        return Runs(shop, earlier.job_id)
    shop.jobs.create(job_id, shop.home, inputs.key, inputs.to_json(), inputs.said)
    return Runs(shop, job_id)


def sweep(jobs: JobStore, kept: Path) -> None:
    """Remove what jobs kept that are over or forgotten: their process ended before it could.

    The directory of a job that is being made has no record yet; it is left alone for a day.

    Args:
        jobs: what is written down.
        kept: a collection's directory of jobs.
    """
    for directory in kept.glob("*"):
        with suppress(FileNotFoundError):  # somebody else was faster
            if _is_left_over(jobs, directory) and not is_alive(directory):
                shutil.rmtree(directory, ignore_errors=True)


def _is_left_over(jobs: JobStore, directory: Path) -> bool:
    try:
        record = jobs.get(directory.name)
    except NotFoundError:
        return directory.stat().st_mtime < time.time() - FORGOTTEN_SECONDS
    return _is_over(jobs, record)


def _is_over(jobs: JobStore, record: JobRecord) -> bool:
    if record.state == "done":
        return not jobs.count_failures(record.job_id)
    return record.state == "cancelled"


def _not_kept(job_id: str) -> InputError:
    return InputError(
        f"Job {job_id} is over, and what it was given in memory is not kept. Add it again."
    )


def make_backfill(shop: Workshop, store: str) -> Runs:
    """Return the job that fills a store: the one that did not come to its end, or a new one.

    Raises:
        JobRunningError: somebody is at this very job.
    """
    home, key = replace(shop.home, digest=store), f"{BACKFILL} {store}"
    earlier = shop.jobs.unfinished(home, key)
    if earlier is not None:
        _check_free(shop.directory / earlier.job_id, earlier)
        return Runs(shop, earlier.job_id)
    job_id = new_job_id()
    shop.jobs.create(job_id, home, key, canonical_json({BACKFILL: store}), f"backfill of {store}")
    return Runs(shop, job_id)


def _spooled(directory: Path, given: Given) -> Inputs:
    spool = directory / SPOOL_NAME
    try:
        spooled: Spooled = write_spool(spool, _taken_over(directory, given.loose))
    except BaseException:
        shutil.rmtree(directory, ignore_errors=True)
        raise
    return replace(Inputs(given.paths, given.metadata, given.doc_id), spooled=spooled, spool=spool)


def _taken_over(directory: Path, loose: Iterable[Item]) -> Iterator[Item]:
    """Yield what came in memory as it is; uploads are moved to where the job keeps them."""
    for number, item in enumerate(loose):
        if not isinstance(item, UploadItem):
            yield item
            continue
        # Its own name, as far as a file system takes it, is what messages about it say.
        place = directory / UPLOADS_NAME / str(number) / file_name(item.name)
        place.parent.mkdir(parents=True)
        shutil.move(item.path, place)
        yield replace(item, path=place)


def file_name(name: str) -> str:
    """Return a name that every file system takes, like this one."""
    plain = "".join(c if c.isalnum() or c in "-_. " else "_" for c in name)
    stem, dot, suffix = plain.strip(". ").rpartition(".")
    kept = stem.encode()[-MOST_NAME_BYTES:].decode(errors="ignore") + dot
    return kept + suffix.encode()[:MOST_SUFFIX_BYTES].decode(errors="ignore") or "file"


def _check_free(directory: Path, job: JobRecord) -> None:
    if is_alive(directory):
        raise JobRunningError(
            f"Process {job.process} is adding just this, as job {job.job_id}. Wait for it "
            f"(`latelight jobs show {job.job_id}`), or stop it (`latelight jobs pause "
            f"{job.job_id}`)."
        )


@dataclass(frozen=True)
class JobSummary:
    """A job as it stands: what is written down of it, and whether somebody is at it."""

    record: JobRecord
    state: JobState

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        own = self.record
        return {
            "id": own.job_id,
            "namespace": own.namespace,
            "collection": own.collection,
            "what": own.said,
            "state": self.state,
            "attempts": own.attempt,
            "process": own.process,
            "created_at": own.created_at,
            "updated_at": own.updated_at,
            "progress": own.progress.to_dict(),
            "error": own.error,
        }


def state_of(record: JobRecord, directory: Path) -> JobState:
    """Return how a job stands, given where the collection's jobs lie."""
    dead = record.state == "running" and not is_alive(directory / record.job_id)
    return "interrupted" if dead else record.state
