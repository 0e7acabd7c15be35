import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from latelight.pipelines.background import GENTLEST, lower_priority


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
