"""Work that must not slow down those who search meanwhile."""

import os
import sys
import threading
from contextlib import suppress

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
    thread = threading.get_native_id()
    with suppress(OSError):  # a sandbox may forbid it: then it is as fast as everybody
        present = os.getpriority(os.PRIO_PROCESS, thread)
        os.setpriority(os.PRIO_PROCESS, thread, max(present, min(niceness, GENTLEST)))
