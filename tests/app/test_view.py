"""Versions and trial pipelines, asked beside any release."""

import pytest

from latelight.app import Collection, Library
from latelight.errors import InputError, NotFoundError, ReleaseStateError, SettingError
from latelight.pipelines.spec import load_spec, parse_spec

RECORDS = [
    {"id": "ferry", "text": "The ferry was refitted."},
    {"id": "lamp", "text": "The lamp of the lighthouse burns oil."},
]


@pytest.fixture
def notes(library: Library) -> Collection:
    target = library.collection("notes", create=True)
    target.add(RECORDS)
    return target


def signals(target: Collection, pipeline: object) -> set[str]:
    hits = target.view(pipeline=pipeline).search("lighthouse", explain=True)  # type: ignore[arg-type]
    return {one.signal for hit in hits for one in hit.evidence}


def test_fields_of_a_trial_change_its_searches_alone(notes: Collection) -> None:
    assert signals(notes, {"search": {"mode": "bm25"}}) == {"bm25"}
    assert signals(notes, {"search": {"mode": "maxsim"}}) == {"maxsim"}
    assert notes.spec == load_spec("default")


def test_the_depth_of_a_trial_is_its_own(notes: Collection) -> None:
    view = notes.view(pipeline={"search": {"k": 1}})
    assert len(view.search("the")) == 1
    assert [len(hits) for hits in view.search_batch(["the", "oil"])] == [1, 1]
    assert len(view.search("the", k=2)) == 2


def test_a_weight_of_a_space_is_tried_without_naming_its_encoder(notes: Collection) -> None:
    (space,) = notes.spec.spaces
    tried = notes.view(pipeline={"spaces": {space: {"weight": 3.0}}}).spec
    assert tried.spaces[space].weight == 3.0
    assert tried.spaces[space].encoder == notes.spec.spaces[space].encoder


@pytest.mark.parametrize(
    ("trial", "error", "message"),
    [
        ({"extract": {"dpi": 72}}, InputError, r"extract\.dpi.*release start"),
        ({"lexical": {"enabled": False}}, InputError, "lexical"),
        ({"search": {"deep": 3}}, SettingError, "the pipeline that is tried.*deep"),
        ("no-such", NotFoundError, "no-such"),
    ],
)
def test_what_cannot_be_tried_says_why(
    notes: Collection, trial: object, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        notes.view(pipeline=trial)  # type: ignore[arg-type]


def test_a_candidate_can_be_asked_once_it_is_filled(notes: Collection) -> None:
    notes.begin_candidate(parse_spec("{name: short, extract: {passage_characters: 200}}"))
    with pytest.raises(ReleaseStateError, match="not built yet"):
        notes.view("candidate")
    notes.backfill()
    assert notes.view("candidate").search("oil")[0].doc_id == "lamp"
    assert notes.view("candidate").spec.name == "short"
    with pytest.raises(NotFoundError, match="nobody"):
        notes.view("nobody")


def test_a_view_explains_and_finds_what_is_alike(notes: Collection) -> None:
    notes.add({"id": "light", "text": "A lighthouse lamp."})
    view = notes.view(pipeline={"search": {"mode": "maxsim"}})
    (hit,) = view.explain("oil", "lamp", unit_id="c0")
    assert hit.evidence
    assert view.similar("light", "c0")[0].doc_id == "lamp"


def test_a_unit_that_nothing_scores_is_explained_by_nothing(notes: Collection) -> None:
    (hit,) = notes.explain("zeppelin", "lamp", mode="bm25")
    assert (hit.score, hit.score_norm, hit.evidence) == (0, 0, ())
    two = notes.explain("lamp", "lamp", mode="bm25")
    assert two[0].score == pytest.approx(sum(one.contribution for one in two[0].evidence))


def test_a_trial_may_hold_any_character(notes: Collection) -> None:
    assert notes.view(pipeline={"name": "\U0001f3ee lamp"}).spec.name == "\U0001f3ee lamp"
