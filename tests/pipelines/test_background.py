import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from latelight.kernels.maxsim import available_isas
from latelight.pipelines.background import GENTLEST, gently, lower_priority


def niceness() -> int:
    return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())


def seen_in_a_thread(asked: int) -> list[int]:
    """Return the niceness of a thread that gave way, and of one that it began."""
    found: list[int] = []

    def work() -> None:
        lower_priority(asked)
        with ThreadPoolExecutor(1) as pool:
            found.extend([niceness(), pool.submit(niceness).result()])

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no priority of threads")
def test_a_thread_gives_way_with_all_that_it_begins_and_nobody_else() -> None:
    before = niceness()
    for asked, expected in ((12, 12), (99, GENTLEST), (0, before)):
        assert seen_in_a_thread(asked) == [max(before, expected)] * 2
    assert niceness() == before


WHO_GIVES_WAY = """
import os, threading
from latelight.kernels.maxsim import start_threads
from latelight.kernels.maxsim import available_isas
from latelight.pipelines.background import lower_priority

usual = os.getpriority(os.PRIO_PROCESS, 0)
ready, end = threading.Event(), threading.Event()

def work():
    lower_priority(12)
    start_threads(4)  # as a call of the encoder or the index would
    ready.set()
    end.wait()

thread = threading.Thread(target=work)
thread.start()
ready.wait()
levels = {int(t): os.getpriority(os.PRIO_PROCESS, int(t)) for t in os.listdir("/proc/self/task")}
end.set()
print(len(levels), sorted(t == thread.native_id for t, n in levels.items() if n != usual))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no priority of threads")
@pytest.mark.skipif(available_isas() == ("numpy",), reason="no native module here")
def test_threads_that_searches_share_do_not_give_way() -> None:
    command = [sys.executable, "-c", WHO_GIVES_WAY]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    n_threads, others = done.stdout.split(maxsplit=1)
    assert int(n_threads) > 2  # the shared ones have begun
    assert others.strip() == "[True]"


def test_gentle_work_returns_and_raises_as_any_other() -> None:
    assert gently(lambda: 7, 3) == 7
    with pytest.raises(ZeroDivisionError):
        gently(lambda: 1 // 0, 3)
