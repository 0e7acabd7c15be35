from pathlib import Path

import pytest

from latelight.errors import JobRunningError, NotFoundError
from latelight.pipelines.ledger import ItemNote
from latelight.pipelines.progress import Failure, Progress
from latelight.releases import jobs
from latelight.releases.catalog import Catalog
from latelight.releases.jobs import Home, JobStore, new_job_id

HOME = Home("default", "c", "d1")


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    made = JobStore(tmp_path / "catalog.db")
    made.create("j1", HOME, "key", "{}", "files/")
    return made


def test_a_job_is_found_by_what_was_asked_until_it_is_over(store: JobStore) -> None:
    found = store.unfinished(HOME, "key")
    assert found is not None and found.job_id == "j1"
    assert store.unfinished(HOME, "other") is None
    assert store.unfinished(Home("default", "c", "d2"), "key") == found  # another became live
    assert store.unfinished(Home("default", "other", "d1"), "key") is None
    store.end("j1", store.claim("j1"), "done")
    assert store.unfinished(HOME, "key") is None


def test_notes_and_progress_are_read_as_written(store: JobStore) -> None:
    attempt = store.claim("j1")
    progress = Progress(n_items=3, n_added=1, n_rows=7, seconds=1.5)
    store.note("j1", attempt, [ItemNote("a", "pending", 5), ItemNote("b", "pending")], progress)
    notes = [ItemNote("a", "done", 5, "sha", "doc"), ItemNote("c", "failed", code="x", message="m")]
    store.note("j1", attempt, notes, progress)
    assert store.get("j1").progress == progress
    assert store.item_counts("j1") == {"done": 1, "pending": 1, "failed": 1}
    assert store.failures("j1") == [Failure("c", "x", "m")]
    assert store.wanted_ids("j1") == {"doc"}


def test_listing_again_forgets_nothing(store: JobStore) -> None:
    attempt = store.claim("j1")
    store.note("j1", attempt, [ItemNote("a", "failed", code="x", message="m")], Progress())
    store.note("j1", attempt, [ItemNote("a", "pending")], Progress())
    assert len(store.failures("j1")) == 1


def test_a_run_that_was_taken_over_is_refused(store: JobStore) -> None:
    old = store.claim("j1")
    new = store.claim("j1")
    with pytest.raises(JobRunningError, match="taken over"):
        store.note("j1", old, [ItemNote("a", "done")], Progress())
    with pytest.raises(JobRunningError):
        store.end("j1", old, "done")
    assert store.item_counts("j1") == {}
    store.end("j1", new, "paused")
    assert store.get("j1").state == "paused"


def test_a_request_reaches_the_run_with_its_next_note(store: JobStore) -> None:
    attempt = store.claim("j1")
    assert store.note("j1", attempt, [], Progress()) == ""
    store.ask("j1", "pause")
    assert store.note("j1", attempt, [], Progress()) == "pause"
    store.claim("j1")
    assert store.get("j1").request == ""


def test_the_beginning_of_an_id_is_enough_when_it_is_the_only_one(store: JobStore) -> None:
    store.create("j2", HOME, "other", "{}", "")
    assert store.get("j2").key == "other"
    for unclear in ("j", "", "x"):
        with pytest.raises(NotFoundError, match="jobs list"):
            store.get(unclear)


def test_the_oldest_that_ended_are_forgotten_with_their_items(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "KEPT", 2)
    for i in range(5):
        store.create(f"k{i}", HOME, f"{i}", "{}", "")
        attempt = store.claim(f"k{i}")
        store.note(f"k{i}", attempt, [ItemNote("a", "failed")], Progress())
        store.end(f"k{i}", attempt, "done")
    store.create("last", HOME, "", "{}", "")
    kept = [job.job_id for job in store.all()]
    assert kept == ["last", "k4", "k3", "j1"]  # j1 has not ended
    assert store.failures("k0") == []


def test_jobs_lie_beside_the_catalog_which_does_not_mind(tmp_path: Path) -> None:
    Catalog(tmp_path / "catalog.db")
    JobStore(tmp_path / "catalog.db").create("j1", HOME, "key", "{}", "")
    assert Catalog(tmp_path / "catalog.db").collections("default") == []
    assert [job.job_id for job in JobStore(tmp_path / "catalog.db").all("default", "c")] == ["j1"]


def test_ids_sort_by_time() -> None:
    ids = [new_job_id() for _ in range(5)]
    assert len(set(ids)) == 5
    assert all(len(one) == 15 for one in ids)
