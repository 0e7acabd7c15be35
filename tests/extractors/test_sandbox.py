import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from latelight.errors import (
    DamagedFileError,
    EmptyFileError,
    ExtractionError,
    ExtractionTimeoutError,
)
from latelight.extractors.protocol import MEBIBYTE, ExtractionOptions
from latelight.extractors.sandbox import ExtractionPool
from latelight.testing.files import picture_bytes, text_pdf
from latelight.types import Source

SLOW = Source("slow.txt", b"Words. " * 3_000_000)


@pytest.fixture(scope="module")
def pool() -> Iterator[ExtractionPool]:
    with ExtractionPool(2) as opened:
        yield opened


def test_a_worker_reads_what_this_process_would(pool: ExtractionPool) -> None:
    told: list[tuple[int, int]] = []
    found = pool.extract(
        Source("a.pdf", text_pdf("One.", "Two.")), progress=lambda *step: told.append(step)
    )
    assert found.text == "One.\fTwo."
    assert found.units[0].words is not None
    assert told == [(1, 2), (2, 2)]


def test_errors_keep_their_class_and_message(pool: ExtractionPool) -> None:
    with pytest.raises(DamagedFileError, match=r"a\.pdf"):
        pool.extract(Source("a.pdf", b"%PDF-1.7 nothing"))
    with pytest.raises(EmptyFileError):
        pool.extract(Source("a.txt", b""))
    assert pool.extract(Source("a.txt", b"goes on")).text == "goes on"


def test_a_file_that_takes_too_long_fails_alone(pool: ExtractionPool) -> None:
    with pytest.raises(ExtractionTimeoutError, match=r"slow\.txt.*0\.05 s.*timeout_s"):
        pool.extract(SLOW, ExtractionOptions(timeout_s=0.05))
    assert pool.extract(Source("a.txt", b"goes on")).text == "goes on"


def test_a_file_that_takes_too_much_memory_fails_alone(pool: ExtractionPool) -> None:
    bomb = Source("bomb.png", picture_bytes(Image.new("RGBA", (7000, 7000))))  # 196 MB, packed
    options = ExtractionOptions(ocr="never", memory_bytes=512 * MEBIBYTE)
    with pytest.raises(ExtractionTimeoutError, match=r"bomb\.png.*more memory.*memory_bytes"):
        pool.extract(bomb, options)
    assert pool.extract(Source("a.txt", b"goes on")).text == "goes on"


class CrashingSource(Source):
    """Ends the process that unpickles it."""

    def __reduce__(self) -> tuple[Callable[[], None], tuple[()]]:
        return os.abort, ()


def test_a_crash_fails_its_file_alone_and_names_the_signal(pool: ExtractionPool) -> None:
    with pytest.raises(ExtractionError, match=r"crash\.pdf.*SIGABRT.*memory_bytes"):
        pool.extract(CrashingSource("crash.pdf", b"x"))
    assert pool.extract(Source("a.txt", b"goes on")).text == "goes on"


def test_a_worker_that_dies_after_earlier_files_is_replaced_and_the_file_tried_again() -> None:
    with ExtractionPool(1) as pool:
        pool.extract(Source("a.txt", b"first"))
        worker = pool._seats.get()
        pool._seats.put(worker)
        assert worker is not None
        os.kill(worker._process.pid, signal.SIGKILL)
        assert pool.extract(Source("a.txt", b"goes on")).text == "goes on"


def test_several_threads_read_at_once(pool: ExtractionPool) -> None:
    sources = [Source(f"{n}.txt", f"file {n}".encode()) for n in range(20)]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(pool.extract, sources))
    assert [f.text for f in found] == [f"file {n}" for n in range(20)]


def test_no_process_is_left_behind() -> None:
    with ExtractionPool(1) as pool:
        pool.extract(Source("a.txt", b"first"))
        worker = pool._seats.get()
        pool._seats.put(worker)
    assert worker is not None
    assert worker._process.returncode is not None


def test_a_pool_needs_a_worker() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        ExtractionPool(0)


def test_a_file_that_takes_too_much_processor_time_fails_alone() -> None:
    with ExtractionPool(1) as pool:
        with pytest.raises(ExtractionTimeoutError, match=r"slow\.txt.*processor.*max_cpu_seconds"):
            pool.extract(SLOW, ExtractionOptions(max_cpu_seconds=1, timeout_s=60))
        assert pool.extract(Source("a.txt", b"goes on")).text == "goes on"


def test_a_file_has_so_much_time_in_all_however_many_pages_it_finishes(
    pool: ExtractionPool,
) -> None:
    with pytest.raises(ExtractionTimeoutError, match=r"slow\.txt.*0\.05 s.*one file.*wall_sec"):
        pool.extract(SLOW, ExtractionOptions(timeout_s=60, max_wall_seconds=0.05))


PARENT = """
import os, sys
from latelight.extractors.sandbox import ExtractionPool
from latelight.types import Source
pool = ExtractionPool(1)
pool.extract(Source("a.txt", b"first"))
worker = pool._seats.get()
print(worker._process.pid, flush=True)
pool._seats.put(worker)
os.kill(worker._process.pid, 19)  # stopped in the middle of a file, as one that hangs
sys.stdin.read()
"""


def test_a_worker_ends_soon_after_a_parent_that_was_killed() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert parent.stdout is not None and parent.stdin is not None
    worker = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()
    os.kill(worker, signal.SIGCONT)
    deadline = time.monotonic() + 20
    while _is_alive(worker):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _is_alive(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
