"""`kill -9` within a backfill, a write to two generations, a move of the alias and a ramp.

After each the library is opened again: nothing lost, nothing risen from the dead, both
generations alike, and the release where it was or one move further. `N_KILLS=50` for the long run.
"""

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Collection, Library, engine
from latelight.app.opened import OpenGeneration
from latelight.errors import ReleaseConflictError, ReleaseStateError
from latelight.pipelines.spec import parse_spec
from latelight.releases.plan import RampPlan, ReleasePlan
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

N_KILLS = int(os.environ.get("N_KILLS", "4"))
OTHER = parse_spec("spaces: {text: {encoder: minilm}}")
ONLY_RAMP = ReleasePlan(
    gate=None, shadow=None, interleave=None, ramp=RampPlan(shares=(0.5, 1.0), queries=5)
)

COMMON = """
import os, sys, time
from pathlib import Path
from latelight.app import Library, engine
from latelight.pipelines import encoding
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

class Slow(FakeEncoder):
    def encode_documents(self, units, **options):
        time.sleep(float(os.environ.get("SLOW", "0")) * len(units))
        return super().encode_documents(units, **options)

engine.create_encoder = lambda name, **_: Slow(dim=64, name=name)
encoding.BATCH_CHARACTERS = 1
library = Library(Path(sys.argv[1]), Settings(commit_seconds=0, n_threads=1))
target = library.collection("c")
print("ready", flush=True)
"""
BACKFILL = COMMON + "target.release.step()\n"
WRITE = (
    COMMON
    + """
for turn in range(10_000):
    doc_id = f"w{turn % 7}"
    if turn % 3 == 2:
        target.delete([doc_id])
        done = f"{doc_id} gone"
    else:
        target.add({"id": doc_id, "text": f"turn {turn}"})
        done = f"{doc_id} turn {turn}"
    print(done, flush=True)
"""
)
MOVE = (
    COMMON
    + """
state = target.release.status().release.state
target.release.rollback() if state == "promoted" else target.release.promote()
"""
)
STEPS = (
    COMMON
    + """
n = 0
while True:
    for _ in range(10):
        n += 1
        target.search("lamp", key=f"user {n}")
    target.release.step()
    state = target.release.status().release.state
    print(state, flush=True)
    if state == "ready":
        break
"""
)


@pytest.fixture(autouse=True)
def fake_encoder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(engine, "create_encoder", lambda name, **_: FakeEncoder(dim=64, name=name))
    engine.shared_encoder.cache_clear()
    yield
    engine.shared_encoder.cache_clear()


def opened(root: Path) -> Collection:
    return Library(root, Settings(commit_seconds=0, n_threads=1)).collection("c", create=True)


def killed(script: str, root: Path, after: float | None, slow: float = 0.0) -> tuple[bool, str]:
    """Run until the end, or kill so long after it was ready.

    Returns:
        Whether it came to the end, and what it said.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(root)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "SLOW": str(slow)},
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    if after is not None:
        time.sleep(after)
        process.kill()
    told, said = process.communicate(timeout=120)
    assert after is not None or process.returncode == 0, said
    return process.returncode == 0, told


def texts(generation: OpenGeneration) -> dict[str, list[str]]:
    snapshot = generation.store.snapshot()
    return {
        one.doc_id: [snapshot.unit(i).text for i in snapshot.find(one.doc_id)]
        for one in snapshot.documents()
    }


def every(target: Collection) -> list[dict[str, list[str]]]:
    found = [target._versions.open(one) for one in target.versions().values()]
    assert target.verify() == []
    return [texts(one) for one in found]


def test_a_backfill_that_is_killed_goes_on_and_answers_nobody_before_its_end(
    tmp_path: Path,
) -> None:
    target = opened(tmp_path)
    target.add([{"id": f"d{n}", "text": f"number {n} lamp"} for n in range(60)])
    release = target.release.start(OTHER, ONLY_RAMP)
    chance = random.Random(N_KILLS)
    n_kills = 0
    while True:
        after = chance.uniform(0, 0.4) if n_kills < N_KILLS else None
        ended, _ = killed(BACKFILL, tmp_path, after, slow=0.005)
        state = target.release.status().release.state
        serves = target._versions.standing().serves(release.candidate)
        assert not (state == "build" and ended)
        assert serves or state == "build"
        assert len(target.search("lamp", k=100)) == 60
        if state == "ramp":
            break
        n_kills += 1
    whole, filled = every(target)
    assert filled == whole
    assert len(whole) == 60


def acknowledged(told: str, truth: dict[str, str]) -> None:
    """Take over what a killed process has said is done."""
    for line in told.splitlines():
        doc_id, _, text = line.partition(" ")
        truth[doc_id] = "" if text == "gone" else text


def test_a_write_to_two_generations_that_is_killed_leaves_both_alike(tmp_path: Path) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    target.begin_candidate(OTHER)
    target.backfill()
    chance = random.Random(N_KILLS)
    truth: dict[str, str] = {}
    for _ in range(N_KILLS):
        before = dict(truth)
        _, told = killed(WRITE, tmp_path, chance.uniform(0.05, 0.6))
        acknowledged(told, truth)
        target._mirror.follow()  # as the next writer or step does
        assert target._versions.notes.count_debts() == {}
        live, other = every(target)
        assert other == live
        # Of what was acknowledged only the document in flight may be one turn further.
        found = {doc_id: "".join(text) for doc_id, text in live.items() if doc_id != "d"}
        wrong = [one for one in truth if found.get(one, "") != truth[one]]
        assert len(wrong) <= 1, (wrong, before)
        for one in wrong:
            truth[one] = found.get(one, "")


def test_an_alias_that_is_moved_under_kills_points_at_one_or_the_other(tmp_path: Path) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    first = target.digest
    release = target.release.start(OTHER, ONLY_RAMP)
    target.release.step()
    chance = random.Random(N_KILLS)
    n_kills = 0
    while target.digest == first:
        after = chance.uniform(0, 0.05) if n_kills < N_KILLS else None
        killed(MOVE, tmp_path, after)
        n_kills += 1
        state = target.release.status().release.state
        # The alias and the release have moved together, or not at all.
        assert (target.digest, state) in {(first, "ramp"), (release.candidate, "promoted")}
        assert target.search("lamp", k=1)[0].doc_id == "d"
    while target.digest != first:
        after = chance.uniform(0, 0.05) if n_kills < 2 * N_KILLS else None
        killed(MOVE, tmp_path, after)
        n_kills += 1
        state = target.release.status().release.state
        assert (target.digest, state) in {
            (release.candidate, "promoted"),
            (first, "rolled_back"),
        }
    what = [one.what for one in target.release.status().log]
    assert what.count("promote") == what.count("rollback") == 1


def test_a_ramp_that_is_killed_goes_on_where_it_was(tmp_path: Path) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    release = target.release.start(OTHER, ONLY_RAMP)
    target.release.step()
    chance = random.Random(N_KILLS)
    n_kills = 0
    last = (target.release.status().release.version, 0.0)
    while target.release.status().release.state == "ramp":
        killed(STEPS, tmp_path, chance.uniform(0, 0.3) if n_kills < N_KILLS else None)
        n_kills += 1
        now = target.release.status().release
        assert (now.version, now.share) >= last or now.state == "ready"
        last = (now.version, now.share)
        assert target.search("lamp", key="somebody")[0].doc_id == "d"
    assert target.release.status().release.state == "ready"
    log = target.release.status().log
    assert [one.what for one in log] == ["start", "advance", "advance", "advance"]
    assert target.digest == release.live


START = (
    COMMON
    + """
import signal
from latelight.app import generations, release
from latelight.pipelines.spec import parse_spec
from latelight.releases.plan import ReleasePlan
from latelight.releases.store import ReleaseStore

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

def die_after(made):
    def then_die(*given, **named):
        made(*given, **named)
        die()
    return then_die

point = sys.argv[2]
if point == "index":  # the candidate's is made, and nothing says so
    generations.make_store = die_after(generations.make_store)
elif point == "candidate":  # its row and alias are written, the release is not
    ReleaseStore.begin_within = die
elif point == "release":  # all is written, and not committed
    ReleaseStore.begin_within = die_after(ReleaseStore.begin_within)
elif point == "committed":
    release.begin_candidate = die_after(release.begin_candidate)
spec = parse_spec("spaces: {text: {encoder: minilm}}")
target.release.start(spec, ReleasePlan(gate=None, shadow=None, interleave=None))
"""
)


@pytest.mark.parametrize("point", ["index", "candidate", "release", "committed"])
def test_a_start_that_is_killed_leaves_a_release_or_nothing(tmp_path: Path, point: str) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    died = subprocess.run(
        [sys.executable, "-c", START, str(tmp_path), point],
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -9, died.stderr
    if point == "committed":
        release = target.release.status().release
        assert target.aliases() == {"candidate": release.candidate, "live": release.live}
        target.release.abort()
        target.release.retire()
    assert target.aliases() == {"live": target.digest}
    another = parse_spec("spaces: {text: {bits: 4}}")
    release = target.release.start(another, ONLY_RAMP)
    assert target.release.step().release.state == "ramp"
    indexes = target._versions.home.store("").iterdir()
    assert {one.name for one in indexes} == {release.live, release.candidate}


PROMOTE = (
    COMMON
    + """
import json
from latelight.errors import LatelightError
sys.stdin.readline()
try:
    print(json.dumps(target.release.promote().state))
except LatelightError as error:
    print(json.dumps(error.code))
"""
)


def test_of_two_processes_that_promote_at_once_one_wins(tmp_path: Path) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    release = target.release.start(OTHER, ONLY_RAMP)
    target.release.step()
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTE, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for one in processes:
        assert one.stdout is not None and one.stdin is not None
        assert one.stdout.readline() == "ready\n"
    for one in processes:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told: list[Any] = [json.loads(one.communicate(timeout=60)[0]) for one in processes]
    # Who comes late sees the move (a state that has no such move), or finds it in its way.
    assert sorted(told)[0] == "promoted"
    assert sorted(told)[1] in {ReleaseConflictError.code, ReleaseStateError.code}
    assert target.digest == release.candidate
    assert [one.what for one in target.release.status().log].count("promote") == 1


def test_who_decided_on_an_older_state_is_refused(tmp_path: Path) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    target.release.start(OTHER, ONLY_RAMP)
    seen = target.release.step().release
    target.release.promote()
    with pytest.raises(ReleaseConflictError):
        target._versions.releases.move(seen, "promote", aliases={"live": (seen.live, seen.live)})
    assert target.digest == seen.candidate


SEARCH = (
    COMMON
    + """
for n in range(10):
    target.search("lamp", key=f"user {n}")
    time.sleep(0.01)
"""
)


def test_what_a_process_counted_is_written_as_it_ends(tmp_path: Path) -> None:
    target = opened(tmp_path)
    target.add({"id": "d", "text": "a lamp"})
    target.release.start(OTHER, ONLY_RAMP)
    target.release.step()
    killed(SEARCH, tmp_path, None)
    n_counted = sum(one.traffic.n_queries for one in target.release.status().counted)
    assert 5 <= n_counted <= 10  # the first ones, while the candidate's models are loaded, are not
