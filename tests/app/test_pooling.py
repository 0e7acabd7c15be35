"""Pipelines that pool their rows, or rerank: through the public API."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import latelight
from latelight.app import Collection, Library, engine
from latelight.app.engine import build_encoders
from latelight.errors import LibrariesChangedWarning, PipelineMismatchError, SettingError
from latelight.pipelines import lock
from latelight.pipelines.lock import parse_lock
from latelight.pipelines.spec import parse_spec
from latelight.releases.catalog import store_of
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.types import EncoderInfo, Float32Array
from tests.encoders.test_checkpoint import write

TEXT = "The ferry crossed the sound at noon and the lamp burned all night long"
POOLED = "spaces: {text: {pooling: {method: ward, factor: 3}}}"


def test_a_pooled_collection_stores_fewer_rows_that_know_all_their_words(library: Library) -> None:
    pytest.importorskip("scipy")
    plain = library.collection("plain", create=True)
    pooled = library.collection("pooled", create=True, pipeline=parse_spec(POOLED))
    for target in (plain, pooled):
        target.add({"id": "a", "text": TEXT})
    n_words = len(TEXT.split())
    assert plain.stats().n_rows == n_words
    assert pooled.stats().n_rows == n_words // 3
    (hit,) = pooled.search("ferry lamp", explain=True)
    assert sum(one.contribution for one in hit.evidence) == pytest.approx(hit.score, abs=1e-4)
    rows = {one.row: one.locators for one in hit.evidence if one.signal == "maxsim"}
    said = {TEXT[p.span.start : p.span.end] for at in rows.values() for p in at if p.span}
    assert {"ferry", "lamp"} <= said
    assert any(len(places) > 1 for places in rows.values())
    assert pooled.digest != plain.digest


def test_near_duplicates_are_dropped_without_any_extra(library: Library) -> None:
    spec = parse_spec("spaces: {text: {pooling: {method: cover, threshold: 0.99}}}")
    target = library.collection("c", create=True, pipeline=spec)
    target.add({"id": "a", "text": "lamp lamp lamp ferry"})
    assert target.stats().n_rows == 2
    assert target.lock.encoders["text"].rendering["pooling"].startswith("near-duplicates")


def test_rows_of_a_model_that_was_not_trained_for_it_are_not_cut() -> None:
    with pytest.raises(SettingError, match=r"dim is 64; latelight-small, .* to: none"):
        build_encoders(parse_spec("spaces: {text: {dim: 64}}"), Settings())


PYLATE = {"model_type": "ColBERT", "query_prefix": "[Q] ", "document_prefix": "[D] "}


def test_a_model_by_path_is_cut_to_what_its_own_configuration_states(tmp_path: Path) -> None:
    write(tmp_path, config_sentence_transformers__json=PYLATE, modules__json=[])
    spec = parse_spec(f"spaces: {{text: {{encoder: {tmp_path}, dim: 64}}}}")
    for stated, allowed in ({}, "none"), ({"matryoshka_dimensions": [32, 48, 96]}, "32, 48"):
        write(tmp_path, config__json={"hidden_size": 96, **stated})
        with pytest.raises(SettingError, match=f"whose rows have 96, .* cut to: {allowed}. Leave"):
            build_encoders(spec, Settings())
        engine.shared_encoder.cache_clear()
    write(tmp_path, config__json={"hidden_size": 96, "matryoshka_dimensions": [64]})
    assert build_encoders(spec, Settings())["text"].info.dim == 64
    engine.shared_encoder.cache_clear()


class Longest:
    """A cross-encoder to which longer texts are better."""

    libraries = ("numpy",)

    def __init__(self, digest: str = "aa") -> None:
        self.weights: dict[str, str] = {}
        self._digest = digest

    def load(self) -> None:
        self.weights = {"model.safetensors": self._digest}

    def score(self, query: str, texts: Sequence[str]) -> Float32Array:
        return np.array([len(text) for text in texts], np.float32)


def test_a_pipeline_may_ask_a_cross_encoder(
    library: Library, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(
        engine, "create_reranker", lambda name, **_: asked.append(name) or Longest()
    )
    engine.shared_cross_encoder.cache_clear()
    spec = parse_spec("search: {rerank: reranker, rerank_depth: 5}")
    target = library.collection("c", create=True, pipeline=spec)
    target.add([{"id": "short", "text": "ferry"}, {"id": "long", "text": TEXT}])
    hits = target.search("ferry", explain=True)
    assert [hit.doc_id for hit in hits] == ["long", "short"]
    assert hits[0].rerank_score == len(TEXT)
    assert hits[0].score < hits[1].score
    assert asked == ["reranker"]
    engine.shared_cross_encoder.cache_clear()


RERANKED = parse_spec("search: {rerank: reranker, rerank_depth: 5}")


def judged_by(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    """From now on the model for reranking has these weights."""
    monkeypatch.setattr(engine, "create_reranker", lambda name, **_: Longest(digest))
    engine.shared_cross_encoder.cache_clear()


@pytest.fixture
def reranked(library: Library, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collection]:
    judged_by(monkeypatch, "aa")
    target = library.collection("judged", create=True, pipeline=RERANKED)
    target.add([{"id": "short", "text": "ferry"}, {"id": "long", "text": TEXT}])
    yield target
    engine.shared_cross_encoder.cache_clear()


def test_the_lock_knows_the_weights_that_rerank(reranked: Collection) -> None:
    recorded = reranked.lock.reranker
    assert recorded is not None and recorded.weights == {"model.safetensors": "aa"}
    assert recorded.libraries == {"numpy": np.__version__}


def test_other_weights_for_reranking_are_refused_with_the_difference(
    reranked: Collection, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_by(monkeypatch, "bb")
    other = latelight.open(library.root).collection("judged")
    told = r"reranks with reranker.* model\.safetensors was 'aa' and is 'bb'.*release start"
    with pytest.raises(PipelineMismatchError, match=told):
        other.search("ferry")
    with pytest.raises(PipelineMismatchError, match=told):
        other.view(pipeline={"search": {"rerank_depth": 1}}).search("ferry")
    plain = other.view(pipeline={"search": {"rerank": ""}})
    assert {hit.doc_id for hit in plain.search("ferry")} == {"short", "long"}


def test_other_weights_for_reranking_are_a_version_of_their_own_over_the_same_rows(
    reranked: Collection, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged_by(monkeypatch, "bb")
    other = latelight.open(library.root).collection("judged")
    made = other.begin_candidate(RERANKED)
    assert store_of(made.digest) == store_of(reranked.digest) and made.digest != reranked.digest
    hits = other.view("candidate").search("ferry")
    assert [hit.doc_id for hit in hits] == ["long", "short"]


def test_a_lock_without_a_model_for_reranking_is_written_as_before(library: Library) -> None:
    target = library.collection("plain", create=True)
    assert "reranker" not in target.lock.to_json()
    assert parse_lock(target.lock.to_json()) == target.lock


def test_other_versions_of_libraries_are_told_once_and_searching_goes_on(
    library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FakeEncoder, "info", property(with_libraries))
    library.collection("c", create=True).add({"id": "a", "text": TEXT})
    engine.shared_encoder.cache_clear()
    monkeypatch.setattr(lock, "version", lambda name: "9.9")
    other = latelight.open(library.root).collection("c")
    told = rf"space 'text' .* numpy was '{re.escape(np.__version__)}' and is '9\.9'"
    with pytest.warns(LibrariesChangedWarning, match=told):
        other.search("ferry")
    assert other.search("ferry")  # a second warning would be an error here


def with_libraries(encoder: FakeEncoder) -> EncoderInfo:
    return replace(encoder._info, libraries=("numpy",))
