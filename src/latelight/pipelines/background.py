"""Work that must not slow down those who search meanwhile."""

import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TypeVar

from latelight.kernels.maxsim import start_threads

_T = TypeVar("_T")
GENTLEST = 19


def lower_priority(niceness: int) -> None:
    """Let the operating system prefer everybody else to this thread, and to all that it begins.

    Threads and processes that it begins inherit it: those of encoders, and workers that read
    files. Linux alone gives each thread a priority; elsewhere nothing is done. Where nobody
    searches, it costs nothing.

    Args:
        niceness: 0 (as everybody) to 19; a thread that has a higher one keeps it.
    """
    if not niceness or sys.platform != "linux":
        return
    # Those that stay, and that searches need, begin with the priority that this thread has now.
    start_threads(os.cpu_count() or 1)
    thread = threading.get_native_id()
    with suppress(OSError):  # a sandbox may forbid it: then it is as fast as everybody
        present = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(present, min(niceness, GENTLEST)))


def gently(work: Callable[[], _T], niceness: int) -> _T:
    """Return what `work` returns, done in a thread of its own with a lower priority.

    Raises:
        Exception: what the work raised.
    """
    with ThreadPoolExecutor(1, "latelight-gently", lower_priority, (niceness,)) as pool:
        return pool.submit(work).result()
