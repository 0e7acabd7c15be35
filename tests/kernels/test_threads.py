"""Threads that are kept between calls: shared by callers, forgotten by forked children."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from latelight.kernels.maxsim import Rows, available_isas, maxsim
from latelight.kernels.search import SearchOptions, search_coded
from tests.kernels.test_codec import topical_rows
from tests.kernels.test_search import queries_near, segment_of

if available_isas() == ("numpy",):
    pytest.skip("no native module here", allow_module_level=True)

OPTIONS = SearchOptions(8, 200, 100, 50, deviations=2.0, k=10)


@pytest.fixture(scope="module")
def many_units():
    """Two segments, together of more units than one span of a probe takes."""
    rng = np.random.default_rng(1)
    rows, offsets = topical_rows(rng, 3_000, 3, 32)
    first = segment_of(rows, offsets, 2, n_centroids=200)
    second = segment_of(rows[: offsets[2_500]], offsets[:2_501], book=first.book)
    return [first, second], queries_near(rng, rows, 12, 9)


@pytest.mark.parametrize("n_exact", [0, 50])
def test_one_query_finds_the_same_with_any_number_of_threads(many_units, n_exact):
    segments, queries = many_units
    options = SearchOptions(8, 200, 100, n_exact, deviations=2.0, k=10)
    allowed = [np.arange(segment.n_units) % 5 > 0 for segment in segments]
    for query in queries:
        alone = search_coded(segments, [query], options, allowed=allowed)
        for n_threads in (2, 3, 7):
            shared = search_coded(segments, [query], options, allowed=allowed, n_threads=n_threads)
            np.testing.assert_array_equal(shared.units, alone.units)
            np.testing.assert_array_equal(shared.segments, alone.segments)
            np.testing.assert_array_equal(shared.scores, alone.scores)


def test_callers_at_the_same_time_get_their_own_answers(many_units):
    segments, queries = many_units
    wanted = [search_coded(segments, [query], OPTIONS) for query in queries]

    def ask(i: int) -> bool:
        found = search_coded(segments, [queries[i % 12]], OPTIONS, n_threads=1 + i % 4)
        return np.array_equal(found.scores, wanted[i % 12].scores)

    with ThreadPoolExecutor(8) as callers:
        assert all(callers.map(ask, range(200)))


_FORKING = """
import os
import numpy as np
from latelight.kernels.maxsim import Rows, maxsim

rng = np.random.default_rng(0)
rows = Rows(rng.standard_normal((40_000, 32), np.float32), np.arange(0, 40_001, 10))
query = rng.standard_normal((5, 32), np.float32)
before = maxsim(query, rows, n_threads=3)
child = os.fork()
if child == 0:
    os._exit(0 if np.array_equal(maxsim(query, rows, n_threads=3), before) else 1)
status = os.waitpid(child, 0)[1]
assert np.array_equal(maxsim(query, rows, n_threads=3), before)
raise SystemExit(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_shares_work_out_to_threads_of_its_own():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", _FORKING], timeout=60, check=False)
    assert done.returncode == 0


@pytest.mark.parametrize("pause", [0.0, 0.1])
def test_a_process_ends_whether_its_threads_watch_or_sleep(pause):
    script = (
        "import time, numpy as np\n"
        "from latelight.kernels.maxsim import Rows, maxsim\n"
        "rows = Rows(np.ones((40_000, 32), np.float32), np.arange(0, 40_001, 10))\n"
        "maxsim(np.ones((5, 32), np.float32), rows, n_threads=3)\n"
        f"time.sleep({pause})"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], timeout=60, check=False, capture_output=True
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_scores_of_a_long_scan_do_not_depend_on_threads():
    rng = np.random.default_rng(2)
    rows = Rows(rng.standard_normal((30_000, 32)).astype(np.float32), np.arange(0, 30_001, 6))
    query = rng.standard_normal((5, 32)).astype(np.float32)
    alone = maxsim(query, rows)
    for n_threads in (2, 5):
        np.testing.assert_array_equal(maxsim(query, rows, n_threads=n_threads), alone)
