"""Releases, versions and what lies between them, for a library here and behind a server."""

from pathlib import Path

import pytest

from latelight.errors import (
    InputError,
    NotFoundError,
    ReleaseStateError,
    SettingError,
)
from latelight.pipelines.spec import PipelineSpec, SearchSpec
from latelight.releases.plan import ReleasePlan
from tests.conformance.conftest import AnyCollection


def test_a_release_goes_from_start_to_rollback(paper: AnyCollection) -> None:
    with pytest.raises(NotFoundError):
        paper.release.status()
    before = paper.digest
    spec = PipelineSpec(name="other", search=SearchSpec(k=2))
    plan = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=None)
    release = paper.release.start(spec, plan)
    assert (release.live, release.state, release.plan) == (before, "build", plan)
    step = paper.release.step()
    assert step.moved
    assert step.release.state == "ready"
    status = paper.release.status()
    assert "promote" in status.next_moves
    assert status.log[0].what == "start"
    after = paper.release.promote("it is better")
    assert (after.state, after.note) == ("promoted", "it is better")
    assert paper.digest == release.candidate
    assert len(paper.search("ferry")) == 2
    assert set(paper.versions()) == {before, release.candidate}
    with pytest.raises(ReleaseStateError):
        paper.release.step()
    assert paper.release.rollback().state == "rolled_back"
    assert paper.digest == before
    assert paper.release.retire().state == "retired"
    assert set(paper.versions()) == {before}


@pytest.fixture
def two(paper: AnyCollection) -> AnyCollection:
    """A collection with a candidate that ranks by BM25 alone."""
    spec = PipelineSpec(name="words", search=SearchSpec(mode="bm25", k=2))
    plan = ReleasePlan(gate=None, shadow=None, interleave=None, ramp=None)
    paper.release.start(spec, plan)
    assert paper.release.step().moved
    return paper


def test_a_version_is_asked_beside_the_release(two: AnyCollection, tmp_path: Path) -> None:
    view = two.view("candidate")
    hits = view.search("ferry", explain=True)
    assert len(hits) == 2
    assert {one.signal for hit in hits for one in hit.evidence} == {"bm25"}
    assert {one.signal for one in two.search("ferry", explain=True)[0].evidence} != {"bm25"}
    both = view.search_batch(["ferry", "keeper"], k=1)
    assert [(found.query, len(found)) for found in both] == [("ferry", 1), ("keeper", 1)]
    assert {one.signal for one in view.explain("keeper", "lamps")[0].evidence} == {"bm25"}
    (unit,) = view.explain("ferry", "page", unit_id=two.get("page").units[0].unit_id)
    assert unit.heatmap("ferry").peak > 0
    assert view.similar("boats", two.get("boats").units[0].unit_id)[0].doc_id != "boats"
    live = two.view()
    assert [hit.doc_id for hit in live.search("ferry")] == [
        hit.doc_id for hit in two.search("ferry")
    ]


def test_a_pipeline_is_tried_and_saved_nowhere(paper: AnyCollection, tmp_path: Path) -> None:
    sections = {"search": {"mode": "bm25", "k": 1}}
    (tmp_path / "words.yaml").write_text("search: {mode: bm25, k: 1}")
    given = (sections, tmp_path / "words.yaml", PipelineSpec(search=SearchSpec("bm25", k=1)))
    for pipeline in given:
        hits = paper.view(pipeline=pipeline).search("ferry", explain=True)
        assert len(hits) == 1
        assert {one.signal for one in hits[0].evidence} == {"bm25"}
        (told,) = paper.view(pipeline=pipeline).explain("keeper", "lamps")
        assert {one.signal for one in told.evidence} >= {"bm25"}
    assert len(paper.versions()) == 1
    with pytest.raises(InputError, match="anew"):
        paper.view(pipeline={"extract": {"ocr": "never"}}).search("ferry")
    with pytest.raises(NotFoundError):
        paper.view("nobody").search("ferry")
    with pytest.raises(InputError):
        paper.view().search_batch("ferry")  # a text is not a list of texts
    with pytest.raises(NotFoundError):
        paper.view(pipeline="no-such-pipeline")


def test_a_view_says_which_pipeline_it_asks(two: AnyCollection) -> None:
    assert two.view().spec == two.spec
    assert two.view(two.digest).spec == two.spec
    assert two.view("candidate").spec == PipelineSpec(
        name="words", search=SearchSpec(mode="bm25", k=2)
    )
    tried = two.view("candidate", pipeline={"search": {"k": 7}}).spec
    assert (tried.name, tried.search.k, tried.search.mode) == ("words", 7, "bm25")
    whole = PipelineSpec(name="on trial", search=SearchSpec(k=3))
    assert two.view(pipeline=whole).spec == whole
    with pytest.raises(NotFoundError):
        two.view("nobody").spec  # noqa: B018
    with pytest.raises(SettingError):
        two.view(pipeline={"search": {"depth of thought": 7}}).spec  # noqa: B018


def test_a_difference_between_versions_is_explained(two: AnyCollection) -> None:
    told = two.explain_difference("the ferry of the harbour", k=2, most=2, mode="auto")
    assert (told.query, told.k) == ("the ferry of the harbour", 2)
    assert len(told.documents) == 2
    first = told.documents[0]
    assert first.move == told.moves[0]
    assert first.delta == pytest.approx(sum(one.delta for one in first.shifts) + first.rounding)
    assert {shift.signal for shift in first.shifts} >= {"bm25"}
    assert {shift.text for shift in first.shifts} >= {"ferry"}
    assert told.to_dict()["documents"][0]["score_after"] > 0
    one = two.explain_difference("ferry", "candidate", "live", doc_ids=["lamps"], depth=1)
    assert [each.move.doc_id for each in one.documents] == ["lamps"]
    same = two.explain_difference("ferry", "live", "live", filter={"year": 2022})
    assert {(move.how, move.doc_id) for move in same.moves} == {("same", "boats")}
    with pytest.raises(NotFoundError):
        two.explain_difference("ferry", "live", "nobody")


def test_interactions_belong_to_a_release(paper: AnyCollection) -> None:
    hits = paper.search("ferry", key="somebody")
    with pytest.raises(NotFoundError):
        paper.interact(hits.search_id, hits[0].doc_id)
