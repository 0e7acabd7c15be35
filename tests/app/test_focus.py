from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.app import Collection, Library, engine
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.types import TokenEvidence

SENTENCE = "gravel " * 12

WINDOW = 16
# Two long notes with the same words: in one they stand together, in the other far apart.
APART = f"lamp {'gravel ' * 40}oil {'gravel ' * 20}"
TOGETHER = f"{'gravel ' * 30}lamp oil {'gravel ' * 30}"
SHORT = "the lamp burns oil"
WORDS = ["lamp", "oil", "gravel", "the", "winter", "burns"]


def made(root: Path, share: float, function_weight: float = 0.5) -> Collection:
    spec = root / "pipeline.yaml"
    spec.write_text(
        f"name: small-windows\nmaxsim: {{window_rows: {WINDOW}, window_share: {share}, "
        f"function_weight: {function_weight}}}\n"
    )
    target = Library(root / "library", Settings(n_threads=1)).collection(
        "notes", create=True, pipeline=spec
    )
    texts = {"apart": APART, "together": TOGETHER, "short": SHORT}
    rng = np.random.default_rng(3)
    for number in range(12):
        texts[f"other-{number}"] = " ".join(rng.choice(WORDS, 60).tolist())
    target.add([{"id": name, "text": text} for name, text in texts.items()])
    target.search("load")
    return target


@pytest.fixture(scope="module")
def collections(tmp_path_factory: pytest.TempPathFactory) -> dict[float, Collection]:
    """The same notes under a window share of 0 and of one half."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
        engine.shared_encoder.cache_clear()
        both = {share: made(tmp_path_factory.mktemp("focus"), share) for share in (0.0, 0.5)}
    engine.shared_encoder.cache_clear()
    return both


def scores(collection: Collection, text: str, k: int = 20, **options: object) -> dict[str, float]:
    hits = collection.search(text, k=k, mode="maxsim", **options)  # type: ignore[arg-type]
    return {hit.doc_id: hit.score for hit in hits}


def cosine(a: str, b: str) -> float:
    rows = FakeEncoder(dim=64).encode_query(f"{a} {b}").vectors
    return float(rows[0] @ rows[1])


def test_a_long_units_score_is_the_mean_of_itself_and_its_best_window(
    collections: dict[float, Collection],
) -> None:
    found = scores(collections[0.5], "lamp oil")
    # Each word has cosine 1 with itself; where "oil" is far away, "gravel" or "lamp" stands in.
    window_apart = 1 + max(cosine("oil", "gravel"), cosine("oil", "lamp"))
    window_apart_oil = 1 + max(cosine("lamp", "gravel"), cosine("lamp", "oil"))
    expected = 0.5 * 2 + 0.5 * max(window_apart, window_apart_oil)
    assert found["together"] == pytest.approx(2, abs=0.02)
    assert found["apart"] == pytest.approx(expected, abs=0.02)


def test_units_that_fit_into_a_window_keep_their_maxsim(
    collections: dict[float, Collection],
) -> None:
    plain, focused = (scores(collections[share], "the lamp oil") for share in (0.0, 0.5))
    assert focused["short"] == plain["short"]
    assert focused["apart"] < plain["apart"]


@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=6))
@pytest.mark.parametrize("mode", ["maxsim", "hybrid"])
def test_contributions_of_both_parts_add_up_to_the_score(
    collections: dict[float, Collection], mode: str, words: list[str]
) -> None:
    hits = collections[0.5].search(" ".join(words), k=20, mode=mode, explain=True)  # type: ignore[arg-type]
    for hit in hits:
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)
        assert all(-1.01 <= e.similarity <= 1.01 for e in hit.evidence if e.signal == "maxsim")


@settings(max_examples=40, deadline=None)
@given(
    words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=6),
    k=st.integers(1, 6),
    group_by=st.sampled_from([None, "document"]),
)
def test_the_best_are_those_of_the_whole_ranking(
    collections: dict[float, Collection], words: list[str], k: int, group_by: str | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("latelight.pipelines.focus.BATCH", 1)
        few = scores(collections[0.5], " ".join(words), k=k, group_by=group_by)
    whole = scores(collections[0.5], " ".join(words), group_by=group_by)
    assert list(few.items()) == list(whole.items())[:k]


def test_a_word_has_a_second_evidence_where_another_row_wins_in_the_window(
    collections: dict[float, Collection],
) -> None:
    hits = collections[0.5].search("lamp oil", k=20, mode="maxsim", explain=True)
    evidence = {hit.doc_id: hit.evidence for hit in hits}
    assert [(e.token, e.part) for e in evidence["together"]] == [("lamp", "unit"), ("oil", "unit")]
    parts = [(e.token, e.part) for e in evidence["apart"]]
    assert sorted(parts) in (
        [("lamp", "unit"), ("oil", "unit"), ("oil", "window")],
        [("lamp", "unit"), ("lamp", "window"), ("oil", "unit")],
    )
    assert all(_shows(e, APART) for e in evidence["apart"])


def _shows(item: TokenEvidence, text: str) -> bool:
    span = item.locator.span
    return span is not None and text[span.start : span.end] == item.text


def test_explaining_a_document_gives_the_score_of_searching(
    collections: dict[float, Collection],
) -> None:
    found = scores(collections[0.5], "lamp oil")
    (hit,) = collections[0.5].explain("lamp oil", "apart", mode="maxsim")
    assert hit.score == pytest.approx(found["apart"], abs=1e-6)


def test_the_search_says_how_many_units_were_looked_into(
    collections: dict[float, Collection],
) -> None:
    stages = {s.name: s.count for s in collections[0.5].search("lamp oil").stages}
    assert stages["focus"] == 14  # all but the short one
    assert {s.name: s.count for s in collections[0.0].search("lamp oil").stages}["focus"] == 0


# Documents of several units


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    """Two reports whose first passage alone says whose they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", lambda *a, **k: FakeEncoder(dim=64))
        engine.shared_encoder.cache_clear()
        root = tmp_path_factory.mktemp("reports")
        spec = root / "pipeline.yaml"
        spec.write_text(
            "name: reports\nextract: {passage_characters: 100}\n"
            "maxsim: {context_rows: 8, context_share: 0.8, window_rows: 16}\n"
        )
        target = Library(root / "library", Settings(n_threads=1)).collection(
            "reports", create=True, pipeline=spec
        )
        for name in ("ferry", "tram"):
            text = f"The {name} company. {SENTENCE}.\n\nHeating cost little. {SENTENCE}."
            target.add({"id": name, "text": text})
        target.search("load")
    engine.shared_encoder.cache_clear()
    return target


def test_a_passage_is_found_by_the_name_that_its_document_begins_with(reports: Collection) -> None:
    hits = reports.search("ferry heating", mode="maxsim", explain=True)
    assert hits[0].doc_id == "ferry"
    assert hits[0].unit.text.startswith("Heating")
    by_token = {e.token: e for e in hits[0].evidence}
    name = by_token["ferry"]
    assert (name.part, name.text, by_token["heating"].part) == ("document", "ferry", "unit")
    assert name.similarity == pytest.approx(1, abs=0.02)
    assert name.contribution == pytest.approx(0.8, abs=0.02)
    assert name.locator.span is not None
    assert name.locator.span.start == len("The ")  # in the document's text, before this passage


@settings(max_examples=30, deadline=None)
@given(
    words=st.lists(
        st.sampled_from(["ferry", "tram", "heating", "gravel", "the", "winter"]),
        min_size=1,
        max_size=6,
    )
)
@pytest.mark.parametrize("mode", ["maxsim", "hybrid"])
def test_contributions_add_up_with_what_is_borrowed(
    reports: Collection, mode: str, words: list[str]
) -> None:
    for hit in reports.search(" ".join(words), k=20, mode=mode, explain=True):  # type: ignore[arg-type]
        assert sum(e.contribution for e in hit.evidence) == pytest.approx(hit.score, abs=1e-4)


def test_a_snippet_marks_the_units_own_words_only(reports: Collection) -> None:
    hit = reports.search("ferry heating", mode="maxsim", explain=True)[0]
    assert "[Heating]" in hit.snippet().plain()
    assert hit.snippet().plain().count("[") == 1
