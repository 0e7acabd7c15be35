"""Evaluations by a server, against the same measures computed here."""

import asyncio
import json
from pathlib import Path

import pytest

import latelight
from latelight.app import Library
from latelight.client.waiting import Client, RemoteCollection
from latelight.errors import InputError, LatelightError, NotFoundError
from latelight.evaluation import (
    JudgementSet,
    Measure,
    Qrels,
    RunRecord,
    compare,
    score,
    search_topics,
)
from latelight.pipelines.spec import PipelineSpec, SearchSpec
from latelight.releases.plan import GatePlan, ReleasePlan

TEXTS = {"lamp": "the lamp burns oil", "ferry": "the ferry of the harbour", "tram": "a tram depot"}
RECORDS = [{"id": doc_id, "text": f"This is about {text}."} for doc_id, text in TEXTS.items()]
JUDGED = JudgementSet(
    "three", TEXTS, Qrels({topic: {topic: 1} for topic in TEXTS}), source="by hand"
)


@pytest.fixture
def notes(client: Client) -> RemoteCollection:
    made = client.collection("notes", create=True)
    made.add(RECORDS)
    return made


def candidate(notes: RemoteCollection) -> None:
    plan = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=None)
    notes.release.start(PipelineSpec(name="words", search=SearchSpec(mode="bm25")), plan)
    assert notes.release.step().moved


def test_values_are_those_of_the_library_itself(embedded: Library, notes: RemoteCollection) -> None:
    candidate(notes)
    begun = notes.evaluations.start(
        JUDGED, measures=["nDCG@10", "R@1"], versions=["live", "candidate"]
    )
    assert begun.is_under_way or begun.state == "done"
    made = notes.evaluations.wait(begun.evaluation_id, 60)
    assert (made.versions, made.measures) == (("live", "candidate"), ("nDCG@10", "R@1"))
    target, measures = (
        embedded.collection("notes"),
        [Measure.parse("nDCG@10"), Measure.parse("R@1")],
    )
    runs = []
    for which in made.versions:
        view = target.view(which)

        def ranking(text: str, view: object = view) -> list[tuple[str, float]]:
            hits = view.search(text, k=100, group_by="document")  # type: ignore[attr-defined]
            return [(hit.doc_id, hit.score) for hit in hits]

        run = search_topics(ranking, JUDGED.judged, which).run
        runs.append(run)
        record = made.records[which]
        assert isinstance(record, RunRecord)
        assert record.per_topic == score(run, JUDGED, measures)
        assert record.latency is not None
        assert record.pipeline["digest"] == target.version(which).digest
    here = json.loads(json.dumps(compare(runs, JUDGED, measures).to_dict()))
    for name in ("n_topics", "runs", "differences"):
        assert made.comparison[name] == here[name]
    page = notes.evaluations.report(made.evaluation_id)
    assert page.lower().startswith("<!doctype html>")
    assert "candidate" in page


def test_evaluations_are_listed_newest_first(notes: RemoteCollection) -> None:
    assert notes.evaluations.list() == []
    ids = [notes.evaluations.start(JUDGED).evaluation_id for _ in range(2)]
    for one in ids:
        done = notes.evaluations.wait(one)
        assert (done.state, done.error, done.comparison) == ("done", "", {})
        assert done.records["live"].means["nDCG@10"] == pytest.approx(1)
    found = notes.evaluations.list()
    assert {one.evaluation_id for one in found} == set(ids)
    assert found[0].created_at >= found[1].created_at
    assert found[0] == notes.evaluations.get(found[0].evaluation_id)


def test_judgements_are_read_from_files_here(notes: RemoteCollection, tmp_path: Path) -> None:
    JUDGED.save(tmp_path / "judged.json")
    made = notes.evaluations.wait(notes.evaluations.start(tmp_path / "judged.json").evaluation_id)
    assert set(made.records["live"].per_topic["nDCG@10"]) == set(TEXTS)


def test_what_cannot_be_evaluated_is_said(notes: RemoteCollection) -> None:
    with pytest.raises(InputError, match="takes a list"):
        notes.evaluations.start(JUDGED, versions="live")
    with pytest.raises(InputError):
        notes.evaluations.start(JUDGED, measures=["goodness"])
    with pytest.raises(NotFoundError):
        notes.evaluations.start(JUDGED, versions=["nobody"])
    with pytest.raises(LatelightError):
        notes.evaluations.start("no such file.json")
    with pytest.raises(NotFoundError):
        notes.evaluations.get("no-such-evaluation")
    single = notes.evaluations.wait(notes.evaluations.start(JUDGED).evaluation_id)
    with pytest.raises(NotFoundError, match="no report"):
        notes.evaluations.report(single.evaluation_id)
    elsewhere = JudgementSet("other", {"t": "oil"}, Qrels({"t": {"not-here": 1}}))
    begun = notes.evaluations.start(elsewhere)
    with pytest.raises(LatelightError, match=r"failed on the server.*not-here"):
        notes.evaluations.wait(begun.evaluation_id)
    assert notes.evaluations.get(begun.evaluation_id).state == "failed"


def test_a_gate_takes_an_evaluation_by_its_id(notes: RemoteCollection) -> None:
    begun = notes.evaluations.start(JUDGED)
    gate = GatePlan(judgements=begun.evaluation_id, allow_few_topics=True)
    plan = ReleasePlan(gate=gate, shadow=None, interleave=None, ramp=None)
    notes.release.start(PipelineSpec(name="words", search=SearchSpec(mode="bm25")), plan)
    assert notes.release.step().release.state == "gate"
    assert "The gate is open" in notes.release.step().said


def test_evaluations_are_awaited(url: str) -> None:
    async def main() -> None:
        async with latelight.AsyncClient(url) as db:
            notes = await db.collection("notes", create=True)
            await notes.add(RECORDS)
            begun = await notes.evaluations.start(JUDGED)
            made = await notes.evaluations.wait(begun.evaluation_id)
            assert made.records["live"].means["nDCG@10"] == pytest.approx(1)
            assert await notes.evaluations.get(begun.evaluation_id) == made
            assert await notes.evaluations.list() == [made]
            with pytest.raises(NotFoundError):
                await notes.evaluations.report(begun.evaluation_id)
            spec = await notes.view(pipeline={"search": {"k": 3}}).spec
            assert spec.search.k == 3

    asyncio.run(main())
