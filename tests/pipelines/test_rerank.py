from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from latelight.index import SpaceSpec, Store
from latelight.pipelines.query import run_searches
from latelight.pipelines.reader import Reader
from latelight.pipelines.request import SearchRequest
from latelight.pipelines.spec import PipelineSpec, SearchSpec, SpaceSpecification
from latelight.testing.encoders import FakeEncoder
from latelight.types import CharSpan, Document, Float32Array, Locator, Unit

TEXTS = [
    "the ferry crossed the sound",
    "the ferry was sold, the ferry was scrapped",
    "ferry",
    "a lamp that burns oil",
]


class ByLength:
    """A cross-encoder to which longer texts are better."""

    def __init__(self) -> None:
        self.seen: list[Sequence[str]] = []

    def score(self, query: str, texts: list[str]) -> Float32Array:
        self.seen.append(texts)
        return np.array([len(text) for text in texts], np.float32)


def reader(path: Path, depth: int, cross_encoder: ByLength | None) -> Reader:
    encoder = FakeEncoder(dim=32)
    store = Store.create(path, {"text": SpaceSpec(dim=32)})
    with store.writer() as writer:
        for number, text in enumerate(TEXTS):
            unit = Unit("c0", "passage", Locator(span=CharSpan(0, len(text))), text)
            document = Document(f"d{number}", f"{number}.txt", "text/plain", "00")
            vectors = {"text": encoder.encode_documents([unit])}
            writer.add(document, [unit], vectors, [text.split()])
        writer.commit()
    spec = PipelineSpec(
        spaces={"text": SpaceSpecification(encoder="fake")},
        search=SearchSpec(rerank="by-length" if cross_encoder else "", rerank_depth=depth),
    )
    return Reader(store.snapshot(), {"text": encoder}, spec, cross_encoder=cross_encoder)


def found(given: Reader, k: int = 10, **options: object) -> list[tuple[str, float | None]]:
    request = SearchRequest("ferry", k=k, **options)  # type: ignore[arg-type]
    (outcome,) = run_searches(given, [request])
    return [(hit.doc_id, hit.rerank_score) for hit in outcome.hits]


def test_without_a_cross_encoder_hits_have_no_score_of_it(tmp_path: Path) -> None:
    assert {score for _, score in found(reader(tmp_path / "s", 20, None))} == {None}


def test_the_cross_encoder_orders_what_late_interaction_found(tmp_path: Path) -> None:
    got = found(reader(tmp_path / "s", 20, ByLength()))
    assert got[0] == ("d1", float(len(TEXTS[1])))
    lengths = [score for _, score in got if score is not None]
    assert lengths == sorted(lengths, reverse=True)


def test_it_looks_at_more_units_than_are_wanted_and_no_more_than_its_depth(tmp_path: Path) -> None:
    judge = ByLength()
    assert found(reader(tmp_path / "s", 3, judge), k=1) == [("d1", float(len(TEXTS[1])))]
    assert [len(texts) for texts in judge.seen] == [3]


def test_units_beyond_its_depth_keep_their_order_behind_the_others(tmp_path: Path) -> None:
    plain = [doc for doc, _ in found(reader(tmp_path / "a", 20, None))]
    got = found(reader(tmp_path / "b", 2, ByLength()))
    assert {doc for doc, _ in got[:2]} == set(plain[:2])
    assert [doc for doc, _ in got[2:]] == plain[2:]
    assert [score for _, score in got[2:]] == [None] * len(got[2:])


def test_scores_and_evidence_stay_those_of_late_interaction(tmp_path: Path) -> None:
    request = SearchRequest("ferry sold", explain=True)
    (outcome,) = run_searches(reader(tmp_path / "s", 20, ByLength()), [request])
    for hit in outcome.hits:
        assert sum(one.contribution for one in hit.evidence) == pytest.approx(hit.score, abs=1e-5)
        assert "rerank_score" in hit.to_dict()
    assert "rerank" in [stage.name for stage in outcome.stages]
