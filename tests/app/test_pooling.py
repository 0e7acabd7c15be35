"""Pipelines that pool their rows, or rerank: through the public API."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from latelight.app import Library, engine
from latelight.app.engine import build_encoders
from latelight.errors import SettingError
from latelight.pipelines.spec import parse_spec
from latelight.settings import Settings
from latelight.types import Float32Array
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
