"""Two versions of a collection, and why they rank differently: through the public API."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latelight.app import Collection, Library, engine
from latelight.errors import InputError, NotFoundError, ReleaseStateError
from latelight.explain.side_by_side import GAP
from latelight.pipelines.spec import parse_spec
from latelight.settings import Settings
from latelight.testing.encoders import FakeEncoder
from latelight.testing.files import text_pdf
from latelight.types import CharSpan, Float32Array, QueryToken, QueryVectors

LIVE = parse_spec("search: {mode: hybrid}\nspaces: {text: {}}")
OTHER = parse_spec("search: {mode: hybrid}\nspaces: {text: {encoder: minilm}}")
WORDS = ["ferry", "lamp", "oil", "winter", "lighthouse", "sound", "noon", "keeper"]


class Syllables(FakeEncoder):
    """Reads the query in pieces of three letters, and likes other documents."""

    def encode_query(self, text: str) -> QueryVectors:
        whole = super().encode_query(text)
        tokens, rows = [], []
        for token, row in zip(whole.tokens, whole.vectors, strict=True):
            assert token.span is not None
            for start in range(token.span.start, token.span.end, 3):
                span = CharSpan(start, min(start + 3, token.span.end))
                tokens.append(QueryToken(text[span.start : span.end], span))
                rows.append(row)
        return QueryVectors(np.stack(rows), tuple(tokens))

    def _row(self, word: str) -> Float32Array:
        return super()._row("lamp" if word == "oil" else word)


def make_encoder(name: str, **_: Any) -> FakeEncoder:
    return (Syllables if name == "minilm" else FakeEncoder)(dim=64, name=name)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(engine, "create_encoder", make_encoder)
        engine.shared_encoder.cache_clear()
        root = tmp_path_factory.mktemp("differences") / "library"
        yield Library(root, Settings(n_threads=1, commit_seconds=0))
        engine.shared_encoder.cache_clear()


@pytest.fixture(scope="module")
def notes(library: Library) -> Collection:
    made = library.collection("notes", create=True, pipeline=LIVE)
    made.add(
        [
            {"id": f"d{n}", "text": " ".join(WORDS[(n * i + i * i) % 8] for i in range(1, 5))}
            for n in range(12)
        ]
    )
    made.add(text_pdf("the keeper of the ferry", "the lamp burns oil at noon"), name="page.pdf")
    made.begin_candidate(OTHER)
    made.backfill()
    return made


@settings(max_examples=25, deadline=None)
@given(words=st.lists(st.sampled_from([*WORDS, "zebra"]), min_size=1, max_size=6))
def test_deltas_add_up_to_the_difference_of_the_scores(notes: Collection, words: list[str]) -> None:
    query = " ".join(words)
    found = notes.explain_difference(query, k=5, most=4)
    ranked = [
        {h.doc_id: h for h in version.search_in(version.reader(), [request])[0]}
        for version in (found.a.opened, found.b.opened)
        for request in [_request(query)]
    ]
    for one in found.documents:
        for hit, own in zip((one.before, one.after), ranked, strict=True):
            assert hit is not None
            assert hit.score == pytest.approx(own[one.move.doc_id].score, abs=1e-5)
        deltas = sum(shift.delta for shift in one.shifts)
        assert one.delta == pytest.approx(one.after.score - one.before.score, abs=1e-12)  # type: ignore[union-attr]
        assert deltas + one.rounding == pytest.approx(one.delta, abs=1e-6)
        assert abs(one.rounding) < 2e-5  # float32 sums of a few tokens, and nothing else


def _request(query: str) -> Any:
    from latelight.app.differences import asked

    return asked(query, 100, 5)


def test_documents_move_and_it_is_told_why(notes: Collection) -> None:
    other = notes.version("candidate").digest[:8]
    found = notes.explain_difference("oil", "live", other, k=3, mode="maxsim")
    ranks = {move.doc_id: (move.before.rank, move.after.rank, move.how) for move in found.moves}
    live = [hit.doc_id for hit in notes.search("oil", k=100, group_by="document", mode="maxsim")]
    assert {doc: rank for doc, (rank, _, _) in ranks.items()} == {
        doc: live.index(doc) + 1 for doc in ranks
    }
    for before, after, how in ranks.values():
        assert before is not None and after is not None
        within = "same" if before == after else "up" if after < before else "down"
        crossing = {(True, False): "entered", (False, True): "left"}
        assert how == crossing.get((before > 3, after > 3), within)
    assert "entered" in {how for *_, how in ranks.values()}  # a lamp is as good as oil there
    sizes = [move.size for move in found.moves]
    assert sizes == sorted(sizes, reverse=True)
    assert [one.move for one in found.documents] == list(found.moves[:3])
    assert found.moves[0].before.share is not None
    told = found.to_dict()
    assert told["documents"][0]["best_after"]["places"]
    assert told["a"]["digest"] == notes.digest


def test_pieces_are_the_characters_that_both_tokenise(notes: Collection) -> None:
    (one,) = notes.explain_difference("lighthouse oil", doc_ids=["d1"], mode="maxsim").documents
    pieces = {shift.text: (shift.n_before, shift.n_after) for shift in one.shifts}
    assert pieces == {"lighthouse": (1, 4), "oil": (1, 1)}
    assert one.unaligned == ()


def test_both_heat_maps_stand_side_by_side(notes: Collection, tmp_path: Path) -> None:
    page = next(one.doc_id for one in notes.documents() if one.source == "page.pdf")
    (one,) = notes.explain_difference("oil for the lamp", doc_ids=[page]).documents
    assert one.before is not None and one.after is not None
    both = one.heatmap()
    halves = [hit.heatmap().image for hit in (one.before, one.after)]
    assert both.image.width == sum(half.width for half in halves) + GAP
    top = both.image.height - halves[0].height
    left = both.image.crop((0, top, halves[0].width, both.image.height))
    assert left.tobytes() == halves[0].tobytes()
    with pytest.raises(InputError, match="no picture to light"):
        notes.explain_difference("oil", doc_ids=["d1"]).documents[0].heatmap()


def test_two_collections_may_hold_different_documents(notes: Collection, library: Library) -> None:
    other = library.collection("others", create=True, pipeline=LIVE)
    other.add({"id": "new", "text": "oil and more oil"})
    found = notes.explain_difference("oil", "live", other, k=3, doc_ids=["new", "d1"])
    new, old = found.documents
    assert new.before is None and new.move.how == "entered" and new.move.before.rank is None
    assert new.delta == new.after.score  # type: ignore[union-attr]
    assert old.after is None and all(shift.n_after == 0 for shift in old.shifts)
    assert sum(s.delta for s in old.shifts) == pytest.approx(old.delta, abs=1e-5)
    with pytest.raises(NotFoundError, match="Neither version"):
        notes.explain_difference("oil", "live", other, doc_ids=["nobody"])


def test_what_cannot_be_compared_is_told(library: Library) -> None:
    target = library.collection("unbuilt", create=True, pipeline=LIVE)
    target.add({"id": "a", "text": "ferry"})
    with pytest.raises(NotFoundError, match="'candidate' names 0 versions"):
        target.explain_difference("ferry")
    target.begin_candidate(OTHER)
    with pytest.raises(ReleaseStateError, match="not built yet"):
        target.explain_difference("ferry")


def test_a_hit_of_a_mixed_list_keeps_its_own_heat_map(notes: Collection) -> None:
    hits = notes.search("oil lamp keeper ferry", k=20, explain=True)
    pages = [hit for hit in hits if hit.unit.kind == "page"]
    before = {hit.unit.unit_id: hit.heatmap().image.tobytes() for hit in pages}
    mixed = hits.arranged(list(reversed(hits)))
    after = {h.unit.unit_id: h.heatmap().image.tobytes() for h in mixed if h.unit.kind == "page"}
    assert len(before) == 2
    assert after == before
