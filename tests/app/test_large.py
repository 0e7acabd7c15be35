"""A collection that is large enough for codes: narrowed searches, grouping, recall, self-check."""

import json

import pytest
from msgspec.structs import replace

from latelight.app import Collection, Library
from latelight.index.options import DEFAULT_OPTIONS
from latelight.pipelines.spec import load_spec

WORDS = (
    "tram",
    "ferry",
    "lamp",
    "depot",
    "winter",
    "oil",
    "harbour",
    "ticket",
    "rail",
    "storm",
    "keeper",
    "signal",
    "bell",
    "ice",
)


@pytest.fixture(params=["int8", "codes"])
def large(
    library: Library, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Collection:
    """200 documents with codes beside their rows or instead of them, as if they were a million."""
    monkeypatch.setattr("latelight.index.candidates.FEW_ROWS", 0)
    monkeypatch.setattr("latelight.index.candidates.FEW_DECODED_ROWS", 0)
    monkeypatch.setitem(vars(DEFAULT_OPTIONS), "min_coded_rows", 100)
    monkeypatch.setitem(vars(DEFAULT_OPTIONS), "log_documents", 0)
    spec = load_spec("default")
    space = replace(spec.spaces["text"], store=request.param)
    target = library.collection(
        "large", create=True, pipeline=replace(spec, spaces={"text": space})
    )
    target.add(
        [
            {
                "id": f"d{i}",
                "text": " ".join(WORDS[(i * step + i // 14) % 14] for step in (1, 3, 5, 9, 11)),
                "even": i % 2 == 0,
            }
            for i in range(200)
        ]
    )
    return target


def names(stages) -> list[str]:
    return [stage.name for stage in stages]


@pytest.mark.parametrize("mode", ["maxsim", "hybrid"])
def test_a_narrowed_search_finds_what_an_exact_one_finds(large: Collection, mode: str) -> None:
    options = {"mode": mode, "k": 5}
    found = large.search("ferry in the winter storm", recall="best", **options)
    exact = large.search("ferry in the winter storm", exact=True, **options)
    assert "candidates:text" in names(found.stages)
    assert "candidates:text" not in names(exact.stages)
    assert [hit.score for hit in found] == pytest.approx([hit.score for hit in exact])


def test_evidence_of_a_narrowed_search_adds_up(large: Collection) -> None:
    for hit in large.search("signal bell", k=3, explain=True):
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)


def test_words_alone_are_not_narrowed(large: Collection) -> None:
    assert "candidates:text" not in names(large.search("signal", mode="bm25").stages)


def test_grouping_and_filters_hold_when_narrowed(large: Collection) -> None:
    hits = large.search("rail ticket", k=30, group_by="document", filter={"even": True})
    assert len({hit.doc_id for hit in hits}) == len(hits) == 30
    assert all(int(hit.doc_id[1:]) % 2 == 0 for hit in hits)


def test_one_document_is_explained_without_scoring_the_others(large: Collection) -> None:
    hits = large.explain("oil lamp", "d17")
    assert [hit.doc_id for hit in hits] == ["d17"]
    assert sum(e.contribution for e in hits[0].evidence) == pytest.approx(hits[0].score, abs=1e-4)


def test_recall_is_measured_at_every_level(large: Collection) -> None:
    rows = {row.level: row for row in large.measure_recall(n=8, k=5)}
    assert list(rows) == ["fast", "balanced", "best", "exact"]
    assert (rows["exact"].recall, rows["exact"].is_exact) == (1.0, True)
    assert rows["best"].recall >= rows["fast"].recall > 0.5
    assert not rows["best"].is_exact
    given = large.measure_recall(["ice bell", "tram depot"], k=5)
    assert {row.n_queries for row in given} == {2}


def test_what_the_self_check_has_seen_is_among_the_stats(large: Collection) -> None:
    assert large.stats().spaces["text"]["recall"] is None
    for _ in range(2):
        large.search("keeper of the signal")
    large._versions.live().self_check.wait()
    seen = large.stats().spaces["text"]
    assert (seen["n_checks"], seen["widening"], seen["bits"]) == (1, 0, 2)
    json.dumps(large.stats().to_dict())
