"""Files read in worker processes, so that none can hurt the caller.

A worker that crashes, hangs or takes too much memory fails its file and is replaced.
"""

import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import latelight
from latelight.errors import ExtractionError, ExtractionTimeoutError, SettingError
from latelight.extractors.limits import check_bytes
from latelight.extractors.messages import Done, Failed, Job, PageDone, Ready, receive, send
from latelight.extractors.progress import Progress, silent
from latelight.extractors.protocol import DEFAULT_OPTIONS, ExtractionOptions
from latelight.types import Extraction, Source

_START_TIMEOUT_S = 120.0
_OUT_OF_CPU = int(getattr(signal, "SIGXCPU", 0)) or 1 << 16  # Windows has no such signal


class ExtractionPool:
    """Worker processes that read files; use it as a context manager.

    `extract` may be called from several threads: up to `n_workers` files are read at once, each
    in a process of its own. Workers are fresh interpreters, so nothing of the caller's program
    runs in them. They start when first needed.
    """

    def __init__(self, n_workers: int = 1) -> None:
        if n_workers < 1:
            raise SettingError(f"n_workers is {n_workers}; a pool needs at least 1.")
        self._seats: queue.LifoQueue[_Worker | None] = queue.LifoQueue()
        for _ in range(n_workers):
            self._seats.put(None)
        self._n_workers = n_workers

    def extract(
        self,
        source: Source,
        options: ExtractionOptions = DEFAULT_OPTIONS,
        progress: Progress = silent,
    ) -> Extraction:
        """Return what `registry.extract` returns, within the options' time and memory.

        Raises:
            ExtractionError: the file cannot be read; the pool goes on.
            ExtractionTimeoutError: no page, frame or stretch of sound was finished for
                `timeout_s`, or memory ran out.
        """
        check_bytes(source, options)
        with self._seat() as seat:
            worker = seat.worker
            used = worker is not None and worker.n_files > 0
            try:
                return seat.read(Job(source, options), progress)
            except _WorkerDiedError as death:
                # A worker that has read many files may be worn; a fresh one settles the matter.
                if not used:
                    raise death.error from None
            try:
                return seat.read(Job(source, options), progress)
            except _WorkerDiedError as death:
                raise death.error from None

    def close(self) -> None:
        """Stop the workers."""
        for _ in range(self._n_workers):
            worker = self._seats.get()
            if worker is not None:
                worker.stop()
            self._seats.put(None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @contextmanager
    def _seat(self) -> "Iterator[_Seat]":
        seat = _Seat(self._seats.get())
        try:
            yield seat
        except BaseException as error:
            if not isinstance(error, ExtractionError):
                seat.leave()  # interrupted in the middle of a file
            raise
        finally:
            self._seats.put(seat.worker)


class _WorkerDiedError(Exception):
    """The process ended in the middle of a file; `error` is what the caller is told."""

    def __init__(self, error: ExtractionError) -> None:
        super().__init__(str(error))
        self.error = error


class _Seat:
    """One place of the pool, with or without a running worker."""

    def __init__(self, worker: "_Worker | None") -> None:
        self.worker = worker

    def read(self, job: Job, progress: Progress) -> Extraction:
        if self.worker is None:
            self.worker = _Worker()
        try:
            return self.worker.read(job, progress)
        except (_WorkerDiedError, ExtractionTimeoutError):
            self.leave()
            raise

    def leave(self) -> None:
        if self.worker is not None:
            self.worker.stop()
        self.worker = None


class _Worker:
    """One process and the thread that listens to it."""

    def __init__(self) -> None:
        self.n_files = 0
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115
        self._process = subprocess.Popen(
            # -P: modules of the working directory must not stand in for the library's.
            [sys.executable, "-P", "-m", "latelight.extractors.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env=_worker_environment(),
            # A group of its own: what a worker starts is ended with it.
            start_new_session=True,
        )
        self._answers: queue.SimpleQueue[object | None] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        if not self._has_started():
            said = self._last_words()
            self.stop()
            raise ExtractionError(
                f"A worker process did not start ({said}), expected one within "
                f"{_START_TIMEOUT_S:g} s; check that {sys.executable} can import latelight."
            )

    def read(self, job: Job, progress: Progress) -> Extraction:
        deadline = time.monotonic() + job.options.max_wall_seconds
        self._submit(job)
        while True:
            answer = self._answer_to(job, deadline)
            match answer:
                case PageDone(done, total):
                    progress(done, total)
                case Done(extraction):
                    self.n_files += 1
                    return extraction
                case Failed(error, message):
                    self.n_files += 1
                    raise error(message)
                case _:
                    raise _WorkerDiedError(self._obituary(job))

    def stop(self) -> None:
        _kill_group(self._process)
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout):
            _close_quietly(stream)
        self._log.close()

    def _submit(self, job: Job) -> None:
        assert self._process.stdin is not None
        try:
            send(self._process.stdin, job)
        except OSError:  # it died before or while it took the job
            raise _WorkerDiedError(self._obituary(job)) from None

    def _listen(self) -> None:
        assert self._process.stdout is not None
        message: object | None = Ready()
        while message is not None:
            try:
                message = receive(self._process.stdout)
            except (OSError, ValueError):  # closed by `stop`
                message = None
            self._answers.put(message)

    def _answer_to(self, job: Job, deadline: float) -> object | None:
        left = max(deadline - time.monotonic(), 0.0)
        try:
            return self._answers.get(timeout=min(job.options.timeout_s, left))
        except queue.Empty:
            is_whole = time.monotonic() >= deadline
            raise ExtractionTimeoutError(_too_long(job, is_whole=is_whole)) from None

    def _has_started(self) -> bool:
        try:
            return isinstance(self._answers.get(timeout=_START_TIMEOUT_S), Ready)
        except queue.Empty:
            return False

    def _obituary(self, job: Job) -> ExtractionError:
        """Return what the caller is told of a process that ended by itself."""
        code = self._process.wait()
        if code == -_OUT_OF_CPU:
            return ExtractionTimeoutError(
                f"{job.source.name}: reading it took more than {job.options.max_cpu_seconds:,} s "
                "of processor time, the most allowed; split the file, or raise max_cpu_seconds."
            )
        how = _ending(code)
        memory = job.options.memory_bytes >> 20
        return ExtractionError(
            f"{job.source.name}: the process that read it {how}, expected an answer; the file is "
            f"damaged, or needs more than {memory:,} MiB: repair it, raise memory_bytes, or leave "
            "it out."
        )

    def _last_words(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it said nothing"


def _too_long(job: Job, *, is_whole: bool) -> str:
    name, options = job.source.name, job.options
    if is_whole:
        return (
            f"{name}: reading it took more than {options.max_wall_seconds:g} s, the longest time "
            "allowed for one file; split it, or raise max_wall_seconds."
        )
    return (
        f"{name}: no page, frame or stretch of sound was finished for {options.timeout_s:g} s, the "
        "longest time allowed; split the file, or raise timeout_s."
    )


def _kill_group(process: "subprocess.Popen[bytes]") -> None:
    """Kill a worker and whatever it started."""
    if sys.platform != "win32" and process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def _ending(code: int) -> str:
    if code < 0:
        return f"was ended by {signal.Signals(-code).name}"
    return f"ended with code {code}"


def _worker_environment() -> dict[str, str]:
    root = str(Path(latelight.__file__).parent.parent)
    paths = [root, *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    # glibc's arenas, one for each thread, would count against the address space.
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "MALLOC_ARENA_MAX": "2"}


def _close_quietly(stream: IO[bytes] | None) -> None:
    # Bytes that the dead process never took cannot be flushed.
    with suppress(OSError):
        if stream is not None:
            stream.close()
