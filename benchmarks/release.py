"""What does a release cost the people who search meanwhile, and does a bad candidate get far?

    python benchmarks/release.py --data ../shared/data --set scifact
    python benchmarks/release.py --data ../shared/data --set scifact --bad
    python benchmarks/release.py report --out docs/benchmarks

A collection is searched all the time, by threads that wait a little between two searches and click
on what a click model and the judgements make them. Meanwhile another pipeline is released, from the
backfill to the promotion and back. Every answer is recorded with the phase, the version that gave
it, and whether that version's index was finished. `--bad` releases vectors that belong to other
documents: the gate has to stop them, and with the gate off the ramp's guards, by themselves.
"""

import argparse
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from beir import SET_NAMES, BeirSet, load_set
from circumstances import circumstances
from release_report import BIN_SECONDS, markdown, report

import latelight
from latelight.app import Collection, engine
from latelight.app.opened import OpenGeneration
from latelight.encoders.registry import create_encoder
from latelight.errors import NotFoundError, ReleaseConflictError, ReleaseStateError
from latelight.evaluation import JudgementSet
from latelight.experiments.click_models import click_model
from latelight.pipelines.spec import PipelineSpec, SpaceSpecification, parse_spec
from latelight.releases.plan import (
    GatePlan,
    InterleavePlan,
    RampPlan,
    ReleasePlan,
    ShadowPlan,
)
from latelight.settings import read_settings

K, N_USERS = 10, 500
LIVE = PipelineSpec(name="live", spaces={"text": SpaceSpecification(encoder="latelight-small")})
CANDIDATES = {
    "minilm": "name: minilm\nspaces: {text: {encoder: minilm}}",
    "pooled": "name: pooled\nspaces: {text: {pooling: {method: ward, factor: 2}}}",
}


@dataclass(frozen=True)
class Answer:
    """One search: when it began, how long it took, and who answered it how."""

    at: float
    phase: str
    milliseconds: float
    versions: tuple[str, ...]
    failed: bool = False
    half_built: bool = False


class People:
    """Threads that search and click until they are told to stop."""

    def __init__(self, target: Collection, judged: BeirSet, given: argparse.Namespace) -> None:
        self._target = target
        self._judged = judged
        self._topics = [topic for topic in judged.qrels.topics if topic in judged.queries]
        self._clicks = click_model("position-based")
        self._pause = given.pause
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._search_on, args=(given.seed + n,), daemon=True)
            for n in range(given.searchers)
        ]
        self.phase = "warm-up"
        self.answers: list[Answer] = []
        self.errors: list[str] = []

    @contextmanager
    def at_work(self) -> Iterator[None]:
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._stop.set()
            for thread in self._threads:
                thread.join()

    def _search_on(self, seed: int) -> None:
        chance = random.Random(seed)
        while not self._stop.wait(chance.expovariate(1 / self._pause) if self._pause else 0):
            topic = self._topics[chance.randrange(len(self._topics))]
            key = f"user {chance.randrange(N_USERS)}"
            hits = self._search(self._judged.queries[topic], key)
            ranking = [hit.doc_id for hit in hits]
            for doc_id in self._clicks.clicks(ranking, self._judged.qrels.of(topic), chance):
                with suppress(NotFoundError):  # nobody wants to know of this search
                    self._target.interact(hits.search_id, doc_id)

    def _search(self, text: str, key: str) -> Any:
        phase, at, began = self.phase, time.time(), time.perf_counter()
        seen = _Asked.begin()
        try:
            hits = self._target.search(text, k=K, group_by="document", key=key)
        except Exception as error:  # recorded; the run says how many
            self.errors.append(f"{phase}: {type(error).__name__}: {error}")
            hits = ()
        took = 1000 * (time.perf_counter() - began)
        failed = hits == ()
        answer = Answer(at, phase, took, tuple(seen.versions), failed, seen.is_half_built)
        self.answers.append(answer)
        return hits

    def for_seconds(self, phase: str, seconds: float) -> None:
        """Let people search on in a phase."""
        self.phase = phase
        time.sleep(seconds)


class _Asked(threading.local):
    """Which versions this thread asked in the search under way; shadows run in other threads."""

    versions: list[str]
    is_half_built: bool

    @classmethod
    def begin(cls) -> "_Asked":
        ASKED.versions, ASKED.is_half_built = [], False
        return ASKED


ASKED = _Asked()


@contextmanager
def watched(target: Collection, n_documents: int) -> Iterator[None]:
    """Note of every version that is asked whether its index was whole."""
    real = OpenGeneration.search_in

    def search_in(self: OpenGeneration, reader: Any, requests: Sequence[Any]) -> Any:
        if hasattr(ASKED, "versions"):
            ASKED.versions.append(self.version.digest)
            unfinished = self.version.store in target._versions.standing().unfinished
            ASKED.is_half_built |= unfinished or reader.snapshot.n_documents < n_documents
        return real(self, reader, requests)

    OpenGeneration.search_in = search_in  # type: ignore[method-assign]
    try:
        yield
    finally:
        OpenGeneration.search_in = real  # type: ignore[method-assign]


class Shuffled:
    """An encoder whose documents get the vectors of their neighbours: as fast, and useless."""

    def __init__(self, encoder: Any) -> None:
        self._encoder = encoder

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode_documents(self, units: Sequence[Any], **options: Any) -> list[Any]:
        encoded = self._encoder.encode_documents(units, **options)
        return encoded[1:] + encoded[:1]


def collection_of(judged: BeirSet, work: Path) -> Collection:
    """Return the set's collection, filled, with no release under way."""
    target = latelight.open(work / "library").collection(judged.name, create=True, pipeline=LIVE)
    target.add(judged.records)
    with suppress(NotFoundError):
        _end(target)
    return target


def _end(target: Collection) -> None:
    """End what an earlier run left."""
    state = target.release.status().release.state
    if state == "promoted":
        target.release.rollback()
    elif state not in {"aborted", "rolled_back", "retired"}:
        target.release.abort()
    if target.release.status().release.state != "retired":
        target.release.retire()


def judgements_of(judged: BeirSet, work: Path) -> str:
    path = work / f"{judged.name}.json"
    topics = {
        topic: judged.queries[topic] for topic in judged.qrels.topics if topic in judged.queries
    }
    JudgementSet(judged.name, topics, judged.qrels).save(path)
    return str(path)


def plan_of(given: argparse.Namespace, judgements: str) -> ReleasePlan:
    return ReleasePlan(
        gate=GatePlan(judgements=judgements, allow_few_topics=True),
        shadow=ShadowPlan(share=0.5, queries=given.queries, k=K),
        interleave=InterleavePlan(share=1.0, max_sessions=given.queries),
        ramp=RampPlan(shares=(0.2, 0.5, 1.0), queries=given.queries),
    )


def step_until(people: People, target: Collection, state: str, given: argparse.Namespace) -> str:
    """Take steps until a state is reached, or the release goes another way; return where it is."""
    deadline = time.monotonic() + given.longest
    while time.monotonic() < deadline:
        now = target.release.status().release
        people.phase = now.state
        if now.state == state or now.state in {"rolled_back", "aborted"}:
            return now.state
        try:
            step = target.release.step()
        except (ReleaseConflictError, ReleaseStateError) as error:  # a guard was faster
            print(error, flush=True)
            continue
        print(f"{now.state} {now.share or ''}: {step.said}", flush=True)
        if now.state == "gate" and not step.moved:
            return now.state
        time.sleep(0 if step.moved else 2)
    raise TimeoutError(f"{now.state} took more than {given.longest:.0f} s")


def fill(target: Collection, work: Path, given: argparse.Namespace) -> float:
    """Fill the candidate, in this process or by the command in another; return the seconds."""
    began = time.perf_counter()
    if given.outside:
        words = ("release", "step", target.name, "--library", str(work / "library"))
        subprocess.run([sys.executable, "-m", "latelight.cli.main", *words], check=True)
    else:
        step = target.release.step()
        assert step.moved, step.said
    return time.perf_counter() - began


def good(
    target: Collection, judged: BeirSet, work: Path, given: argparse.Namespace
) -> dict[str, Any]:
    people = People(target, judged, given)
    spec = parse_spec(CANDIDATES[given.candidate])
    with watched(target, len(target.documents())), people.at_work():
        people.for_seconds("warm-up", min(given.seconds, 10))
        people.for_seconds("quiet", given.seconds)
        people.phase = "backfill"
        target.release.start(spec, plan_of(given, judgements_of(judged, work)))
        seconds = fill(target, work, given)
        state = step_until(people, target, "ready", given)
        if state == "ready":
            target.release.promote()
            people.for_seconds("promoted", given.seconds / 4)
            people.phase = "rolled back"
            began = time.perf_counter()
            target.release.rollback()
            rollback = time.perf_counter() - began
            people.for_seconds("rolled back", given.seconds / 4)
    status = target.release.status()
    row = {
        "what": "good",
        "ended": state,
        "backfill_seconds": round(seconds, 1),
        "rollback_seconds": round(rollback, 4) if state == "ready" else None,
        "wins": dict(status.wins),
        "log": [(entry.what, entry.after, entry.note) for entry in status.log],
    }
    _end(target)
    return row | told_of(people)


def bad(
    target: Collection, judged: BeirSet, work: Path, given: argparse.Namespace
) -> dict[str, Any]:
    """Release nonsense: first against the gate, then without one, with nobody taking steps."""
    real, engine.create_encoder = engine.create_encoder, shuffled_minilm
    engine.shared_encoder.cache_clear()
    try:
        return _bad(target, judged, work, given)
    finally:
        engine.create_encoder = real
        engine.shared_encoder.cache_clear()


def shuffled_minilm(name: str, **options: Any) -> Any:
    made = create_encoder(name, **options)
    return Shuffled(made) if name == "minilm" else made


def _bad(
    target: Collection, judged: BeirSet, work: Path, given: argparse.Namespace
) -> dict[str, Any]:
    people, spec = People(target, judged, given), parse_spec(CANDIDATES["minilm"])
    without = ReleasePlan(
        gate=None, shadow=None, interleave=None, ramp=RampPlan(shares=(0.5,), queries=100_000)
    )
    with watched(target, len(target.documents())), people.at_work():
        people.for_seconds("warm-up", min(given.seconds, 10))
        people.phase = "backfill"
        target.release.start(spec, plan_of(given, judgements_of(judged, work)))
        target.release.step()
        people.phase = "gate"
        gate = target.release.step()
        print(gate.said, flush=True)
        target.release.abort("stopped by its gate")
        people.phase = "ramp"
        target.release.start(spec, without)  # the same index: nothing has to be filled again
        target.release.step()
        began, deadline = time.perf_counter(), time.monotonic() + given.longest
        while target.release.status().release.state == "ramp" and time.monotonic() < deadline:
            time.sleep(0.2)
        seconds = time.perf_counter() - began
        people.for_seconds("rolled back", given.seconds / 4)
    status = target.release.status()
    served = [one for one in status.counted if (one.stage, one.arm) == ("ramp", "candidate")]
    row = {
        "what": "bad",
        "gate_stopped": not gate.moved and gate.release.state == "gate",
        "gate_said": gate.said,
        "guard_stopped": status.release.state == "rolled_back",
        "guard_said": status.release.note,
        "guard_seconds": round(seconds, 1),
        "guard_queries": sum(one.traffic.n_queries for one in served),
    }
    _end(target)
    return row | told_of(people)


def told_of(people: People) -> dict[str, Any]:
    """Return what people saw, by phase and over time."""
    counted = [answer for answer in people.answers if answer.phase != "warm-up"]
    phases = {
        phase: spread([one for one in counted if one.phase == phase])
        for phase in dict.fromkeys(one.phase for one in counted)
    }
    quiet, filling = phases.get("quiet"), phases.get("backfill")
    ratio = filling["p99_ms"] / quiet["p99_ms"] if quiet and filling else None
    return {
        "n_queries": len(counted),
        "n_failed": sum(one.failed for one in counted),
        "n_half_built": sum(one.half_built for one in counted),
        "errors": people.errors[:5],
        "versions": dict(Counter("+".join(one.versions) for one in counted)),
        "phases": phases,
        "p99_ratio": None if ratio is None else round(ratio, 2),
        "timeline": timeline(counted),
    }


def spread(answers: Sequence[Answer]) -> dict[str, Any]:
    times = [one.milliseconds for one in answers]
    p50, p99, largest = np.percentile(times, [50, 99, 100])
    seconds = max(one.at for one in answers) - min(one.at for one in answers)
    found = {"p50_ms": p50, "p99_ms": p99, "max_ms": largest, "seconds": seconds}
    return {"n": len(times), **{name: round(float(v), 2) for name, v in found.items()}}


def timeline(answers: Sequence[Answer]) -> list[list[Any]]:
    """Return [seconds, phase, n, p50, largest] for every two seconds."""
    if not answers:
        return []
    first = min(one.at for one in answers)
    bins: dict[tuple[int, str], list[float]] = {}
    for one in answers:
        key = (int((one.at - first) / BIN_SECONDS), one.phase)
        bins.setdefault(key, []).append(one.milliseconds)
    return [
        [n * BIN_SECONDS, phase, len(own), round(statistics.median(own), 2), round(max(own), 2)]
        for (n, phase), own in sorted(bins.items())
    ]


def run(given: argparse.Namespace) -> None:
    judged = load_set(given.data, given.set)
    judged = judged.limited(given.limit) if given.limit else judged
    work = given.work / (f"{judged.name}-{given.limit}" if given.limit else judged.name)
    work.mkdir(parents=True, exist_ok=True)
    target = collection_of(judged, work)
    measure: Callable[..., dict[str, Any]] = bad if given.bad else good
    settings = read_settings()
    row = {
        **circumstances("release", given.seed),
        "data": judged.digest,
        "set": judged.name,
        "n_documents": len(target.documents()),
        "candidate": "shuffled minilm" if given.bad else given.candidate,
        "searchers": given.searchers,
        "pause": given.pause,
        "outside": given.outside,
        "n_threads": settings.n_threads,
        "backfill_niceness": settings.backfill_niceness,
        "load_before": round(os.getloadavg()[0], 2),
        **measure(target, judged, work, given),
    }
    given.rows.parent.mkdir(parents=True, exist_ok=True)
    with given.rows.open("a", encoding="utf-8") as lines:
        lines.write(json.dumps(row) + "\n")
    print(markdown([row]))


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", nargs="?", choices=("run", "report"), default="run")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--set", choices=SET_NAMES, default="scifact")
    parser.add_argument("--limit", type=int, default=0, help="toy size: this many queries")
    parser.add_argument("--candidate", choices=tuple(CANDIDATES), default="pooled")
    parser.add_argument("--bad", action="store_true", help="release shuffled vectors")
    parser.add_argument("--outside", action="store_true", help="fill in another process")
    parser.add_argument("--searchers", type=int, default=2, help="threads that search")
    parser.add_argument("--pause", type=float, default=0.2, help="mean seconds between searches")
    parser.add_argument("--seconds", type=float, default=60, help="of the quiet phase")
    parser.add_argument("--queries", type=int, default=60, help="that each stage looks at")
    parser.add_argument("--longest", type=float, default=1800, help="seconds of a stage at most")
    parser.add_argument("--seed", type=int, default=6)
    parser.add_argument("--fresh", action="store_true", help="make the library anew")
    parser.add_argument("--work", type=Path, default=Path("build/release"))
    parser.add_argument("--rows", type=Path, default=Path("build/release.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("docs/benchmarks"))
    given = parser.parse_args(words)
    if given.fresh:
        shutil.rmtree(given.work, ignore_errors=True)
    (run if given.what == "run" else report)(given)


if __name__ == "__main__":
    main()
