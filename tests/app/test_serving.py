"""Live searches while a release goes on: batches, mixed lists, versions that go away, counters."""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from latelight.app import Collection, Hits, Library, engine
from latelight.app.counting import Answer, Counting, Keeping
from latelight.app.mixing import mixed, winner, written
from latelight.app.opened import OpenGeneration
from latelight.errors import InputError, ModelError, NotFoundError, QueryError, StorageError
from latelight.experiments.interleaving import Method
from latelight.pipelines.spec import parse_spec
from latelight.releases.plan import InterleavePlan, RampPlan, ReleasePlan, ShadowPlan, parse_plan
from latelight.releases.store import Counted, Shown
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.types import QueryVectors

BASE = "extract: {passage_characters: %d}\nsearch: {mode: maxsim, k: %d}\nspaces: {text: {%s}}"
LIVE = parse_spec(BASE % (200, 5, ""))
OTHER_SEARCH = parse_spec(BASE % (200, 3, ""))  # tells the versions apart by their numbers of hits
OTHER_UNITS = parse_spec(BASE % (400, 5, ""))
BROKEN = parse_spec(BASE % (200, 5, "encoder: minilm"))
NO_OTHERS: dict[str, Any] = {"gate": None, "shadow": None, "interleave": None, "ramp": None}


class Refusing(FakeEncoder):
    """Answers no query that holds the word `storm`, once it is told to."""

    is_broken = False

    def encode_query(self, text: str) -> QueryVectors:
        if self.is_broken and "storm" in text:
            raise ModelError("out of order")
        return super().encode_query(text)


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    def make(name: str, **_: Any) -> FakeEncoder:
        return (Refusing if name == "minilm" else FakeEncoder)(dim=64, name=name)

    monkeypatch.setattr(engine, "create_encoder", make)
    engine.shared_encoder.cache_clear()
    yield Library(tmp_path / "library", Settings(n_threads=1, commit_seconds=0))
    Refusing.is_broken = False
    engine.shared_encoder.cache_clear()


@pytest.fixture
def boats(library: Library) -> Collection:
    made = library.collection("boats", create=True, pipeline=LIVE)
    text = " ".join(f"boat{n} carries cargo{n} in a storm." for n in range(12))
    made.add([{"id": f"d{n}", "text": f"cargo{n} first. {text}"} for n in range(8)])
    return made


def released(target: Collection, spec: Any, **stages: Any) -> Collection:
    """Bring a release to its first live stage."""
    target.release.start(spec, ReleasePlan(**{**NO_OTHERS, **stages}))
    target.release.step()
    return target


QUERIES = [f"cargo{n % 12} storm" for n in range(40)]
KEYS = [f"user {n}" for n in range(40)]


def test_a_ramp_routes_each_query_of_a_batch_like_a_single_search(boats: Collection) -> None:
    target = released(boats, OTHER_SEARCH, ramp=RampPlan(shares=(0.5,), queries=10_000))
    alone = [target.search(text, key=key) for text, key in zip(QUERIES, KEYS, strict=True)]
    together = target.search_batch(QUERIES, key=KEYS)
    assert [_seen(hits) for hits in together] == [_seen(hits) for hits in alone]
    sizes = Counter(len(hits) for hits in together)
    assert set(sizes) == {3, 5}
    counted = {one.arm: one.traffic for one in target.release.status().counted}
    assert {arm: one.n_queries for arm, one in counted.items()} == {
        "live": 2 * sizes[5], "candidate": 2 * sizes[3],
    }  # fmt: skip
    # What a search took among others is no latency of its own.
    assert {arm: one.latency.n for arm, one in counted.items()} == {
        "live": sizes[5], "candidate": sizes[3],
    }  # fmt: skip
    one = target.search_batch(QUERIES[:20], key="user 1")
    assert len({len(hits) for hits in one}) == 1
    for hits in together[:5]:
        target.interact(hits.search_id, hits[0].doc_id)
    clicked = sum(one.traffic.n_clicked for one in target.release.status().counted)
    assert clicked == 5


def _seen(hits: Hits) -> list[tuple[str, str, float]]:
    return [(hit.doc_id, hit.unit.unit_id, pytest.approx(hit.score, abs=1e-5)) for hit in hits]  # type: ignore[misc]


def test_a_batch_needs_a_key_for_each_query_or_one_for_all(boats: Collection) -> None:
    with pytest.raises(InputError, match="2 keys for 3 queries"):
        boats.search_batch(["a", "b", "c"], key=["x", "y"])
    assert boats.search_batch([]) == []
    assert len(boats.search_batch(["cargo1", "cargo2"], key=["x", None])) == 2


def test_a_batch_whose_candidate_fails_is_answered_by_the_live_version(boats: Collection) -> None:
    target = released(boats, BROKEN, ramp=RampPlan(shares=(0.5,), queries=10_000))
    Refusing.is_broken = True
    texts = [text if n % 2 else text.replace("storm", "boat1") for n, text in enumerate(QUERIES)]
    assert [len(hits) for hits in target.search_batch(texts, key=KEYS)] == [5] * 40
    counted = {one.arm: one.traffic for one in target.release.status().counted}
    served = counted["candidate"]
    assert 0 < served.n_errors < served.n_queries  # those alone that it could not answer
    assert counted["live"].n_errors == 0
    with pytest.raises(QueryError):
        target.search_batch(["cargo1", "?!"], key=["user 1", "user 2"])


def test_a_batch_is_shadowed_and_mixed_too(boats: Collection) -> None:
    shadow = ShadowPlan(share=1.0, queries=1, most_waiting=100)
    target = released(boats, OTHER_SEARCH, shadow=shadow, interleave=InterleavePlan(share=1.0))
    assert {len(hits) for hits in target.search_batch(QUERIES)} == {5}
    assert target.release.step().release.state == "interleave"  # settles the shadow
    counted = {one.arm: one for one in target.release.status().counted}
    assert counted["candidate"].n_overlap == len(QUERIES)
    found = target.search_batch(QUERIES[:6])
    for hits in found:
        target.interact(hits.search_id, hits[0].doc_id)
    wins = target.release.status().wins
    assert sum(wins.values()) == 6
    assert wins.get("", 0) == 0


@pytest.mark.parametrize("method", ["team-draft", "balanced"])
def test_a_mixed_list_shows_no_document_by_units_of_both_versions(
    boats: Collection, method: Method
) -> None:
    plan = InterleavePlan(share=1.0, method=method)
    target = released(boats, OTHER_UNITS, interleave=plan)
    for text in QUERIES[:12]:
        hits = target.search(text)
        assert len(hits) == 5
        assert [hit.rank for hit in hits] == [1, 2, 3, 4, 5]
        seen = [(hit.doc_id, hit.unit.unit_id) for hit in hits]
        assert len(set(seen)) == len(seen)
        for doc_id in {hit.doc_id for hit in hits}:
            ends = [hit.unit.locator.span for hit in hits if hit.doc_id == doc_id]
            spans = sorted((span.start, span.end) for span in ends if span is not None)
            assert all(a[1] <= b[0] for a, b in pairwise(spans))
        target.interact(hits.search_id, hits[0].doc_id)
    wins = target.release.status().wins
    assert sum(wins.values()) == 12
    grouped = target.search("cargo3 storm", group_by="document")
    assert len({hit.doc_id for hit in grouped}) == len(grouped) == 5


def test_whose_documents_were_used_is_known_from_what_was_written(boats: Collection) -> None:
    hits = boats.search("cargo1 storm", k=8, group_by="document")
    live, other = hits.arranged(hits[:6]), hits.arranged(list(reversed(hits[2:])))
    for method in ("team-draft", "balanced"):
        both, made = mixed(live, other, method, "a seed")  # type: ignore[arg-type]
        assert [hit.doc_id for hit in both] == list(made.shown)
        assert winner(written(made), ()) == "tie"
        only_live = hits[0].doc_id
        assert winner(written(made), [only_live]) == "a" if only_live in made.shown else True
        assert mixed(live, other, method, "a seed")[1] == made  # type: ignore[arg-type]


def test_a_plan_chooses_how_lists_are_mixed() -> None:
    plan = parse_plan("interleave: {method: balanced}")
    assert plan.interleave is not None and plan.interleave.method == "balanced"
    assert parse_plan("{}").interleave == InterleavePlan(method="team-draft")
    with pytest.raises(InputError, match="method"):
        parse_plan("interleave: {method: coin}")


def test_a_search_that_a_version_is_retired_under_is_answered_by_the_live_one(
    boats: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = released(boats, OTHER_UNITS)
    before = target.digest
    real, calls = OpenGeneration.search, []

    def searched(self: OpenGeneration, requests: Any) -> list[Hits]:
        calls.append(self.version.digest)
        if len(calls) == 1:  # meanwhile, another process
            target.release.promote()
            target.release.retire()
            raise FileNotFoundError("segments/1")
        return real(self, requests)

    monkeypatch.setattr(OpenGeneration, "search", searched)
    assert len(target.search("cargo1 storm")) == 5
    assert calls == [before, target.digest]
    calls[:] = ["no more retiring"]
    monkeypatch.setattr(OpenGeneration, "search", _missing)
    with pytest.raises(FileNotFoundError):  # nothing was retired: that is told
        target.search("cargo1 storm")


def _missing(self: OpenGeneration, requests: Any) -> list[Hits]:
    raise FileNotFoundError("segments/2")


class FullDisk:
    """A store that cannot be written to, for a while."""

    def __init__(self) -> None:
        self.is_full = True
        self.n_queries = self.n_shown = 0
        self.looks: list[tuple[float, int]] = []

    def count(self, release_id: str, counted: Sequence[Counted], shown: Sequence[Shown]) -> None:
        if self.is_full and release_id == "r2":
            raise StorageError("no space left")
        self.n_queries += sum(one.traffic.n_queries for one in counted)
        self.n_shown += len(shown)

    def forget_shown(self, before: float, most: int) -> int:
        self.looks.append((before, most))
        return 0


def answer(release_id: str = "r1") -> Answer:
    shown = Shown(f"s{time.perf_counter_ns()}", "ramp", 0, "live", "hash", time.time())
    return Answer(release_id, "ramp", 0, "live", 1.0, n_hits=1, shown=shown)


def test_what_could_not_be_written_is_kept_for_the_next_time() -> None:
    disk = FullDisk()
    counting = Counting(disk, lambda release_id: None)  # type: ignore[arg-type]
    counting.add(answer("r1"), answer("r2"), answer("r2"))
    with pytest.raises(StorageError):
        counting.write()
    counting.add(answer("r2"))
    disk.is_full = False
    counting.write()
    counting.write()
    assert (disk.n_queries, disk.n_shown) == (4, 4)  # each once


def test_what_waits_for_interaction_is_looked_at_now_and_then() -> None:
    disk = FullDisk()
    counting = Counting(disk, lambda release_id: None, Keeping(days=1, most=20))  # type: ignore[arg-type]
    for _ in range(7):
        counting.add(answer())
        counting.write()
    ((first, most), *later) = disk.looks
    assert most == 20
    assert time.time() - first == pytest.approx(86_400, abs=60)
    assert len(later) == 2  # after 3 more each: a tenth of 20


def test_nobody_waits_while_a_candidate_is_loaded(
    library: Library, boats: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    released(boats, OTHER_SEARCH, ramp=RampPlan(shares=(1.0,)))
    fresh = Library(library.root, Settings(n_threads=1)).collection("boats")
    assert len(fresh.search("cargo1 storm")) == 3  # it would wait for the live one's, too
    other = Library(library.root, Settings(n_threads=1)).collection("boats")
    other._versions.live().loaded()
    may_load, real = threading.Event(), OpenGeneration.loaded

    def loaded(self: OpenGeneration) -> Any:
        if self.version.digest != boats.digest:
            may_load.wait(60)
        return real(self)

    monkeypatch.setattr(OpenGeneration, "loaded", loaded)
    assert len(other.search("cargo1 storm")) == 5
    may_load.set()
    (thread,) = other._serving._warming._threads.values()
    thread.join()
    assert len(other.search("cargo1 storm")) == 3


def test_nobody_waits_for_forgotten_searches(library: Library, boats: Collection) -> None:
    target = released(boats, OTHER_SEARCH, interleave=InterleavePlan(share=1.0))
    few = Collection(
        boats._home, library._catalog._path, boats._jobs, Settings(n_threads=1, shown_searches=4)
    )
    found = [few.search("cargo1 storm") for _ in range(9)]
    few.interact(found[-1].search_id, found[-1][0].doc_id)
    with pytest.raises(NotFoundError, match="takes part"):
        few.interact(found[0].search_id, found[0][0].doc_id)
    status = target.release.status()
    assert sum(status.wins.values()) == 9
    assert any(one.what == "forgot" for one in status.log)
