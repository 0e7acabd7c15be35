"""The log of what people asked, saw and used: off by default, and judgements made of it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from latelight.app import Collection, Library, restore
from latelight.errors import InputError, NotFoundError
from latelight.evaluation import ClickRule
from latelight.evaluation.clicks import topic_of
from latelight.pipelines.spec import parse_spec
from latelight.releases.interactions import ShownSearch
from latelight.releases.plan import InterleavePlan, RampPlan, ReleasePlan
from latelight.settings import Settings

OTHER = parse_spec("spaces: {text: {encoder: minilm}}")
RECORDS = [
    {"id": "lamp", "text": "The lamp of the lighthouse burns oil."},
    {"id": "keeper", "text": "The keeper trims the lamp."},
    {"id": "ferry", "text": "The ferry was refitted in 2019."},
]
ONCE = ClickRule(min_impressions=1, min_clicks=1)


@pytest.fixture
def notes(library: Library) -> Collection:
    target = library.collection("notes", create=True)
    target.add(RECORDS)
    return target


def test_nothing_is_logged_unless_somebody_says_so(notes: Collection) -> None:
    hits = notes.search("lamp")
    assert notes.log.status().is_on is False
    assert list(notes.log.searches()) == []
    with pytest.raises(NotFoundError, match="latelight eval log start"):
        notes.interact(hits.search_id, "lamp")


def test_a_search_is_logged_with_what_was_shown_where_and_used(notes: Collection) -> None:
    notes.log.start()
    before = time.time()
    hits = notes.search("what does the lamp burn", key="somebody@example.org")
    notes.interact(hits.search_id, hits[1].doc_id)
    notes.interact(hits.search_id, hits[1].doc_id)
    (one,) = notes.log.searches()
    assert (one.search_id, one.query) == (hits.search_id, "what does the lamp burn")
    assert one.shown == tuple((hit.doc_id, hit.rank) for hit in hits)
    assert one.clicked == (hits[1].doc_id,)
    assert one.version == notes.digest
    assert before <= one.at <= time.time()
    assert "example" not in str(one.to_dict())  # nothing of who asked
    now = notes.log.status()
    assert (now.is_on, now.n_searches, now.n_used) == (True, 1, 1)


def test_a_document_that_was_not_shown_was_not_used(notes: Collection) -> None:
    notes.log.start()
    hits = notes.search("lamp", k=1)
    with pytest.raises(InputError, match="did not show document 'ferry'"):
        notes.interact(hits.search_id, "ferry")
    with pytest.raises(NotFoundError, match="nonsense"):
        notes.interact("nonsense", "lamp")


def test_batches_are_logged_and_empty_answers_too(notes: Collection) -> None:
    notes.log.start()
    notes.search_batch(["lamp", "ferry"], k=2)
    notes.search("lamp", filter={"year": 2023})
    assert [one.query for one in notes.log.searches()] == ["lamp", "ferry", "lamp"]
    assert [len(one.shown) for one in notes.log.searches()] == [2, 2, 0]


def test_every_process_logs_until_it_is_stopped(library: Library, notes: Collection) -> None:
    Library(library.root, Settings()).collection("notes").log.start()
    notes.search("lamp")
    assert notes.log.status().n_searches == 1
    Library(library.root, Settings()).collection("notes").log.stop()
    notes.search("ferry")
    now = notes.log.status()
    assert (now.is_on, now.n_searches) == (False, 1)
    assert notes.log.clear() == 1
    assert notes.log.status().n_searches == 0


def test_what_is_old_or_too_much_is_forgotten(notes: Collection) -> None:
    notes.log.start(days=2)
    store, day = notes._versions.interactions, 86_400
    ages = [5, 3, 1.5, 1, 0.5]
    store.write(
        ShownSearch(f"s{age}", time.time() - age * day, "v", "lamp", (("lamp", 1),)) for age in ages
    )
    assert store.forget(days=100, most=2) == 3
    assert [one.search_id for one in store.searches()] == ["s1", "s0.5"]


def test_more_searches_than_are_read_at_once_come_in_their_order(notes: Collection) -> None:
    store = notes._versions.interactions
    store.write(ShownSearch(f"s{n}", n // 7, "v", "lamp", ()) for n in range(2500))
    found = list(store.searches())
    assert len({one.search_id for one in found}) == len(found) == 2500
    assert [one.at for one in found] == sorted(one.at for one in found)


def test_it_goes_with_its_collection_and_lies_in_backups(
    library: Library, notes: Collection, tmp_path: Path
) -> None:
    notes.log.start()
    notes.search("lamp")
    assert notes.log.status().n_searches == 1
    library.backup(tmp_path / "backup")
    restored = restore(tmp_path / "backup", tmp_path / "restored", settings=Settings(n_threads=1))
    assert restored.collection("notes").log.status().n_searches == 1
    library.drop_collection("notes")
    again = library.collection("notes", create=True).log.status()
    assert (again.is_on, again.n_searches) == (False, 0)


def test_a_release_is_logged_with_the_versions_that_were_shown(notes: Collection) -> None:
    notes.log.start()
    stages = ReleasePlan(
        gate=None,
        shadow=None,
        interleave=InterleavePlan(share=1.0, max_sessions=1),
        ramp=RampPlan(shares=(1.0,), queries=1),
    )
    release = notes.release.start(OTHER, stages)
    notes.release.step()
    mixed = notes.search("lamp")
    notes.interact(mixed.search_id, mixed[0].doc_id)
    notes.search_batch(["lamp"])
    for _ in range(20):
        notes.interact((hits := notes.search("lamp")).search_id, hits[-1].doc_id)
        if notes.release.step().release.state == "ramp":
            break
    notes.search("ferry")
    notes.search_batch(["ferry"])
    *interleaved, single, batch = notes.log.searches()
    assert {one.version for one in interleaved} == {f"{release.live}+{release.candidate}"}
    assert {single.version, batch.version} == {release.candidate}
    assert notes.release.status().wins  # the release counts the same interaction


def asked(notes: Collection, query: str, n: int, used: str) -> None:
    for _ in range(n):
        hits = notes.search(query)
        notes.interact(hits.search_id, used)


def test_judgements_are_made_of_what_people_used(notes: Collection) -> None:
    notes.log.start()
    with pytest.raises(InputError, match=r"holds 0 searches.*eval log start"):
        notes.log.judge("clicks")
    asked(notes, "what does the lamp burn", 6, "keeper")
    asked(notes, "ferry", 2, "ferry")  # too seldom to say anything
    judged = notes.log.judge("clicks", ClickRule(estimator="coec"))
    topic = topic_of("what does the lamp burn")
    assert list(judged.topics) == [topic]
    gains = judged.qrels.of(topic)
    assert gains["keeper"] == 2
    assert gains["lamp"] == 0
    assert "estimator='coec'" in judged.source
    notes.judgements.save(judged)
    assert notes.judgements.get("clicks") == judged


def test_several_places_of_a_document_are_one_at_the_first(notes: Collection) -> None:
    notes.add({"id": "long", "text": "the lamp burns. " * 400})
    notes.log.start()
    hits = notes.search("lamp burns", k=20)
    assert len(hits) > len({hit.doc_id for hit in hits})
    (one,) = notes.log.searches()
    first = {hit.doc_id: hit.rank for hit in reversed(hits)}
    assert dict(one.shown) == first


SEARCH = """
import os, signal, sys
from pathlib import Path
from latelight.app import Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder

engine.create_encoder = lambda *a, **k: FakeEncoder(dim=64)
target = Library(Path(sys.argv[1]), Settings(n_threads=1)).collection("notes")
hits = target.search("lamp")
if sys.argv[2] == "killed":
    target.interact(hits.search_id, hits[0].doc_id)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize(("end", "n_used"), [("killed", 1), ("ends", 0)])
def test_what_a_process_logged_is_written_when_it_ends_or_was_told(
    library: Library, notes: Collection, end: str, n_used: int
) -> None:
    """Of a killed one, what an interaction referred to."""
    notes.log.start()
    words = [sys.executable, "-c", SEARCH, str(library.root), end]
    done = subprocess.run(words, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode == (-9 if end == "killed" else 0), done.stderr
    now = notes.log.status()
    assert (now.n_searches, now.n_used) == (1, n_used)


@pytest.mark.parametrize("days", [0, -1, 1e6])
def test_days_that_are_none_are_refused(notes: Collection, days: float) -> None:
    with pytest.raises(InputError, match="days is"):
        notes.log.start(days=days)
