"""The program of a worker process: reads jobs from its input, answers on its output.

Started by `sandbox.py` as `python -m latelight.extractors.worker`.
"""

import os
import signal
import sys
import threading
import time
from typing import IO

from latelight.errors import ExtractionError
from latelight.extractors.messages import Done, Failed, Job, PageDone, Ready, receive, send
from latelight.extractors.registry import extract

PARENT_LOOK_SECONDS = 1.0


def run(jobs: IO[bytes], answers: IO[bytes]) -> None:
    """Read jobs until there are no more."""
    send(answers, Ready())
    while isinstance(job := receive(jobs), Job):
        limit_memory(job.options.memory_bytes)
        limit_cpu(job.options.max_cpu_seconds)
        send(answers, _answer(job, answers))


def limit_memory(n_bytes: int) -> None:
    """Limit this process's address space, where the system can (not on Windows)."""
    if sys.platform == "win32":
        return
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = n_bytes if hard == resource.RLIM_INFINITY else min(n_bytes, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_cpu(n_seconds: int) -> None:
    """Let the system end this process (SIGXCPU) when it has used so much more processor time."""
    if sys.platform == "win32":
        return
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    limit = int(used.ru_utime + used.ru_stime) + 1 + n_seconds
    limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (limit, hard))


def end_with_parent(seconds: float = PARENT_LOOK_SECONDS) -> None:
    """End this process, and those that it started, soon after its parent has ended.

    A worker that waits for jobs ends with its input; one in the middle of a file would go on.
    """
    parent = os.getppid()

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(seconds)
        if sys.platform != "win32":
            os.killpg(0, signal.SIGKILL)
        os._exit(1)

    threading.Thread(target=look, name="parent", daemon=True).start()


def _answer(job: Job, answers: IO[bytes]) -> Done | Failed:
    def tell(done: int, total: int) -> None:
        send(answers, PageDone(done, total))

    try:
        return Done(extract(job.source, job.options, tell))
    except ExtractionError as error:
        return Failed(type(error), str(error))


def main() -> None:
    """Serve on standard input and output; whatever libraries print goes elsewhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when to stop
    end_with_parent()
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    run(sys.stdin.buffer, answers)


if __name__ == "__main__":
    main()
