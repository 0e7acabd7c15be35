"""`kill -9` within the gate, the shadow and the interleaving of a release.

After each the library is opened again: the release is where it was or one move further, what was
acknowledged is counted, the live version answers, and the same step goes on.
"""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from latelight.app import Collection
from latelight.evaluation import JudgementSet, Qrels
from latelight.releases.plan import GatePlan, InterleavePlan, ReleasePlan, ShadowPlan
from tests.app.test_release_kill import COMMON, N_KILLS, OTHER, fake_encoder, killed, opened

__all__ = ["fake_encoder"]
TOPICS = {f"t{n}": f"number {n} lamp" for n in range(12)}
JUDGED = JudgementSet("numbers", TOPICS, Qrels({f"t{n}": {f"d{n}": 1} for n in range(12)}))
GATE = GatePlan(judgements="@numbers", allow_few_topics=True)
SHADOW = ShadowPlan(share=1.0, queries=20, most_waiting=1000)
INTERLEAVE = InterleavePlan(share=1.0, max_sessions=20)


def begun(root: Path, **stages: object) -> Collection:
    """Return a collection with a release that has left its build."""
    target = opened(root)
    target.add([{"id": f"d{n}", "text": f"number {n} lamp"} for n in range(12)])
    target.judgements.save(JUDGED)
    plan: dict[str, object] = {"gate": None, "shadow": None, "interleave": None, "ramp": None}
    target.release.start(OTHER, ReleasePlan(**{**plan, **stages}))  # type: ignore[arg-type]
    assert target.release.step().moved
    return target


def advances(target: Collection, stage: str) -> int:
    """Return how often the release left a stage."""
    log = target.release.status().log
    return sum((one.what, one.before) == ("advance", stage) for one in log)


POINTS = (
    COMMON
    + """
import signal
from latelight.app import release_stages
from latelight.releases.store import ReleaseStore

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

point, real = sys.argv[2], ReleaseStore.move
if point == "searching":
    search, n = release_stages.search_topics, [0]
    def search_topics(ranking, topics, name, **options):
        def dying(text):
            n[0] += 1
            return die() if n[0] > 15 else ranking(text)  # in the second version's topics
        return search(dying, topics, name, **options)
    release_stages.search_topics = search_topics
elif point == "comparing":
    release_stages.compare = die
elif point == "decided":
    ReleaseStore.move = die
elif point == "moved":
    def move(*given, **named):
        real(*given, **named)
        die()
    ReleaseStore.move = move
target.release.step()
"""
)


@pytest.mark.parametrize("point", ["searching", "comparing", "decided", "moved"])
def test_a_gate_that_is_killed_is_shut_or_open_and_never_both(tmp_path: Path, point: str) -> None:
    target = begun(tmp_path, gate=GATE)
    died = subprocess.run(
        [sys.executable, "-c", POINTS, str(tmp_path), point],
        capture_output=True,
        text=True,
        check=False,
    )
    assert died.returncode == -9, died.stderr
    state = target.release.status().release.state
    assert state == ("ready" if point == "moved" else "gate")
    assert target.search("number 3 lamp", k=1)[0].doc_id == "d3"
    if state == "gate":
        taken = target.release.step()
        assert taken.moved, taken.said
    assert target.release.status().release.state == "ready"
    assert advances(target, "gate") == 1


GATE_STEP = COMMON + "target.release.step()\n"


def test_a_gate_under_kills_at_any_moment_opens_once(tmp_path: Path) -> None:
    target = begun(tmp_path, gate=GATE)
    chance = random.Random(N_KILLS)
    n_kills = 0
    while target.release.status().release.state == "gate":
        assert advances(target, "gate") == 0
        after = chance.uniform(0, 0.15) if n_kills < N_KILLS else None
        killed(GATE_STEP, tmp_path, after)
        n_kills += 1
    assert advances(target, "gate") == 1
    assert target.release.status().release.state == "ready"


SHADOWED = (
    COMMON
    + """
for version in target.versions().values():
    target._versions.open(version).loaded()
n = 0
while target.release.status().release.state == "shadow":
    for _ in range(4):
        n += 1
        assert len(target.search(f"number {n % 12} lamp", key=f"user {n}"))
    target.release.step()  # waits for what is out of sight, and writes what was counted
    print(n, flush=True)
"""
)


def test_a_shadow_that_is_killed_counts_what_was_written_and_goes_on(tmp_path: Path) -> None:
    target = begun(tmp_path, shadow=SHADOW)
    chance = random.Random(N_KILLS)
    n_kills = n_told = n_begun = 0
    while target.release.status().release.state == "shadow":
        after = chance.uniform(0, 0.1) if n_kills < N_KILLS else None
        _, told = killed(SHADOWED, tmp_path, after)
        n_kills += 1
        n_told += int((told.split() or ["0"])[-1])
        counted = {one.arm: one.traffic for one in target.release.status().counted}
        n_begun = max((one.n_queries for one in counted.values()), default=0)
        assert n_begun >= n_told  # whatever a step acknowledged is there
        assert all(one.n_errors == 0 for one in counted.values())
        assert target.search("number 3 lamp", k=1)[0].doc_id == "d3"
    assert n_begun >= SHADOW.queries
    assert target.release.status().release.state == "ready"
    assert advances(target, "shadow") == 1


INTERLEAVED = (
    COMMON
    + """
for version in target.versions().values():
    target._versions.open(version).loaded()
while target.release.status().release.state == "interleave":
    for _ in range(3):
        hits = target.search("number 3 lamp")
        target.interact(hits.search_id, hits[0].doc_id)
        print(hits.search_id, flush=True)
    target.release.step()
"""
)


def test_an_interleaving_that_is_killed_keeps_every_interaction_that_was_told(
    tmp_path: Path,
) -> None:
    target = begun(tmp_path, interleave=INTERLEAVE)
    chance = random.Random(N_KILLS)
    n_kills, told = 0, set()
    while target.release.status().release.state == "interleave":
        after = chance.uniform(0, 0.1) if n_kills < N_KILLS else None
        _, said = killed(INTERLEAVED, tmp_path, after)
        n_kills += 1
        told |= set(said.split())
        wins = target.release.status().wins
        n_clicked = sum(n for winner, n in wins.items() if winner)
        # One more at most for every kill: it was counted, and the process could not say so.
        assert len(told) <= n_clicked <= len(told) + n_kills
        assert target.search("number 3 lamp", k=1)
    assert target.release.status().release.state in {"ready", "rolled_back"}
    log = [one.what for one in target.release.status().log]
    assert log.count("advance") + log.count("fall_back") == 2  # the build's, and this one
